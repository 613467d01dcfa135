//! Sets the linker flags with which macOS resolves Python's symbols at load time, as other systems do by default.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}

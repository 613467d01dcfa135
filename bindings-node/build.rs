//! Lets the symbols of Node-API be found where the addon is loaded, on every system.

fn main() {
    napi_build::setup();
}

//! Makes the symbols of Node-API resolve when the addon is loaded, on every platform.

fn main() {
    napi_build::setup();
}

//! What linking an addon of Node takes on this platform.

fn main() {
    napi_build::setup();
}

//! Gives the shared library the name that programs ask the dynamic linker for.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    // While the major version is 0, so is the ABI version.
    let abi = std::env::var("CARGO_PKG_VERSION_MAJOR").unwrap_or_default();
    match system.as_str() {
        "macos" => println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libpatchcore.{abi}.dylib"),
        "windows" => {}
        _ => println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libpatchcore.so.{abi}"),
    }
}

//! What linking an addon of Node takes on this platform.

use std::env;
use std::process::Command;

fn main() {
    napi_build::setup();
    // Functions of the same code become one, where the linker can do that: LLVM's, which rustc brings for this target.
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if [target("ARCH"), target("OS"), target("ENV")] == ["x86_64", "linux", "gnu"] && rustc_minor() >= FIRST_WITH_LLD {
        println!("cargo::rustc-cdylib-link-arg=-Wl,--icf=all");
    }
}

/// rustc 1.90 is the first that links by LLVM's linker there.
const FIRST_WITH_LLD: u32 = 90;

/// The second number of rustc's version; 0 where it does not say.
fn rustc_minor() -> u32 {
    let said = Command::new(env::var_os("RUSTC").unwrap_or_default()).arg("--version").output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    said.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or_default()
}

//! Packages as bytes, and patches with the entries that they name.
#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|data: &[u8]| support::targets::tree_package(data));

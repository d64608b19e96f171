//! Archives of whole releases as bytes, also such as have grown.
#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|data: &[u8]| support::targets::tree_release(data));

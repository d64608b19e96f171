//! Deltas as bytes, applied to a file that fits them.
#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|data: &[u8]| support::targets::delta_apply(data));

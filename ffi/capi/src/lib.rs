//! The C library of patchcore: `include/patchcore.h` and everything behind it.
//!
//! One module per section of the header, in its order; `tests/header.rs` makes the header from them. Each function turns C
//! arguments into those of the facade `patchcore_ffi`, calls it, and turns the result into C again; nothing is decided here.
//! What all functions share is below: [`boundary`] lets no panic out, [`structs`] reads and writes structs of other
//! versions, [`handle`] counts who uses an object, [`text`] checks strings, paths and byte ranges.

// The one place of the project that speaks C. Every pointer comes from a caller who can only read the header, so the header
// says what is demanded of it, and the `# Safety` section that clippy asks for would say it twice.
#![allow(unsafe_code, non_camel_case_types, clippy::missing_safety_doc)]

pub mod applier;
pub mod buffer;
pub mod chain;
pub mod chain_apply;
pub mod chain_file;
pub mod channel;
pub mod delta;
pub mod digest;
pub mod error;
pub mod explanation;
pub mod file_kind;
pub mod input;
pub mod job;
pub mod output;
pub mod repository;
pub mod status;
pub mod transfer;
pub mod tree;
pub mod tree_apply;
pub mod tree_make;
pub mod tree_patch;
pub mod trust;
pub mod update;
pub mod version;

mod boundary;
mod handle;
mod structs;
mod text;

//! Bytes in, bytes out: random-access sources, and files that appear whole or not at all.
//!
//! The layers above know [`ReadAt`], [`std::io::Read`] and [`std::io::Write`] and never open a path themselves.

mod output;
mod source;

pub use output::{OutputFile, OutputOptions};
pub(crate) use source::{BlockCache, Direct, SourceReader, hash_in};
pub use source::{FileSource, ReadAt, Section, digest, hash};

//! Bytes in, bytes out: random-access sources, and files that appear whole or not at all.
//!
//! The layers above know [`ReadAt`], [`std::io::Read`] and [`std::io::Write`] and never open a path themselves.

mod clone;
mod folder;
mod output;
mod source;

pub(crate) use clone::clone_file;
pub(crate) use folder::{Entry, Folder, Kind};
pub use output::{OutputFile, OutputOptions};
pub(crate) use output::{put_in_place, sync_folder_of};
pub(crate) use source::{BlockCache, Direct, Joined, Prefix, SourceReader, hash_in};
pub use source::{FileSource, ReadAt, Section, digest, hash};

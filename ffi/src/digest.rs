//! Digests of inputs, and their text.

use crate::input::Input;
use crate::job::Job;
use crate::status::{Result, invalid};

pub use patchcore::Digest;

/// The SHA-256 of all bytes of an input.
pub fn digest_of(input: Input, job: &mut Job) -> Result<Digest> {
    let source = input.open()?;
    patchcore::io::digest(&*source, job.task())
}

/// Reads 64 hex digits in either case, with or without `sha256:` before them.
pub fn parse_digest(text: &str) -> Result<Digest> {
    text.parse().map_err(|why: patchcore::digest::ParseDigestError| invalid(why.to_string()))
}

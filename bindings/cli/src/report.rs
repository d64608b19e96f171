//! What several verbs say about a delta, in JSON and in words.

use std::fmt::{self, Display};
use std::time::Duration;

use patchcore::Digest;
use patchcore::delta::Header;
use serde_json::{Value, json};

use crate::text::{Grouped, Share, Took};

/// One version of a file in JSON.
pub(crate) fn file_fields(size: u64, digest: &Digest) -> Value {
    json!({ "size": size, "sha256": digest.to_string() })
}

/// What a delta says about itself, in JSON.
pub(crate) fn delta_fields(header: &Header) -> Value {
    json!({
        "delta_size": header.delta_size,
        "old": file_fields(header.old_size, &header.old_digest),
        "new": file_fields(header.new_size, &header.new_digest),
        "segments": header.segments,
        "apply_memory": header.apply_memory,
    })
}

/// A delta that was written: one line, and with `verbose` all that its header says.
pub(crate) struct Written<'a> {
    pub(crate) name: &'a str,
    pub(crate) header: &'a Header,
    pub(crate) took: Duration,
    pub(crate) verbose: bool,
}

impl Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, header, took, verbose } = self;
        let share = Share { part: header.delta_size, whole: header.new_size };
        writeln!(f, "{name}: {} bytes ({share} of the new file) in {}", Grouped(header.delta_size), Took(*took))?;
        if *verbose { write!(f, "{}", Details(header)) } else { Ok(()) }
    }
}

/// Both ends of a delta and what applying it takes.
pub(crate) struct Details<'a>(pub(crate) &'a Header);

impl Display for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.0;
        writeln!(f, "Old file: {} bytes, {}", Grouped(header.old_size), header.old_digest)?;
        writeln!(f, "New file: {} bytes, {}", Grouped(header.new_size), header.new_digest)?;
        writeln!(f, "Segments: {}", Grouped(header.segments.into()))?;
        writeln!(f, "Memory to apply: {} bytes", Grouped(header.apply_memory))
    }
}

/// A title with a line of its own length beneath.
pub(crate) struct Title<'a>(pub(crate) &'a str);

impl Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}", self.0, "=".repeat(self.0.chars().count()))
    }
}

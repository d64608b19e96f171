//! From a delta, or several, and the old file to the new one, verified at both ends.
//!
//! The old file is checked before the first byte leaves, or, where the output is provisional and a second thread is
//! allowed, while the new one is written. The new file is hashed while it is written, and the caller puts it in place only
//! after this returned.

use std::io::{Read, Write};

use super::applier::{Applier, Workspace, buffer_len};
use super::compose::check_continues;
use super::decode::SegmentReader;
use super::format::Header;
use super::hashing::{Hashing, OldCheck, with_helper};
use super::ops::Operations;
use super::options::ApplyOptions;
use super::view::View;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::io::{ReadAt, SourceReader};
use crate::limits::Limits;
use crate::progress::{Phase, Task, Unit};

/// What applying made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyStats {
    /// The SHA-256 of the new file.
    pub new_digest: Digest,
    /// The size of the new file in bytes.
    pub new_size: u64,
}

/// Writes to `out` what `delta`, read forward only, makes of `old`.
///
/// Fails with SOURCE_MISMATCH before anything is written where `old` is another file, with CORRUPT or TARGET_MISMATCH
/// where the result is not what was promised; what was written is then to be thrown away. Takes the memory that the
/// delta's header says plus at most 4 MiB within the limits.
///
/// With a second thread, `old`, `delta`, `out` and `task` are used on the caller's thread alone all the same: the second
/// only hashes what is written.
pub fn apply(
    old: &dyn ReadAt,
    delta: &mut dyn Read,
    out: &mut dyn Write,
    options: &ApplyOptions,
    task: &mut Task<'_>,
) -> Result<ApplyStats> {
    let mut segments = SegmentReader::open(delta, &options.limits)?;
    OldCheck::new(old, segments.header())?.run(task)?;
    apply_segments(old, &mut segments, out, options, task)
}

/// [`apply`] to an output that is thrown away unless all is well. With a second thread the old file is therefore checked
/// while the new one is written, and read on both threads at a time.
pub(super) fn apply_provisionally(
    old: &dyn ReadAt,
    delta: &mut dyn Read,
    out: &mut dyn Write,
    options: &ApplyOptions,
    task: &mut Task<'_>,
) -> Result<ApplyStats> {
    let mut segments = SegmentReader::open(delta, &options.limits)?;
    let check = OldCheck::new(old, segments.header())?;
    if options.threads() > 1 {
        return apply_checked(old, Some(check), &mut segments, out, options, task);
    }
    check.run(task)?;
    apply_segments(old, &mut segments, out, options, task)
}

/// Applies a delta to an old file that is known to be the one it starts at.
pub(super) fn apply_segments(
    old: &dyn ReadAt,
    segments: &mut SegmentReader<'_>,
    out: &mut dyn Write,
    options: &ApplyOptions,
    task: &mut Task<'_>,
) -> Result<ApplyStats> {
    apply_checked(old, None, segments, out, options, task)
}

/// Applies a delta, on two threads where they are allowed; `check` is then for the second.
fn apply_checked(
    old: &dyn ReadAt,
    check: Option<OldCheck<'_>>,
    segments: &mut SegmentReader<'_>,
    out: &mut dyn Write,
    options: &ApplyOptions,
    task: &mut Task<'_>,
) -> Result<ApplyStats> {
    let header = segments.header().clone();
    let memory = buffer_memory(options.limits.memory(), header.apply_memory);
    let mut work = |hashing: &mut Hashing, task: &mut Task<'_>| {
        task.begin(Phase::Apply, header.new_size, Unit::Bytes)?;
        let flag = Task::with_cancel(task.cancel_token().clone());
        let workspace = Workspace::new(memory, hashing)?;
        let mut applier = Applier::new(old, out, hashing, task, workspace);
        segments.replay(&mut applier, &mut { flag })?;
        applier.finish(&header)
    };
    if options.threads() > 1 {
        with_helper(check, buffer_len(memory), task, work)
    } else {
        work(&mut Hashing::here(), task)
    }
}

/// Writes to `out` what `deltas`, each continuing the one before, make of `old`. The operations of all but the last
/// are held in memory, and one pass over `old` goes through all of them: no version in between is ever written.
///
/// Fails like [`apply`], and with LIMIT before anything is written where the operations do not fit `limits`.
pub fn apply_chain(
    old: &dyn ReadAt,
    deltas: &[&dyn ReadAt],
    out: &mut dyn Write,
    options: &ApplyOptions,
    task: &mut Task<'_>,
) -> Result<ApplyStats> {
    let first = deltas.first().ok_or_else(|| Error::invalid("no delta to apply"))?;
    OldCheck::new(old, &Header::read(&mut SourceReader::of_beginning(*first))?)?.run(task)?;
    apply_chain_to_known(old, deltas, out, options, task)
}

/// [`apply_chain`] for an old file whose digest was found to be the one that the first delta starts at.
pub(crate) fn apply_chain_to_known(
    old: &dyn ReadAt,
    deltas: &[&dyn ReadAt],
    out: &mut dyn Write,
    options: &ApplyOptions,
    task: &mut Task<'_>,
) -> Result<ApplyStats> {
    let (last, earlier) = deltas.split_last().ok_or_else(|| Error::invalid("no delta to apply"))?;
    let mut limits = options.limits;
    let mut before: Option<Header> = None;
    let mut loaded = Vec::with_capacity(earlier.len());
    task.begin(Phase::Read, earlier.len() as u64, Unit::Items)?;
    for delta in earlier {
        let mut reader = SourceReader::new(*delta);
        let mut segments = SegmentReader::open(&mut reader, &limits)?;
        check_continues(before.as_ref(), segments.header())?;
        // The decoder and the operations that it makes are held at the same time.
        let memory = limits.memory().saturating_sub(segments.header().apply_memory).max(1);
        let mut operations = Operations::new(&Limits { memory, ..limits });
        segments.replay(&mut operations, task)?;
        limits.memory = limits.memory().saturating_sub(operations.memory()).max(1);
        before = Some(segments.header().clone());
        loaded.push(operations);
        task.advance(1)?;
    }
    let mut reader = SourceReader::new(*last);
    let mut segments = SegmentReader::open(&mut reader, &limits)?;
    check_continues(before.as_ref(), segments.header())?;
    // Half of what buffers may take is the applier's, the other half the view's that reads the real file.
    let cache = buffer_memory(limits.memory(), segments.header().apply_memory) / 2;
    limits.memory = limits.memory().saturating_sub(cache as u64).max(1);
    let options = ApplyOptions { limits, ..*options };
    apply_through(old, &loaded, cache, &mut |old| apply_segments(old, &mut segments, out, &options, task))
}

/// Runs `apply` on `old` seen through `links`, the first of them nearest to it.
fn apply_through(
    old: &dyn ReadAt,
    links: &[Operations],
    cache: usize,
    apply: &mut dyn FnMut(&dyn ReadAt) -> Result<ApplyStats>,
) -> Result<ApplyStats> {
    match links.split_first() {
        None => apply(old),
        Some((first, rest)) => apply_through(&View::new(old, first, cache), rest, cache, apply),
    }
}

/// What an applier takes for its buffers at most and at least, in bytes. The larger, the more of the old file stays at
/// hand for copies that jump back and forth.
const MAX_BUFFERS: usize = 4 << 20;
const MIN_BUFFERS: usize = 64 << 10;

/// What buffers may take where `limit` bytes are allowed and decoding takes `needed`. A sixth of a small limit is enough
/// and leaves the rest to the process around us.
pub(super) fn buffer_memory(limit: u64, needed: u64) -> usize {
    let memory = limit.saturating_sub(needed).min(limit / 6);
    usize::try_from(memory).unwrap_or(MAX_BUFFERS).clamp(MIN_BUFFERS, MAX_BUFFERS)
}

//! Two deltas into one, without any version of the file.
//!
//! Every byte that the second delta copies from the middle file is looked up in the first: there it is an old byte
//! plus an addend, or a literal. Addends add up, so composing is exact; it takes time and memory in proportion to the
//! operations of both and of the result.

use super::decode::SegmentReader;
use super::encode::{DeltaFile, Encoder, Promise};
use super::format::Header;
use super::ops::{Cursor, OperationSink, Operations};
use super::options::EncodeOptions;
use crate::error::{Error, Result, Status};
use crate::io::{ReadAt, SourceReader};
use crate::limits::Limits;
use crate::progress::{Phase, Task, Unit};

/// Writes to `out` the delta that `deltas`, each continuing the one before, make together.
///
/// Fails with SOURCE_MISMATCH where one does not continue the one before, and with LIMIT where the operations do not
/// fit `limits`.
pub fn compose(
    deltas: &[&dyn ReadAt],
    out: &mut dyn DeltaFile,
    options: &EncodeOptions,
    limits: &Limits,
    task: &mut Task<'_>,
) -> Result<Header> {
    let (last, earlier) = deltas.split_last().ok_or_else(|| Error::invalid("no delta to squash"))?;
    let options = options.resolve()?;
    let mut reader = SourceReader::new(*last);
    let last_header = Header::read(&mut SourceReader::of_beginning(*last)).map_err(|e| name(e, *last))?;
    if earlier.is_empty() {
        let mut segments = SegmentReader::open(&mut reader, limits).map_err(|e| name(e, *last))?;
        let promise = Promise::of(&last_header, &last_header);
        task.begin(Phase::Encode, last_header.new_size, Unit::Bytes)?;
        let header = Encoder::run(out, promise, &options, None, |encoder| segments.replay(encoder, task))?;
        task.finish()?;
        return task.check().map(|()| header);
    }
    let composed = load_composed(earlier, limits, task)?;
    check_continues(Some(&composed.last), &last_header)?;
    let promise = Promise::of(&composed.first, &last_header);
    let mut segments = SegmentReader::open(&mut reader, &beside(composed.operations.memory(), limits))?;
    task.begin(Phase::Encode, last_header.new_size, Unit::Bytes)?;
    let header = Encoder::run(out, promise, &options, None, |encoder| {
        segments.replay(&mut Composer::new(&composed.operations, encoder, limits), task).map_err(|e| name(e, *last))
    })?;
    task.finish()?;
    task.check().map(|()| header)
}

/// Says of an error which of several deltas it is about.
fn name(error: Error, delta: &dyn ReadAt) -> Error {
    match (error.status(), delta.path()) {
        (Status::Corrupt | Status::Unsupported | Status::Limit, Some(path)) => error.in_file(path),
        _ => error,
    }
}

/// The operations that several deltas make together.
pub(super) struct Composed {
    pub(super) operations: Operations,
    /// The headers of the first delta and of the last.
    pub(super) first: Header,
    pub(super) last: Header,
}

/// Loads `deltas` (at least one), each continuing the one before, as one list of operations.
pub(super) fn load_composed(deltas: &[&dyn ReadAt], limits: &Limits, task: &mut Task<'_>) -> Result<Composed> {
    task.begin(Phase::Compose, deltas.len() as u64, Unit::Items)?;
    let mut composed: Option<Composed> = None;
    for delta in deltas {
        let mut reader = SourceReader::new(*delta);
        let named = |e: Error| name(e, *delta);
        let mut segments = SegmentReader::open(&mut reader, limits).map_err(named)?;
        let header = segments.header().clone();
        let held = composed.as_ref().map_or(0, |before| before.operations.memory());
        let mut operations = Operations::new(&beside(held + header.apply_memory, limits));
        composed = Some(match composed {
            None => {
                segments.replay(&mut operations, task).map_err(named)?;
                Composed { operations, first: header.clone(), last: header }
            }
            Some(before) => {
                check_continues(Some(&before.last), &header)?;
                segments
                    .replay(&mut Composer::new(&before.operations, &mut operations, limits), task)
                    .map_err(named)?;
                Composed { operations, first: before.first, last: header }
            }
        });
        task.advance(1)?;
    }
    composed.ok_or_else(|| Error::invalid("no delta to compose"))
}

/// What `limits` leave where `held` bytes of memory are in use already.
pub(super) fn beside(held: u64, limits: &Limits) -> Limits {
    // A limit of 0 would be the default.
    Limits { memory: limits.memory().saturating_sub(held).max(1), ..*limits }
}

/// Fails with SOURCE_MISMATCH unless the delta with header `next` starts where the one `before` it, if any, leads.
pub(super) fn check_continues(before: Option<&Header>, next: &Header) -> Result<()> {
    match before {
        Some(before) if (before.new_digest, before.new_size) != (next.old_digest, next.old_size) => Err(Error::new(
            Status::SourceMismatch,
            format!(
                "the deltas do not continue one another: one leads to {}, the next starts at {}",
                before.new_digest.short(),
                next.old_digest.short()
            ),
        )),
        _ => Ok(()),
    }
}

/// Takes the operations of the second delta and hands on those that the first and it make together.
pub(super) struct Composer<'a, S> {
    first: &'a Operations,
    cursor: Cursor,
    sink: &'a mut S,
    emitted: u64,
    received: u64,
    limits: Limits,
}

impl<'a, S: OperationSink> Composer<'a, S> {
    pub(super) fn new(first: &'a Operations, sink: &'a mut S, limits: &Limits) -> Self {
        Self { first, cursor: Cursor::default(), sink, emitted: 0, received: 0, limits: *limits }
    }

    fn replay(&mut self, from: u64, len: u64, addend: &[u8]) -> Result<()> {
        self.received += 1;
        self.emitted += self.first.replay_range(&mut self.cursor, from, len, addend, self.sink)?;
        let most = self.limits.operations(self.first.count() + self.received);
        if self.emitted > most {
            return Err(Error::limit(format!("composing these deltas makes more than {most} operations")));
        }
        Ok(())
    }
}

impl<S: OperationSink> OperationSink for Composer<'_, S> {
    fn insert(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.insert(bytes)
    }

    fn copy(&mut self, from: u64, len: u64) -> Result<()> {
        self.replay(from, len, &[])
    }

    fn copy_add(&mut self, from: u64, addend: &[u8]) -> Result<()> {
        self.replay(from, addend.len() as u64, addend)
    }

    fn output_check(&mut self, check: u32) -> Result<()> {
        self.sink.output_check(check)
    }
}

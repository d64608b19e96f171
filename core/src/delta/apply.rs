//! From operations to the new file, verified at both ends.
//!
//! The old file is checked before the first byte leaves; the new one is hashed while it is written, and the caller
//! puts it in place only after this returned. Short copies are gathered into one read of the old file and one write.

use std::io::{Read, Write};

use super::compose::check_continues;
use super::decode::SegmentReader;
use super::format::Header;
use super::ops::{OperationSink, Operations};
use super::view::View;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result, Status};
use crate::io::{BlockCache, ReadAt, SourceReader, hash};
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
/// delta's header says plus at most 32 MiB within `limits`.
pub fn apply(
    old: &dyn ReadAt,
    delta: &mut dyn Read,
    out: &mut dyn Write,
    limits: &Limits,
    task: &mut Task<'_>,
) -> Result<ApplyStats> {
    let mut segments = SegmentReader::open(delta, limits)?;
    check_old(old, &segments.header().clone(), task)?;
    apply_segments(old, &mut segments, out, limits, task)
}

/// Applies a delta to an old file that is known to be the one it starts at.
pub(super) fn apply_segments(
    old: &dyn ReadAt,
    segments: &mut SegmentReader<'_>,
    out: &mut dyn Write,
    limits: &Limits,
    task: &mut Task<'_>,
) -> Result<ApplyStats> {
    let header = segments.header().clone();
    task.begin(Phase::Apply, header.new_size, Unit::Bytes)?;
    let memory = buffer_memory(limits.memory(), header.apply_memory);
    let flag = Task::with_cancel(task.cancel_token().clone());
    let mut applier = Applier::new(old, out, memory, task);
    segments.replay(&mut applier, &mut { flag })?;
    applier.finish(&header)
}

/// Writes to `out` what `deltas`, each continuing the one before, make of `old`. The operations of all but the last
/// are held in memory, and one pass over `old` goes through all of them: no version in between is ever written.
///
/// Fails like [`apply`], and with LIMIT before anything is written where the operations do not fit `limits`.
pub fn apply_chain(
    old: &dyn ReadAt,
    deltas: &[&dyn ReadAt],
    out: &mut dyn Write,
    limits: &Limits,
    task: &mut Task<'_>,
) -> Result<ApplyStats> {
    let first = deltas.first().ok_or_else(|| Error::invalid("no delta to apply"))?;
    check_old(old, &Header::read(&mut SourceReader::new(*first))?, task)?;
    apply_chain_to_known(old, deltas, out, limits, task)
}

/// [`apply_chain`] for an old file whose digest was found to be the one that the first delta starts at.
pub(crate) fn apply_chain_to_known(
    old: &dyn ReadAt,
    deltas: &[&dyn ReadAt],
    out: &mut dyn Write,
    limits: &Limits,
    task: &mut Task<'_>,
) -> Result<ApplyStats> {
    let (last, earlier) = deltas.split_last().ok_or_else(|| Error::invalid("no delta to apply"))?;
    let mut limits = *limits;
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
    apply_through(old, &loaded, cache, &mut |old| apply_segments(old, &mut segments, out, &limits, task))
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
const MAX_BUFFERS: usize = 32 << 20;
const MIN_BUFFERS: usize = 64 << 10;

/// What buffers may take where `limit` bytes are allowed and decoding takes `needed`. A sixth of a small limit is enough
/// and leaves the rest to the process around us.
fn buffer_memory(limit: u64, needed: u64) -> usize {
    let memory = limit.saturating_sub(needed).min(limit / 6);
    usize::try_from(memory).unwrap_or(MAX_BUFFERS).clamp(MIN_BUFFERS, MAX_BUFFERS)
}

/// Fails with SOURCE_MISMATCH unless `old` is the file that the delta was made for.
fn check_old(old: &dyn ReadAt, header: &Header, task: &mut Task<'_>) -> Result<()> {
    let mismatch = |what: String| {
        Error::new(Status::SourceMismatch, format!("the old file is not the one that the delta was made for: {what}"))
    };
    if old.size() != header.old_size {
        return Err(mismatch(format!("it has {} bytes instead of {}", old.size(), header.old_size)));
    }
    task.begin(Phase::Hash, old.size(), Unit::Bytes)?;
    let digest = hash(old, task)?;
    if digest != header.old_digest {
        return Err(mismatch(format!("its SHA-256 is {digest} instead of {}", header.old_digest)));
    }
    Ok(())
}

/// Writes the new file as operations arrive.
struct Applier<'a, 't> {
    old: BlockCache<'a>,
    out: &'a mut dyn Write,
    task: &'a mut Task<'t>,
    /// New bytes that were not written yet; copied ones hold their addend until their span is closed.
    buffer: Vec<u8>,
    capacity: usize,
    /// The copy at the end of the buffer that the next operation may continue.
    span: Option<Span>,
    old_bytes: Vec<u8>,
    hasher: Hasher,
    check: crc32fast::Hasher,
    written: u64,
}

struct Span {
    buffer_start: usize,
    from: u64,
    has_addends: bool,
}

impl<'a, 't> Applier<'a, 't> {
    fn new(old: &'a dyn ReadAt, out: &'a mut dyn Write, memory: usize, task: &'a mut Task<'t>) -> Self {
        let capacity = (memory / 4).min(256 << 10);
        Self {
            old: BlockCache::new(old, memory - 2 * capacity),
            out,
            task,
            buffer: Vec::with_capacity(capacity),
            capacity,
            span: None,
            old_bytes: vec![0; capacity],
            hasher: Hasher::new(),
            check: crc32fast::Hasher::new(),
            written: 0,
        }
    }

    /// Room in the buffer; makes some when there is none.
    fn room(&mut self) -> Result<usize> {
        if self.buffer.len() == self.capacity {
            self.flush()?;
        }
        Ok(self.capacity - self.buffer.len())
    }

    /// The span that copies from `from` on go to.
    fn open_span(&mut self, from: u64) -> Result<&mut Span> {
        let end = self.buffer.len();
        let continues = self.span.as_ref().is_some_and(|span| span.from + (end - span.buffer_start) as u64 == from);
        if !continues {
            self.close_span()?;
        }
        Ok(self.span.get_or_insert(Span { buffer_start: end, from, has_addends: false }))
    }

    /// Turns the addends at the end of the buffer into new bytes.
    fn close_span(&mut self) -> Result<()> {
        if let Some(span) = self.span.take() {
            let new_bytes = &mut self.buffer[span.buffer_start..];
            if span.has_addends {
                let old_bytes = &mut self.old_bytes[..new_bytes.len()];
                self.old.read(span.from, old_bytes)?;
                new_bytes.iter_mut().zip(&*old_bytes).for_each(|(new, old)| *new = new.wrapping_add(*old));
            } else {
                self.old.read(span.from, new_bytes)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.close_span()?;
        self.check.update(&self.buffer);
        self.hasher.update(&self.buffer);
        self.out.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.task.advance(self.buffer.len() as u64)?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self, header: &Header) -> Result<ApplyStats> {
        self.flush()?;
        self.out.flush()?;
        self.task.finish()?;
        let new_digest = self.hasher.finish();
        if new_digest != header.new_digest || self.written != header.new_size {
            return Err(Error::new(
                Status::TargetMismatch,
                format!("the delta made a file with the SHA-256 {new_digest} instead of {}", header.new_digest),
            ));
        }
        Ok(ApplyStats { new_digest, new_size: self.written })
    }
}

impl OperationSink for Applier<'_, '_> {
    fn insert(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.close_span()?;
        while !bytes.is_empty() {
            let (head, tail) = bytes.split_at(bytes.len().min(self.room()?));
            self.buffer.extend_from_slice(head);
            bytes = tail;
        }
        Ok(())
    }

    fn copy(&mut self, mut from: u64, mut len: u64) -> Result<()> {
        while len > 0 {
            let n = len.min(self.room()? as u64);
            self.open_span(from)?;
            self.buffer.resize(self.buffer.len() + n as usize, 0);
            from += n;
            len -= n;
        }
        Ok(())
    }

    fn copy_add(&mut self, mut from: u64, mut addend: &[u8]) -> Result<()> {
        while !addend.is_empty() {
            let (head, tail) = addend.split_at(addend.len().min(self.room()?));
            self.open_span(from)?.has_addends = true;
            self.buffer.extend_from_slice(head);
            from += head.len() as u64;
            addend = tail;
        }
        Ok(())
    }

    fn copy_zeros_add(&mut self, from: u64, zeros: u64, addend: &[u8]) -> Result<()> {
        let len = self.buffer.len();
        let n = zeros as usize + addend.len();
        if zeros > MAX_BUFFERS as u64 || n > self.capacity - len {
            self.copy(from, zeros)?;
            return self.copy_add(from + zeros, addend);
        }
        self.open_span(from)?.has_addends = true;
        self.buffer.resize(len + zeros as usize, 0);
        self.buffer.extend_from_slice(addend);
        Ok(())
    }

    fn output_check(&mut self, promised: u32) -> Result<()> {
        self.flush()?;
        let check = std::mem::take(&mut self.check).finalize();
        if check == promised {
            Ok(())
        } else {
            Err(Error::corrupt("a segment makes other bytes than it promises; make the delta again"))
        }
    }
}

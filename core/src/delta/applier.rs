//! Operations into new bytes: the sink that reads the old file, adds, checks and writes.
//!
//! Short copies that continue one another are one *span*: its old bytes are read in one go to where they belong, and
//! the addends, which were kept aside, are added where there are any.

use std::io::Write;

use super::ApplyStats;
use super::format::Header;
use super::hashing::Hashing;
use super::ops::OperationSink;
use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::{BlockCache, ReadAt};
use crate::limits::{filled, with_capacity};
use crate::progress::Task;

/// The most that is written at once, in bytes: it should stay in a processor's cache while it is made, hashed and
/// written.
const MAX_BUFFER: usize = 256 << 10;

/// Into how many parts of the size of one buffer the memory of an applier is divided at least. One is the buffer, one the
/// addends of a span, and with a second thread more buffers go round; the rest is the cache of old bytes.
const PARTS: usize = 8;

/// The size of one buffer of an applier that may take `memory` bytes.
pub(super) fn buffer_len(memory: usize) -> usize {
    (memory / PARTS).min(MAX_BUFFER)
}

/// Writes the new file as operations arrive.
pub(super) struct Applier<'a, 't> {
    old: &'a dyn ReadAt,
    out: &'a mut dyn Write,
    hashing: &'a mut Hashing,
    task: &'a mut Task<'t>,
    work: Workspace,
}

/// What an applier keeps from one operation to the next: its buffers, and how far it is.
pub(super) struct Workspace {
    cache: BlockCache,
    buffer: Vec<u8>,
    /// New bytes at the start of the buffer that were not written yet, those of the open span to be read still.
    filled: usize,
    /// The copy at the end of what is filled that the next operation may continue.
    span: Option<Span>,
    /// The addends of the span, and where in the buffer they belong.
    addends: Vec<u8>,
    runs: Vec<Run>,
    check: crc32fast::Hasher,
    /// Bytes made so far, and how many of them were written and hashed before this workspace was made.
    written: u64,
    durable: u64,
}

struct Span {
    buffer_start: usize,
    from: u64,
}

struct Run {
    start: u32,
    len: u32,
}

/// The CRC-32 of some bytes and their number, from which it can go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) crc: u32,
    pub(super) len: u64,
}

impl Workspace {
    /// For an applier that takes at most `memory` bytes, what `hashing` has included.
    pub(super) fn new(memory: usize, hashing: &Hashing) -> Result<Self> {
        let capacity = buffer_len(memory);
        let cache = memory - 2 * capacity - hashing.memory();
        Ok(Self {
            cache: BlockCache::new(cache),
            buffer: filled(0, capacity)?,
            filled: 0,
            span: None,
            addends: with_capacity(capacity / 2)?,
            runs: with_capacity(capacity / 2 / size_of::<Run>())?,
            check: crc32fast::Hasher::new(),
            written: 0,
            durable: 0,
        })
    }

    /// Goes on from `written` bytes, of which those that the next check covers have `check`. What is made from there to
    /// `durable` was written and hashed before.
    pub(super) fn resume(&mut self, written: u64, check: Check, durable: u64) {
        self.check = crc32fast::Hasher::new_with_initial_len(check.crc, check.len);
        (self.written, self.durable) = (written, durable);
    }

    /// How many bytes of the new file were written.
    pub(super) fn written(&self) -> u64 {
        self.written.max(self.durable)
    }

    /// What the next check covers so far.
    pub(super) fn check(&self) -> Check {
        Check { crc: self.check.clone().finalize(), len: self.check.total_len() }
    }
}

impl<'a, 't> Applier<'a, 't> {
    pub(super) fn new(
        old: &'a dyn ReadAt,
        out: &'a mut dyn Write,
        hashing: &'a mut Hashing,
        task: &'a mut Task<'t>,
        work: Workspace,
    ) -> Self {
        Self { old, out, hashing, task, work }
    }

    /// Writes what was made, and hands back what the next applier goes on with.
    pub(super) fn pause(mut self) -> Result<Workspace> {
        self.flush()?;
        Ok(self.work)
    }

    /// Room in the buffer; makes some when there is none.
    fn room(&mut self) -> Result<usize> {
        if self.work.filled == self.work.buffer.len() {
            self.flush()?;
        }
        Ok(self.work.buffer.len() - self.work.filled)
    }

    /// Makes the end of what is filled part of a span that copies from `from` on.
    #[inline]
    fn open_span(&mut self, from: u64) -> Result<()> {
        let continues = self
            .work
            .span
            .as_ref()
            .is_some_and(|span| span.from + (self.work.filled - span.buffer_start) as u64 == from);
        if !continues {
            self.close_span()?;
            self.work.span = Some(Span { buffer_start: self.work.filled, from });
        }
        Ok(())
    }

    /// Makes the new bytes of the span.
    fn close_span(&mut self) -> Result<()> {
        let Some(span) = self.work.span.take() else { return Ok(()) };
        self.work.cache.read(self.old, span.from, &mut self.work.buffer[span.buffer_start..self.work.filled])?;
        let mut addends = &self.work.addends[..];
        for run in &self.work.runs {
            let (addend, rest) = addends.split_at(run.len as usize);
            addends = rest;
            let start = run.start as usize;
            match addend {
                [addend] => self.work.buffer[start] = self.work.buffer[start].wrapping_add(*addend),
                _ => self.work.buffer[start..][..addend.len()]
                    .iter_mut()
                    .zip(addend)
                    .for_each(|(byte, addend)| *byte = byte.wrapping_add(*addend)),
            }
        }
        self.work.addends.clear();
        self.work.runs.clear();
        Ok(())
    }

    /// How many addends the open span can still take.
    #[inline]
    fn addend_room(&self) -> usize {
        if self.work.runs.len() == self.work.runs.capacity() {
            0
        } else {
            self.work.addends.capacity() - self.work.addends.len()
        }
    }

    /// Takes in that `addend` belongs to the next old bytes of the open span. There must be room for it.
    #[inline]
    fn push_addend(&mut self, addend: &[u8]) {
        self.work.runs.push(Run { start: self.work.filled as u32, len: addend.len() as u32 });
        match addend {
            [only] => self.work.addends.push(*only),
            _ => self.work.addends.extend_from_slice(addend),
        }
        self.work.filled += addend.len();
    }

    fn flush(&mut self) -> Result<()> {
        self.close_span()?;
        let Workspace { buffer, filled, check, written, durable, .. } = &mut self.work;
        check.update(&buffer[..*filled]);
        let repeated = durable.saturating_sub(*written).min(*filled as u64) as usize;
        *written += *filled as u64;
        if repeated > 0 {
            buffer.copy_within(repeated..*filled, 0);
            *filled -= repeated;
        }
        self.out.write_all(&buffer[..*filled])?;
        self.hashing.update(buffer, *filled)?;
        self.task.advance(*filled as u64)?;
        *filled = 0;
        Ok(())
    }

    /// Writes what is left, and makes sure that the new file is the one that `header` promises.
    pub(super) fn finish(mut self, header: &Header) -> Result<ApplyStats> {
        self.flush()?;
        self.out.flush()?;
        self.task.finish()?;
        check_new(self.hashing.finish()?, self.work.written, header)
    }
}

/// Fails with TARGET_MISMATCH where what was made is not what `header` promises.
pub(super) fn check_new(new_digest: Digest, new_size: u64, header: &Header) -> Result<ApplyStats> {
    if new_digest != header.new_digest || new_size != header.new_size {
        return Err(Error::new(
            Status::TargetMismatch,
            format!("the delta made a file with the SHA-256 {new_digest} instead of {}", header.new_digest),
        ));
    }
    Ok(ApplyStats { new_digest, new_size })
}

impl OperationSink for Applier<'_, '_> {
    fn insert(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.close_span()?;
        while !bytes.is_empty() {
            let (head, tail) = bytes.split_at(bytes.len().min(self.room()?));
            self.work.buffer[self.work.filled..][..head.len()].copy_from_slice(head);
            self.work.filled += head.len();
            bytes = tail;
        }
        Ok(())
    }

    fn copy(&mut self, mut from: u64, mut len: u64) -> Result<()> {
        while len > 0 {
            let n = len.min(self.room()? as u64);
            self.open_span(from)?;
            self.work.filled += n as usize;
            from += n;
            len -= n;
        }
        Ok(())
    }

    fn copy_add(&mut self, mut from: u64, mut addend: &[u8]) -> Result<()> {
        while !addend.is_empty() {
            let room = self.room()?;
            if self.addend_room() == 0 {
                self.close_span()?;
            }
            self.open_span(from)?;
            let (head, tail) = addend.split_at(addend.len().min(room).min(self.addend_room()));
            self.push_addend(head);
            from += head.len() as u64;
            addend = tail;
        }
        Ok(())
    }

    #[inline]
    fn copy_zeros_add(&mut self, from: u64, zeros: u64, addend: &[u8]) -> Result<()> {
        let room = self.work.buffer.len() - self.work.filled;
        let fits = addend.len() <= room.min(self.addend_room()) && zeros <= (room - addend.len()) as u64;
        if !fits {
            self.copy(from, zeros)?;
            return self.copy_add(from + zeros, addend);
        }
        self.open_span(from)?;
        self.work.filled += zeros as usize;
        self.push_addend(addend);
        Ok(())
    }

    fn output_check(&mut self, promised: u32) -> Result<()> {
        self.flush()?;
        let check = std::mem::take(&mut self.work.check).finalize();
        if check == promised {
            Ok(())
        } else {
            Err(Error::corrupt("a segment makes other bytes than it promises; make the delta again"))
        }
    }
}

//! Deltas of several files into one, without any version of any file.
//!
//! What a file is made of is held as operations over the files that everything begins with, one after the other, whatever
//! came in between: so files may be taken from several deltas, and go into several.

use std::ops::Range;

use super::compose::{Composer, beside};
use super::decode::SegmentReader;
use super::encode::{DeltaFile, Encoder};
use super::format::Header;
use super::joined::{Cut, Ends, FileSink, Sources};
use super::ops::{Cursor, OperationSink, Operations};
use super::options::EncodeOptions;
use crate::error::{Error, Result, Status};
use crate::io::{ReadAt, SourceReader};
use crate::limits::Limits;
use crate::progress::Task;

/// Files, one after the other, as operations over the files that everything begins with.
pub(crate) struct Composition {
    operations: Operations,
    limits: Limits,
}

impl Composition {
    /// No files yet. More than `limits` allow beside `held` bytes will fail with LIMIT.
    pub(crate) fn new(limits: &Limits, held: u64) -> Self {
        Self { operations: Operations::new(&beside(held, limits)), limits: beside(held, limits) }
    }

    /// The bytes of memory in use.
    pub(crate) fn memory(&self) -> u64 {
        self.operations.memory()
    }

    /// Goes on with a file that was there in the beginning, at `from`.
    pub(crate) fn push_old(&mut self, from: u64, size: u64) -> Result<()> {
        self.operations.copy(from, size)
    }

    /// Goes on with these bytes.
    pub(crate) fn push_bytes(&mut self, bytes: &dyn ReadAt, task: &Task<'_>) -> Result<()> {
        let (mut buffer, mut position) = (vec![0; 64 << 10], 0);
        while position < bytes.size() {
            let n = (bytes.size() - position).min(buffer.len() as u64) as usize;
            bytes.read_at(position, &mut buffer[..n])?;
            self.operations.insert(&buffer[..n])?;
            position += n as u64;
            task.check()?;
        }
        Ok(())
    }

    /// Goes on with a part of `other`.
    pub(crate) fn push_part(&mut self, other: &Composition, part: Range<u64>) -> Result<()> {
        let len = part.end - part.start;
        other.operations.replay_range(&mut Cursor::default(), part.start, len, &[], &mut self.operations)?;
        Ok(())
    }

    /// What `delta`, whose ends are `ends`, makes of these files.
    pub(crate) fn followed_by(self, delta: &dyn ReadAt, ends: &Ends, task: &mut Task<'_>) -> Result<Composition> {
        let mut reader = SourceReader::new(delta);
        let mut made = Composition::new(&self.limits, self.memory());
        let mut segments = SegmentReader::open(&mut reader, &made.limits)?;
        ends.check(segments.header())?;
        segments.replay(&mut Composer::new(&self.operations, &mut made.operations, &self.limits), task)?;
        Ok(made)
    }

    /// The files of the beginning that each file is made from, in order.
    pub(crate) fn sources(&self, ends: &Ends) -> Result<Vec<Vec<usize>>> {
        let mut cut = Cut::new(ends, Sources::new(ends.new.len()));
        self.replay(&mut cut)?;
        Ok(cut.into_inner().finish())
    }

    /// Writes the delta that makes these files to `out`. `ends` is what the operations are over; of the old files there,
    /// `kept` are those that the delta is made from, in their order.
    pub(crate) fn write(
        &self,
        ends: &Ends,
        kept: &[usize],
        promise: &Ends,
        out: &mut dyn DeltaFile,
        options: &EncodeOptions,
    ) -> Result<Header> {
        let mut places = vec![None; ends.old.len()];
        for (place, old) in kept.iter().enumerate() {
            places[*old] = Some(promise.old.range(place).start);
        }
        Encoder::run(out, promise.promise(), &options.resolve()?, None, |encoder| {
            self.replay(&mut Cut::new(ends, Moved { ends, places: &places, sink: encoder }))
        })
    }

    fn replay(&self, sink: &mut impl OperationSink) -> Result<()> {
        self.operations.replay_range(&mut Cursor::default(), 0, self.operations.len(), &[], sink).map(|_| ())
    }
}

/// Hands on operations over files that lie elsewhere.
struct Moved<'a, S> {
    ends: &'a Ends,
    /// Where each old file lies now.
    places: &'a [Option<u64>],
    sink: &'a mut S,
}

impl<S: OperationSink> FileSink for Moved<'_, S> {
    fn insert(&mut self, _new: usize, bytes: &[u8]) -> Result<()> {
        self.sink.insert(bytes)
    }

    fn copy(&mut self, _new: usize, old: usize, from: u64, len: u64, addend: &[u8]) -> Result<()> {
        let missing = || Error::new(Status::Internal, "a source of a delta was left out");
        let from = self.places[old].ok_or_else(missing)? + (from - self.ends.old.range(old).start);
        if addend.is_empty() { self.sink.copy(from, len) } else { self.sink.copy_add(from, addend) }
    }
}

//! From operations to the bytes of a delta: where one segment ends and the next begins, which of two ways to store it
//! is smaller, and the header that is known last.

use std::collections::VecDeque;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::thread::JoinHandle;

use super::codec::{APPLIER_OVERHEAD, ColumnEncoder};
use super::format::{HEADER_LEN, Header, put_varint};
use super::levels::Coding;
use super::ops::OperationSink;
use super::options::EncodeOptions;
use super::segment::{Frame, SegmentBuilder};
use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::ReadAt;

/// What a delta is written to: its header is known last and written first, and `diff` reads it back for a trial.
pub trait DeltaFile: Read + Write + Seek {}

impl<T: Read + Write + Seek + ?Sized> DeltaFile for T {}

/// The two files that a delta leads between.
pub(super) struct Promise {
    pub(super) old_size: u64,
    pub(super) old_digest: Digest,
    pub(super) new_size: u64,
    pub(super) new_digest: Digest,
}

impl Promise {
    /// From where `first` starts to where `last` leads.
    pub(super) fn of(first: &Header, last: &Header) -> Self {
        Self {
            old_size: first.old_size,
            old_digest: first.old_digest,
            new_size: last.new_size,
            new_digest: last.new_digest,
        }
    }
}

/// Most bytes of one call that go into a segment before its size is looked at again.
const STEP: usize = 4 << 10;

/// Takes operations and writes segments.
pub(super) struct Encoder<'a> {
    out: &'a mut dyn DeltaFile,
    /// The new file where it is at hand: its bytes give the checks, and segments that are better stored as literals
    /// are found. Composing has no files; there the checks of the last delta are handed on.
    new: Option<&'a dyn ReadAt>,
    options: EncodeOptions,
    segment_limit: usize,
    segment: SegmentBuilder,
    checks: CheckKeeper,
    coding: Coding,
    columns: ColumnEncoder,
    /// Time that slow codecs may still take of an applier, in nanoseconds: what one segment leaves, the next may use.
    time_left: u64,
    pending: VecDeque<Pending>,
    frames: FrameTotals,
}

#[derive(Default)]
struct FrameTotals {
    segments: u32,
    bytes: u64,
    stream_bytes: u64,
    memory: u64,
}

impl<'a> Encoder<'a> {
    /// Writes the delta whose operations `produce` hands to the encoder.
    pub(super) fn run(
        out: &'a mut dyn DeltaFile,
        promise: Promise,
        options: &EncodeOptions,
        new: Option<&'a dyn ReadAt>,
        produce: impl FnOnce(&mut Encoder<'a>) -> Result<()>,
    ) -> Result<Header> {
        out.seek(SeekFrom::Start(0))?;
        out.write_all(&[0; HEADER_LEN])?;
        let limit = usize::try_from((options.max_apply_memory - APPLIER_OVERHEAD) / 2).unwrap_or(usize::MAX);
        let coding = Coding::of(options.level);
        let mut encoder = Encoder {
            out,
            new,
            options: *options,
            segment_limit: limit,
            segment: SegmentBuilder::starting_at(0),
            checks: CheckKeeper::default(),
            coding,
            columns: ColumnEncoder::new(coding)?,
            time_left: 0,
            pending: VecDeque::new(),
            frames: FrameTotals::default(),
        };
        produce(&mut encoder)?;
        encoder.seal()?;
        while !encoder.pending.is_empty() {
            encoder.write_pending()?;
        }
        let header = Header {
            old_size: promise.old_size,
            new_size: promise.new_size,
            old_digest: promise.old_digest,
            new_digest: promise.new_digest,
            apply_memory: APPLIER_OVERHEAD + encoder.frames.memory,
            stream_bytes: encoder.frames.stream_bytes,
            segments: encoder.frames.segments,
            delta_size: HEADER_LEN as u64 + encoder.frames.bytes,
        };
        let out = encoder.out;
        out.seek(SeekFrom::Start(0))?;
        out.write_all(&header.encode())?;
        out.seek(SeekFrom::Start(header.delta_size))?;
        Ok(header)
    }

    fn make_room(&mut self) -> Result<()> {
        // A sixteenth is left for numbers that take more bytes than estimated.
        if self.segment.stream_bytes() + 2 * STEP + self.segment_limit / 16 > self.segment_limit {
            self.seal()?;
        }
        Ok(())
    }

    /// Ends the segment and gives it to a worker, or encodes it here.
    fn seal(&mut self) -> Result<()> {
        let end = self.segment.output_end;
        let segment = std::mem::replace(&mut self.segment, SegmentBuilder::starting_at(end));
        let start = segment.output_start;
        if start == end {
            return Ok(());
        }
        let check = match self.new {
            Some(new) => Some(self.check_of(new, start, end)?),
            None => self.checks.take(),
        };
        let is_literal = segment.is_literal();
        let limit = self.segment_limit;
        let nanoseconds = self.allow(&segment);
        let work = if self.options.threads > 1 {
            let coding = self.coding;
            Work::Started(std::thread::spawn(move || {
                segment.encode(check, limit, nanoseconds, &mut ColumnEncoder::new(coding)?)
            }))
        } else {
            Work::Done(segment.encode(check, limit, nanoseconds, &mut self.columns)?)
        };
        self.pending.push_back(Pending { work, start, end, is_literal });
        while self.pending.len() >= self.options.threads {
            self.write_pending()?;
        }
        Ok(())
    }

    /// The nanoseconds that slow codecs may take for `segment`. It depends on nothing that a worker finds out.
    fn allow(&mut self, segment: &SegmentBuilder) -> u64 {
        let output = segment.output_end - segment.output_start;
        self.time_left = self.time_left.saturating_add(output.saturating_mul(self.coding.nanoseconds));
        let (mixed, columns) = segment.decoding_time();
        let wanted = if self.coding.mixing && mixed <= self.time_left { mixed } else { columns };
        let granted = wanted.min(self.time_left);
        self.time_left -= granted;
        granted
    }

    fn write_pending(&mut self) -> Result<()> {
        let Some(Pending { work, start, end, is_literal }) = self.pending.pop_front() else {
            return Ok(());
        };
        let frame = match work {
            Work::Done(frame) => frame,
            Work::Started(worker) => {
                worker.join().map_err(|_| Error::new(Status::Internal, "a worker of the encoder panicked"))??
            }
        };
        if let Some(new) = self.new
            && !is_literal
            && self.literals_may_be_smaller(&frame, new, start, end)?
        {
            let literals = self.encode_literals(new, start, end)?;
            if total_len(&literals) < frame.bytes.len() {
                return literals.iter().try_for_each(|frame| self.write_frame(frame));
            }
        }
        self.write_frame(&frame)
    }

    /// Whether it is worth the time to encode the new bytes of a segment as literals alone. A short one takes hardly any;
    /// of others our level hardly ever makes a quarter of what the fastest makes, or two thirds of what a middling one
    /// makes.
    fn literals_may_be_smaller(&self, frame: &Frame, new: &dyn ReadAt, start: u64, end: u64) -> Result<bool> {
        const SAMPLE: u64 = 256 << 10;
        const SHORT: u64 = 128 << 10;
        if end - start <= SHORT {
            return Ok(true);
        }
        let len = frame.bytes.len() as u64;
        let fast = self.estimate_literals(new, start..end, false, u64::MAX)?;
        if fast >= len * 4 {
            return Ok(false);
        }
        if end - start > 4 * SAMPLE {
            // What the middling level gains is much the same everywhere.
            let middle = start + (end - start) / 2;
            let sample = middle..middle + SAMPLE;
            let gain = self.estimate_literals(new, sample.clone(), true, u64::MAX)? * 256
                / self.estimate_literals(new, sample, false, u64::MAX)?.max(1);
            if fast / 256 * gain >= len * 2 {
                return Ok(false);
            }
        }
        let most = len / 2 * 3;
        Ok(self.estimate_literals(new, start..end, true, most)? < most)
    }

    /// About how many bytes the new bytes of `range` take as literals, or more than `enough`.
    fn estimate_literals(&self, new: &dyn ReadAt, range: Range<u64>, better: bool, enough: u64) -> Result<u64> {
        let mut estimate = 0;
        for_each_literal_segment(new, range, self.segment_limit, |bytes| {
            if estimate < enough {
                estimate += self.columns.estimate_literals(bytes, better)?;
            }
            Ok(())
        })?;
        Ok(estimate)
    }

    /// The CRC-32 of the new bytes `start..end`.
    fn check_of(&self, new: &dyn ReadAt, start: u64, end: u64) -> Result<u32> {
        let mut check = crc32fast::Hasher::new();
        for_each_literal_segment(new, start..end, self.segment_limit, |bytes| {
            check.update(bytes);
            Ok(())
        })?;
        Ok(check.finalize())
    }

    /// The new bytes `start..end` as segments of literals alone.
    fn encode_literals(&mut self, new: &dyn ReadAt, start: u64, end: u64) -> Result<Vec<Frame>> {
        let mut frames = Vec::new();
        let mut position = start;
        for_each_literal_segment(new, start..end, self.segment_limit, |bytes| {
            let mut segment = SegmentBuilder::starting_at(position);
            segment.insert(bytes);
            position += bytes.len() as u64;
            let nanoseconds = self.coding.nanoseconds * bytes.len() as u64;
            let check = Some(crc32fast::hash(bytes));
            frames.push(segment.encode(check, self.segment_limit, nanoseconds, &mut self.columns)?);
            Ok(())
        })?;
        Ok(frames)
    }

    fn write_frame(&mut self, frame: &Frame) -> Result<()> {
        let mut prefix = Vec::new();
        put_varint(&mut prefix, frame.bytes.len() as u64);
        self.out.write_all(&prefix)?;
        self.out.write_all(&frame.bytes)?;
        let totals = &mut self.frames;
        totals.segments = totals
            .segments
            .checked_add(1)
            .ok_or_else(|| Error::limit("the delta has too many segments; raise --max-apply-memory"))?;
        totals.bytes += (prefix.len() + frame.bytes.len()) as u64;
        totals.stream_bytes += frame.stream_bytes;
        totals.memory = totals.memory.max(frame.memory);
        Ok(())
    }
}

impl OperationSink for Encoder<'_> {
    fn insert(&mut self, bytes: &[u8]) -> Result<()> {
        for bytes in bytes.chunks(STEP) {
            self.make_room()?;
            self.segment.insert(bytes);
            self.checks.advance(bytes.len() as u64);
        }
        Ok(())
    }

    fn copy(&mut self, from: u64, len: u64) -> Result<()> {
        self.make_room()?;
        self.segment.copy(from, len);
        self.checks.advance(len);
        Ok(())
    }

    fn copy_add(&mut self, from: u64, addend: &[u8]) -> Result<()> {
        let mut position = from;
        for addend in addend.chunks(STEP) {
            self.make_room()?;
            self.segment.copy_add(position, addend);
            self.checks.advance(addend.len() as u64);
            position += addend.len() as u64;
        }
        Ok(())
    }

    fn output_check(&mut self, check: u32) -> Result<()> {
        self.checks.add(check);
        Ok(())
    }
}

/// Reads a range of the new bytes in the parts that would be segments of literals within `limit`.
fn for_each_literal_segment(
    new: &dyn ReadAt,
    range: Range<u64>,
    limit: usize,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut bytes = Vec::new();
    let mut position = range.start;
    while position < range.end {
        bytes.resize((range.end - position).min(limit as u64 - 64) as usize, 0);
        new.read_at(position, &mut bytes)?;
        take(&bytes)?;
        position += bytes.len() as u64;
    }
    Ok(())
}

/// Hands on the output checks of a delta whose operations are encoded anew in other segments: checks of neighbouring
/// ranges combine into one, and a segment that ends between two checks gets none.
#[derive(Default)]
struct CheckKeeper {
    /// The check of everything since the last segment that got one, as far as it is known.
    known: Option<crc32fast::Hasher>,
    /// Bytes since what is known.
    unknown: u64,
}

impl CheckKeeper {
    fn advance(&mut self, len: u64) {
        self.unknown += len;
    }

    /// `check` covers everything that was not known yet.
    fn add(&mut self, check: u32) {
        let part = crc32fast::Hasher::new_with_initial_len(check, self.unknown);
        match &mut self.known {
            Some(known) => known.combine(&part),
            None => self.known = Some(part),
        }
        self.unknown = 0;
    }

    /// The check of a segment that ends here.
    fn take(&mut self) -> Option<u32> {
        if self.unknown > 0 { None } else { Some(self.known.take()?.finalize()) }
    }
}

enum Work {
    Done(Frame),
    Started(JoinHandle<Result<Frame>>),
}

/// A segment on its way to the file.
struct Pending {
    work: Work,
    start: u64,
    end: u64,
    /// Whether it is nothing but literals already.
    is_literal: bool,
}

fn total_len(frames: &[Frame]) -> usize {
    frames.iter().map(|frame| frame.bytes.len()).sum()
}

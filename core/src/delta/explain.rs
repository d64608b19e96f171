//! Where every byte of a delta went, and how the new file comes to be.
//!
//! One pass over the delta. What is kept of it does not grow with the delta: sums by stream and codec, of which the format
//! has some dozens, and as many of the largest segments and insertions as the caller wants to see.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use super::Inspection;
use super::codec::{APPLIER_OVERHEAD, Column, EMPTY, LZMA, ZSTD};
use super::decode::{ReplayedSegment, SegmentReader};
use super::format::{HEADER_LEN, Header};
use super::frame::{Addends, Segment};
use super::mixing::Model;
use super::ops::OperationSink;
use crate::error::Result;
use crate::io::{ReadAt, SourceReader};
use crate::limits::Limits;
use crate::progress::{Phase, Task, Unit};

/// Where the bytes of a delta went, and how the new file comes to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What the delta holds as a whole.
    pub inspection: Inspection,
    /// Every byte of the delta, by stream and codec, in the order of [`Stream`]. Their `delta_bytes` add up to the size of
    /// the delta, their `decoded_bytes` to the stream bytes that its header promises.
    pub parts: Vec<Part>,
    /// The segments that take most of the delta, in the order in which they make the new file. How many there are in all
    /// is in the header.
    pub largest_segments: Vec<ExplainedSegment>,
    /// How many stretches of the new file are inserted: between each and the next there is something copied.
    pub insertions: u64,
    /// The longest of them as ranges of the new file, the longest first and the first of equals first.
    pub largest_insertions: Vec<Range<u64>>,
}

/// What one codec made of one stream, over all segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What the bytes mean.
    pub stream: Stream,
    /// How they are coded.
    pub codec: Codec,
    /// Bytes of the delta, the lengths before a column included.
    pub delta_bytes: u64,
    /// Bytes after decoding; for mixed addends their number. None of the header and of frames.
    pub decoded_bytes: u64,
}

/// What bytes of a delta mean. The names are those of `core/FORMAT.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stream {
    /// The header of the delta.
    Header,
    /// What holds a segment together: its lengths, its codings, its checks, and the marks of its empty columns.
    Frames,
    /// How much is inserted before each copy.
    InsertLengths,
    /// How long each copy is.
    CopyLengths,
    /// Where each copy begins in the old file, counted from where the copy before ends.
    FromSteps,
    /// The bytes that are inserted.
    Literals,
    /// How far apart the addends of a lane are.
    Zeros(Lane),
    /// How many addends of a lane lie side by side.
    Runs(Lane),
    /// The addends of a lane.
    Values(Lane),
    /// Mixed addends by the reference model, places and values together.
    References,
    /// Mixed addends by the element model for numbers of so many bytes, places and values together.
    Elements(u8),
}

impl Stream {
    /// The name shown in JSON and, with blanks, to people; without lane and width.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Header => "header",
            Stream::Frames => "frames",
            Stream::InsertLengths => "insert_lengths",
            Stream::CopyLengths => "copy_lengths",
            Stream::FromSteps => "from_steps",
            Stream::Literals => "literals",
            Stream::Zeros(_) => "zeros",
            Stream::Runs(_) => "runs",
            Stream::Values(_) => "values",
            Stream::References => "references",
            Stream::Elements(_) => "elements",
        }
    }

    /// Whether it has addends: where copied bytes change, or what is added to them.
    pub fn is_of_addends(self) -> bool {
        self > Stream::Literals
    }
}

/// One of the lanes into which the addends of a segment are dealt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// How many lanes there are: 1, 2, 4 or 8.
    pub lanes: u8,
    /// Which of them it is, from 0 on.
    pub lane: u8,
}

/// How bytes of a delta are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// As they are.
    Raw,
    /// zstd.
    Zstd,
    /// LZMA.
    Lzma,
    /// Context mixing, of addends alone.
    Mixing,
}

impl Codec {
    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Raw => "raw",
            Codec::Zstd => "zstd",
            Codec::Lzma => "lzma",
            Codec::Mixing => "mixing",
        }
    }
}

/// How a segment codes its addends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddendCoding {
    /// It has none.
    None,
    /// As the columns of so many lanes.
    Lanes(u8),
    /// Mixed by the reference model.
    References,
    /// Mixed by the element model for numbers of so many bytes.
    Elements(u8),
}

impl AddendCoding {
    /// The name shown to people and in JSON, without a number of lanes or bytes.
    pub fn name(self) -> &'static str {
        match self {
            AddendCoding::None => "none",
            AddendCoding::Lanes(_) => "lanes",
            AddendCoding::References => "references",
            AddendCoding::Elements(_) => "elements",
        }
    }
}

/// One segment of a delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedSegment {
    /// What it makes of the new file.
    pub output: Range<u64>,
    /// Where it lies in the delta.
    pub delta: Range<u64>,
    /// Its copies; one that goes on from the segment before counts in both.
    pub copies: u64,
    /// Bytes of its output that copies make.
    pub copied_bytes: u64,
    /// Bytes of those to which something other than zero is added.
    pub changed_bytes: u64,
    /// Bytes of its output that it brings along.
    pub inserted_bytes: u64,
    /// How its addends are coded.
    pub addends: AddendCoding,
    /// Bytes of memory that applying a delta of such segments takes.
    pub memory: u64,
    /// Whether a check of its output follows, which covers the segments without one before it, too.
    pub has_check: bool,
}

/// Checks a whole delta as [`verify`](super::verify) does, and says where its bytes went. `most` is how many of the largest
/// segments and insertions are listed; what it takes of memory beside that of decoding grows with nothing else.
pub fn explain(delta: &dyn ReadAt, most: usize, limits: &Limits, task: &mut Task<'_>) -> Result<Explanation> {
    let mut reader = SourceReader::new(delta);
    let mut segments = SegmentReader::open(&mut reader, limits)?;
    let mut ledger = Ledger::new(most);
    task.begin(Phase::Verify, segments.header().delta_size, Unit::Bytes)?;
    segments.replay_each(&mut ledger, task, |ledger, replayed, task| {
        ledger.end_segment(replayed);
        task.advance(replayed.delta.end - replayed.delta.start)
    })?;
    task.finish()?;
    Ok(ledger.close(segments.header().clone()))
}

/// Collects the sums while the operations of a delta pass by.
struct Ledger {
    parts: BTreeMap<(Stream, Codec), Bytes>,
    totals: Counts,
    /// What the totals were when the segment began.
    before: Counts,
    /// Where the copy so far would go on.
    next: Option<u64>,
    /// Where the insertion so far begins in the new file.
    inserting_from: Option<u64>,
    insertions: u64,
    largest_insertions: Largest<Range<u64>>,
    largest_segments: Largest<ExplainedSegment>,
}

#[derive(Clone, Copy, Default)]
struct Bytes {
    delta: u64,
    decoded: u64,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    copies: u64,
    copied: u64,
    changed: u64,
    inserted: u64,
}

impl Ledger {
    fn new(most: usize) -> Self {
        let mut ledger = Self {
            parts: BTreeMap::new(),
            totals: Counts::default(),
            before: Counts::default(),
            next: None,
            inserting_from: None,
            insertions: 0,
            largest_insertions: Largest::new(most),
            largest_segments: Largest::new(most),
        };
        ledger.add(Stream::Header, Codec::Raw, HEADER_LEN as u64, 0);
        ledger
    }

    /// Adds to what a stream takes in a codec, and returns the bytes of the delta.
    fn add(&mut self, stream: Stream, codec: Codec, delta: u64, decoded: u64) -> u64 {
        let bytes = self.parts.entry((stream, codec)).or_default();
        bytes.delta += delta;
        bytes.decoded += decoded;
        delta
    }

    fn add_column(&mut self, stream: Stream, column: &Column) -> u64 {
        let codec = match column.codec {
            EMPTY => return 0,
            ZSTD => Codec::Zstd,
            LZMA => Codec::Lzma,
            _ => Codec::Raw,
        };
        self.add(stream, codec, column.encoded_len as u64, column.len())
    }

    fn add_addends(&mut self, addends: &Addends) -> (AddendCoding, u64) {
        let mixed = match addends {
            Addends::Lanes(columns) => {
                let lanes = (columns.len() / 3) as u8;
                let mut delta_bytes = 0;
                for (lane, columns) in (0..lanes).zip(columns.chunks_exact(3)) {
                    let lane = Lane { lanes, lane };
                    let streams = [Stream::Zeros(lane), Stream::Runs(lane), Stream::Values(lane)];
                    for (stream, column) in streams.into_iter().zip(columns) {
                        delta_bytes += self.add_column(stream, column);
                    }
                }
                return (if lanes == 0 { AddendCoding::None } else { AddendCoding::Lanes(lanes) }, delta_bytes);
            }
            Addends::Mixed(mixed) => mixed,
        };
        let (coding, stream) = match mixed.model {
            Model::References => (AddendCoding::References, Stream::References),
            Model::Elements(width) => (AddendCoding::Elements(width), Stream::Elements(width)),
        };
        (coding, self.add(stream, Codec::Mixing, mixed.encoded_len as u64, mixed.values))
    }

    fn end_segment(&mut self, replayed: &ReplayedSegment) {
        let ReplayedSegment { segment, delta, output, frame_len } = replayed;
        let plain = [
            (Stream::InsertLengths, &segment.insert_lens),
            (Stream::CopyLengths, &segment.copy_lens),
            (Stream::FromSteps, &segment.from_steps),
            (Stream::Literals, &segment.literals),
        ];
        let columns: u64 = plain.into_iter().map(|(stream, column)| self.add_column(stream, column)).sum();
        let (addends, addend_bytes) = self.add_addends(&segment.addends);
        let len = delta.end - delta.start;
        self.add(Stream::Frames, Codec::Raw, len - columns - addend_bytes, 0);
        let Counts { copied, changed, inserted, .. } = std::mem::replace(&mut self.before, self.totals);
        self.largest_segments.offer(len, delta.start, || ExplainedSegment {
            output: output.clone(),
            delta: delta.clone(),
            copies: segment.records,
            copied_bytes: self.totals.copied - copied,
            changed_bytes: self.totals.changed - changed,
            inserted_bytes: self.totals.inserted - inserted,
            addends,
            memory: APPLIER_OVERHEAD + frame_len + memory(segment),
            has_check: segment.output_check.is_some(),
        });
    }

    fn end_insertion(&mut self) {
        let end = self.totals.copied + self.totals.inserted;
        if let Some(start) = self.inserting_from.take() {
            self.insertions += 1;
            self.largest_insertions.offer(end - start, start, || start..end);
        }
    }

    fn close(mut self, header: Header) -> Explanation {
        self.end_insertion();
        let Counts { copies, copied, changed, inserted } = self.totals;
        let parts = self.parts.into_iter().map(|((stream, codec), bytes)| Part {
            stream,
            codec,
            delta_bytes: bytes.delta,
            decoded_bytes: bytes.decoded,
        });
        let mut largest_segments = self.largest_segments.into_vec();
        largest_segments.sort_unstable_by_key(|segment| segment.delta.start);
        Explanation {
            inspection: Inspection {
                header,
                copies,
                copied_bytes: copied,
                changed_bytes: changed,
                inserted_bytes: inserted,
            },
            parts: parts.collect(),
            largest_segments,
            insertions: self.insertions,
            largest_insertions: self.largest_insertions.into_vec(),
        }
    }
}

/// What decoding a segment takes of memory beside its frame: all of its columns, and what the hungriest codec needs.
fn memory(segment: &Segment) -> u64 {
    let mut columns = vec![&segment.insert_lens, &segment.copy_lens, &segment.from_steps, &segment.literals];
    let mixing = match &segment.addends {
        Addends::Lanes(lanes) => {
            columns.extend(lanes);
            0
        }
        Addends::Mixed(mixed) => mixed.working_memory(),
    };
    let decoded: u64 = columns.iter().map(|column| column.len()).sum();
    decoded + columns.into_iter().map(Column::working_memory).fold(mixing, u64::max)
}

impl OperationSink for Ledger {
    fn insert(&mut self, bytes: &[u8]) -> Result<()> {
        self.inserting_from.get_or_insert(self.totals.copied + self.totals.inserted);
        self.totals.inserted += bytes.len() as u64;
        self.next = None;
        Ok(())
    }

    fn copy(&mut self, from: u64, len: u64) -> Result<()> {
        self.end_insertion();
        self.totals.copies += u64::from(self.next != Some(from));
        self.totals.copied += len;
        self.next = Some(from + len);
        Ok(())
    }

    fn copy_add(&mut self, from: u64, addend: &[u8]) -> Result<()> {
        self.totals.changed += addend.iter().filter(|&&byte| byte != 0).count() as u64;
        self.copy(from, addend.len() as u64)
    }
}

/// The largest of what is offered, by size; of equals the first.
struct Largest<T> {
    most: usize,
    kept: BTreeMap<(u64, Reverse<u64>), T>,
}

impl<T> Largest<T> {
    fn new(most: usize) -> Self {
        Self { most, kept: BTreeMap::new() }
    }

    /// `position` tells apart what has the same size.
    fn offer(&mut self, size: u64, position: u64, make: impl FnOnce() -> T) {
        let rank = (size, Reverse(position));
        if self.kept.len() == self.most {
            match self.kept.first_key_value() {
                Some((least, _)) if *least < rank => drop(self.kept.pop_first()),
                _ => return,
            }
        }
        self.kept.insert(rank, make());
    }

    fn into_vec(self) -> Vec<T> {
        self.kept.into_values().rev().collect()
    }
}

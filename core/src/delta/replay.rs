//! The operations that the columns of a segment stand for, handed on at once or in pieces.
//!
//! Whoever applies a delta as it arrives must not be kept busy for as long as a segment takes: between two pieces a
//! replay is *detached* from its columns, which nobody could hold together with a reader of them otherwise.

use super::codec::take;
use super::format::{take_varint, unzigzag};
use super::frame::{Addends, Segment};
use super::lanes::{AddendReader, DetachedAddends, LaneReader, end_of};
use super::mixing::{self, Copied};
use super::ops::OperationSink;
use crate::error::{Error, Result};

/// What a copy counts as in addition to its bytes, so that a piece of nothing but short copies ends, too.
const COPY_WORK: u64 = 16;

/// The operations of one segment as far as they were not handed on yet.
pub(super) struct Replay<'c> {
    rest: Columns<&'c [u8]>,
    addends: Reader<'c>,
    at: Position,
}

/// A replay between two pieces.
pub(super) struct Detached {
    rest: Columns<usize>,
    addends: DetachedReader,
    at: Position,
}

/// The columns that every segment has, or what is left of them.
struct Columns<T> {
    insert_lens: T,
    copy_lens: T,
    from_steps: T,
    literals: T,
}

struct Position {
    old_size: u64,
    /// Where the output of the segment ends, and how much of it no operation was read for yet.
    end: u64,
    left: u64,
    records: u64,
    /// Where the next copy begins if it continues the one before.
    predicted: u64,
    /// Bytes of the insertion that is open.
    inserting: u64,
    copying: Option<Copied>,
    /// How much of that copy was handed on.
    done: u64,
}

enum Reader<'c> {
    Lanes(AddendReader<'c>),
    Mixed(Box<mixing::Reader<'c>>),
}

enum DetachedReader {
    Lanes(DetachedAddends),
    Mixed(Box<mixing::Detached>),
}

fn damaged() -> Error {
    Error::corrupt("the operations of a segment do not fit it")
}

/// The columns of `segment`, whole.
fn columns<'c>(segment: &'c Segment, frame: &'c [u8]) -> Columns<&'c [u8]> {
    Columns {
        insert_lens: segment.insert_lens.bytes(frame),
        copy_lens: segment.copy_lens.bytes(frame),
        from_steps: segment.from_steps.bytes(frame),
        literals: segment.literals.bytes(frame),
    }
}

/// Zeros, runs and values of each lane of `segment`, if it has lanes.
fn lanes<'c>(segment: &'c Segment, frame: &'c [u8]) -> impl Iterator<Item = [&'c [u8]; 3]> {
    let columns = match &segment.addends {
        Addends::Lanes(columns) => &columns[..],
        Addends::Mixed(_) => &[],
    };
    columns.chunks_exact(3).map(move |lane| std::array::from_fn(|index| lane[index].bytes(frame)))
}

/// The mixed addends of `segment`, if that is how they are coded.
fn stream<'c>(segment: &Segment, frame: &'c [u8]) -> &'c [u8] {
    match &segment.addends {
        Addends::Lanes(_) => &[],
        Addends::Mixed(mixed) => &frame[mixed.stream.clone()],
    }
}

impl<'c> Replay<'c> {
    /// Of `segment`, which was parsed from `frame`; its output begins at `start`.
    pub(super) fn new(segment: &'c Segment, frame: &'c [u8], start: u64, old_size: u64) -> Result<Self> {
        let addends = match &segment.addends {
            Addends::Lanes(_) => {
                let readers = lanes(segment, frame).map(|[zeros, runs, values]| LaneReader::new(zeros, runs, values));
                Reader::Lanes(AddendReader::new(readers.collect()))
            }
            Addends::Mixed(mixed) => {
                let stream = stream(segment, frame);
                let reader = mixing::Reader::new(mixed.model, mixed.bits, start, mixed.values, stream)?;
                Reader::Mixed(Box::new(reader))
            }
        };
        let at = Position {
            old_size,
            end: start + segment.output_len,
            left: segment.output_len,
            records: segment.records,
            predicted: start,
            inserting: 0,
            copying: None,
            done: 0,
        };
        Ok(Self { rest: columns(segment, frame), addends, at })
    }

    /// Hands on operations that make about `most` bytes, and says whether that was the end of the segment. Every length is
    /// checked against what the segment makes and every offset against the old file before it is used.
    pub(super) fn run(&mut self, most: u64, sink: &mut impl OperationSink) -> Result<bool> {
        let (rest, at) = (&mut self.rest, &mut self.at);
        match &mut self.addends {
            Reader::Lanes(lanes) => {
                let copy = |copy: Copied, done, end, sink: &mut _| {
                    lanes.copy(copy.from + done, copy.offset + done, end - done, sink)
                };
                Ok(run(rest, at, most, sink, copy)? && lanes.finish().map(|()| true)?)
            }
            Reader::Mixed(mixed) => {
                let copy = |copy, done, end, sink: &mut _| mixed.copy(copy, done, end, sink);
                Ok(run(rest, at, most, sink, copy)? && mixed.finish().map(|()| true)?)
            }
        }
    }

    pub(super) fn detach(self) -> Detached {
        let Columns { insert_lens, copy_lens, from_steps, literals } = self.rest;
        let rest = Columns {
            insert_lens: insert_lens.len(),
            copy_lens: copy_lens.len(),
            from_steps: from_steps.len(),
            literals: literals.len(),
        };
        let addends = match self.addends {
            Reader::Lanes(lanes) => DetachedReader::Lanes(lanes.detach()),
            Reader::Mixed(mixed) => DetachedReader::Mixed(Box::new(mixed.detach())),
        };
        Detached { rest, addends, at: self.at }
    }
}

impl Detached {
    /// Goes on with the `segment` and the `frame` that it was detached from.
    pub(super) fn attach<'c>(self, segment: &'c Segment, frame: &'c [u8]) -> Replay<'c> {
        let whole = columns(segment, frame);
        let rest = Columns {
            insert_lens: end_of(whole.insert_lens, self.rest.insert_lens),
            copy_lens: end_of(whole.copy_lens, self.rest.copy_lens),
            from_steps: end_of(whole.from_steps, self.rest.from_steps),
            literals: end_of(whole.literals, self.rest.literals),
        };
        let addends = match self.addends {
            DetachedReader::Mixed(mixed) => Reader::Mixed(Box::new(mixed.attach(stream(segment, frame)))),
            DetachedReader::Lanes(addends) => Reader::Lanes(addends.attach(lanes(segment, frame))),
        };
        Replay { rest, addends, at: self.at }
    }
}

fn run<S: OperationSink>(
    rest: &mut Columns<&[u8]>,
    at: &mut Position,
    most: u64,
    sink: &mut S,
    mut copy_bytes: impl FnMut(Copied, u64, u64, &mut S) -> Result<()>,
) -> Result<bool> {
    let mut work = most;
    loop {
        if at.inserting > 0 {
            let n = at.inserting.min(work);
            let bytes = take(&mut rest.literals, n).ok_or_else(damaged)?;
            if !bytes.is_empty() {
                sink.insert(bytes)?;
            }
            at.inserting -= n;
            work -= n;
            if at.inserting > 0 {
                return Ok(false);
            }
        }
        if let Some(copy) = at.copying {
            let end = at.done + (copy.len - at.done).min(work);
            copy_bytes(copy, at.done, end, sink)?;
            work = work.saturating_sub(end - at.done + COPY_WORK);
            at.done = end;
            if end < copy.len {
                return Ok(false);
            }
            at.copying = None;
        }
        if at.records > 0 {
            if work == 0 {
                return Ok(false);
            }
            at.records -= 1;
            next_record(rest, at)?;
        } else if at.left > 0 {
            (at.inserting, at.left) = (at.left, 0);
        } else {
            break;
        }
    }
    let Columns { insert_lens, copy_lens, from_steps, literals } = rest;
    if [insert_lens, copy_lens, from_steps, literals].into_iter().all(|rest| rest.is_empty()) {
        Ok(true)
    } else {
        Err(damaged())
    }
}

/// Reads an insertion and the copy behind it.
#[inline(always)]
fn next_record(rest: &mut Columns<&[u8]>, at: &mut Position) -> Result<()> {
    at.inserting = take_varint(&mut rest.insert_lens).ok_or_else(damaged)?;
    let len = take_varint(&mut rest.copy_lens).ok_or_else(damaged)?;
    let step = unzigzag(take_varint(&mut rest.from_steps).ok_or_else(damaged)?);
    let from = at.predicted.checked_add_signed(step).ok_or_else(damaged)?;
    at.predicted = from.checked_add(len).filter(|&end| end <= at.old_size).ok_or_else(damaged)?;
    let behind_insertion = at.left.checked_sub(at.inserting).ok_or_else(damaged)?;
    at.left = behind_insertion.checked_sub(len).ok_or_else(damaged)?;
    at.copying = Some(Copied { offset: at.end - behind_insertion, len, from });
    at.done = 0;
    Ok(())
}

//! Sparse addends in fewer bytes than any general codec makes of them, for deltas whose bytes are dearer than the time to
//! decode them.
//!
//! ```text
//! arithmetic   decisions with known probabilities become bytes
//! mixer        the probability of a decision, mixed from several contexts that learn
//! number       gaps as decisions
//! references   contexts for executables: references whose targets moved
//! elements     contexts for typed data: numbers of one width
//! ```
//!
//! Only addends that are not zero are coded, and the gaps between them. They are decoded one by one while the copies are
//! made, so nothing but the model is held in memory.

mod arithmetic;
mod elements;
mod mixer;
mod number;
mod references;
#[cfg(test)]
mod tests;

use self::elements::Elements;
use self::references::{Place, References};
use super::lanes::{WIDTHS, end_of};
use super::ops::OperationSink;
use crate::error::{Error, Result, Status};

/// What the addends of a segment are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// References whose targets moved, as in executables.
    References,
    /// Elements of 1, 2, 4 or 8 bytes.
    Elements(u8),
}

/// What a model and its tables take at least, beside their cells, in bytes.
const OVERHEAD: u64 = 96 << 10;

/// The least and the largest number of cells, as powers of two.
const MIN_BITS: u8 = 12;
const MAX_BITS: u8 = 24;

/// The bytes of memory that a model with `1 << bits` cells takes.
pub(super) fn memory(bits: u8) -> u64 {
    OVERHEAD + (3 << bits)
}

/// How many cells, as a power of two, serve `values` best within `limit` bytes; `None` where there is too little memory.
pub(super) fn bits_for(values: usize, limit: u64) -> Option<u8> {
    let wanted = (values.max(1).ilog2() as u8 + 1).clamp(16, 20);
    (MIN_BITS..=wanted).rev().find(|&bits| memory(bits) <= limit)
}

/// A copy of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copied {
    /// Where its output begins.
    pub(super) offset: u64,
    pub(super) len: u64,
    /// Where it is copied from in the old file.
    pub(super) from: u64,
}

impl Copied {
    fn moved(from: u64, offset: u64) -> u32 {
        from.wrapping_sub(offset) as u32
    }
}

/// Encodes the addends of `copies`: pairs of the zeros before a value and the value. `start` is where the segment's
/// output begins.
pub(super) fn encode(model: Model, bits: u8, start: u64, copies: &[Copied], addends: &[(u64, u8)]) -> Result<Vec<u8>> {
    let mut writer = arithmetic::Writer::new();
    match model {
        Model::References => {
            let mut model = References::new(u32::from(bits))?;
            let mut copies = copies.iter();
            let mut copy = Copied { offset: start, len: 0, from: 0 };
            let mut used = 0;
            for &(gap, value) in addends {
                model.gap(&mut writer, gap);
                let mut skip = gap;
                while skip >= copy.len - used {
                    skip -= copy.len - used;
                    let Some(&next) = copies.next() else { break };
                    (copy, used) = (next, 0);
                }
                used += skip;
                let moved = Copied::moved(copy.from, copy.offset);
                let place = Place { offset: copy.offset + used, copy_start: copy.offset, moved };
                model.value(&mut writer, value, place);
                used += 1;
            }
        }
        Model::Elements(width) => {
            let mut model = Elements::new(u32::from(bits), width)?;
            let (first, next) = lane_gaps(width, start, copies, addends);
            for (lane, gap) in first.into_iter().enumerate() {
                model.gap(&mut writer, gap, lane);
            }
            let mut position = start;
            for (&(gap, value), next) in addends.iter().zip(next) {
                position += gap;
                model.value(&mut writer, value, position);
                model.gap(&mut writer, next, (position % u64::from(width)) as usize);
                position += 1;
            }
        }
    }
    Ok(writer.finish())
}

/// The gaps before the first value of each lane, and for each value the gap to the next one of its lane, in elements.
fn lane_gaps(width: u8, start: u64, copies: &[Copied], addends: &[(u64, u8)]) -> (Vec<u64>, Vec<u64>) {
    let lanes = u64::from(width);
    let copied: u64 = copies.iter().map(|copy| copy.len).sum();
    // Behind the last value of a lane the gap leads out of the segment.
    let mut following: Vec<u64> = (0..lanes).map(|lane| first_in_lane(start + copied, lane, lanes)).collect();
    let mut end: u64 = start + addends.iter().map(|(gap, _)| gap + 1).sum::<u64>();
    let mut next = vec![0; addends.len()];
    for (index, (gap, _)) in addends.iter().enumerate().rev() {
        let position = end - 1;
        let following = &mut following[(position % lanes) as usize];
        next[index] = (*following - position) / lanes - 1;
        *following = position;
        end = position - gap;
    }
    let first = |(lane, &position): (usize, &u64)| (position - first_in_lane(start, lane as u64, lanes)) / lanes;
    (following.iter().enumerate().map(first).collect(), next)
}

/// The first position of `lane` from `position` on.
fn first_in_lane(position: u64, lane: u64, lanes: u64) -> u64 {
    position + (lane + lanes - position % lanes) % lanes
}

/// Zeros from here on are copied on their own while addends are decoded.
const LONG_RUN: u64 = 64;

/// Most addends that are handed on at once.
const DENSE: usize = 4 << 10;

/// Decodes addends while the copies of a segment are made.
pub(super) struct Reader<'f> {
    coder: arithmetic::Reader<'f>,
    model: ReaderModel,
    /// Values still to come.
    left: u64,
    /// Zeros before the next value.
    gap: u64,
    dense: Vec<u8>,
}

enum ReaderModel {
    References(Box<References>),
    Elements {
        model: Elements,
        /// Copied bytes before the next one, counted from the start of the segment's output.
        position: u64,
        /// Where the next value of each lane lies.
        next: Vec<u64>,
    },
}

/// A reader without its stream.
pub(super) struct Detached {
    reader: Reader<'static>,
    /// How much of the stream is left.
    rest: usize,
}

impl Detached {
    /// Reads on; `stream` is all of it.
    pub(super) fn attach(self, stream: &[u8]) -> Reader<'_> {
        let Reader { coder, model, left, gap, dense } = self.reader;
        Reader { coder: coder.attach(end_of(stream, self.rest)), model, left, gap, dense }
    }
}

impl<'f> Reader<'f> {
    /// For `values` values in `bytes`. What it takes of memory is [`memory`] of `bits`, which [`check_bits`] was asked
    /// about.
    pub(super) fn new(model: Model, bits: u8, start: u64, values: u64, bytes: &'f [u8]) -> Result<Self> {
        let mut coder = arithmetic::Reader::new(bytes);
        let model = match model {
            Model::References => ReaderModel::References(Box::new(References::new(u32::from(bits))?)),
            Model::Elements(width) => {
                let mut model = Elements::new(u32::from(bits), width)?;
                let lanes = u64::from(width);
                let next = (0..lanes).map(|lane| {
                    let gap = model.gap(&mut coder, 0, lane as usize);
                    behind(first_in_lane(start, lane, lanes), gap, lanes)
                });
                let next = next.collect::<Result<_>>()?;
                ReaderModel::Elements { model, position: start, next }
            }
        };
        let mut reader = Self { coder, model, left: values, gap: u64::MAX, dense: Vec::new() };
        reader.find_next();
        Ok(reader)
    }

    /// Finds out how far away the next value is; nowhere behind the last one.
    #[inline]
    fn find_next(&mut self) {
        self.gap = match &mut self.model {
            _ if self.left == 0 => u64::MAX,
            ReaderModel::References(model) => model.gap(&mut self.coder, 0),
            ReaderModel::Elements { position, next, .. } => {
                next.iter().copied().min().unwrap_or(u64::MAX).saturating_sub(*position)
            }
        };
    }

    /// Decodes the value that is next.
    #[inline]
    fn value(&mut self, copy: Copied, done: u64) -> Result<u8> {
        let value = match &mut self.model {
            ReaderModel::References(model) => {
                let moved = Copied::moved(copy.from, copy.offset);
                let place = Place { offset: copy.offset + done, copy_start: copy.offset, moved };
                model.value(&mut self.coder, 0, place)
            }
            ReaderModel::Elements { model, position, next } => {
                let value = model.value(&mut self.coder, 0, *position);
                let lanes = next.len() as u64;
                let lane = (*position % lanes) as usize;
                let gap = model.gap(&mut self.coder, 0, lane);
                next[lane] = behind(*position + lanes, gap, lanes)?;
                value
            }
        };
        self.coder.check()?;
        self.advance(1);
        self.left -= 1;
        self.find_next();
        Ok(value)
    }

    fn advance(&mut self, len: u64) {
        if let ReaderModel::Elements { position, .. } = &mut self.model {
            *position += len;
        }
    }

    fn skip(&mut self, zeros: u64) {
        if self.left > 0 {
            self.gap -= zeros;
        }
        self.advance(zeros);
    }

    /// Hands the bytes of `copy` from `done` to `end` with their addends to `sink`.
    pub(super) fn copy(
        &mut self,
        copy: Copied,
        mut done: u64,
        end: u64,
        sink: &mut (impl OperationSink + ?Sized),
    ) -> Result<()> {
        while done < end {
            let zeros = self.gap.min(end - done);
            if zeros >= LONG_RUN || zeros == end - done {
                self.skip(zeros);
                sink.copy(copy.from + done, zeros)?;
                done += zeros;
                continue;
            }
            let from = copy.from + done;
            self.dense.clear();
            while done < end && self.dense.len() < DENSE {
                let zeros = self.gap.min(end - done);
                if zeros >= LONG_RUN {
                    break;
                }
                self.skip(zeros);
                self.dense.resize(self.dense.len() + zeros as usize, 0);
                done += zeros;
                if done < end {
                    let value = self.value(copy, done)?;
                    self.dense.push(value);
                    done += 1;
                }
            }
            sink.copy_add(from, &self.dense)?;
        }
        Ok(())
    }

    /// The same without the stream.
    pub(super) fn detach(self) -> Detached {
        let Self { coder, model, left, gap, dense } = self;
        let (coder, rest) = coder.detach();
        Detached { reader: Reader { coder, model, left, gap, dense }, rest }
    }

    /// Fails unless every value was used.
    pub(super) fn finish(&self) -> Result<()> {
        if self.left > 0 {
            return Err(Error::corrupt("the addends of a segment do not fit its copies"));
        }
        self.coder.finish()
    }
}

/// The position `gap` elements behind `position`.
fn behind(position: u64, gap: u64, lanes: u64) -> Result<u64> {
    let distance = gap.checked_mul(lanes).and_then(|distance| position.checked_add(distance));
    distance.ok_or_else(|| Error::corrupt("the addends of a segment do not fit its copies"))
}

impl Model {
    /// Its number in a frame: behind those that say how many lanes of columns there are.
    pub(super) fn code(self) -> u8 {
        match self {
            Model::References => 16,
            Model::Elements(width) => 16 + width,
        }
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        match code.checked_sub(16)? {
            0 => Some(Model::References),
            width if WIDTHS.contains(&width) => Some(Model::Elements(width)),
            _ => None,
        }
    }
}

/// Fails where a reader cannot have `1 << bits` cells, or not within `budget` bytes.
pub(super) fn check_bits(bits: u8, budget: u64) -> Result<()> {
    if !(MIN_BITS..=MAX_BITS).contains(&bits) {
        return Err(Error::new(
            Status::Unsupported,
            format!(
                "the delta needs 2^{bits} cells to decode its addends, which this version does not do; update patchcore"
            ),
        ));
    }
    if memory(bits) > budget {
        return Err(Error::corrupt("a segment needs more memory than the header of the delta says"));
    }
    Ok(())
}

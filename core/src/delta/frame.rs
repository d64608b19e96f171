//! One frame of a delta as its columns, and the operations that they stand for. `core/FORMAT.md` says what each means.

use super::codec::{Column, ColumnDecoder, take};
use super::format::{take_varint, unzigzag};
use super::lanes::{AddendReader, LaneReader, WIDTHS};
use super::mixing::{self, Copied, Model};
use super::ops::OperationSink;
use crate::error::{Error, Result, Status};

/// One segment, decoded as far as its columns.
pub(super) struct Segment<'f> {
    pub(super) output_len: u64,
    /// The CRC-32 of the output since the last segment that has one.
    pub(super) output_check: Option<u32>,
    pub(super) records: u64,
    pub(super) insert_lens: Column<'f>,
    pub(super) copy_lens: Column<'f>,
    pub(super) from_steps: Column<'f>,
    pub(super) literals: Column<'f>,
    pub(super) addends: Addends<'f>,
}

/// The addends of one segment before they are read.
pub(super) enum Addends<'f> {
    /// Zeros, runs and values of each lane in turn.
    Lanes(Vec<Column<'f>>),
    Mixed(Mixed<'f>),
}

/// A stream of mixed addends.
#[derive(Clone, Copy)]
pub(super) struct Mixed<'f> {
    pub(super) model: Model,
    bits: u8,
    pub(super) values: u64,
    pub(super) stream: &'f [u8],
    /// How many bytes of the frame it takes.
    pub(super) encoded_len: usize,
}

fn damaged() -> Error {
    Error::corrupt("a segment is malformed")
}

impl<'f> Segment<'f> {
    /// Decodes the columns of `frame`, for which at most `budget` bytes may be allocated.
    pub(super) fn parse(frame: &'f [u8], decoder: &mut ColumnDecoder, mut budget: u64) -> Result<Self> {
        let mut rest = frame;
        let output_len = take_varint(&mut rest).ok_or_else(damaged)?;
        let records = take_varint(&mut rest).ok_or_else(damaged)?;
        let [coding, has_check] = *take(&mut rest, 2).ok_or_else(damaged)? else {
            return Err(damaged());
        };
        let output_check = match has_check {
            0 => None,
            1 => {
                let (check, tail) = rest.split_first_chunk().ok_or_else(damaged)?;
                rest = tail;
                Some(u32::from_le_bytes(*check))
            }
            _ => return Err(damaged()),
        };
        let mut column = || decoder.decode(&mut rest, &mut budget);
        let (insert_lens, copy_lens, from_steps, literals) = (column()?, column()?, column()?, column()?);
        let addends = if coding == 0 || WIDTHS.contains(&coding) {
            Addends::Lanes((0..3 * coding).map(|_| column()).collect::<Result<_>>()?)
        } else {
            let model = Model::from_code(coding).ok_or_else(|| {
                let message =
                    format!("the delta codes addends in way {coding}, which this version lacks; update patchcore");
                Error::new(Status::Unsupported, message)
            })?;
            Addends::Mixed(Mixed::parse(model, &mut rest, budget)?)
        };
        if !rest.is_empty() {
            return Err(damaged());
        }
        Ok(Self { output_len, output_check, records, insert_lens, copy_lens, from_steps, literals, addends })
    }

    /// The lengths of the decoded columns together, and the number of values that are mixed.
    pub(super) fn stream_bytes(&self) -> u64 {
        let plain = [&self.insert_lens, &self.copy_lens, &self.from_steps, &self.literals];
        let (lanes, values) = match &self.addends {
            Addends::Lanes(lanes) => (&lanes[..], 0),
            Addends::Mixed(mixed) => (&[][..], mixed.values),
        };
        plain.into_iter().chain(lanes).map(|column| column.bytes.len() as u64).sum::<u64>().saturating_add(values)
    }

    /// Hands the operations to `sink`; the output of the segment begins at `start`. Every length is checked against
    /// what the segment makes and every offset against the old file before it is used.
    pub(super) fn replay(&self, start: u64, old_size: u64, sink: &mut impl OperationSink) -> Result<()> {
        match &self.addends {
            Addends::Lanes(lanes) => {
                let readers = lanes.chunks_exact(3);
                let readers = readers.map(|lane| LaneReader::new(&lane[0].bytes, &lane[1].bytes, &lane[2].bytes));
                let mut addends = AddendReader::new(readers.collect());
                self.replay_records(start, old_size, sink, |copy, sink| {
                    addends.copy(copy.from, copy.offset, copy.len, sink)
                })?;
                addends.finish()
            }
            Addends::Mixed(mixed) => {
                let mut addends = mixing::Reader::new(mixed.model, mixed.bits, start, mixed.values, mixed.stream)?;
                self.replay_records(start, old_size, sink, |copy, sink| addends.copy(copy, sink))?;
                addends.finish()
            }
        }
    }

    fn replay_records<S: OperationSink>(
        &self,
        start: u64,
        old_size: u64,
        sink: &mut S,
        mut copy: impl FnMut(Copied, &mut S) -> Result<()>,
    ) -> Result<()> {
        let damaged = || Error::corrupt("the operations of a segment do not fit it");
        let [mut insert_lens, mut copy_lens, mut from_steps, mut literals] =
            [&self.insert_lens.bytes[..], &self.copy_lens.bytes, &self.from_steps.bytes, &self.literals.bytes];
        let mut left = self.output_len;
        let mut insert = |len: u64, left: &mut u64, sink: &mut S| {
            *left = left.checked_sub(len).ok_or_else(damaged)?;
            match take(&mut literals, len) {
                Some([]) => Ok(()),
                Some(bytes) => sink.insert(bytes),
                None => Err(damaged()),
            }
        };
        let mut predicted = start;
        for _ in 0..self.records {
            insert(take_varint(&mut insert_lens).ok_or_else(damaged)?, &mut left, sink)?;
            let len = take_varint(&mut copy_lens).ok_or_else(damaged)?;
            let step = unzigzag(take_varint(&mut from_steps).ok_or_else(damaged)?);
            let from = predicted.checked_add_signed(step).ok_or_else(damaged)?;
            let from_end = from.checked_add(len).filter(|&end| end <= old_size).ok_or_else(damaged)?;
            let offset = start + (self.output_len - left);
            left = left.checked_sub(len).ok_or_else(damaged)?;
            copy(Copied { offset, len, from }, sink)?;
            predicted = from_end;
        }
        insert(left, &mut left.clone(), sink)?;
        if insert_lens.is_empty() && copy_lens.is_empty() && from_steps.is_empty() && literals.is_empty() {
            Ok(())
        } else {
            Err(damaged())
        }
    }
}

impl<'f> Mixed<'f> {
    fn parse(model: Model, rest: &mut &'f [u8], budget: u64) -> Result<Self> {
        let before = rest.len();
        let &[bits] = take(rest, 1).ok_or_else(damaged)? else {
            return Err(damaged());
        };
        mixing::check_bits(bits, budget)?;
        let values = take_varint(rest).ok_or_else(damaged)?;
        let len = take_varint(rest).ok_or_else(damaged)?;
        let stream = take(rest, len).ok_or_else(damaged)?;
        Ok(Self { model, bits, values, stream, encoded_len: before - rest.len() })
    }

    /// The bytes of memory that decoding it takes.
    pub(super) fn working_memory(&self) -> u64 {
        mixing::memory(self.bits)
    }
}

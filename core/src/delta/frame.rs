//! One frame of a delta as its columns. `core/FORMAT.md` says what each means.

use std::ops::Range;

use super::codec::{Column, ColumnDecoder, take, take_range};
use super::format::take_varint;
use super::lanes::WIDTHS;
use super::mixing::{self, Model};
use crate::error::{Error, Result, Status};

/// One segment, decoded as far as its columns. What of them is not compressed stays in the frame.
pub(super) struct Segment {
    pub(super) output_len: u64,
    /// The CRC-32 of the output since the last segment that has one.
    pub(super) output_check: Option<u32>,
    pub(super) records: u64,
    pub(super) insert_lens: Column,
    pub(super) copy_lens: Column,
    pub(super) from_steps: Column,
    pub(super) literals: Column,
    pub(super) addends: Addends,
}

/// The addends of one segment before they are read.
pub(super) enum Addends {
    /// Zeros, runs and values of each lane in turn.
    Lanes(Vec<Column>),
    Mixed(Mixed),
}

/// A stream of mixed addends.
pub(super) struct Mixed {
    pub(super) model: Model,
    pub(super) bits: u8,
    pub(super) values: u64,
    /// Where it lies in the frame.
    pub(super) stream: Range<usize>,
    /// How many bytes of the frame it takes.
    pub(super) encoded_len: usize,
}

fn damaged() -> Error {
    Error::corrupt("a segment is malformed")
}

impl Segment {
    /// Decodes the columns of `frame`, for which at most `budget` bytes may be allocated.
    pub(super) fn parse(frame: &[u8], decoder: &mut ColumnDecoder, mut budget: u64) -> Result<Self> {
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
        let mut column = || decoder.decode(&mut rest, frame.len(), &mut budget);
        let (insert_lens, copy_lens, from_steps, literals) = (column()?, column()?, column()?, column()?);
        let addends = if coding == 0 || WIDTHS.contains(&coding) {
            Addends::Lanes((0..3 * coding).map(|_| column()).collect::<Result<_>>()?)
        } else {
            let model = Model::from_code(coding).ok_or_else(|| {
                let message =
                    format!("the delta codes addends in way {coding}, which this version lacks; update patchcore");
                Error::new(Status::Unsupported, message)
            })?;
            Addends::Mixed(Mixed::parse(model, &mut rest, frame.len(), budget)?)
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
        plain.into_iter().chain(lanes).map(|column| column.len()).sum::<u64>().saturating_add(values)
    }
}

impl Segment {
    /// The bytes of the tables that have to be made before its addends can be read.
    pub(super) fn table_memory(&self) -> u64 {
        match &self.addends {
            Addends::Lanes(_) => 0,
            Addends::Mixed(mixed) => mixed.working_memory(),
        }
    }
}

impl Mixed {
    fn parse(model: Model, rest: &mut &[u8], frame_len: usize, budget: u64) -> Result<Self> {
        let before = rest.len();
        let &[bits] = take(rest, 1).ok_or_else(damaged)? else {
            return Err(damaged());
        };
        mixing::check_bits(bits, budget)?;
        let values = take_varint(rest).ok_or_else(damaged)?;
        let len = take_varint(rest).ok_or_else(damaged)?;
        let stream = take_range(rest, frame_len, len).ok_or_else(damaged)?;
        Ok(Self { model, bits, values, stream, encoded_len: before - rest.len() })
    }

    /// The bytes of memory that decoding it takes.
    pub(super) fn working_memory(&self) -> u64 {
        mixing::memory(self.bits)
    }
}

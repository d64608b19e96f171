//! How one column of a segment becomes fewer bytes: as it is, or by zstd, whichever is smaller.
//!
//! A column is decoded in one call into a buffer of exactly the length that its frame declares and that was checked
//! against the limits before: no window is allocated and a bomb has nowhere to expand into.

use std::borrow::Cow;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use super::format::{put_varint, take_varint};
use crate::error::{Error, Result, Status};

/// What an applier may allocate beside frames and decoded columns: zstd's decoder state and the least of its own
/// buffers, in bytes.
pub(crate) const APPLIER_OVERHEAD: u64 = 192 << 10;

/// The column is empty and nothing follows.
const EMPTY: u8 = 0;
/// A varint length and the bytes themselves.
const RAW: u8 = 1;
/// A varint decoded length, a varint encoded length, and one zstd frame without content size and checksum.
const ZSTD: u8 = 2;

/// Below this nothing is worth a zstd frame.
const MIN_COMPRESSIBLE: usize = 16;

/// How hard a column is tried to be made small.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Our level over all of it.
    Full,
    /// The fastest level alone where our level gains nothing on a sample, as it does on noise.
    WhereItPays,
}

/// Encodes columns at one level; holds zstd's tables between calls.
pub(crate) struct ColumnEncoder {
    level: i32,
    best: Compressor<'static>,
    fast: Compressor<'static>,
}

/// zstd's level for each of ours.
fn zstd_level(level: u8) -> i32 {
    const LEVELS: [i32; 9] = [1, 3, 6, 10, 15, 19, 20, 21, 22];
    LEVELS[usize::from(level.clamp(1, 9)) - 1]
}

fn compressor(level: i32) -> Result<Compressor<'static>> {
    let mut compressor = Compressor::new(level).map_err(no_memory)?;
    for parameter in
        [CParameter::ContentSizeFlag(false), CParameter::ChecksumFlag(false), CParameter::DictIdFlag(false)]
    {
        compressor.set_parameter(parameter).map_err(no_memory)?;
    }
    Ok(compressor)
}

fn no_memory(e: std::io::Error) -> Error {
    Error::new(Status::NoMemory, format!("zstd could not be set up: {e}"))
}

impl ColumnEncoder {
    pub(crate) fn new(level: u8) -> Result<Self> {
        let level = zstd_level(level);
        Ok(Self { level, best: compressor(level)?, fast: compressor(1)? })
    }

    /// Appends `column` to `frame` in its smallest form.
    pub(crate) fn encode(&mut self, column: &[u8], effort: Effort, frame: &mut Vec<u8>) -> Result<()> {
        if column.is_empty() {
            frame.push(EMPTY);
            return Ok(());
        }
        if column.len() >= MIN_COMPRESSIBLE {
            let encoded = self.compress(column, effort)?;
            if encoded.len() < column.len() {
                frame.push(ZSTD);
                put_varint(frame, column.len() as u64);
                put_varint(frame, encoded.len() as u64);
                frame.extend_from_slice(&encoded);
                return Ok(());
            }
        }
        frame.push(RAW);
        put_varint(frame, column.len() as u64);
        frame.extend_from_slice(column);
        Ok(())
    }

    /// The smaller of what the fastest level and ours make of `column`: on noise the fastest often wins.
    fn compress(&mut self, column: &[u8], effort: Effort) -> Result<Vec<u8>> {
        const SAMPLE: usize = 32 << 10;
        let fast = self.fast.compress(column).map_err(no_memory)?;
        if effort == Effort::WhereItPays && column.len() > 4 * SAMPLE {
            let sample = &column[column.len() / 2..][..SAMPLE];
            let best = self.best.compress(sample).map_err(no_memory)?.len();
            if best >= self.fast.compress(sample).map_err(no_memory)?.len().min(SAMPLE) {
                return Ok(fast);
            }
        }
        let best = self.best.compress(column).map_err(no_memory)?;
        Ok(if best.len() < fast.len() { best } else { fast })
    }

    /// About how many bytes `column` will take, at a fraction of the time.
    pub(crate) fn estimate(&mut self, column: &[u8]) -> Result<usize> {
        Ok(self.fast.compress(column).map_err(no_memory)?.len().min(column.len()))
    }

    /// About how many bytes `literals` would take, repeats at any distance included: a first guess for little time, a
    /// better one for more.
    pub(crate) fn estimate_literals(&self, literals: &[u8], better: bool) -> Result<u64> {
        let mut compressor = compressor(if better { self.level.min(9) } else { 1 })?;
        compressor.set_parameter(CParameter::EnableLongDistanceMatching(true)).map_err(no_memory)?;
        Ok(compressor.compress(literals).map_err(no_memory)?.len().min(literals.len()) as u64)
    }
}

/// How many bytes zstd makes of `bytes` at one of its own levels.
pub(crate) fn compressed_len(bytes: &[u8], zstd_level: i32) -> Result<usize> {
    Ok(zstd::bulk::compress(bytes, zstd_level).map_err(no_memory)?.len())
}

/// Decodes columns; holds zstd's state between calls.
pub(crate) struct ColumnDecoder(Decompressor<'static>);

impl ColumnDecoder {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Decompressor::new().map_err(no_memory)?))
    }

    /// Takes one column off the front of `frame`. `budget` is how many bytes decoding may still allocate in this
    /// segment; what the column takes is subtracted from it.
    pub(crate) fn decode<'f>(&mut self, frame: &mut &'f [u8], budget: &mut u64) -> Result<Cow<'f, [u8]>> {
        let damaged = || Error::corrupt("a column of the segment is damaged");
        let (&codec, rest) = frame.split_first().ok_or_else(damaged)?;
        *frame = rest;
        match codec {
            EMPTY => Ok(Cow::Borrowed(&[])),
            RAW => {
                let len = take_varint(frame).ok_or_else(damaged)?;
                Ok(Cow::Borrowed(take(frame, len).ok_or_else(damaged)?))
            }
            ZSTD => {
                let decoded_len = take_varint(frame).ok_or_else(damaged)?;
                let encoded_len = take_varint(frame).ok_or_else(damaged)?;
                let encoded = take(frame, encoded_len).ok_or_else(damaged)?;
                *budget = budget
                    .checked_sub(decoded_len)
                    .ok_or_else(|| Error::corrupt("a segment needs more memory than the header of the delta says"))?;
                let decoded_len = usize::try_from(decoded_len).map_err(|_| damaged())?;
                if zstd::zstd_safe::find_frame_compressed_size(encoded) != Ok(encoded.len()) {
                    return Err(damaged());
                }
                let mut decoded = Vec::new();
                decoded
                    .try_reserve_exact(decoded_len)
                    .map_err(|_| Error::new(Status::NoMemory, format!("{decoded_len} bytes could not be allocated")))?;
                let written = self.0.decompress_to_buffer(encoded, &mut decoded).map_err(|_| damaged())?;
                if written != decoded_len {
                    return Err(damaged());
                }
                Ok(Cow::Owned(decoded))
            }
            unknown => Err(Error::new(
                Status::Unsupported,
                format!("the delta uses codec {unknown}, which this version lacks; update patchcore"),
            )),
        }
    }
}

/// Takes `len` bytes off the front of `bytes`.
pub(crate) fn take<'f>(bytes: &mut &'f [u8], len: u64) -> Option<&'f [u8]> {
    let (head, tail) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = tail;
    Some(head)
}

//! How one column of a segment becomes fewer bytes: as it is, by zstd or by LZMA.
//!
//! A column is decoded in one call into a buffer of exactly the length that its frame declares and that was checked
//! against the limits before: a bomb has nowhere to expand into.

mod lzma;
mod zstandard;

use std::borrow::Cow;
use std::ops::Range;

use zstd::zstd_safe::CParameter;

use self::zstandard::{Compressor, Decompressor};
use super::format::{put_varint, take_varint};
use super::levels::{Coding, LZMA_NANOSECONDS, LzmaSearch};
use crate::error::{Error, Result, Status};
use crate::limits::with_capacity;

/// What an applier may allocate beside frames and decoded columns: zstd's decoder state and the least of its own
/// buffers, in bytes.
pub(crate) const APPLIER_OVERHEAD: u64 = 192 << 10;

/// The column is empty and nothing follows.
pub(super) const EMPTY: u8 = 0;
/// A varint length and the bytes themselves.
const RAW: u8 = 1;
/// A varint decoded length, a varint encoded length, and one zstd frame without content size and checksum.
pub(super) const ZSTD: u8 = 2;
/// A varint decoded length, a varint encoded length, a byte of properties, and one raw LZMA stream with an end marker.
pub(super) const LZMA: u8 = 3;

/// Below this nothing is worth a zstd frame.
const MIN_COMPRESSIBLE: usize = 16;

/// Columns up to twice this are tried whole, of longer ones that much in three pieces.
const SAMPLE: usize = 48 << 10;
const PIECES: usize = 3;

/// Columns from here on are tried by a part of them once more before all of it is given to a slow codec.
const LONG: usize = 256 << 10;

/// What slow codecs may still take of an applier's time, and what they are not worth trying on.
pub(super) struct Allowance {
    pub(super) nanoseconds: u64,
    /// The decoded columns of the segment together: one that is tiny beside them saves too little.
    pub(super) stream_bytes: usize,
}

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Numbers or literals: our level over all of it.
    Plain,
    /// Literals that are all of their segment: never more than zstd makes of them at our level.
    Whole,
    /// A part of addends, which may be noise: the fastest level alone where ours gains nothing on a sample.
    Addends,
}

/// Encodes columns at one level; holds zstd's tables between calls.
pub(super) struct ColumnEncoder {
    coding: Coding,
    best: Compressor,
    fast: Compressor,
    /// For addends, where another than `best` is better.
    addends: Option<Compressor>,
}

/// Small tables, in which zstd finds the short and near matches of addends.
const QUICK_SEARCH: [CParameter; 6] = [
    CParameter::ChainLog(14),
    CParameter::HashLog(15),
    CParameter::SearchLog(3),
    CParameter::MinMatch(3),
    CParameter::TargetLength(32),
    CParameter::Strategy(zstd::zstd_safe::Strategy::ZSTD_btopt),
];

impl ColumnEncoder {
    pub(super) fn new(coding: Coding) -> Result<Self> {
        let addends = coding.quick_addends.then(|| -> Result<_> {
            let mut compressor = Compressor::new(coding.zstd)?;
            QUICK_SEARCH.into_iter().try_for_each(|parameter| compressor.set_parameter(parameter))?;
            Ok(compressor)
        });
        Ok(Self {
            coding,
            best: Compressor::new(coding.zstd)?,
            fast: Compressor::new(1)?,
            addends: addends.transpose()?,
        })
    }

    pub(super) fn coding(&self) -> &Coding {
        &self.coding
    }

    /// Appends `column` to `frame` in the smallest form that leaves an applier within `allowance`. Returns the memory that
    /// decoding it takes for a while beside the decoded column.
    pub(super) fn encode(
        &mut self,
        column: &[u8],
        content: Content,
        allowance: &mut Allowance,
        frame: &mut Vec<u8>,
    ) -> Result<u64> {
        if column.is_empty() {
            frame.push(EMPTY);
            return Ok(0);
        }
        let smallest = if column.len() < MIN_COMPRESSIBLE { None } else { self.compress(column, content, allowance)? };
        let (codec, encoded) = match smallest {
            Some((codec, encoded)) if encoded.len() < column.len() => (codec, encoded),
            _ => (RAW, column.to_vec()),
        };
        frame.push(codec);
        put_varint(frame, column.len() as u64);
        if codec != RAW {
            put_varint(frame, encoded.len() as u64);
        }
        frame.extend_from_slice(&encoded);
        Ok(if codec == LZMA { lzma::decoder_memory(column.len() as u64) } else { 0 })
    }

    /// The codec that makes least of `column`, and what it makes. LZMA has its properties before its stream.
    fn compress(
        &mut self,
        column: &[u8],
        content: Content,
        allowance: &mut Allowance,
    ) -> Result<Option<(u8, Vec<u8>)>> {
        let compressor = match (&mut self.addends, content) {
            (Some(addends), Content::Addends) => addends,
            _ => &mut self.best,
        };
        let fast = self.fast.compress(column)?;
        let sample = sample(column);
        let sample_fast = match &sample {
            Cow::Borrowed(_) => fast.len(),
            Cow::Owned(sample) => self.fast.compress(sample)?.len(),
        };
        let sample_best = compressor.compress(&sample)?;
        let scale = |len: usize| (fast.len() as u64 * len as u64 / sample_fast.max(1) as u64) as usize;
        let is_noise = matches!(sample, Cow::Owned(_))
            && content == Content::Addends
            && sample_best.len() + sample_fast / 128 >= sample_fast;
        if is_noise {
            return Ok(Some((ZSTD, fast)));
        }
        let mut best = match sample {
            Cow::Borrowed(_) => Some(sample_best.clone()),
            // Addends are searched quickly, so it costs little to know what LZMA has to beat.
            Cow::Owned(_) if content == Content::Addends => Some(compressor.compress(column)?),
            Cow::Owned(_) => None,
        };
        let to_beat = best.as_ref().map_or_else(|| scale(sample_best.len()), Vec::len).min(fast.len());
        if let Some(search) = self.coding.lzma.filter(|search| allowance.allows(search, column, to_beat)) {
            let search = if content == Content::Addends { search.in_addends() } else { search };
            let sample_limit = sample_best.len().min(sample_fast);
            if let Some(properties) = lzma_pays(search, column, content, &sample, sample_limit, compressor)?
                && let Some(mut encoded) = lzma::encode(column, properties, search, search.worth(to_beat))?
            {
                // What a sample says of the rest may be wrong.
                if best.is_none() && content == Content::Whole {
                    best = Some(compressor.compress(column)?);
                }
                if best.as_ref().is_none_or(|best| encoded.len() < best.len().min(fast.len())) {
                    let taken = encoded.len() as u64 * LZMA_NANOSECONDS;
                    allowance.nanoseconds = allowance.nanoseconds.saturating_sub(taken);
                    encoded.insert(0, properties.to_byte());
                    return Ok(Some((LZMA, encoded)));
                }
            }
        }
        let best = match best.take() {
            Some(best) => best,
            None => compressor.compress(column)?,
        };
        Ok(Some((ZSTD, if best.len() < fast.len() { best } else { fast })))
    }

    /// About how many bytes `column` will take, at a fraction of the time.
    pub(super) fn estimate(&mut self, column: &[u8]) -> Result<usize> {
        Ok(self.fast.compress(column)?.len().min(column.len()))
    }

    /// About how many bytes `literals` would take, repeats at any distance included: a first guess for little time, a
    /// better one for more.
    pub(super) fn estimate_literals(&self, literals: &[u8], better: bool) -> Result<u64> {
        let mut compressor = Compressor::new(if better { self.coding.zstd.min(9) } else { 1 })?;
        compressor.set_parameter(CParameter::EnableLongDistanceMatching(true))?;
        Ok(compressor.compress(literals)?.len().min(literals.len()) as u64)
    }
}

impl Allowance {
    /// Whether LZMA may be tried on `column`, of which zstd makes `to_beat` bytes.
    fn allows(&self, search: &LzmaSearch, column: &[u8], to_beat: usize) -> bool {
        column.len() <= lzma::MAX_LEN
            && column.len() >= self.stream_bytes / search.least_share
            && search.worth(to_beat) as u64 * LZMA_NANOSECONDS <= self.nanoseconds
    }
}

/// The properties with which LZMA is likely to pay for `column`; `None` where it is not. `compressor` makes `sample_limit`
/// bytes of the sample.
fn lzma_pays(
    search: LzmaSearch,
    column: &[u8],
    content: Content,
    sample: &[u8],
    sample_limit: usize,
    compressor: &mut Compressor,
) -> Result<Option<lzma::Properties>> {
    let mut best = None;
    let tried = if content == Content::Addends { &[lzma::UNALIGNED][..] } else { &lzma::ANY };
    for &properties in tried {
        let limit = best.as_ref().map_or(search.worth(sample_limit), |(len, _)| *len);
        if let Some(encoded) = lzma::encode(sample, properties, search, limit)? {
            best = Some((encoded.len(), properties));
        }
    }
    let Some((_, properties)) = best else {
        return Ok(None);
    };
    if content == Content::Addends && column.len() > LONG {
        // Among addends it is close. All of them would take long; a quarter tells better than the sample.
        let part = &column[column.len() / 8 * 3..][..column.len() / 4];
        let to_beat = compressor.compress(part)?.len();
        if lzma::encode(part, properties, search, search.worth(to_beat))?.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(properties))
}

/// What stands for `column` when codecs are tried: all of it where it is short.
fn sample(column: &[u8]) -> Cow<'_, [u8]> {
    if column.len() <= 2 * SAMPLE {
        return Cow::Borrowed(column);
    }
    let piece = SAMPLE / PIECES;
    let apart = (column.len() - piece) / (PIECES - 1);
    Cow::Owned((0..PIECES).flat_map(|index| &column[index * apart..][..piece]).copied().collect())
}

/// How many bytes zstd makes of `bytes` at one of its own levels.
pub(crate) fn compressed_len(bytes: &[u8], zstd_level: i32) -> Result<usize> {
    Ok(Compressor::new(zstd_level)?.compress(bytes)?.len())
}

/// A decoded column.
pub(super) struct Column {
    bytes: Bytes,
    /// Its codec as written in the frame.
    pub(super) codec: u8,
    /// How many bytes of the frame it takes.
    pub(super) encoded_len: usize,
}

enum Bytes {
    InFrame(Range<usize>),
    Decoded(Vec<u8>),
}

impl Column {
    /// Its bytes, given the frame that it was decoded from.
    pub(super) fn bytes<'c>(&'c self, frame: &'c [u8]) -> &'c [u8] {
        match &self.bytes {
            Bytes::InFrame(range) => &frame[range.clone()],
            Bytes::Decoded(bytes) => bytes,
        }
    }

    /// How many bytes it has after decoding.
    pub(super) fn len(&self) -> u64 {
        match &self.bytes {
            Bytes::InFrame(range) => range.len() as u64,
            Bytes::Decoded(bytes) => bytes.len() as u64,
        }
    }

    /// What decoding it takes of memory for a while beside its bytes.
    pub(super) fn working_memory(&self) -> u64 {
        if self.codec == LZMA { lzma::decoder_memory(self.len()) } else { 0 }
    }
}

/// Decodes columns; holds zstd's state between calls.
pub(super) struct ColumnDecoder(Decompressor);

impl ColumnDecoder {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(Decompressor::new()?))
    }

    /// Takes one column off the front of `rest`, the end of a frame of `frame_len` bytes. `budget` is how many bytes
    /// decoding may still allocate in this segment; what the column takes is subtracted from it.
    pub(super) fn decode(&mut self, rest: &mut &[u8], frame_len: usize, budget: &mut u64) -> Result<Column> {
        let before = rest.len();
        let &[codec] = take(rest, 1).ok_or_else(damaged)? else {
            return Err(damaged());
        };
        let bytes = match codec {
            EMPTY => Bytes::InFrame(0..0),
            RAW => {
                let len = take_varint(rest).ok_or_else(damaged)?;
                Bytes::InFrame(take_range(rest, frame_len, len).ok_or_else(damaged)?)
            }
            _ => Bytes::Decoded(self.decompress(codec, rest, budget)?),
        };
        Ok(Column { bytes, codec, encoded_len: before - rest.len() })
    }

    fn decompress(&mut self, codec: u8, frame: &mut &[u8], budget: &mut u64) -> Result<Vec<u8>> {
        match codec {
            ZSTD | LZMA => {
                let decoded_len = take_varint(frame).ok_or_else(damaged)?;
                let encoded_len = take_varint(frame).ok_or_else(damaged)?;
                let encoded = take(frame, encoded_len).ok_or_else(damaged)?;
                *budget = budget.checked_sub(decoded_len).ok_or_else(needs_more_memory)?;
                let decoded_len = usize::try_from(decoded_len).map_err(|_| damaged())?;
                let mut decoded = with_capacity(decoded_len)?;
                if codec == ZSTD {
                    self.decode_zstd(encoded, &mut decoded, decoded_len)?;
                } else {
                    if lzma::decoder_memory(decoded_len as u64) > *budget {
                        return Err(needs_more_memory());
                    }
                    let (&properties, stream) = encoded.split_first().ok_or_else(damaged)?;
                    let properties = lzma::Properties::from_byte(properties).ok_or_else(damaged)?;
                    decoded.resize(decoded_len, 0);
                    lzma::decode(stream, properties, &mut decoded)?;
                }
                Ok(decoded)
            }
            unknown => Err(Error::new(
                Status::Unsupported,
                format!("the delta uses codec {unknown}, which this version lacks; update patchcore"),
            )),
        }
    }

    fn decode_zstd(&mut self, encoded: &[u8], decoded: &mut Vec<u8>, len: usize) -> Result<()> {
        match self.0.decompress(encoded, decoded)? {
            Some(written) if written == len => Ok(()),
            _ => Err(damaged()),
        }
    }
}

fn damaged() -> Error {
    Error::corrupt("a column of the segment is damaged")
}

fn needs_more_memory() -> Error {
    Error::corrupt("a segment needs more memory than the header of the delta says")
}

/// Takes `len` bytes off the front of `bytes`.
pub(crate) fn take<'f>(bytes: &mut &'f [u8], len: u64) -> Option<&'f [u8]> {
    let (head, tail) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = tail;
    Some(head)
}

/// [`take`] that says where in a frame of `frame_len` bytes, of which `rest` is the end, the bytes lie.
pub(crate) fn take_range(rest: &mut &[u8], frame_len: usize, len: u64) -> Option<Range<usize>> {
    let start = frame_len - rest.len();
    Some(start..start + take(rest, len)?.len())
}

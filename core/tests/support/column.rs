//! Columns and mixed addends of a frame, and the numbers in them, from `core/FORMAT.md` alone.

use liblzma::stream::{Action, Filters, LzmaOptions, Stream};

/// Codec bytes of a column.
pub const EMPTY: u8 = 0;
pub const RAW: u8 = 1;
pub const ZSTD: u8 = 2;
pub const LZMA: u8 = 3;

/// Codings of addends that are mixed: by references, and by elements of 1, 2, 4 or 8 bytes.
pub const MIXED: [u8; 5] = [16, 17, 18, 20, 24];

/// The properties that LZMA files mostly have: `lc` 3, `lp` 0, `pb` 2.
pub const USUAL: u8 = 93;

/// A column as it stands in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    Empty,
    Raw(Vec<u8>),
    /// Decoded length as declared, and the zstd frame.
    Zstd(u64, Vec<u8>),
    /// Decoded length as declared, and the properties before the stream.
    Lzma(u64, Vec<u8>),
    /// Bytes that may be no column at all.
    Bytes(Vec<u8>),
}

impl Column {
    /// `bytes` in one zstd frame.
    pub fn zstd(bytes: &[u8]) -> Self {
        Column::Zstd(bytes.len() as u64, zstd::bulk::compress(bytes, 1).unwrap())
    }

    /// `bytes` as an LZMA stream with the usual properties.
    pub fn lzma(bytes: &[u8]) -> Self {
        Column::Lzma(bytes.len() as u64, lzma(bytes, USUAL))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Column::Empty => out.push(EMPTY),
            Column::Raw(bytes) => {
                out.push(RAW);
                put_varint(out, bytes.len() as u64);
                out.extend_from_slice(bytes);
            }
            Column::Zstd(decoded_len, encoded) | Column::Lzma(decoded_len, encoded) => {
                out.push(if matches!(self, Column::Zstd(..)) { ZSTD } else { LZMA });
                put_varint(out, *decoded_len);
                put_varint(out, encoded.len() as u64);
                out.extend_from_slice(encoded);
            }
            Column::Bytes(bytes) => out.extend_from_slice(bytes),
        }
    }

    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (&codec, rest) = bytes.split_first()?;
        *bytes = rest;
        match codec {
            EMPTY => Some(Column::Empty),
            RAW => {
                let len = take_varint(bytes)?;
                Some(Column::Raw(take(bytes, len)?.to_vec()))
            }
            ZSTD | LZMA => {
                let decoded_len = take_varint(bytes)?;
                let len = take_varint(bytes)?;
                let encoded = take(bytes, len)?.to_vec();
                Some(if codec == ZSTD {
                    Column::Zstd(decoded_len, encoded)
                } else {
                    Column::Lzma(decoded_len, encoded)
                })
            }
            _ => None,
        }
    }

    pub(super) fn decoded_len(&self) -> u64 {
        match self {
            Column::Empty | Column::Bytes(_) => 0,
            Column::Raw(bytes) => bytes.len() as u64,
            Column::Zstd(decoded_len, _) | Column::Lzma(decoded_len, _) => *decoded_len,
        }
    }

    /// What decoding it takes beside the decoded column.
    pub(super) fn working_memory(&self) -> u64 {
        match self {
            Column::Lzma(decoded_len, _) => (*decoded_len).max(4_096).saturating_add(65_536),
            _ => 0,
        }
    }

    /// The bytes that the column stands for, up to a mebibyte.
    pub fn decoded(&self) -> Option<Vec<u8>> {
        match self {
            Column::Empty => Some(Vec::new()),
            Column::Raw(bytes) => Some(bytes.clone()),
            Column::Zstd(decoded_len, frame) => {
                zstd::bulk::decompress(frame, (*decoded_len).min(1 << 20) as usize).ok()
            }
            Column::Lzma(decoded_len, encoded) => {
                let (&properties, stream) = encoded.split_first()?;
                let mut stream_decoder = Stream::new_raw_decoder(&filters(properties, *decoded_len)?).ok()?;
                let mut decoded = Vec::with_capacity((*decoded_len).min(1 << 20) as usize);
                stream_decoder.process_vec(stream, &mut decoded, Action::Finish).ok()?;
                Some(decoded)
            }
            Column::Bytes(_) => None,
        }
    }
}

/// Properties and the raw stream of `bytes`, with an end marker.
pub fn lzma(bytes: &[u8], properties: u8) -> Vec<u8> {
    let filters = filters(properties, bytes.len() as u64).unwrap();
    let mut stream = Stream::new_raw_encoder(&filters).unwrap();
    let mut encoded = Vec::with_capacity(bytes.len() * 2 + 128);
    stream.process_vec(bytes, &mut encoded, Action::Finish).unwrap();
    encoded.insert(0, properties);
    encoded
}

fn filters(properties: u8, len: u64) -> Option<Filters> {
    let [lc, lp, pb] = [properties % 9, properties / 9 % 5, properties / 45].map(u32::from);
    let mut options = LzmaOptions::new_preset(6).ok()?;
    options.dict_size(len.clamp(4_096, 1 << 20) as u32);
    options.literal_context_bits(lc).literal_position_bits(lp).position_bits(pb);
    let mut filters = Filters::new();
    filters.lzma1(&options);
    Some(filters)
}

/// Mixed addends as they stand in a frame. The stream is whatever it is: only the real encoder writes good ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mixed {
    pub bits: u8,
    pub values: u64,
    pub stream: Vec<u8>,
}

impl Mixed {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.bits);
        put_varint(out, self.values);
        put_varint(out, self.stream.len() as u64);
        out.extend_from_slice(&self.stream);
    }

    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let bits = *take(bytes, 1)?.first()?;
        let values = take_varint(bytes)?;
        let len = take_varint(bytes)?;
        Some(Self { bits, values, stream: take(bytes, len)?.to_vec() })
    }

    pub(super) fn working_memory(&self) -> u64 {
        98_304 + 3u64.checked_shl(self.bits.into()).unwrap_or_default()
    }
}

pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn varint(value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, value);
    out
}

pub fn varints(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|&value| varint(value)).collect()
}

pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(super) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for i in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

pub(super) fn take<'b>(bytes: &mut &'b [u8], len: u64) -> Option<&'b [u8]> {
    let (head, tail) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = tail;
    Some(head)
}

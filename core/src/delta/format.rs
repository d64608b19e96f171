//! The bytes of a delta file: header, segment frames, varints. `core/FORMAT.md` describes them for other readers.

use std::io::{ErrorKind, Read};

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::limits::Limits;

/// The first bytes of every delta. A byte above 127 and both line ends show a transfer that mangled text.
pub const MAGIC: [u8; 8] = *b"\x8dPCD\r\n\x1a\n";
/// The format version that this crate writes and the newest that it reads.
pub const FORMAT_VERSION: u16 = 1;

/// The length of an encoded header, in bytes.
pub(crate) const HEADER_LEN: usize = 132;

/// The critical flags that this crate reads. Bit 0 is kept for a coding that predicts from the old file's content.
const KNOWN_CRITICAL_FLAGS: u32 = 0;

/// The largest size of a file: offsets are signed on every system we know.
pub(crate) const MAX_SIZE: u64 = i64::MAX as u64;

/// The length of the checksum that ends a header and a frame.
pub(crate) const CHECK_LEN: usize = 4;

/// What a delta says about itself before its first segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The size of the old file in bytes.
    pub old_size: u64,
    /// The size of the new file in bytes.
    pub new_size: u64,
    /// The SHA-256 of the old file.
    pub old_digest: Digest,
    /// The SHA-256 of the new file.
    pub new_digest: Digest,
    /// Bytes of memory that decoding any of the segments takes.
    pub apply_memory: u64,
    /// Bytes of all segments after decompression: what holding the operations takes, roughly.
    pub stream_bytes: u64,
    /// The number of segments.
    pub segments: u32,
    /// The size of the whole delta in bytes, header included.
    pub delta_size: u64,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let mut rest = &mut bytes[..];
        let mut put = |field: &[u8]| {
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(field.len());
            head.copy_from_slice(field);
            rest = tail;
        };
        put(&MAGIC);
        put(&FORMAT_VERSION.to_le_bytes());
        put(&[0; 2]); // reserved
        put(&[0; 4]); // critical flags
        put(&[0; 4]); // optional flags
        put(&self.old_size.to_le_bytes());
        put(&self.new_size.to_le_bytes());
        put(&self.old_digest.0);
        put(&self.new_digest.0);
        put(&self.apply_memory.to_le_bytes());
        put(&self.stream_bytes.to_le_bytes());
        put(&self.segments.to_le_bytes());
        put(&self.delta_size.to_le_bytes());
        let check = crc32fast::hash(&bytes[..HEADER_LEN - CHECK_LEN]);
        bytes[HEADER_LEN - CHECK_LEN..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Reads and checks the header of a delta, in the order magic, version, flags, checksum.
    pub fn read(delta: &mut dyn Read) -> Result<Self> {
        let mut bytes = [0; HEADER_LEN];
        let (magic, rest) = bytes.split_at_mut(MAGIC.len());
        read_exact(delta, magic, 0)?;
        if magic != MAGIC {
            return Err(Error::corrupt("this is no delta file").at(0));
        }
        read_exact(delta, rest, MAGIC.len() as u64)?;
        let version = u16::from_le_bytes(array(&bytes, 8));
        if version != FORMAT_VERSION {
            return Err(unsupported(format!("delta format version {version} is not supported; update patchcore")).at(8));
        }
        let critical = u32::from_le_bytes(array(&bytes, 12));
        if critical & !KNOWN_CRITICAL_FLAGS != 0 {
            return Err(unsupported(format!(
                "the delta needs features that this version lacks (flags {critical:#x}); update patchcore"
            ))
            .at(12));
        }
        let check = u32::from_le_bytes(array(&bytes, HEADER_LEN - CHECK_LEN));
        if crc32fast::hash(&bytes[..HEADER_LEN - CHECK_LEN]) != check {
            return Err(Error::corrupt("the header of the delta is damaged").at((HEADER_LEN - CHECK_LEN) as u64));
        }
        let old_size = u64::from_le_bytes(array(&bytes, 20));
        let new_size = u64::from_le_bytes(array(&bytes, 28));
        if old_size.max(new_size) > MAX_SIZE {
            return Err(Error::corrupt("the delta speaks of files larger than any file can be").at(20));
        }
        Ok(Self {
            old_size,
            new_size,
            old_digest: Digest(array(&bytes, 36)),
            new_digest: Digest(array(&bytes, 68)),
            apply_memory: u64::from_le_bytes(array(&bytes, 100)),
            stream_bytes: u64::from_le_bytes(array(&bytes, 108)),
            segments: u32::from_le_bytes(array(&bytes, 116)),
            delta_size: u64::from_le_bytes(array(&bytes, 120)),
        })
    }

    /// Fails with LIMIT where this delta asks for more than `limits` allow.
    pub(crate) fn check_limits(&self, limits: &Limits) -> Result<()> {
        if self.apply_memory > limits.memory() {
            return Err(Error::limit(format!(
                "applying this delta takes {} bytes of memory and {} are allowed; raise the limit, or make it again with a \
                 smaller --max-apply-memory",
                self.apply_memory,
                limits.memory()
            )));
        }
        if self.new_size > limits.output() {
            return Err(Error::limit(format!(
                "the result has {} bytes and {} are allowed",
                self.new_size,
                limits.output()
            )));
        }
        Ok(())
    }
}

fn unsupported(message: String) -> Error {
    Error::new(Status::Unsupported, message)
}

fn array<const N: usize>(bytes: &[u8; HEADER_LEN], start: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[start..start + N]);
    field
}

/// Fills `buf` from a delta; `offset` is where the reader stands, for the error.
pub(crate) fn read_exact(delta: &mut dyn Read, buf: &mut [u8], offset: u64) -> Result<()> {
    delta.read_exact(buf).map_err(|e| match e.kind() {
        ErrorKind::UnexpectedEof => Error::corrupt("the delta ends early; fetch it again").at(offset),
        _ => e.into(),
    })
}

/// The longest LEB128 form of a 64-bit number.
pub(crate) const MAX_VARINT_LEN: usize = 10;

/// Appends `value` as unsigned LEB128.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes one unsigned LEB128 number off the front of `bytes`; `None` where they end early or it exceeds 64 bits.
#[inline(always)]
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    match **bytes {
        [first, ref rest @ ..] if first < 0x80 => {
            *bytes = rest;
            Some(first.into())
        }
        [first, second, ref rest @ ..] if second < 0x80 => {
            *bytes = rest;
            Some(u64::from(first & 0x7f) | u64::from(second) << 7)
        }
        _ => take_long_varint(bytes),
    }
}

fn take_long_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (i, &byte) in bytes.iter().enumerate().take(MAX_VARINT_LEN) {
        if i == MAX_VARINT_LEN - 1 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            *bytes = &bytes[i + 1..];
            return Some(value);
        }
    }
    None
}

/// Maps signed numbers of small magnitude to small unsigned ones: 0, -1, 1, -2, …
#[inline]
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[inline]
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            old_size: 1,
            new_size: MAX_SIZE,
            old_digest: Digest::of(b"old"),
            new_digest: Digest::of(b"new"),
            apply_memory: 3,
            stream_bytes: 4,
            segments: 5,
            delta_size: 6,
        }
    }

    #[test]
    fn a_header_reads_back() {
        assert_eq!(Header::read(&mut &header().encode()[..]).unwrap(), header());
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_of_a_header_is_refused() {
        let good = header().encode();
        for bit in 0..HEADER_LEN * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            let status = Header::read(&mut &bad[..]).unwrap_err().status();
            let expected = match bit / 8 {
                8..10 | 12..16 => Status::Unsupported,
                _ => Status::Corrupt,
            };
            assert_eq!(status, expected, "bit {bit}");
        }
        for len in 0..HEADER_LEN {
            assert_eq!(Header::read(&mut &good[..len]).unwrap_err().status(), Status::Corrupt);
        }
    }

    #[test]
    fn numbers_read_back_and_overlong_ones_are_refused() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            assert_eq!(take_varint(&mut &bytes[..]), Some(value));
            assert_eq!(take_varint(&mut &bytes[..bytes.len() - 1]), None);
            assert_eq!(unzigzag(zigzag(value as i64)), value as i64);
        }
        assert_eq!(take_varint(&mut &[0xff; 11][..]), None);
        assert_eq!(take_varint(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2][..]), None);
    }
}

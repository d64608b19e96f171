//! The few bytes that a device keeps to go on after a power cut.
//!
//! A checkpoint holds where in the delta a segment begins and what the new file was up to there, how much of it is
//! durable, and the SHA-256 of that so far. It never holds the state of a codec: the segment is decoded again, and what is
//! durable is skipped. It is private to this version of the library; another one may refuse it, and the device begins
//! anew.
//!
//! ```text
//! magic 8 · header of the delta 132 · delta offset 8 · segments 4 · bytes made 8 · stream bytes 8 ·
//! output check 4 + its length 8 · durable bytes 8 · SHA-256 state 104 · SHA-256 of all that 32
//! ```
//!
//! Before the old file is known to be the right one there is nothing to keep: the magic and the checksum alone.

use super::applier::Check;
use super::decode::Decoded;
use super::format::{HEADER_LEN, Header};
use crate::digest::{Digest, HASHER_STATE_LEN, Hasher};
use crate::error::{Error, Result};

/// No checkpoint is larger, in bytes.
pub const CHECKPOINT_SIZE: usize = 512;

const MAGIC: [u8; 8] = *b"\x8dPCR\r\n\x1a\x01";
const CHECKSUM_LEN: usize = 32;

/// Where a segment begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Boundary {
    /// Where it begins in the delta.
    pub(super) offset: u64,
    pub(super) decoded: Decoded,
    /// What the next check of the output covers so far.
    pub(super) check: Check,
}

/// What an applier goes on from.
pub(super) struct Checkpoint {
    pub(super) header: Header,
    pub(super) boundary: Boundary,
    /// How many bytes of the new file are durable, and their hash so far.
    pub(super) durable: u64,
    pub(super) hasher: Hasher,
}

impl Checkpoint {
    /// The bytes of a checkpoint; `None` is one at the very start.
    pub(super) fn encode(checkpoint: Option<&Self>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(CHECKPOINT_SIZE);
        bytes.extend(MAGIC);
        if let Some(Self { header, boundary: Boundary { offset, decoded, check }, durable, hasher }) = checkpoint {
            bytes.extend(header.encode());
            bytes.extend(offset.to_le_bytes());
            bytes.extend(decoded.segments.to_le_bytes());
            bytes.extend(decoded.produced.to_le_bytes());
            bytes.extend(decoded.stream_bytes.to_le_bytes());
            bytes.extend(check.crc.to_le_bytes());
            bytes.extend(check.len.to_le_bytes());
            bytes.extend(durable.to_le_bytes());
            bytes.extend(hasher.state());
        }
        let checksum = Digest::of(&bytes);
        bytes.extend(checksum.0);
        bytes
    }

    /// Reads a checkpoint; `None` is one at the very start.
    pub(super) fn decode(bytes: &[u8]) -> Result<Option<Self>> {
        let (body, checksum) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or_else(damaged)?;
        if Digest::of(body).0 != *checksum {
            return Err(damaged());
        }
        let mut fields = body.strip_prefix(&MAGIC).ok_or_else(damaged)?;
        if fields.is_empty() {
            return Ok(None);
        }
        let header = Header::read(&mut &take::<HEADER_LEN>(&mut fields)?[..])?;
        let offset = u64::from_le_bytes(take(&mut fields)?);
        let decoded = Decoded {
            segments: u32::from_le_bytes(take(&mut fields)?),
            produced: u64::from_le_bytes(take(&mut fields)?),
            stream_bytes: u64::from_le_bytes(take(&mut fields)?),
        };
        let check = Check { crc: u32::from_le_bytes(take(&mut fields)?), len: u64::from_le_bytes(take(&mut fields)?) };
        let durable = u64::from_le_bytes(take(&mut fields)?);
        let hasher = Hasher::resume(take::<HASHER_STATE_LEN>(&mut fields)?, durable).ok_or_else(damaged)?;
        let is_possible = decoded.segments <= header.segments
            && decoded.produced <= durable
            && durable <= header.new_size
            && check.len <= decoded.produced
            && (HEADER_LEN as u64..=header.delta_size).contains(&offset)
            && fields.is_empty();
        if !is_possible {
            return Err(damaged());
        }
        Ok(Some(Self { header, boundary: Boundary { offset, decoded, check }, durable, hasher }))
    }
}

fn take<const N: usize>(fields: &mut &[u8]) -> Result<[u8; N]> {
    let (field, rest) = fields.split_first_chunk().ok_or_else(damaged)?;
    *fields = rest;
    Ok(*field)
}

fn damaged() -> Error {
    Error::corrupt("the checkpoint is damaged; begin anew")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let header = Header {
            old_size: 1,
            new_size: 9,
            old_digest: Digest::of(b"old"),
            new_digest: Digest::of(b"new"),
            apply_memory: 3,
            stream_bytes: 4,
            segments: 5,
            delta_size: 600,
        };
        let decoded = Decoded { segments: 2, produced: 5, stream_bytes: 3 };
        let mut hasher = Hasher::new();
        hasher.update(b"durable");
        Checkpoint {
            header,
            boundary: Boundary { offset: 200, decoded, check: Check { crc: 7, len: 2 } },
            durable: 7,
            hasher,
        }
    }

    #[test]
    fn a_checkpoint_reads_back_and_is_small() {
        let bytes = Checkpoint::encode(Some(&checkpoint()));
        assert!(bytes.len() <= CHECKPOINT_SIZE);
        let back = Checkpoint::decode(&bytes).unwrap().unwrap();
        assert_eq!((back.header, back.boundary, back.durable), {
            let Checkpoint { header, boundary, durable, .. } = checkpoint();
            (header, boundary, durable)
        });
        assert_eq!(back.hasher.finish(), Digest::of(b"durable"));
        assert!(Checkpoint::decode(&Checkpoint::encode(None)).unwrap().is_none());
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_of_a_checkpoint_is_refused() {
        let good = Checkpoint::encode(Some(&checkpoint()));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Checkpoint::decode(&bad).is_err(), "bit {bit}");
        }
        assert!((0..good.len()).all(|len| Checkpoint::decode(&good[..len]).is_err()));
    }
}

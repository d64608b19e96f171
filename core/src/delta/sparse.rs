//! Sparse bytes in memory: only what is not zero, about two bytes each, readable from any position.
//!
//! A token is a varint `gap << 1 | many`, then either one byte, or a varint length and that many bytes. Gaps count the
//! zeros since the token before. Every so often a checkpoint notes where a token stands, so that a reader can start
//! near any position.

use super::format::{MAX_VARINT_LEN, put_varint, take_varint};
use crate::error::Result;

/// Zeros that are cheaper kept inside a run than made the gap of a new token.
const MERGE: usize = 2;

/// How many bytes of tokens lie between two checkpoints.
const CHECKPOINT_EVERY: usize = 512;

/// Sparse bytes, appended in order.
#[derive(Default)]
pub(super) struct SparseBytes {
    tokens: Vec<u8>,
    checkpoints: Vec<Checkpoint>,
    /// The position after the last token.
    end: u64,
}

/// Says that the gap of the token at `token` starts at `position`.
#[derive(Clone, Copy)]
struct Checkpoint {
    position: u64,
    token: usize,
}

impl SparseBytes {
    /// Takes in that `bytes` lie at `position`, not before what was taken in already.
    #[inline]
    pub(super) fn push(&mut self, position: u64, bytes: &[u8], budget: &mut u64) -> Result<()> {
        match bytes {
            [0] => Ok(()),
            [_] => self.push_run(position, bytes, budget),
            _ => self.push_runs(position, bytes, budget),
        }
    }

    fn push_runs(&mut self, position: u64, bytes: &[u8], budget: &mut u64) -> Result<()> {
        let mut at = 0;
        while let Some(skipped) = bytes[at..].iter().position(|&byte| byte != 0) {
            at += skipped;
            let len = run_len(&bytes[at..]);
            self.push_run(position + at as u64, &bytes[at..at + len], budget)?;
            at += len;
        }
        Ok(())
    }

    #[inline]
    fn push_run(&mut self, position: u64, run: &[u8], budget: &mut u64) -> Result<()> {
        super::ops::grow(&mut self.tokens, run.len() + 2 * MAX_VARINT_LEN, budget)?;
        if self.checkpoints.last().is_none_or(|last| self.tokens.len() - last.token >= CHECKPOINT_EVERY) {
            super::ops::grow(&mut self.checkpoints, 1, budget)?;
            self.checkpoints.push(Checkpoint { position: self.end, token: self.tokens.len() });
        }
        let gap = (position - self.end) << 1;
        match *run {
            [only] if gap < 0x80 => self.tokens.extend_from_slice(&[gap as u8, only]),
            [only] => {
                put_varint(&mut self.tokens, gap);
                self.tokens.push(only);
            }
            _ => {
                put_varint(&mut self.tokens, gap | 1);
                put_varint(&mut self.tokens, run.len() as u64);
                self.tokens.extend_from_slice(run);
            }
        }
        self.end = position + run.len() as u64;
        Ok(())
    }
}

/// The length of the run at the start of `bytes`, which ends where enough zeros follow.
fn run_len(bytes: &[u8]) -> usize {
    let mut len = 1;
    let mut zeros = 0;
    for (i, &byte) in bytes.iter().enumerate().skip(1) {
        if byte != 0 {
            len = i + 1;
            zeros = 0;
        } else {
            zeros += 1;
            if zeros >= MERGE {
                break;
            }
        }
    }
    len
}

/// Where a reader of [`SparseBytes`] stands; reading on in order needs no search.
#[derive(Clone, Copy, Default)]
pub(super) struct SparseCursor {
    /// The next token to read.
    token: usize,
    /// The checkpoint that was sought last.
    checkpoint: usize,
    /// Where the zeros before the run that was read last start.
    gap_start: u64,
    /// Where that run starts and ends, and where its bytes are.
    start: u64,
    end: u64,
    bytes: usize,
}

impl SparseCursor {
    /// The first run that ends after `position`: where it starts (or `position`, when it starts before) and its bytes
    /// from there on. `None` when only zeros follow.
    #[inline]
    pub(super) fn run_at<'s>(&mut self, sparse: &'s SparseBytes, position: u64) -> Option<(u64, &'s [u8])> {
        let passed = sparse.checkpoints.get(self.checkpoint + 1).is_some_and(|next| next.position <= position);
        if position < self.gap_start || passed && position >= self.end {
            self.seek(sparse, position);
        }
        while self.end <= position {
            self.next(sparse)?;
        }
        let start = self.start.max(position);
        let bytes = &sparse.tokens[self.bytes..self.bytes + (self.end - self.start) as usize];
        Some((start, &bytes[(start - self.start) as usize..]))
    }

    /// Adds what lies at `position` and after to `bytes`, byte by byte modulo 256.
    pub(super) fn add_to(&mut self, sparse: &SparseBytes, position: u64, bytes: &mut [u8]) {
        let limit = position + bytes.len() as u64;
        let Some((start, run)) = self.run_at(sparse, position) else { return };
        if start >= limit {
            return;
        }
        let first = &mut bytes[(start - position) as usize..];
        first.iter_mut().zip(run).for_each(|(byte, addend)| *byte = byte.wrapping_add(*addend));
        // The rest is a loop of its own because millions of single bytes pass through it.
        while self.end < limit {
            if self.next(sparse).is_none() || self.start >= limit {
                return;
            }
            let run = &sparse.tokens[self.bytes..self.token];
            let place = &mut bytes[(self.start - position) as usize..];
            match run {
                [addend] => place[0] = place[0].wrapping_add(*addend),
                _ => place.iter_mut().zip(run).for_each(|(byte, addend)| *byte = byte.wrapping_add(*addend)),
            }
        }
    }

    fn seek(&mut self, sparse: &SparseBytes, position: u64) {
        let after = sparse.checkpoints.partition_point(|checkpoint| checkpoint.position <= position);
        let checkpoint = after.saturating_sub(1);
        let found = sparse.checkpoints.get(checkpoint).copied();
        let Checkpoint { position, token } = found.unwrap_or(Checkpoint { position: 0, token: 0 });
        *self = Self { token, checkpoint, gap_start: position, start: position, end: position, bytes: token };
    }

    #[inline(always)]
    fn next(&mut self, sparse: &SparseBytes) -> Option<()> {
        let mut rest = sparse.tokens.get(self.token..)?;
        let gap = take_varint(&mut rest)?;
        let len = if gap & 1 == 1 { take_varint(&mut rest)? } else { 1 };
        self.gap_start = self.end;
        self.start = self.end + (gap >> 1);
        self.end = self.start + len;
        self.bytes = sparse.tokens.len() - rest.len();
        self.token = self.bytes + len as usize;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_reads_back_in_any_order() {
        let mut dense = vec![0u8; 40_000];
        let mut state = 1u32;
        for (i, byte) in dense.iter_mut().enumerate() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if state >> 24 < 40 || i % 5_000 < 30 {
                *byte = (state >> 16) as u8;
            }
        }
        let mut sparse = SparseBytes::default();
        for (i, chunk) in dense.chunks(777).enumerate() {
            sparse.push(i as u64 * 777, chunk, &mut u64::MAX.clone()).unwrap();
        }
        for start in [0, 1, 777, 20_000, 39_990] {
            let mut sum = vec![3u8; (dense.len() - start).min(9_000)];
            SparseCursor::default().add_to(&sparse, start as u64, &mut sum);
            assert!(sum.iter().zip(&dense[start..]).all(|(sum, addend)| *sum == addend.wrapping_add(3)));
        }
        let mut cursor = SparseCursor::default();
        for start in (0..dense.len()).chain((0..dense.len()).rev().step_by(97)).chain([5, 30_000, 17, 39_999]) {
            let expected = dense[start..].iter().position(|&byte| byte != 0).map(|zeros| start + zeros);
            let found = cursor.run_at(&sparse, start as u64);
            match (expected, found) {
                (None, None) => {}
                (Some(first), Some((at, bytes))) => {
                    let at = at as usize;
                    assert!(at <= first, "nothing is skipped");
                    assert_eq!(bytes, &dense[at..at + bytes.len()]);
                    assert!(dense[start..at].iter().all(|&byte| byte == 0));
                }
                other => panic!("at {start}: {other:?}"),
            }
        }
    }
}

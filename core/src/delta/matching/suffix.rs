//! The longest match anywhere in the old bytes.

use libsais::SuffixArrayConstruction;

use super::bytes::common_prefix;
use crate::error::{Error, Result, Status};

/// A comparison goes no further: a longer match only has to be followed, not found. It also bounds what periodic
/// files cost.
const MAX_LEN: usize = 512;

/// Matches that are proposed on each side of where the bytes asked for would sort.
const NEIGHBOURS: usize = 8;

/// The suffix array of the old bytes of one window.
pub(super) struct Suffixes<'a> {
    text: &'a [u8],
    array: Vec<i32>,
    /// Where the suffixes begin that start with these two bytes.
    buckets: Vec<u32>,
}

impl<'a> Suffixes<'a> {
    /// The suffixes of `text`, which is shorter than 2 GiB.
    pub(super) fn new(text: &'a [u8]) -> Result<Self> {
        let array: Vec<i32> = SuffixArrayConstruction::for_text(text)
            .in_owned_buffer32()
            .single_threaded()
            .run()
            .map_err(|e| Error::new(Status::NoMemory, format!("the suffix array could not be built: {e:?}")))?
            .into_vec();
        let mut buckets = vec![0u32; (1 << 16) + 1];
        for pair in text.windows(2).filter_map(|pair| pair.first_chunk()) {
            buckets[usize::from(u16::from_be_bytes(*pair)) + 1] += 1;
        }
        if let Some(&last) = text.last() {
            // The suffix of one byte sorts as if a zero followed, before all others.
            buckets[(usize::from(last) << 8) + 1] += 1;
        }
        let mut sum = 0;
        for bucket in &mut buckets {
            sum += *bucket;
            *bucket = sum;
        }
        Ok(Self { text, array, buckets })
    }

    /// Where the longest matches of the start of `bytes` begin that have at least `len` bytes: some on each side of
    /// where `bytes` would sort, the longest first on each side.
    pub(super) fn matches(&self, bytes: &[u8], len: usize) -> impl Iterator<Item = usize> {
        let (text, bytes) = (self.text, &bytes[..bytes.len().min(MAX_LEN)]);
        let rank = self.rank(bytes);
        let (before, after) = self.array.split_at(rank);
        let fits = move |start: &usize| common_prefix(&text[*start..], bytes) >= len;
        let before = before.iter().rev().take(NEIGHBOURS).map(|&start| start as usize).take_while(fits);
        let after = after.iter().take(NEIGHBOURS).map(|&start| start as usize).take_while(fits);
        before.chain(after)
    }

    /// How many suffixes sort before `bytes`, or before one that begins with `bytes`.
    fn rank(&self, bytes: &[u8]) -> usize {
        let Some(pair) = bytes.first_chunk() else { return 0 };
        let bucket = usize::from(u16::from_be_bytes(*pair));
        let (mut low, mut high) = (self.buckets[bucket] as usize, self.buckets[bucket + 1] as usize);
        // What the suffixes around the interval have in common with `bytes`, every suffix within it has too.
        let (mut low_len, mut high_len) = (0, 0);
        while low < high {
            let middle = low + (high - low) / 2;
            let suffix = &self.text[self.array[middle] as usize..];
            let known = low_len.min(high_len);
            let len = known + common_prefix(&suffix[known..], &bytes[known..]);
            if len == bytes.len() {
                return middle;
            }
            if len == suffix.len() || suffix[len] < bytes[len] {
                (low, low_len) = (middle + 1, len);
            } else {
                (high, high_len) = (middle, len);
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_match_is_longer(
            text in prop::collection::vec(0u8..3, 1..300),
            bytes in prop::collection::vec(0u8..3, 2..40),
        ) {
            let longest = (0..text.len()).map(|start| common_prefix(&text[start..], &bytes)).max().unwrap();
            let suffixes = Suffixes::new(&text).unwrap();
            let found: Vec<_> = suffixes.matches(&bytes, 2).collect();
            let found = found.into_iter().map(|start| common_prefix(&text[start..], &bytes)).max();
            prop_assert!(found == Some(longest) || longest < 2);
        }
    }
}

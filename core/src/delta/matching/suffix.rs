//! The longest match anywhere in the old bytes, built only when the first question needs it.
//!
//! Most positions of a changed stretch match nowhere. A bitmap of hashed 8-grams says so with one look, so a binary
//! search in the suffix array is left for those that match.

use libsais::SuffixArrayConstruction;

use super::bytes::common_prefix;
use crate::error::{Error, Result, Status};

/// Bytes in a gram of the filter.
pub(super) const GRAM: usize = 8;

/// A comparison goes no further: a longer match only has to be followed, not found. It also bounds what periodic
/// files cost.
const MAX_LEN: usize = 512;

/// Matches that are proposed on each side of where the bytes asked for would sort.
const NEIGHBOURS: usize = 8;

/// An index of the old bytes of one window.
pub(super) struct Index<'a> {
    text: &'a [u8],
    filter: Option<Filter>,
    suffixes: Option<Suffixes>,
}

struct Filter {
    bits: Vec<u64>,
    shift: u32,
}

struct Suffixes {
    array: Vec<i32>,
    /// Where the suffixes begin that start with these two bytes.
    buckets: Vec<u32>,
}

impl<'a> Index<'a> {
    /// An index over `text`, which is shorter than 2 GiB.
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, filter: None, suffixes: None }
    }

    /// False if no match of `len` bytes begins at the start of `bytes`; then also how many bytes further on the
    /// next one can begin.
    pub(super) fn may_match(&mut self, bytes: &[u8], len: usize) -> Result<(), usize> {
        let filter = self.filter.get_or_insert_with(|| Filter::new(self.text));
        // The last gram first: if it occurs nowhere, neither does a match that begins before it.
        for offset in (0..=len - GRAM).rev() {
            match bytes.get(offset..).and_then(<[u8]>::first_chunk) {
                Some(gram) if filter.contains(*gram) => {}
                _ => return Err(offset + 1),
            }
        }
        Ok(())
    }

    /// Where the longest matches of the start of `bytes` begin that have at least `len` bytes: some on each side of
    /// where `bytes` would sort, the longest first on each side.
    pub(super) fn matches(&mut self, bytes: &[u8], len: usize) -> Result<impl Iterator<Item = usize>> {
        let suffixes = match self.suffixes.take() {
            Some(suffixes) => suffixes,
            None => Suffixes::new(self.text)?,
        };
        let suffixes = self.suffixes.insert(suffixes);
        Ok(suffixes.matches(self.text, &bytes[..bytes.len().min(MAX_LEN)], len))
    }
}

impl Filter {
    /// Eight bits for each gram keep wrong answers below one in eight.
    fn new(text: &[u8]) -> Self {
        let bits = (text.len() * 8).next_power_of_two().max(64);
        let mut filter = Self { bits: vec![0; bits / 64], shift: 64 - bits.trailing_zeros() };
        for gram in text.windows(GRAM).filter_map(|gram| gram.first_chunk()) {
            let (word, bit) = filter.place(*gram);
            filter.bits[word] |= bit;
        }
        filter
    }

    fn contains(&self, gram: [u8; GRAM]) -> bool {
        let (word, bit) = self.place(gram);
        self.bits[word] & bit != 0
    }

    fn place(&self, gram: [u8; GRAM]) -> (usize, u64) {
        let hash = u64::from_le_bytes(gram).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift;
        ((hash / 64) as usize, 1 << (hash % 64))
    }
}

impl Suffixes {
    fn new(text: &[u8]) -> Result<Self> {
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
        Ok(Self { array, buckets })
    }

    fn matches(&self, text: &[u8], bytes: &[u8], len: usize) -> impl Iterator<Item = usize> {
        let rank = self.rank(text, bytes);
        let (before, after) = self.array.split_at(rank);
        let fits = move |start: &usize| common_prefix(&text[*start..], bytes) >= len;
        let before = before.iter().rev().take(NEIGHBOURS).map(|&start| start as usize).take_while(fits);
        let after = after.iter().take(NEIGHBOURS).map(|&start| start as usize).take_while(fits);
        before.chain(after)
    }

    /// How many suffixes sort before `bytes`, or before one that begins with `bytes`.
    fn rank(&self, text: &[u8], bytes: &[u8]) -> usize {
        let Some(pair) = bytes.first_chunk() else { return 0 };
        let bucket = usize::from(u16::from_be_bytes(*pair));
        let (mut low, mut high) = (self.buckets[bucket] as usize, self.buckets[bucket + 1] as usize);
        // What the suffixes around the interval have in common with `bytes`, every suffix within it has too.
        let (mut low_len, mut high_len) = (0, 0);
        while low < high {
            let middle = low + (high - low) / 2;
            let suffix = &text[self.array[middle] as usize..];
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
            let mut index = Index::new(&text);
            let found: Vec<_> = index.matches(&bytes, 2).unwrap().collect();
            let found = found.into_iter().map(|start| common_prefix(&text[start..], &bytes)).max();
            prop_assert!(found == Some(longest) || longest < 2);
        }

        #[test]
        fn the_filter_never_hides_a_match(
            text in prop::collection::vec(0u8..2, 16..300),
            start in 0usize..100,
        ) {
            let start = start.min(text.len() - 12);
            prop_assert_eq!(Index::new(&text).may_match(&text[start..], 12), Ok(()));
        }
    }
}

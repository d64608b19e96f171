//! Where grams of the old bytes occur, because a match need not be the longest one: a table of positions costs a
//! fraction of a suffix array to build and to hold, and tells which occurrence is the nearest.

use super::bytes::{common_prefix, common_suffix};

/// Bytes in a gram.
const GRAM: usize = 8;

/// The longest distance between two indexed positions.
const MAX_STRIDE: usize = 32;

/// Entries of a bucket that are looked at for each occurrence that is wanted, because other grams share the bucket.
const LOOKED_AT: usize = 4;

/// The occurrences of grams at every `stride`th position of some text, sorted by hash and then by position.
pub(super) struct Grams<'a> {
    text: &'a [u8],
    stride: usize,
    /// Where the occurrences of each hash begin.
    starts: Vec<u32>,
    /// The number of the position, and below it some more bits of the hash.
    occurrences: Vec<u32>,
    shift: u32,
    tag_bits: u32,
}

/// What is asked of an index: matches of `new[at..]`, or of what lies less than a stride behind it.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    pub(super) new: &'a [u8],
    pub(super) at: usize,
    /// The old position that is likeliest.
    pub(super) expected: usize,
    /// The shortest match worth telling.
    pub(super) len: usize,
    /// Occurrences that are looked at on each side of the expected position.
    pub(super) neighbours: usize,
    /// How many new positions are looked up, at most a stride.
    pub(super) positions: usize,
}

/// The occurrences that share some bits of a hash, and the others of its bits that are kept.
#[derive(Clone, Copy, Default)]
struct Bucket {
    from: u32,
    to: u32,
    tag: u32,
    first: u32,
}

impl<'a> Grams<'a> {
    /// The grams of `text`, which is shorter than 4 GiB.
    pub(super) fn new(text: &'a [u8], stride: usize) -> Self {
        let stride = stride.clamp(1, MAX_STRIDE);
        let count = (text.len() + 1).saturating_sub(GRAM).div_ceil(stride);
        let buckets = (count / 2).next_power_of_two().max(64);
        let shift = u64::BITS - buckets.trailing_zeros();
        let mut starts = vec![0u32; buckets + 1];
        let hashes = || {
            let grams = text.windows(GRAM).step_by(stride).enumerate();
            grams.filter_map(|(number, gram)| Some((number, hash(*gram.first_chunk()?))))
        };
        for (_, hash) in hashes() {
            starts[(hash >> shift) as usize] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            (*start, sum) = (sum, sum + *start);
        }
        let mut grams =
            Self { text, stride, starts, occurrences: vec![0; count], shift, tag_bits: (count as u32).leading_zeros() };
        for (number, hash) in hashes() {
            let entry = ((number as u64) << grams.tag_bits) as u32 | grams.tag(hash);
            let start = &mut grams.starts[(hash >> shift) as usize];
            grams.occurrences[*start as usize] = entry;
            *start += 1;
        }
        // Each start has become the one behind it.
        grams.starts.rotate_right(1);
        grams.starts[0] = 0;
        grams
    }

    /// The distance between two indexed positions.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// The bits of a hash that tell the grams of one bucket apart.
    fn tag(&self, hash: u64) -> u32 {
        (hash as u32) & self.tag_mask()
    }

    fn tag_mask(&self) -> u32 {
        ((1u64 << self.tag_bits) - 1) as u32
    }

    fn position(&self, entry: u32) -> usize {
        (u64::from(entry) >> self.tag_bits) as usize * self.stride
    }

    /// Appends to `found` where the old bytes that match would continue `query.new[query.at]`.
    pub(super) fn matches(&self, query: &Query<'_>, found: &mut Vec<usize>) {
        let rest = &query.new[query.at..];
        let mut buckets = [Bucket::default(); MAX_STRIDE];
        let positions = query.positions.min(self.stride).min((rest.len() + 1).saturating_sub(GRAM));
        // The memory is slow and the questions are independent: first all are asked, then all are answered.
        for (offset, bucket) in buckets[..positions].iter_mut().enumerate() {
            if let Some(gram) = rest[offset..].first_chunk() {
                let hash = hash(*gram);
                let index = (hash >> self.shift) as usize;
                (bucket.from, bucket.to, bucket.tag) = (self.starts[index], self.starts[index + 1], self.tag(hash));
            }
        }
        for bucket in &mut buckets[..positions] {
            bucket.first = self.occurrences.get(bucket.from as usize).copied().unwrap_or_default();
        }
        let mask = self.tag_mask();
        for (offset, bucket) in buckets[..positions].iter().enumerate() {
            match bucket.to - bucket.from {
                0 => {}
                1 if bucket.first & mask != bucket.tag => {}
                _ => self.nearest(query, offset, bucket, found),
            }
        }
    }

    /// Appends the occurrences in `bucket` that match at `offset` and lie nearest to where they are expected.
    fn nearest(&self, query: &Query<'_>, offset: usize, bucket: &Bucket, found: &mut Vec<usize>) {
        let expected = query.expected.saturating_add(offset);
        let entries = &self.occurrences[bucket.from as usize..bucket.to as usize];
        let middle = entries.partition_point(|&entry| self.position(entry) < expected);
        let (before, after) = entries.split_at(middle);
        let looked_at = LOOKED_AT * query.neighbours;
        let fits = |entry: &&u32| **entry & self.tag_mask() == bucket.tag;
        let start = |entry: &u32| self.matching(query, offset, self.position(*entry));
        found.extend(after.iter().take(looked_at).filter(fits).take(query.neighbours).filter_map(start));
        found.extend(before.iter().rev().take(looked_at).filter(fits).take(query.neighbours).filter_map(start));
    }

    /// Where the match of `old` with the bytes `offset` behind those asked for puts these, if it is long enough.
    fn matching(&self, query: &Query<'_>, offset: usize, old: usize) -> Option<usize> {
        let start = old.checked_sub(offset)?;
        let at = query.at + offset;
        let ahead = common_prefix(&self.text[old..], &query.new[at..]);
        let missing = query.len.saturating_sub(ahead).min(old).min(at);
        let behind = common_suffix(&self.text[old - missing..old], &query.new[at - missing..at]);
        (ahead >= GRAM && ahead + behind >= query.len).then_some(start)
    }
}

fn hash(gram: [u8; GRAM]) -> u64 {
    let hash = u64::from_le_bytes(gram).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash ^ (hash >> 32)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

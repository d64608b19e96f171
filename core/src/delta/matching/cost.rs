//! The cost model that every choice of the matcher rests on.
//!
//! It only has to rank choices, so it knows just what ranks them: an equal byte of a cover is nearly free, a different
//! one costs its value and its position in the sparse addend, a literal costs about the entropy of its surroundings,
//! and each cover costs its control numbers. All of it is in integers, so that every machine makes the same delta.

/// The unit of all costs is a 256th of a bit.
pub(super) const BIT: u64 = 256;

/// An equal byte on a cover: its share of the gap between two addend bytes.
pub(super) const EQUAL: u64 = BIT / 32;

/// A different byte on a cover that repeats a recent difference at the same distance, that repeats one at another
/// distance, and that is new, to which its magnitude is added.
const PATTERN: u64 = 5 * BIT / 2;
const SEEN: u64 = 5 * BIT;
const UNSEEN: u64 = 9 * BIT / 2;

/// A literal that begins a gram seen shortly before: its share of a match within the literals.
const REPEATED: u64 = 2 * BIT;

/// The two lengths of a cover, without the distance it jumps, and each doubling of that distance.
const COVER: u64 = 19 * BIT;
const DOUBLING: u64 = 7 * BIT / 8;

/// The literals before a cover, once there are any.
pub(super) const INSERT: u64 = 8 * BIT;

/// A byte outside the old file: dearer than any way around it.
pub(super) const OUTSIDE: u64 = 1 << 16 << 8;

/// The bytes of the new file that share one literal cost.
pub(super) const BLOCK: usize = 4096;

/// Slots in the memory for grams of literals, as a power of two.
const GRAM_BITS: u32 = 13;

/// What beginning a cover costs whose diagonal is `distance` away from that of the cover before it.
pub(super) fn cover(distance: u64) -> u64 {
    COVER + u64::from(u64::BITS - distance.leading_zeros()) * DOUBLING
}

/// What the addend of one diagonal costs, byte by byte.
///
/// Differences come in patterns: an insertion shifts a thousand addresses by the same amount, and a table of them
/// repeats it at the same distance. A difference that was seen shortly before costs less, one at a distance seen
/// shortly before much less.
#[derive(Clone, Copy, Default)]
pub(super) struct Addend {
    /// The position of the last different byte.
    last: usize,
    /// The last eight new differences, one per byte.
    values: u64,
    /// The last four new pairs of a difference and its distance from the one before.
    patterns: [u64; 4],
}

impl Addend {
    /// The cost of `difference` at `position`.
    pub(super) fn cost(&mut self, position: usize, difference: u8) -> u64 {
        const LOW_BITS: u64 = 0x0101_0101_0101_0101;
        if difference == 0 {
            return EQUAL;
        }
        let pattern = (position.wrapping_sub(self.last) as u64) << 8 | u64::from(difference);
        self.last = position;
        if self.patterns.contains(&pattern) {
            return PATTERN;
        }
        self.patterns.rotate_right(1);
        self.patterns[0] = pattern;
        let unlike = self.values ^ (u64::from(difference) * LOW_BITS);
        if unlike.wrapping_sub(LOW_BITS) & !unlike & (LOW_BITS << 7) != 0 {
            return SEEN;
        }
        self.values = self.values << 8 | u64::from(difference);
        UNSEEN + log2(u64::from(difference.cast_signed().unsigned_abs())) * 3 / 4
    }
}

/// The cost of one literal, by position.
pub(super) struct Literals(Vec<u64>);

impl Literals {
    /// The order-0 entropy of each block, less where the block repeats what it or its predecessors hold, by the first
    /// of each `sampling` bytes of it.
    pub(super) fn of(new: &[u8], sampling: usize) -> Self {
        let mut grams = vec![0; 1 << GRAM_BITS];
        let cost = |(index, block): (usize, &[u8])| {
            let sample = &block[..block.len().div_ceil(sampling)];
            let repeated = repeated(&new[index * BLOCK..], sample.len(), &mut grams);
            let len = sample.len() as u64;
            ((len - repeated) * entropy(sample) + repeated * REPEATED) / len
        };
        Self(new.chunks(BLOCK).enumerate().map(cost).collect())
    }

    /// The cost of the literal at `position`.
    pub(super) fn at(&self, position: usize) -> u64 {
        self.0[position / BLOCK]
    }

    /// Lowers all costs as literals that were expected to cost `expected` turned out to cost `actual`, at most by half.
    pub(super) fn lower(&mut self, expected: u64, actual: u64) {
        let actual = actual.clamp(expected / 2, expected).max(1);
        for cost in &mut self.0 {
            *cost = (u128::from(*cost) * u128::from(actual) / u128::from(expected.max(1))) as u64;
        }
    }
}

/// How many of the `len` grams of four bytes at the start of `bytes` are among those seen before.
fn repeated(bytes: &[u8], len: usize, grams: &mut [u32]) -> u64 {
    let mut count = 0;
    for gram in bytes.windows(4).take(len).filter_map(|gram| gram.first_chunk()) {
        let gram = u32::from_le_bytes(*gram);
        let slot = &mut grams[(gram.wrapping_mul(0x9e37_79b1) >> (u32::BITS - GRAM_BITS)) as usize];
        count += u64::from(*slot == gram);
        *slot = gram;
    }
    count
}

/// The order-0 entropy of a byte of `block`.
fn entropy(block: &[u8]) -> u64 {
    let mut counts = [0u64; 256];
    for &byte in block {
        counts[usize::from(byte)] += 1;
    }
    let len = block.len() as u64;
    let parts: u64 = counts.iter().filter(|&&n| n > 0).map(|&n| n * log2(n)).sum();
    (len * log2(len)).saturating_sub(parts) / len
}

/// The binary logarithm of `n`, as a cost.
fn log2(n: u64) -> u64 {
    let whole = u64::from(n.ilog2());
    let fraction = if whole >= 8 { (n >> (whole - 8)) & 255 } else { (n << (8 - whole)) & 255 };
    // log2(1 + x) is x plus about 0.344 x (1 - x).
    whole * BIT + fraction + fraction * (256 - fraction) * 88 / (256 * 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_costs_its_eight_bits_and_a_run_little() {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let noise: Vec<u8> = (0..BLOCK).map(|_| next()).collect();
        let mut literals = Literals::of(&[noise, vec![7; 100]].concat(), 1);
        assert!((7 * BIT..=8 * BIT).contains(&literals.at(0)));
        assert!(literals.at(BLOCK) < 3 * BIT);
        let noise = literals.at(0);
        literals.lower(100, 80);
        assert!((noise / 2..noise).contains(&literals.at(0)));
    }

    #[test]
    fn nearer_covers_are_cheaper() {
        assert!(cover(0) < cover(1) && cover(1) < cover(1 << 20) && cover(1 << 20) < cover(u64::MAX));
    }

    #[test]
    fn a_pattern_of_differences_is_cheaper_than_noise() {
        let total = |step: fn(usize) -> u8| -> u64 {
            let mut addend = Addend::default();
            (0..800).map(|position| addend.cost(position, step(position))).sum()
        };
        let pattern = total(|position| [64, 1, 0, 0, 0, 0, 0, 0][position % 8]);
        let seen = total(|position| [64, 1, 0, 0, 0, 0, 0, 0][position * position % 11 % 8]);
        assert!(pattern < seen && seen < total(|position| (position * 97) as u8));
    }
}

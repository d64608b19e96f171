//! What each level does when a delta is encoded: which codecs, and how much of an applier's time they may take.
//!
//! | level | zstd | of addends | LZMA | mixing of addends | time of an applier for LZMA and mixing |
//! |--:|--:|---|---|---|--:|
//! | 1 | 1 | 1 | | | |
//! | 2 | 3 | 3 | | | |
//! | 3 | 6 | 6 | | | |
//! | 4 | 10 | 10 | | | |
//! | 5 | 15 | quick search | | | |
//! | 6 | 19 | quick search | where it pays | | 3 ns a byte |
//! | 7 | 19 | 19 | where it pays | | 8 ns a byte |
//! | 8 | 22 | 22 | where it pays | where it pays | 20 ns a byte |
//! | 9 | 22 | 22 | where it pays | where it pays | 40 ns a byte |
//!
//! How hard each level looks for matches stands in `matching/effort.rs`.
//!
//! What the time is measured against is the output: a megabyte of it takes an applier at most that many milliseconds more
//! than zstd alone would.

use super::options::{MAX_LEVEL, MIN_LEVEL};

/// How columns are encoded at one level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coding {
    /// zstd's own level.
    pub(super) zstd: i32,
    /// Whether zstd searches addends in small tables. Their matches are short and near: a third of the time or less, and
    /// a percent of the size.
    pub(super) quick_addends: bool,
    /// How hard LZMA searches, where it may be used.
    pub(super) lzma: Option<LzmaSearch>,
    /// Whether addends may be coded by mixing.
    pub(super) mixing: bool,
    /// Nanoseconds of an applier for each byte of output that LZMA and mixing may take.
    pub(super) nanoseconds: u64,
}

/// What the codecs cost an applier, in nanoseconds on a machine of 2023: a byte that LZMA encoded, and a value that was mixed.
pub(super) const LZMA_NANOSECONDS: u64 = 40;
pub(super) const MIXING_NANOSECONDS: u64 = 300;

/// How hard LZMA searches for matches.
#[derive(Clone, Copy, Debug)]
pub(super) struct LzmaSearch {
    /// Whether matches are looked for in trees instead of chains.
    pub(super) trees: bool,
    /// A match of that many bytes is good enough.
    pub(super) nice_len: u32,
    /// How many candidates are looked at.
    pub(super) depth: u32,
    /// LZMA pays where it takes less than zstd by at least one part in so many.
    pub(super) least_gain: usize,
    /// It is tried on columns that are at least one part in so many of their segment's.
    pub(super) least_share: usize,
}

impl LzmaSearch {
    /// The same for addends: they repeat patterns of many lengths, which chains miss.
    pub(super) fn in_addends(self) -> Self {
        Self { trees: true, nice_len: self.nice_len.max(32), depth: self.depth.max(16), ..self }
    }

    /// The most bytes with which LZMA pays where zstd makes `len` of them.
    pub(super) fn worth(&self, len: usize) -> usize {
        len - len / self.least_gain
    }
}

impl Coding {
    pub(super) fn of(level: u8) -> Self {
        const NORMAL: Option<LzmaSearch> =
            Some(LzmaSearch { trees: false, nice_len: 24, depth: 8, least_gain: 64, least_share: 64 });
        const HARD: Option<LzmaSearch> =
            Some(LzmaSearch { trees: true, nice_len: 273, depth: 512, least_gain: 128, least_share: 4096 });
        const fn coding(
            zstd: i32,
            quick_addends: bool,
            lzma: Option<LzmaSearch>,
            mixing: bool,
            nanoseconds: u64,
        ) -> Coding {
            Coding { zstd, quick_addends, lzma, mixing, nanoseconds }
        }
        const CODINGS: [Coding; MAX_LEVEL as usize] = [
            coding(1, false, None, false, 0),
            coding(3, false, None, false, 0),
            coding(6, false, None, false, 0),
            coding(10, false, None, false, 0),
            coding(15, true, None, false, 0),
            coding(19, true, NORMAL, false, 3),
            coding(19, false, NORMAL, false, 8),
            coding(22, false, HARD, true, 20),
            coding(22, false, HARD, true, 40),
        ];
        CODINGS[usize::from(level.clamp(MIN_LEVEL, MAX_LEVEL) - MIN_LEVEL)]
    }
}

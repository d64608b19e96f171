//! What two files have in common, because everything a delta saves is decided here.
//!
//! ```text
//! anchors   equal stretches anywhere in the two files, streaming: exact covers in linear time
//! windows   what they leave, with its surroundings, packed into two short buffers
//! seeds     a walk along the current diagonal that asks an index only where the diagonal fails: `grams`, a sampled
//!           table of short strings, and where it pays `suffix`, the longest matches anywhere
//! path      the cheapest way through the diagonals that the seeds lie on, by the cost model; `estimate` says whether
//!           another way makes a smaller delta
//! effort    what each level spends on all of this
//! ```
//!
//! A *diagonal* is the distance between an old and a new position; a *cover* is a stretch of one diagonal. Seeds are
//! only proposals: which of them become covers, where each begins and ends, and which mismatches are coded as addend,
//! is decided in one place, the path.

mod anchors;
mod bsdiff;
mod bytes;
mod cost;
mod effort;
mod estimate;
mod grams;
mod path;
mod seeds;
mod suffix;
#[cfg(test)]
mod tests;
mod windows;

use std::ops::Range;

use self::cost::Literals;
use self::effort::Effort;
use self::path::Stretch;
use self::windows::Limits;
use crate::delta::codec;
use crate::delta::options::Engine;
use crate::error::Result;
use crate::io::ReadAt;
use crate::progress::{Phase, Task, Unit};

/// `len` bytes of the new file from `new` on are coded as a copy of the old file from `old` on plus an addend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cover {
    pub(crate) old: u64,
    pub(crate) new: u64,
    pub(crate) len: u64,
}

impl Cover {
    fn old_end(&self) -> u64 {
        self.old + self.len
    }

    fn new_end(&self) -> u64 {
        self.new + self.len
    }

    /// Old position minus new position, as two's complement: equal for covers that continue one another.
    fn diagonal(&self) -> u64 {
        self.old.wrapping_sub(self.new)
    }
}

/// Equal bytes that are left to the windows, which tell better what they belong to, where one holds all of the old file.
const LONG: u64 = 512;

/// Literals that are compressed to see what they really cost, and how hard.
const LITERAL_SAMPLE: usize = 1 << 20;
const LITERAL_SAMPLE_LEVEL: i32 = 9;

/// What literals are taken to cost, of what they were taken to cost before, where it is tried whether that makes a
/// smaller delta.
const RETRY: (u64, u64) = (4, 5);

/// What `old` and `new` have in common: covers in the order of `new`, not overlapping there, all inside both files.
pub(crate) fn find_covers(
    old: &dyn ReadAt,
    new: &dyn ReadAt,
    engine: Engine,
    level: u8,
    task: &mut Task<'_>,
) -> Result<Vec<Cover>> {
    task.begin(Phase::Match, new.size(), Unit::Bytes)?;
    match engine {
        Engine::Auto => find_in_windows(old, new, level, Limits::DEFAULT, task),
        Engine::Bsdiff => bsdiff::find_covers(old, new, bsdiff::WINDOW, task),
    }
}

fn find_in_windows(
    old: &dyn ReadAt,
    new: &dyn ReadAt,
    level: u8,
    limits: Limits,
    task: &mut Task<'_>,
) -> Result<Vec<Cover>> {
    let whole = old.size() <= limits.old;
    let shortest = if whole { LONG } else { 0 };
    let equal = anchors::equal_stretches(old, new, shortest, task)?;
    let left = new.size() - equal.iter().map(|cover| cover.len).sum::<u64>();
    let effort = Effort::of(level);
    let new_size = new.size();
    let mut covers = Vec::new();
    let mut decided = Vec::new();
    for window in windows::plan(old.size(), new.size(), &equal, limits) {
        let (old, new) = window.load(old, new, task)?;
        let known = window.pack(&equal);
        let effort = effort.on(old.len(), left, new_size);
        let found = match_window(&old, &new, &known, &effort, task)?;
        window.unpack(&found, &mut covers);
        decided.extend(window.decided());
    }
    for cover in equal {
        keep_outside(cover, &decided, &mut covers);
    }
    covers.sort_unstable_by_key(|cover| cover.new);
    covers.dedup_by(|next, last| {
        let continues = last.new_end() == next.new && last.old_end() == next.old;
        if continues {
            last.len += next.len;
        }
        continues
    });
    Ok(covers)
}

/// The covers of two buffers of which `known` is equal.
fn match_window(
    old: &[u8],
    new: &[u8],
    known: &[Stretch],
    effort: &Effort,
    task: &mut Task<'_>,
) -> Result<Vec<Stretch>> {
    let mut literals = Literals::of(new, effort.literal_sampling);
    let seeds = seeds::find(old, new, &literals, known, effort, task)?;
    let mut path = path::cheapest(old, new, &literals, &seeds, effort, task)?;
    if effort.literal_trial && literals_are_cheaper(new, &path, &mut literals)? {
        path = path::cheapest(old, new, &literals, &seeds, effort, task)?;
    }
    if effort.retries > 0 {
        let mut len = estimate::encoded_len(old, new, &path)?;
        for _ in 0..effort.retries {
            let (actual, expected) = RETRY;
            literals.lower(expected, actual);
            let next = path::cheapest(old, new, &literals, &seeds, effort, task)?;
            let next_len = estimate::encoded_len(old, new, &next)?;
            if next_len >= len {
                break;
            }
            (path, len) = (next, next_len);
        }
    }
    Ok(path)
}

/// Compresses what `path` leaves as literals, and lowers their expected cost if it was much too high.
///
/// Literals that repeat one another, such as the same change all over a text, cannot be told from others before the
/// first path is known; then short covers among them are not worth their numbers.
fn literals_are_cheaper(new: &[u8], path: &[Stretch], literals: &mut Literals) -> Result<bool> {
    let ends = [0].into_iter().chain(path.iter().map(Stretch::new_end));
    let starts = path.iter().map(|stretch| stretch.new).chain([new.len()]);
    let mut sample = Vec::new();
    let mut expected = 0;
    for (from, to) in ends.zip(starts) {
        let to = to.min(from + LITERAL_SAMPLE - sample.len());
        sample.extend_from_slice(&new[from..to]);
        expected += (from..to).map(|position| literals.at(position)).sum::<u64>();
    }
    let compressed = codec::compressed_len(&sample, LITERAL_SAMPLE_LEVEL)?;
    let actual = compressed as u64 * 8 * cost::BIT;
    let cheaper = actual < expected / 8 * 7;
    if cheaper {
        literals.lower(expected, actual);
    }
    Ok(cheaper)
}

/// Adds what of `cover` lies outside the ascending ranges `decided`.
fn keep_outside(cover: Cover, decided: &[Range<u64>], covers: &mut Vec<Cover>) {
    let mut start = cover.new;
    let first = decided.partition_point(|range| range.end <= cover.new);
    let inside = decided[first..].iter().take_while(|range| range.start < cover.new_end());
    let end = cover.new_end()..cover.new_end();
    for range in inside.cloned().chain(std::iter::once(end)) {
        if start < range.start {
            covers.push(Cover { old: start.wrapping_add(cover.diagonal()), new: start, len: range.start - start });
        }
        start = range.end;
    }
}

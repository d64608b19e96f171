//! A walk through the new bytes that proposes diagonals, and searches only where the diagonal it is on fails.
//!
//! Searching is what costs, and most of a new version lies on a diagonal that is known already: windows of the new
//! bytes that it codes well are passed without a question. Being late is no loss, because the path finds the best
//! boundary between two diagonals by itself.

use std::cmp::Reverse;

use super::bytes::{common_prefix, differences};
use super::cost::{self, Addend, Literals};
use super::effort::Effort;
use super::grams::{Grams, Query};
use super::path::Stretch;
use super::suffix::Suffixes;
use crate::error::Result;
use crate::progress::Task;

/// What the walk looks at to tell whether a diagonal still holds, and how far it goes on if it does.
const NEAR: usize = 32;
const NEAR_DIFFERENT: usize = 4;
const STEP: usize = 16;

/// Noise with equal bytes here and there, such as retrained weights, only shows its diagonal over a longer stretch.
const FAR: usize = 256;

/// If more of the near bytes differ than this, a longer look is not worth its time.
const FAR_DIFFERENT: usize = 28;

/// A block with dearer literals than this may be such noise.
const NOISE: u64 = 4 * cost::BIT;

/// Different values among [`FAR`] bytes of which three in four are noise.
const NOISE_VALUES: usize = 128;

/// Bytes that match nothing, most likely: between two covers that are known, or with literals as dear as this. So
/// small a share of the old bytes is passed over before an index is built for them.
const SHORT_GAP: usize = 64;
const PURE_NOISE: u64 = 13 * cost::BIT / 2;
const PASSED_SHARE: usize = 8 << 10;

/// Diagonals left behind that are remembered.
const RECENT: usize = 4;

/// What a diagonal must save over the current one, beyond its numbers, to leave that for it.
const WORTH_LEAVING: i64 = 32 * cost::BIT as i64;

/// How far candidates are compared at a glance, and a doubling of their distance in equal bytes.
const GLANCE: usize = 64;
const GLANCE_DOUBLINGS: usize = 8;

/// How far two diagonals are compared, and how much one may lose on the way.
const COMPARED: usize = 256;
const DROP: i64 = 48 * cost::BIT as i64;

/// A diagonal that holds, but not exactly, is compared with others this often: in a table, each entry looks like the
/// next. In noise nothing looks like anything else.
const DOUBT: usize = 256;

/// The longest step where nothing matches, and its share of the old bytes: in few of them even short matches count.
const LONGEST_STEP: usize = 1 << 10;
const STEP_SHARE: usize = 1 << 10;

/// Positions between two looks at the cancellation flag.
const CHECK: usize = 64 << 10;

/// Whether most bytes at one place of their elements of four or two bytes are equal, as signs and exponents of retrained
/// weights are, whatever becomes of the rest.
fn elements_agree(old: &[u8], new: &[u8]) -> bool {
    let mut equal = [0; 4];
    for (old, new) in old.as_chunks::<4>().0.iter().zip(new.as_chunks::<4>().0) {
        for (count, (old, new)) in equal.iter_mut().zip(old.iter().zip(new)) {
            *count += usize::from(old == new);
        }
    }
    let elements = old.len() / 4;
    let of_four = equal.iter().max().copied().unwrap_or_default();
    let of_two = (equal[0] + equal[2]).max(equal[1] + equal[3]);
    of_four * 3 > elements * 2 || of_two * 3 > elements * 2 * 2
}

/// Whether `bytes`, which need not fill the block that tells what literals cost, take many values.
fn is_noise(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    bytes.iter().for_each(|&byte| seen[usize::from(byte)] = true);
    seen.iter().filter(|seen| **seen).count() >= NOISE_VALUES
}

struct Walk<'a> {
    old: &'a [u8],
    new: &'a [u8],
    literals: &'a Literals,
    effort: &'a Effort,
    /// Built when the first question needs it.
    grams: Option<Grams<'a>>,
    suffixes: Option<Suffixes<'a>>,
    diagonal: isize,
    recent: [isize; RECENT],
    /// Where the diagonal is doubted next, though it holds.
    doubt: usize,
    /// Bytes that nothing was searched for, because there was no index yet.
    passed: usize,
    /// Searches that found nothing since something matched.
    misses: usize,
    seeds: Vec<Stretch>,
    found: Vec<usize>,
}

/// Seeds in the order of `new`: all of `known` and what is found where neither they nor their diagonals hold.
pub(super) fn find(
    old: &[u8],
    new: &[u8],
    literals: &Literals,
    known: &[Stretch],
    effort: &Effort,
    task: &mut Task<'_>,
) -> Result<Vec<Stretch>> {
    let start = Stretch { old: 0, new: 0, len: 0 };
    let mut walk = Walk {
        old,
        new,
        literals,
        effort,
        grams: None,
        suffixes: None,
        diagonal: 0,
        recent: [0; RECENT],
        doubt: 0,
        passed: 0,
        misses: 0,
        seeds: vec![start],
        found: Vec::new(),
    };
    let mut known = known.iter().peekable();
    let mut position = 0;
    let mut next_check = CHECK;
    while position < new.len() {
        while let Some(seed) = known.next_if(|seed| seed.new <= position) {
            walk.accept(*seed);
            position = position.max(seed.new_end());
        }
        let stop = known.peek().map_or(new.len(), |seed| seed.new);
        let coming = known.peek().map(|seed| seed.diagonal());
        while position < stop {
            position = walk.go(position, stop, coming)?;
            if position >= next_check {
                task.advance((position - next_check + CHECK) as u64)?;
                next_check = position + CHECK;
            }
        }
    }
    walk.seeds.sort_by_key(|seed| seed.new);
    Ok(walk.seeds)
}

impl Walk<'_> {
    /// One step from `position` on; `coming` is the diagonal of the seed that is known to begin at `stop`.
    fn go(&mut self, position: usize, stop: usize, coming: Option<isize>) -> Result<usize> {
        if let Some(step) = self.holds(position, self.diagonal) {
            let exact = step > STEP;
            if self.effort.doubt && !exact && position >= self.doubt && self.literals.at(position) < NOISE {
                self.doubt = position + DOUBT;
                if let Ok(next) = self.search(position, stop.min(position + STEP))? {
                    return Ok(next);
                }
            }
            self.misses = 0;
            // Where the walk takes a diagonal for granted, the path has to be able to follow it.
            if let Some(seed) = self.seeds.last_mut() {
                seed.len = seed.len.max(position + step - seed.new);
            }
            return Ok(position + step);
        }
        let recent = self.recent;
        for diagonal in coming.into_iter().chain(recent.into_iter().take(self.effort.recent)) {
            if diagonal != self.diagonal
                && let Some(step) = self.holds(position, diagonal)
            {
                self.accept(Stretch { old: position.wrapping_add_signed(diagonal), new: position, len: step });
                return Ok(position + step);
            }
        }
        let end = stop.min(position + STEP);
        // A few bytes do not pay for an index.
        let hopeless = stop - position <= SHORT_GAP || self.literals.at(position) >= PURE_NOISE;
        if hopeless && self.grams.is_none() && self.passed < self.old.len() / PASSED_SHARE {
            self.passed += end - position;
            return Ok(end);
        }
        match self.search(position, end)? {
            Ok(next) => Ok(next),
            Err(next) => {
                let longer = self.misses / self.effort.patience * STEP;
                Ok((next + longer.min(LONGEST_STEP).min(self.old.len() / STEP_SHARE)).min(stop).max(next))
            }
        }
    }

    /// Looks for a match between `position` and `end` that is better than the current diagonal, and goes behind it.
    /// Without one, says up to where there is none.
    fn search(&mut self, position: usize, end: usize) -> Result<Result<usize, usize>> {
        let mut found = std::mem::take(&mut self.found);
        let mut at = position;
        let mut result = Err(end);
        while at < end {
            let asked = self.candidates(at, &mut found)?;
            if let Some((saved, old)) = self.best_of(at, &mut found) {
                self.misses = 0;
                if saved > self.saved(at, self.diagonal) + WORTH_LEAVING {
                    let len = common_prefix(&self.old[old..], &self.new[at..]);
                    self.accept(Stretch { old, new: at, len });
                    result = Ok(at + len.max(1));
                }
                // Otherwise its neighbours would lose in the same way.
                break;
            }
            at += asked;
            result = Err(at);
        }
        if found.is_empty() {
            self.misses += 1;
        }
        self.found = found;
        Ok(result)
    }

    /// Puts into `found` where `new[at..]` may come from, and says how many positions from `at` on it was asked for.
    fn candidates(&mut self, at: usize, found: &mut Vec<usize>) -> Result<usize> {
        let grams = match self.grams.take() {
            Some(grams) => grams,
            None => Grams::new(self.old, self.effort.stride),
        };
        let grams = self.grams.insert(grams);
        found.clear();
        let query = Query {
            new: self.new,
            at,
            expected: at.saturating_add_signed(self.diagonal),
            len: self.effort.min_match,
            neighbours: self.effort.neighbours,
            positions: grams.stride(),
        };
        grams.matches(&query, found);
        if self.effort.suffixes > 0 && !found.is_empty() {
            let suffixes = match self.suffixes.take() {
                Some(suffixes) => suffixes,
                None => Suffixes::new(self.old)?,
            };
            let suffixes = self.suffixes.insert(suffixes);
            found.extend(suffixes.matches(&self.new[at..], self.effort.min_match));
        }
        found.sort_unstable();
        found.dedup();
        Ok(grams.stride())
    }

    /// What the best of the candidates saves, and which one it is.
    fn best_of(&self, at: usize, found: &mut Vec<usize>) -> Option<(i64, usize)> {
        if found.len() > self.effort.compared {
            let new = &self.new[at..];
            found.sort_by_cached_key(|&old| {
                let old_bytes = &self.old[old..];
                let len = GLANCE.min(new.len()).min(old_bytes.len());
                let equal = len - differences(&new[..len], &old_bytes[..len]);
                let jump = (old.wrapping_sub(at) as isize).abs_diff(self.diagonal);
                (Reverse(equal * GLANCE_DOUBLINGS + jump.leading_zeros() as usize), old)
            });
            found.truncate(self.effort.compared);
        }
        let saved = |&old: &usize| {
            let diagonal = old.wrapping_sub(at) as isize;
            let jump = cost::cover(diagonal.abs_diff(self.diagonal) as u64);
            (self.saved(at, diagonal) - jump as i64, old)
        };
        found.iter().map(saved).max_by_key(|&(saved, old)| (saved, Reverse(old)))
    }

    /// The most that `diagonal` saves over literals from `position` on, wherever it is left again.
    fn saved(&self, position: usize, diagonal: isize) -> i64 {
        let Some(old) = self.old.get(position.wrapping_add_signed(diagonal)..) else { return 0 };
        let new = &self.new[position..];
        let len = old.len().min(new.len()).min(COMPARED);
        let (new, old) = (&new[..len], &old[..len]);
        let literal = self.literals.at(position) as i64;
        let mut addend = Addend::default();
        let (mut saved, mut most) = (0, 0);
        let mut index = 0;
        while index < len {
            let equal = common_prefix(&new[index..], &old[index..]);
            saved += equal as i64 * (literal - cost::EQUAL as i64);
            index += equal;
            most = most.max(saved);
            if index < len {
                saved += literal - addend.cost(index, new[index].wrapping_sub(old[index])) as i64;
                index += 1;
                if saved + DROP < most {
                    break;
                }
            }
        }
        most
    }

    /// Whether `diagonal` codes what follows `position` well, and for how many bytes that may be taken for granted.
    fn holds(&self, position: usize, diagonal: isize) -> Option<usize> {
        let old = self.old.get(position.wrapping_add_signed(diagonal)..)?;
        let new = &self.new[position..];
        let len = old.len().min(new.len());
        let near = NEAR.min(len);
        let different = differences(&old[..near], &new[..near]);
        if different == 0 {
            return (len > 0).then(|| common_prefix(old, new));
        }
        if different * NEAR <= near * NEAR_DIFFERENT {
            return Some(STEP.min(len));
        }
        if len < FAR || different > FAR_DIFFERENT || differences(&old[..FAR], &new[..FAR]) * NEAR > FAR * FAR_DIFFERENT
        {
            return None;
        }
        let literal = self.literals.at(position);
        if elements_agree(&old[..FAR], &new[..FAR]) && (literal >= PURE_NOISE || is_noise(&new[..FAR])) {
            return Some(FAR / 2);
        }
        if literal < NOISE {
            return None;
        }
        let mut addend = Addend::default();
        let pairs = new[..FAR].iter().zip(&old[..FAR]).enumerate();
        let cost: u64 = pairs.map(|(index, (new, old))| addend.cost(index, new.wrapping_sub(*old))).sum();
        (cost * 20 < FAR as u64 * literal * 19).then_some(FAR / 2)
    }

    fn accept(&mut self, seed: Stretch) {
        self.seeds.push(seed);
        let diagonal = seed.diagonal();
        if diagonal != self.diagonal {
            if !self.recent.contains(&self.diagonal) {
                self.recent.rotate_right(1);
                self.recent[0] = self.diagonal;
            }
            self.diagonal = diagonal;
        }
    }
}

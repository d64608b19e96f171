//! A walk through the new bytes that proposes diagonals, and searches only where the diagonal it is on fails.
//!
//! Searching is what costs, and most of a new version lies on a diagonal that is known already: windows of the new
//! bytes that it codes well are passed without a question. Being late is no loss, because the path finds the best
//! boundary between two diagonals by itself.

use super::bytes::{common_prefix, differences};
use super::cost::{self, Addend, Literals};
use super::path::Stretch;
use super::suffix::Index;
use crate::error::Result;
use crate::progress::Task;

/// A shorter match is not looked at; a longer one still has to save more than the current diagonal does.
const MIN_MATCH: usize = 10;

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

/// Diagonals left behind that are tried again before a search.
const RECENT: usize = 4;

/// What a diagonal must save over the current one, beyond its numbers, to leave that for it.
const WORTH_LEAVING: i64 = 32 * cost::BIT as i64;

/// How far two diagonals are compared, and how much one may lose on the way.
const COMPARED: usize = 256;
const DROP: i64 = 48 * cost::BIT as i64;

/// A diagonal that holds, but not exactly, is compared with others this often: in a table, each entry looks like the
/// next. In noise nothing looks like anything else.
const DOUBT: usize = 256;

/// Positions between two looks at the cancellation flag.
const CHECK: usize = 64 << 10;

struct Walk<'a> {
    old: &'a [u8],
    new: &'a [u8],
    literals: &'a Literals,
    diagonal: isize,
    recent: [isize; RECENT],
    /// Where the diagonal is doubted next, though it holds.
    doubt: usize,
    seeds: Vec<Stretch>,
}

/// Seeds in the order of `new`: all of `known` and what `index` finds where neither they nor their diagonals hold.
pub(super) fn find(
    old: &[u8],
    new: &[u8],
    literals: &Literals,
    known: &[Stretch],
    index: &mut Index<'_>,
    task: &mut Task<'_>,
) -> Result<Vec<Stretch>> {
    let start = Stretch { old: 0, new: 0, len: 0 };
    let mut walk = Walk { old, new, literals, diagonal: 0, recent: [0; RECENT], doubt: 0, seeds: vec![start] };
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
            position = walk.go(position, stop, coming, index)?;
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
    fn go(&mut self, position: usize, stop: usize, coming: Option<isize>, index: &mut Index<'_>) -> Result<usize> {
        if let Some(step) = self.holds(position, self.diagonal) {
            let exact = step > STEP;
            if !exact && position >= self.doubt && self.literals.at(position) < NOISE {
                self.doubt = position + DOUBT;
                if let Ok(next) = self.search(position, stop.min(position + STEP), index)? {
                    return Ok(next);
                }
            }
            // Where the walk takes a diagonal for granted, the path has to be able to follow it.
            if let Some(seed) = self.seeds.last_mut() {
                seed.len = seed.len.max(position + step - seed.new);
            }
            return Ok(position + step);
        }
        for diagonal in coming.into_iter().chain(self.recent) {
            if diagonal != self.diagonal
                && let Some(step) = self.holds(position, diagonal)
            {
                self.accept(Stretch { old: position.wrapping_add_signed(diagonal), new: position, len: step });
                return Ok(position + step);
            }
        }
        match self.search(position, stop.min(position + STEP), index)? {
            Ok(next) | Err(next) => Ok(next),
        }
    }

    /// Looks for a match between `position` and `end` that is better than the current diagonal, and goes behind it.
    /// Without one, says up to where there is none.
    fn search(&mut self, position: usize, end: usize, index: &mut Index<'_>) -> Result<Result<usize, usize>> {
        let mut at = position;
        while at < end {
            let rest = &self.new[at..];
            if let Err(skip) = index.may_match(rest, MIN_MATCH) {
                at += skip;
                continue;
            }
            let mut best = None;
            for old in index.matches(rest, MIN_MATCH)? {
                let diagonal = old.wrapping_sub(at) as isize;
                let jump = cost::cover(diagonal.abs_diff(self.diagonal) as u64);
                let saved = self.saved(at, diagonal) - jump as i64;
                if best.is_none_or(|(most, _)| saved > most) {
                    best = Some((saved, old));
                }
            }
            if let Some((saved, old)) = best {
                if saved > self.saved(at, self.diagonal) + WORTH_LEAVING {
                    let len = common_prefix(&self.old[old..], rest);
                    self.accept(Stretch { old, new: at, len });
                    return Ok(Ok(at + len));
                }
                // Its neighbours would lose in the same way.
                return Ok(Err(end));
            }
            at += 1;
        }
        Ok(Err(at))
    }

    /// The most that `diagonal` saves over literals from `position` on, wherever it is left again.
    fn saved(&self, position: usize, diagonal: isize) -> i64 {
        let Some(old) = self.old.get(position.wrapping_add_signed(diagonal)..) else { return 0 };
        let literal = self.literals.at(position) as i64;
        let mut addend = Addend::default();
        let (mut saved, mut most) = (0, 0);
        for (index, (new, old)) in self.new[position..].iter().zip(old).take(COMPARED).enumerate() {
            saved += literal - addend.cost(index, new.wrapping_sub(*old)) as i64;
            most = most.max(saved);
            if saved + DROP < most {
                break;
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
        let literal = self.literals.at(position);
        if literal < NOISE || len < FAR || different > FAR_DIFFERENT {
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

//! A walk through the new bytes that proposes diagonals, and searches only where the diagonal it is on fails.
//!
//! Searching is what costs, and most of a new version lies on a diagonal that is known already: windows of the new
//! bytes that it codes well are passed without a question. Being late is no loss, because the path finds the best
//! boundary between two diagonals by itself.

use super::bytes::{common_prefix, differences};
use super::cost::{self, Literals};
use super::path::Stretch;
use super::suffix::Index;
use crate::error::Result;
use crate::progress::Task;

/// A shorter match anywhere in the old file is more likely chance than origin.
const MIN_MATCH: usize = 16;

/// What the walk looks at to tell whether a diagonal still holds, and how far it goes on if it does.
const NEAR: usize = 32;
const NEAR_DIFFERENT: usize = 4;
const STEP: usize = 16;

/// Noise with equal bytes here and there, such as retrained weights, only shows its diagonal over a longer stretch.
const FAR: usize = 256;

/// A block with dearer literals than this may be such noise.
const NOISE: u64 = 5 * cost::BIT;

/// Diagonals left behind that are tried again before a search.
const RECENT: usize = 4;

/// What a match must save to leave the current diagonal for it.
const WORTH_LEAVING: u64 = 24 * cost::BIT;

/// Positions between two looks at the cancellation flag.
const CHECK: usize = 64 << 10;

struct Walk<'a> {
    old: &'a [u8],
    new: &'a [u8],
    literals: &'a Literals,
    diagonal: isize,
    recent: [isize; RECENT],
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
    let mut walk = Walk { old, new, literals, diagonal: 0, recent: [0; RECENT], seeds: vec![start] };
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
        let end = stop.min(position + STEP);
        let mut at = position;
        while at < end {
            let rest = &self.new[at..];
            if let Err(skip) = index.may_match(rest, MIN_MATCH) {
                at += skip;
                continue;
            }
            let expected = at.saturating_add_signed(self.diagonal);
            if let Some(found) = index.longest(rest, expected)?
                && found.len >= MIN_MATCH
                && self.saved(at, found.len) >= WORTH_LEAVING
            {
                self.accept(Stretch { old: found.old, new: at, len: found.len });
                return Ok(at + found.len);
            }
            at += 1;
        }
        Ok(at)
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
        if literal < NOISE || len < FAR {
            return None;
        }
        let different = differences(&old[..FAR], &new[..FAR]) as u64;
        (different * cost::DIFFERENT * 10 < FAR as u64 * literal * 9).then_some(FAR / 2)
    }

    /// What a match of `len` bytes saves over the current diagonal.
    fn saved(&self, position: usize, len: usize) -> u64 {
        let start = position.wrapping_add_signed(self.diagonal);
        let different = match self.old.get(start..start.saturating_add(len)) {
            Some(old) => differences(old, &self.new[position..position + len]),
            None => len,
        };
        different as u64 * cost::DIFFERENT
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

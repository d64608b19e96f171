//! The cheapest way through the new file, because what makes a good cover cannot be seen from one match alone.
//!
//! At each position the way is on one of a few active diagonals or inside an insertion; it may change between them at
//! the cost of a cover's control numbers. One pass finds the cheapest way (Viterbi): where a cover begins and ends,
//! how it shares an overlap with its neighbour, which short match is not worth its numbers and which gap is cheaper
//! as addend all follow from the cost model.

use super::bytes::common_prefix;
use super::cost::{self, Addend, Literals};
use super::effort::Effort;
use crate::error::Result;
use crate::progress::Task;

/// A stretch of one diagonal in window positions: a proposal as a seed, a result as part of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) old: usize,
    pub(super) new: usize,
    pub(super) len: usize,
}

impl Stretch {
    pub(super) fn new_end(&self) -> usize {
        self.new + self.len
    }

    pub(super) fn diagonal(&self) -> isize {
        self.old.wrapping_sub(self.new) as isize
    }
}

/// An equal run on the best diagonal from which on it pays to leave the byte-by-byte loop.
const LEAP: usize = 16;

/// Positions between two looks at the cancellation flag.
const STEP: usize = 1 << 20;

const NONE: u32 = u32::MAX;

/// One active way: the diagonal it ends on, and the stretch of it that is not closed yet.
#[derive(Clone, Copy)]
struct Way {
    /// Of an insertion, the diagonal before it.
    diagonal: isize,
    cost: u64,
    /// The cost of changing to this way from the best one.
    entry: u64,
    start: usize,
    before: u32,
    /// This stretch in `closed`, once another way has continued from it.
    node: u32,
    /// The end of the last seed on the diagonal.
    until: usize,
    addend: Addend,
}

struct Node {
    diagonal: Option<isize>,
    start: usize,
    before: u32,
}

struct Path<'a> {
    old: &'a [u8],
    new: &'a [u8],
    literals: &'a Literals,
    effort: &'a Effort,
    /// The insertion first, then the diagonals.
    ways: Vec<Way>,
    best: usize,
    closed: Vec<Node>,
}

/// The cheapest covers of `new` on the diagonals of `seeds`, which are in the order of `new`.
pub(super) fn cheapest(
    old: &[u8],
    new: &[u8],
    literals: &Literals,
    seeds: &[Stretch],
    effort: &Effort,
    task: &mut Task<'_>,
) -> Result<Vec<Stretch>> {
    let insertion =
        Way { diagonal: 0, cost: 0, entry: 0, start: 0, before: NONE, node: NONE, until: 0, addend: Addend::default() };
    let mut path = Path { old, new, literals, effort, ways: vec![insertion], best: 0, closed: Vec::new() };
    let mut seeds = seeds.iter().peekable();
    let mut previous_end = 0;
    let mut position = 0;
    let mut next_check = STEP;
    while position < new.len() {
        let begin = |seed: &Stretch, previous_end: usize| {
            previous_end.max(seed.new.saturating_sub(effort.look_back)).min(seed.new)
        };
        while let Some(seed) = seeds.next_if(|seed| begin(seed, previous_end) <= position) {
            path.activate(seed, position);
            previous_end = previous_end.max(seed.new_end());
        }
        let mut stop = (position / cost::BLOCK + 1) * cost::BLOCK;
        if let Some(seed) = seeds.peek() {
            stop = stop.min(begin(seed, previous_end));
        }
        let stop = stop.min(new.len());
        position = path.advance(position, stop);
        path.retire(position);
        if position >= next_check {
            task.check()?;
            next_check = position + STEP;
        }
    }
    Ok(path.trace())
}

impl Path<'_> {
    /// Follows the diagonal of `seed` from `position` on.
    fn activate(&mut self, seed: &Stretch, position: usize) {
        let diagonal = seed.diagonal();
        let until = seed.new_end();
        if let Some(way) = self.ways[1..].iter_mut().find(|way| way.diagonal == diagonal) {
            way.until = way.until.max(until);
            return;
        }
        if self.ways.len() > self.effort.active {
            let oldest = (1..self.ways.len()).filter(|&way| way != self.best).min_by_key(|&way| self.ways[way].until);
            if let Some(oldest) = oldest {
                self.remove(oldest);
            }
        }
        let before = self.close(self.best);
        let best = &self.ways[self.best];
        let entry = cost::cover(best.diagonal.abs_diff(diagonal) as u64);
        let addend = Addend::default();
        self.ways.push(Way {
            diagonal,
            cost: best.cost + entry,
            entry,
            start: position,
            before,
            node: NONE,
            until,
            addend,
        });
    }

    /// Forgets the diagonals whose seeds lie far behind.
    fn retire(&mut self, position: usize) {
        for way in (1..self.ways.len()).rev() {
            if way != self.best && self.ways[way].until + self.effort.linger < position {
                self.remove(way);
            }
        }
    }

    fn remove(&mut self, way: usize) {
        self.ways.swap_remove(way);
        if self.best == self.ways.len() {
            self.best = way;
        }
    }

    /// Goes on to `stop`, within which no seed begins and the literal cost stays the same.
    fn advance(&mut self, mut position: usize, stop: usize) -> usize {
        let literal = self.literals.at(position);
        let mut probe = position;
        while position < stop {
            if self.ways.len() == 1 {
                self.ways[0].cost += literal * (stop - position) as u64;
                return stop;
            }
            if position >= probe && self.best != 0 {
                let run = self.run(position, stop);
                if run >= LEAP {
                    self.leap(position, run, literal);
                    position += run;
                }
                probe = position + run % LEAP + 1;
                continue;
            }
            self.step(position, literal);
            position += 1;
        }
        stop
    }

    /// The equal bytes from `position` on along the best diagonal.
    fn run(&self, position: usize, stop: usize) -> usize {
        match self.old.get(position.wrapping_add_signed(self.ways[self.best].diagonal)..) {
            Some(old) => common_prefix(old, &self.new[position..stop]),
            None => 0,
        }
    }

    fn step(&mut self, position: usize, literal: u64) {
        let byte = self.new[position];
        self.ways[0].cost += literal;
        let mut best = self.best;
        let mut lowest = u64::MAX;
        for (index, way) in self.ways.iter_mut().enumerate().skip(1) {
            way.cost += match self.old.get(position.wrapping_add_signed(way.diagonal)) {
                Some(&old) => way.addend.cost(position, byte.wrapping_sub(old)),
                None => cost::OUTSIDE,
            };
            if way.cost < lowest {
                lowest = way.cost;
                best = index;
            }
        }
        if self.ways[0].cost < lowest {
            lowest = self.ways[0].cost;
            best = 0;
        }
        if self.ways[self.best].cost > lowest {
            self.best = best;
            self.price_entries();
        }
        self.enter(position + 1);
    }

    /// The same as `run` steps whose bytes are all equal on the best diagonal: no other way gains on it meanwhile, so
    /// only the costs at the end matter, and of a way that falls behind by more than its entry not even those.
    fn leap(&mut self, position: usize, run: usize, literal: u64) {
        let limit = self.ways[self.best].cost + run as u64 * cost::EQUAL;
        self.ways[self.best].cost = limit;
        self.ways[0].cost += run as u64 * literal;
        for (_, way) in self.ways.iter_mut().enumerate().skip(1).filter(|(index, _)| *index != self.best) {
            let start = position.wrapping_add_signed(way.diagonal);
            let old = start.checked_add(run).and_then(|end| self.old.get(start..end));
            way.cost += run as u64 * cost::EQUAL;
            let Some(old) = old else {
                way.cost += cost::OUTSIDE;
                continue;
            };
            let mut done = 0;
            while done < run && way.cost <= limit + way.entry {
                let new = &self.new[position + done..position + run];
                done += common_prefix(&old[done..], new);
                if done < run {
                    let difference = self.new[position + done].wrapping_sub(old[done]);
                    way.cost += way.addend.cost(position + done, difference) - cost::EQUAL;
                    done += 1;
                }
            }
        }
        self.enter(position + run);
    }

    /// Lets every way that is dearer than changing to it continue from the best way instead.
    fn enter(&mut self, position: usize) {
        let best = self.ways[self.best];
        let mut before = best.node;
        for index in 0..self.ways.len() {
            let limit = best.cost + self.ways[index].entry;
            if self.ways[index].cost > limit {
                if before == NONE {
                    before = self.close(self.best);
                }
                let way = &mut self.ways[index];
                way.cost = limit;
                way.start = position;
                way.before = before;
                way.node = NONE;
                if index == 0 {
                    way.diagonal = best.diagonal;
                }
            }
        }
    }

    fn price_entries(&mut self) {
        let from = self.ways[self.best].diagonal;
        for way in &mut self.ways[1..] {
            way.entry = cost::cover(way.diagonal.abs_diff(from) as u64);
        }
        self.ways[0].entry = cost::INSERT;
        self.ways[self.best].entry = 0;
    }

    /// Keeps the open stretch of `way` for others to continue from.
    fn close(&mut self, index: usize) -> u32 {
        let way = &mut self.ways[index];
        if way.node == NONE {
            way.node = self.closed.len() as u32;
            let diagonal = (index != 0).then_some(way.diagonal);
            self.closed.push(Node { diagonal, start: way.start, before: way.before });
        }
        way.node
    }

    /// The best way from its end back to the start.
    fn trace(mut self) -> Vec<Stretch> {
        let mut covers = Vec::new();
        let mut end = self.new.len();
        let mut node = self.close(self.best);
        while node != NONE {
            let Node { diagonal, start, before } = self.closed[node as usize];
            if let Some(diagonal) = diagonal {
                // The model makes leaving the old file dear, not impossible.
                let first = start.max(0usize.saturating_add_signed(diagonal.saturating_neg()));
                let last = end.min(self.old.len().saturating_add_signed(diagonal.saturating_neg()));
                if first < last {
                    covers.push(Stretch { old: first.wrapping_add_signed(diagonal), new: first, len: last - first });
                }
            }
            end = start;
            node = before;
        }
        covers.reverse();
        covers
    }
}

//! What equal blocks leave, packed into buffers of bounded size, so that memory follows the change and not the file.
//!
//! A window holds some gaps between the equal blocks of the new file, each with a margin that shows its surroundings,
//! and the parts of the old file where their origin is likely. Packed one after another they are a small pair of files
//! of their own; what is found there is translated back piece by piece.

use std::ops::Range;

use super::Cover;
use super::path::Stretch;
use crate::error::Result;
use crate::io::ReadAt;
use crate::progress::Task;

/// How much of both files one window may hold.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) old: u64,
    pub(super) new: u64,
}

impl Limits {
    /// With four bytes of suffix array and up to two of filter for each old byte this stays below 1.5 GiB.
    pub(super) const DEFAULT: Limits = Limits { old: 192 << 20, new: 64 << 20 };
}

/// What is kept of the equal surroundings of a gap.
const MARGIN: u64 = 256;

/// Gaps that lie nearer than this are kept with all between them.
const JOIN: u64 = 4 << 10;

/// Old bytes that are searched, per byte of the gaps and at least.
const OLD_PER_NEW: u64 = 16;
const MIN_OLD: u64 = 64 << 10;

/// Parts of both files, packed one after another.
pub(super) struct Window {
    old: Pieces,
    new: Pieces,
    /// Covers of no length where the gaps begin and end: their diagonals, also where a gap is cut or a file ends.
    hints: Vec<Cover>,
}

/// Disjoint parts of a file in their order, and where each begins when they are packed.
struct Pieces(Vec<Piece>);

#[derive(Clone, Copy)]
struct Piece {
    source: u64,
    packed: u64,
    len: u64,
}

/// A stretch of the new file that no cover holds, and the diagonals that lead into and out of it.
struct Gap {
    new: Range<u64>,
    before: u64,
    after: u64,
}

/// Windows over all that `covers` leave of the new file, in its order.
pub(super) fn plan(old_size: u64, new_size: u64, covers: &[Cover], limits: Limits) -> Vec<Window> {
    let gaps = gaps(old_size, new_size, covers, limits.new);
    let unused = unused(old_size, covers);
    let mut windows = Vec::new();
    let mut rest = &gaps[..];
    let mut start = 0;
    while !rest.is_empty() {
        let mut total = 0;
        let fitting = rest.iter().take_while(|gap| {
            total += gap.new.end - gap.new.start;
            total <= limits.new
        });
        let (own, later) = rest.split_at(fitting.count().max(1));
        // The margins of neighbouring windows meet half-way.
        let end = match (own.last(), later.first()) {
            (Some(last), Some(first)) => last.new.end + (first.new.start - last.new.end) / 2,
            _ => new_size,
        };
        let new =
            own.iter().map(|gap| gap.new.start.saturating_sub(MARGIN).max(start)..(gap.new.end + MARGIN).min(end));
        let new = Pieces::new(union(new.collect(), JOIN));
        let hint = |new: u64, diagonal: u64| Cover { old: new.wrapping_add(diagonal), new, len: 0 };
        let hints = own.iter().flat_map(|gap| [hint(gap.new.start, gap.before), hint(gap.new.end, gap.after)]);
        windows.push(Window { old: origin(old_size, own, &unused, limits.old), new, hints: hints.collect() });
        rest = later;
        start = end;
    }
    windows
}

/// The gaps between `covers`, cut where they are longer than `limit`.
fn gaps(old_size: u64, new_size: u64, covers: &[Cover], limit: u64) -> Vec<Gap> {
    let end = Cover { old: old_size, new: new_size, len: 0 };
    let mut gaps = Vec::new();
    let (mut position, mut before) = (0, 0);
    for cover in covers.iter().chain([&end]) {
        while position < cover.new {
            let next = cover.new.min(position + limit);
            gaps.push(Gap { new: position..next, before, after: cover.diagonal() });
            position = next;
        }
        (position, before) = (cover.new_end(), cover.diagonal());
    }
    gaps
}

/// The parts of the old file that `covers` do not use.
fn unused(old_size: u64, covers: &[Cover]) -> Vec<Range<u64>> {
    let used = union(covers.iter().map(|cover| cover.old..cover.old_end()).collect(), 0);
    let starts = [0].into_iter().chain(used.iter().map(|range| range.end));
    let ends = used.iter().map(|range| range.start).chain([old_size]);
    starts.zip(ends).map(|(start, end)| start..end).filter(|range| !range.is_empty()).collect()
}

/// The parts of the old file where the gaps' origin is likely: along the diagonals on both sides of each, then what
/// no cover uses, then more of the surroundings, as far as the gaps are worth it.
fn origin(old_size: u64, gaps: &[Gap], unused: &[Range<u64>], limit: u64) -> Pieces {
    let missing: u64 = gaps.iter().map(|gap| gap.new.end - gap.new.start).sum();
    let budget = limit.min(missing.saturating_mul(OLD_PER_NEW).saturating_add(MIN_OLD));
    if old_size <= budget {
        return Pieces::new(union(std::iter::once(0..old_size).collect(), 0));
    }
    let along = |gap: &Gap, diagonal: u64| {
        let start = gap.new.start.wrapping_add(diagonal) as i64;
        let end = gap.new.end.wrapping_add(diagonal) as i64;
        clip(start.saturating_sub_unsigned(MARGIN), end.saturating_add_unsigned(MARGIN), old_size)
    };
    let near = gaps.iter().flat_map(|gap| [along(gap, gap.before), along(gap, gap.after)]).collect();
    let mut ranges = union(near, 0);
    let mut left = keep(&mut ranges, budget);
    for range in unused {
        if left == 0 {
            break;
        }
        let len = left.min(range.end - range.start);
        ranges.push(range.start..range.start + len);
        left -= len;
    }
    let ranges = union(ranges, 0);
    let held: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    let pad = (budget.saturating_sub(held) / (2 * ranges.len().max(1) as u64)) as i64;
    let padded = ranges.iter().map(|range| clip(range.start as i64 - pad, range.end as i64 + pad, old_size));
    let mut ranges = union(padded.collect(), 0);
    keep(&mut ranges, budget);
    Pieces::new(ranges)
}

fn clip(start: i64, end: i64, size: u64) -> Range<u64> {
    let inside = |position: i64| u64::try_from(position).unwrap_or(0).min(size);
    inside(start)..inside(end)
}

/// Cuts `ranges` off after `budget` bytes and says how much of it is left.
fn keep(ranges: &mut Vec<Range<u64>>, budget: u64) -> u64 {
    let mut left = budget;
    ranges.retain_mut(|range| {
        range.end = range.end.min(range.start + left);
        left -= range.end - range.start;
        !range.is_empty()
    });
    left
}

/// The ranges in their order, those joined that overlap or lie within `distance` of one another.
fn union(mut ranges: Vec<Range<u64>>, distance: u64) -> Vec<Range<u64>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| range.start);
    ranges.dedup_by(|next, previous| {
        let joined = next.start <= previous.end.saturating_add(distance);
        if joined {
            previous.end = previous.end.max(next.end);
        }
        joined
    });
    ranges
}

impl Pieces {
    fn new(ranges: Vec<Range<u64>>) -> Self {
        let mut packed = 0;
        let place = |range: Range<u64>| {
            let len = range.end - range.start;
            packed += len;
            Piece { source: range.start, packed: packed - len, len }
        };
        Self(ranges.into_iter().map(place).collect())
    }

    fn load(&self, source: &dyn ReadAt, task: &Task<'_>) -> Result<Vec<u8>> {
        let len = self.0.last().map_or(0, |last| last.packed + last.len);
        let mut bytes = vec![0; len as usize];
        for piece in &self.0 {
            let target = &mut bytes[piece.packed as usize..][..piece.len as usize];
            for (index, chunk) in target.chunks_mut(4 << 20).enumerate() {
                source.read_at(piece.source + index as u64 * (4 << 20), chunk)?;
                task.check()?;
            }
        }
        Ok(bytes)
    }

    /// The pieces that overlap `range` of the file.
    fn overlapping(&self, range: Range<u64>) -> impl Iterator<Item = &Piece> {
        let first = self.0.partition_point(|piece| piece.source + piece.len <= range.start);
        self.0[first..].iter().take_while(move |piece| piece.source < range.end)
    }

    /// Where `position` of the file is packed, if it lies in a piece or at the end of one.
    fn pack(&self, position: u64) -> Option<u64> {
        let piece = self.0.get(self.0.partition_point(|piece| piece.source + piece.len < position))?;
        Some(position.checked_sub(piece.source)? + piece.packed)
    }

    /// The piece that holds the packed position.
    fn at(&self, packed: u64) -> Option<&Piece> {
        self.0.get(self.0.partition_point(|piece| piece.packed + piece.len <= packed))
    }
}

impl Window {
    /// The packed bytes of both files.
    pub(super) fn load(&self, old: &dyn ReadAt, new: &dyn ReadAt, task: &Task<'_>) -> Result<(Vec<u8>, Vec<u8>)> {
        Ok((self.old.load(old, task)?, self.new.load(new, task)?))
    }

    /// What of `covers` lies in this window, in packed positions, and the diagonals around its gaps.
    pub(super) fn pack(&self, covers: &[Cover]) -> Vec<Stretch> {
        let mut packed = Vec::new();
        for new in &self.new.0 {
            let first = covers.partition_point(|cover| cover.new_end() <= new.source);
            for cover in covers[first..].iter().take_while(|cover| cover.new < new.source + new.len) {
                let from = cover.new.max(new.source);
                let to = cover.new_end().min(new.source + new.len);
                let (from, to) = (from.wrapping_add(cover.diagonal()), to.wrapping_add(cover.diagonal()));
                for old in self.old.overlapping(from..to) {
                    let start = from.max(old.source);
                    packed.push(Stretch {
                        old: (start - old.source + old.packed) as usize,
                        new: (start.wrapping_sub(cover.diagonal()) - new.source + new.packed) as usize,
                        len: (to.min(old.source + old.len) - start) as usize,
                    });
                }
            }
        }
        packed.extend(self.hints.iter().filter_map(|hint| {
            let (old, new) = (self.old.pack(hint.old)?, self.new.pack(hint.new)?);
            Some(Stretch { old: old as usize, new: new as usize, len: 0 })
        }));
        packed.sort_by_key(|stretch| stretch.new);
        packed
    }

    /// `stretches` of packed positions as covers of the files, cut where pieces end.
    pub(super) fn unpack(&self, stretches: &[Stretch], covers: &mut Vec<Cover>) {
        for stretch in stretches {
            let (mut old, mut new, mut len) = (stretch.old as u64, stretch.new as u64, stretch.len as u64);
            while let (Some(from), Some(to), true) = (self.old.at(old), self.new.at(new), len > 0) {
                let count = len.min(from.packed + from.len - old).min(to.packed + to.len - new);
                covers.push(Cover {
                    old: old - from.packed + from.source,
                    new: new - to.packed + to.source,
                    len: count,
                });
                (old, new, len) = (old + count, new + count, len - count);
            }
        }
    }

    /// The parts of the new file that this window decides.
    pub(super) fn decided(&self) -> impl Iterator<Item = Range<u64>> {
        self.new.0.iter().map(|piece| piece.source..piece.source + piece.len)
    }
}

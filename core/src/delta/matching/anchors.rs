//! Long equal stretches of two files wherever they lie, streaming, so that what did not change costs next to no
//! memory and no search.
//!
//! A hash rolls over both files, and the same few of its values are *anchors* in both: content alone decides which
//! positions are looked at, so only the anchors of the old file are kept and only those of the new one looked up. A hit
//! is compared byte by byte and followed both ways before the walk goes on behind it.

use std::ops::Range;

use super::Cover;
use super::bytes::{common_prefix, common_suffix};
use crate::error::Result;
use crate::io::ReadAt;
use crate::progress::Task;

/// The bytes that one hash depends on: it has a bit for each.
const WINDOW: usize = u64::BITS as usize;

/// Most anchors of the old file that are kept.
const MAX_ANCHORS: usize = 1 << 21;

/// One position in two to the power of this is an anchor: in short files, in longer ones, and for each further doubling
/// of a file that would have too many.
const DENSE: u32 = 4;
const SPARSE: u32 = 7;
const SHORT_FILE: u32 = 13;
const LONG_FILE: u32 = MAX_ANCHORS.trailing_zeros() - 1;

/// Bytes read at once, after a first short look.
const CHUNK: usize = 128 << 10;
const FIRST_LOOK: usize = 512;

/// Covers without any addend, in the order of `new`: the common start and end, and equal stretches of at least
/// `shortest` bytes, nearly all of those that are ten times as long as anchors are apart. `task` advances by what they
/// cover.
pub(super) fn equal_stretches(
    old: &dyn ReadAt,
    new: &dyn ReadAt,
    shortest: u64,
    task: &mut Task<'_>,
) -> Result<Vec<Cover>> {
    let shorter = old.size().min(new.size());
    let prefix = equal_forward(old, 0, new, 0, shorter, task)?;
    let suffix = equal_backward(old, old.size(), new, new.size(), shorter - prefix, task)?;
    let mut covers = Covers { list: Vec::new() };
    covers.push(Cover { old: 0, new: 0, len: prefix });
    task.advance(prefix)?;
    let end = new.size() - suffix;
    if end - prefix >= shortest && old.size() >= shortest {
        let table = Table::new(old, task)?;
        let mut roller = Roller::new(new, prefix..end, table.spacing);
        while let Some((position, hash)) = roller.next(task)? {
            let Some(anchor) = table.get(hash) else { continue };
            let after = covers.list.last().map_or(0, Cover::new_end);
            // On the diagonal of the last cover if it can be.
            let continued = covers.list.last().map(|last| position.wrapping_add(last.diagonal()));
            for start in continued.into_iter().chain([anchor]).filter(|&start| start < old.size()) {
                let ahead = equal_forward(old, start, new, position, end - position, task)?;
                if ahead < WINDOW as u64 {
                    continue;
                }
                let behind = equal_backward(old, start, new, position, position - after, task)?;
                if ahead + behind >= shortest {
                    covers.push(Cover { old: start - behind, new: position - behind, len: ahead + behind });
                    task.advance(ahead + behind)?;
                }
                roller = Roller::new(new, position + ahead..end, table.spacing);
                break;
            }
        }
    }
    covers.push(Cover { old: old.size() - suffix, new: end, len: suffix });
    task.advance(suffix)?;
    Ok(covers.list)
}

struct Covers {
    list: Vec<Cover>,
}

impl Covers {
    /// Appends `cover`, or lengthens the last one that it continues.
    fn push(&mut self, cover: Cover) {
        match self.list.last_mut() {
            _ if cover.len == 0 => {}
            Some(last) if last.new_end() == cover.new && last.old_end() == cover.old => last.len += cover.len,
            _ => self.list.push(cover),
        }
    }
}

/// The anchors of the old file.
struct Table {
    /// The binary logarithm of the distance between two anchors.
    spacing: u32,
    /// The hash of each anchor and where the bytes that it depends on begin.
    anchors: Vec<(u64, u64)>,
    /// Open addressing: the number of an anchor plus one; 0 is a free slot.
    slots: Vec<u32>,
}

impl Table {
    fn new(old: &dyn ReadAt, task: &mut Task<'_>) -> Result<Self> {
        let doublings = old.size().max(1).ilog2();
        let spacing =
            doublings.saturating_sub(SHORT_FILE).clamp(DENSE, SPARSE).max(doublings.saturating_sub(LONG_FILE));
        let mut table = Self { spacing, anchors: Vec::new(), slots: vec![0; 1 << 10] };
        let mut roller = Roller::new(old, 0..old.size(), spacing);
        while let Some((position, hash)) = roller.next(task)? {
            table.insert(hash, position);
        }
        Ok(table)
    }

    /// Of equal windows, the first one stays.
    fn insert(&mut self, hash: u64, position: u64) {
        let slot = self.slot(hash);
        if self.slots[slot] != 0 || self.anchors.len() == MAX_ANCHORS {
            return;
        }
        self.anchors.push((hash, position));
        self.slots[slot] = self.anchors.len() as u32;
        if self.anchors.len() * 2 > self.slots.len() {
            self.slots = vec![0; self.slots.len() * 2];
            for number in 0..self.anchors.len() {
                let slot = self.slot(self.anchors[number].0);
                self.slots[slot] = number as u32 + 1;
            }
        }
    }

    /// The slot of `hash`, or the free one where it belongs.
    fn slot(&self, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (mix(hash) >> 20) as usize & mask;
        while self.slots[slot] != 0 && self.anchors[self.slots[slot] as usize - 1].0 != hash {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn get(&self, hash: u64) -> Option<u64> {
        let number = self.slots[self.slot(hash)].checked_sub(1)?;
        Some(self.anchors[number as usize].1)
    }
}

/// The upper bits of an anchor's hash are all zero, and the lower ones depend on few bytes.
fn mix(hash: u64) -> u64 {
    (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// A random number for each byte.
const GEAR: [u64; 256] = {
    let mut gear = [0; 256];
    let mut state = 0u64;
    let mut byte = 0;
    while byte < 256 {
        // The generator SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        gear[byte] = z ^ (z >> 31);
        byte += 1;
    }
    gear
};

/// The anchors of a range of a file in turn.
struct Roller<'a> {
    source: &'a dyn ReadAt,
    /// What is not read yet.
    rest: Range<u64>,
    /// Hashes below this are anchors.
    limit: u64,
    buffer: Vec<u8>,
    /// The position in the buffer of the next byte.
    next: usize,
    hash: u64,
    /// Bytes that have to follow until the hash depends on a whole window.
    missing: usize,
    last: Option<u64>,
}

impl<'a> Roller<'a> {
    fn new(source: &'a dyn ReadAt, rest: Range<u64>, spacing: u32) -> Self {
        let limit = 1 << (u64::BITS - spacing);
        Self { source, rest, limit, buffer: Vec::new(), next: 0, hash: 0, missing: WINDOW, last: None }
    }

    /// Where the window of the next anchor begins, and its hash.
    fn next(&mut self, task: &Task<'_>) -> Result<Option<(u64, u64)>> {
        loop {
            if self.next == self.buffer.len() && !self.refill(task)? {
                return Ok(None);
            }
            let unread = &self.buffer[self.next..];
            let (begin, roll) = unread.split_at(self.missing.min(unread.len()));
            let mut hash = begin.iter().fold(self.hash, |hash, &byte| roll_in(hash, byte));
            self.missing -= begin.len();
            let found = roll.iter().position(|&byte| {
                hash = roll_in(hash, byte);
                hash < self.limit
            });
            self.hash = hash;
            self.next += begin.len() + found.map_or(roll.len(), |index| index + 1);
            // In a run, every window has the same hash.
            if found.is_some() && self.last.replace(hash) != Some(hash) {
                let end = self.rest.start - (self.buffer.len() - self.next) as u64;
                return Ok(Some((end - WINDOW as u64, hash)));
            }
        }
    }

    /// Reads on. False if nothing is left.
    fn refill(&mut self, task: &Task<'_>) -> Result<bool> {
        task.check()?;
        let wanted = if self.buffer.is_empty() { FIRST_LOOK * 8 } else { CHUNK };
        let count = (self.rest.end - self.rest.start).min(wanted as u64) as usize;
        self.buffer.resize(count, 0);
        self.source.read_at(self.rest.start, &mut self.buffer)?;
        self.rest.start += count as u64;
        self.next = 0;
        Ok(count > 0)
    }
}

fn roll_in(hash: u64, byte: u8) -> u64 {
    (hash << 1).wrapping_add(GEAR[usize::from(byte)])
}

/// How many of at most `limit` bytes from the two positions on are equal.
fn equal_forward(
    old: &dyn ReadAt,
    old_start: u64,
    new: &dyn ReadAt,
    new_start: u64,
    limit: u64,
    task: &Task<'_>,
) -> Result<u64> {
    let limit = limit.min(old.size() - old_start).min(new.size() - new_start);
    let mut buffers = Buffers::default();
    let mut len = 0;
    while len < limit {
        let count = buffers.next_len(limit - len);
        let (a, b) = buffers.read(old, old_start + len, new, new_start + len, count)?;
        let equal = common_prefix(a, b);
        len += equal as u64;
        if equal < count {
            break;
        }
        task.check()?;
    }
    Ok(len)
}

/// How many of at most `limit` bytes before the two positions are equal.
fn equal_backward(
    old: &dyn ReadAt,
    old_end: u64,
    new: &dyn ReadAt,
    new_end: u64,
    limit: u64,
    task: &Task<'_>,
) -> Result<u64> {
    let limit = limit.min(old_end).min(new_end);
    let mut buffers = Buffers::default();
    let mut len = 0;
    while len < limit {
        let count = buffers.next_len(limit - len);
        let behind = len + count as u64;
        let (a, b) = buffers.read(old, old_end - behind, new, new_end - behind, count)?;
        let equal = common_suffix(a, b);
        len += equal as u64;
        if equal < count {
            break;
        }
        task.check()?;
    }
    Ok(len)
}

/// Room for both sides of a comparison, longer with each step, because most comparisons end early.
#[derive(Default)]
struct Buffers {
    old: Vec<u8>,
    new: Vec<u8>,
}

impl Buffers {
    fn next_len(&self, limit: u64) -> usize {
        (self.old.len() * 4).clamp(FIRST_LOOK, CHUNK).min(usize::try_from(limit).unwrap_or(CHUNK))
    }

    fn read(
        &mut self,
        old: &dyn ReadAt,
        old_start: u64,
        new: &dyn ReadAt,
        new_start: u64,
        len: usize,
    ) -> Result<(&[u8], &[u8])> {
        self.old.resize(len, 0);
        self.new.resize(len, 0);
        old.read_at(old_start, &mut self.old)?;
        new.read_at(new_start, &mut self.new)?;
        Ok((&self.old, &self.new))
    }
}

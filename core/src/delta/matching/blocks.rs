//! Equal blocks of two files wherever they lie, streaming, so that what did not change costs neither memory nor a
//! suffix array.
//!
//! The old file is cut into aligned blocks whose hashes go into a table; a hash that rolls over the new file finds
//! them at any position. A hit is compared byte by byte and followed both ways before the walk goes on behind it.

use super::Cover;
use super::bytes::{common_prefix, common_suffix};
use crate::error::Result;
use crate::io::ReadAt;
use crate::progress::Task;

/// Blocks of the old file in the table; larger files get longer blocks instead.
const MAX_BLOCKS: u64 = 1 << 19;

const MIN_BLOCK: u64 = 512;

/// Bytes read at once, after a first short look.
const CHUNK: usize = 128 << 10;
const FIRST_LOOK: usize = 1 << 10;

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// The block length for an old file of `size` bytes.
pub(super) fn block_len(size: u64) -> usize {
    (size / MAX_BLOCKS).next_power_of_two().max(MIN_BLOCK) as usize
}

/// Covers without any addend, in the order of `new`: the common start and end, and equal blocks of `block_len` bytes.
/// `task` advances by what they cover.
pub(super) fn equal_blocks(
    old: &dyn ReadAt,
    new: &dyn ReadAt,
    block_len: usize,
    task: &mut Task<'_>,
) -> Result<Vec<Cover>> {
    let shorter = old.size().min(new.size());
    let prefix = equal_forward(old, 0, new, 0, shorter, task)?;
    let suffix = equal_backward(old, old.size(), new, new.size(), shorter - prefix, task)?;
    let mut covers = Covers { list: Vec::new() };
    covers.push(Cover { old: 0, new: 0, len: prefix });
    task.advance(prefix)?;
    let end = new.size() - suffix;
    if end - prefix >= block_len as u64 && old.size() >= block_len as u64 {
        let table = Table::new(old, block_len, task)?;
        let mut roller = Roller::new(new, prefix, end, block_len);
        while let Some((position, hash)) = roller.find(&table.filter, task)? {
            let after = covers.list.last().map_or(0, Cover::new_end);
            let Some(start) = table.confirm(old, new, position, hash, covers.list.last(), task)? else { continue };
            let back = equal_backward(old, start, new, position, position - after, task)?;
            let (start, position) = (start - back, position - back);
            let len = equal_forward(old, start, new, position, end - position, task)?;
            covers.push(Cover { old: start, new: position, len });
            task.advance(len)?;
            roller = Roller::new(new, position + len, end, block_len);
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

/// The hashes of the aligned blocks of the old file.
struct Table {
    block_len: usize,
    filter: Filter,
    /// Open addressing: the hash of a block and its number plus one; 0 is a free slot.
    slots: Vec<(u64, u32)>,
}

/// Tells most positions of the new file apart from any block without leaving the fast cache.
struct Filter {
    bits: Vec<u64>,
    shift: u32,
}

impl Table {
    fn new(old: &dyn ReadAt, block_len: usize, task: &mut Task<'_>) -> Result<Self> {
        let blocks = (old.size() / block_len as u64) as usize;
        let bits = (blocks * 8).next_power_of_two().max(64);
        let filter = Filter { bits: vec![0; bits / 64], shift: 64 - bits.trailing_zeros() };
        // At least one slot stays free, where a search for what is not there ends.
        let slots = vec![(0, 0); (blocks * 3 / 2 + 1).next_power_of_two()];
        let mut table = Self { block_len, filter, slots };
        let mut chunk = vec![0; (CHUNK / block_len).max(1) * block_len];
        let mut number = 0;
        while number < blocks {
            let count = (blocks - number).min(chunk.len() / block_len);
            let bytes = &mut chunk[..count * block_len];
            old.read_at((number * block_len) as u64, bytes)?;
            for block in bytes.chunks_exact(block_len) {
                table.insert(block.iter().fold(0, |hash, &byte| roll_in(hash, byte)), number as u32 + 1);
                number += 1;
            }
            task.check()?;
        }
        Ok(table)
    }

    /// Of equal blocks, the first one stays.
    fn insert(&mut self, hash: u64, tag: u32) {
        let slot = self.slot(hash);
        if self.slots[slot].1 == 0 {
            self.slots[slot] = (hash, tag);
            let (word, bit) = self.filter.place(hash);
            self.filter.bits[word] |= bit;
        }
    }

    /// The slot of `hash`, or the free one where it belongs.
    fn slot(&self, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (mix(hash) >> 20) as usize & mask;
        while self.slots[slot].1 != 0 && self.slots[slot].0 != hash {
            slot = (slot + 1) & mask;
        }
        slot
    }

    /// Where the old file holds the block that begins at `position`: on the diagonal of the last cover if it can be.
    fn confirm(
        &self,
        old: &dyn ReadAt,
        new: &dyn ReadAt,
        position: u64,
        hash: u64,
        last: Option<&Cover>,
        task: &Task<'_>,
    ) -> Result<Option<u64>> {
        let (_, tag) = self.slots[self.slot(hash)];
        if tag == 0 {
            return Ok(None);
        }
        let continued = last.map(|last| position.wrapping_add(last.diagonal()));
        let block = u64::from(tag - 1) * self.block_len as u64;
        let len = self.block_len as u64;
        for start in continued.into_iter().chain([block]) {
            let fits = start.checked_add(len).is_some_and(|end| end <= old.size());
            if fits && equal_forward(old, start, new, position, len, task)? == len {
                return Ok(Some(start));
            }
        }
        Ok(None)
    }
}

impl Filter {
    fn place(&self, hash: u64) -> (usize, u64) {
        let bit = mix(hash) >> self.shift;
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    fn contains(&self, hash: u64) -> bool {
        let (word, bit) = self.place(hash);
        self.bits[word] & bit != 0
    }
}

fn roll_in(hash: u64, byte: u8) -> u64 {
    // A run of zeros must not hash to zero whatever its length.
    hash.wrapping_mul(MULTIPLIER).wrapping_add(u64::from(byte) + 1)
}

/// The upper bits of a polynomial hash depend on all of its bytes only after this.
fn mix(hash: u64) -> u64 {
    (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// The hash of each window of the new file in turn.
struct Roller<'a> {
    new: &'a dyn ReadAt,
    end: u64,
    block_len: usize,
    /// What the byte that leaves the window has become by then.
    leaving: u64,
    buffer: Vec<u8>,
    /// The file position of the start of the buffer.
    base: u64,
    /// The position in the buffer behind the window.
    next: usize,
    hash: u64,
}

impl<'a> Roller<'a> {
    fn new(new: &'a dyn ReadAt, start: u64, end: u64, block_len: usize) -> Self {
        let leaving = (0..block_len).fold(1u64, |power, _| power.wrapping_mul(MULTIPLIER));
        Self { new, end, block_len, leaving, buffer: Vec::new(), base: start, next: 0, hash: 0 }
    }

    /// The next window whose hash may be that of a block: its position and its hash.
    fn find(&mut self, filter: &Filter, task: &Task<'_>) -> Result<Option<(u64, u64)>> {
        loop {
            if self.next < self.block_len {
                if !self.refill()? {
                    return Ok(None);
                }
                self.hash = self.buffer[..self.block_len].iter().fold(0, |hash, &byte| roll_in(hash, byte));
                self.next = self.block_len;
                if filter.contains(self.hash) {
                    return Ok(Some((self.base, self.hash)));
                }
            }
            let mut hash = self.hash;
            let (leaving, entering) = (&self.buffer[self.next - self.block_len..], &self.buffer[self.next..]);
            for (index, (&entering, &leaving)) in entering.iter().zip(leaving).enumerate() {
                hash = roll_in(hash, entering).wrapping_sub(self.leaving.wrapping_mul(u64::from(leaving) + 1));
                if filter.contains(hash) {
                    self.hash = hash;
                    self.next += index + 1;
                    return Ok(Some((self.base + (self.next - self.block_len) as u64, hash)));
                }
            }
            self.hash = hash;
            task.check()?;
            // The window stays, as the start of what is read next.
            let window = self.buffer.len() - self.block_len;
            self.base += window as u64;
            self.buffer.drain(..window);
            self.next = self.block_len;
            if !self.refill()? {
                return Ok(None);
            }
        }
    }

    /// Reads on behind the buffer. False if no byte is left behind the window.
    fn refill(&mut self) -> Result<bool> {
        let held = self.buffer.len();
        let position = self.base + held as u64;
        let wanted = if held == 0 { FIRST_LOOK.max(2 * self.block_len) } else { CHUNK };
        let count = (self.end - position).min(wanted as u64) as usize;
        self.buffer.resize(held + count, 0);
        self.new.read_at(position, &mut self.buffer[held..])?;
        Ok(count > 0 && self.buffer.len() >= self.block_len)
    }
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

//! Sparse addends as columns: how far apart they are, how long, and their values.
//!
//! Addends of typed data differ by the byte's place in its element: the low mantissa byte of a float is noise, its
//! exponent hardly ever changes. So the addend positions of a segment are dealt into 1, 2, 4 or 8 *lanes* by their
//! output offset modulo that width, and each lane has columns of its own. With one lane this is a plain run-length
//! code of the zeros. No container is parsed for it: the encoder tries the widths and keeps what is smallest.

use super::format::{put_varint, take_varint};
use super::ops::OperationSink;
use crate::error::{Error, Result};

/// The widths a segment may have, as written in its frame; 0 stands for no addends at all.
pub(crate) const WIDTHS: [u8; 4] = [1, 2, 4, 8];

/// A run of zeros shorter than this is kept among the values while addends are collected.
const MERGE: u64 = 8;

/// The addends of one segment while it is being built: `(zeros before, length)` of each run, and the bytes of all.
#[derive(Default)]
pub(crate) struct Addends {
    runs: Vec<(u64, u64)>,
    values: Vec<u8>,
    /// Zeros since the last run.
    zeros: u64,
}

impl Addends {
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(crate) fn values(&self) -> usize {
        self.values.len()
    }

    /// How many addends are not zero.
    pub(crate) fn changed(&self) -> usize {
        self.values.iter().filter(|&&value| value != 0).count()
    }

    /// The addends that are not zero, each with the zeros before it.
    pub(crate) fn gaps_and_values(&self) -> Vec<(u64, u8)> {
        let mut pairs = Vec::with_capacity(self.changed());
        let mut values = &self.values[..];
        let mut gap = 0;
        for &(zeros, len) in &self.runs {
            gap += zeros;
            let (run, rest) = values.split_at(len as usize);
            values = rest;
            for &value in run {
                if value == 0 {
                    gap += 1;
                } else {
                    pairs.push((gap, value));
                    gap = 0;
                }
            }
        }
        pairs
    }

    /// At most how many bytes the columns of [`split`] will have with one lane.
    pub(crate) fn stream_bytes(&self) -> usize {
        self.values.len() + self.runs.len() * 8
    }

    pub(crate) fn push_zeros(&mut self, len: u64) {
        self.zeros += len;
    }

    pub(crate) fn push(&mut self, mut addend: &[u8]) {
        while !addend.is_empty() {
            let zeros = leading_zeros(addend);
            self.zeros += zeros as u64;
            addend = &addend[zeros..];
            let len = nonzero_len(addend);
            if len == 0 {
                continue;
            }
            let (run, rest) = addend.split_at(len);
            match self.runs.last_mut() {
                Some((_, last_len)) if self.zeros < MERGE => {
                    *last_len += self.zeros + len as u64;
                    self.values.resize(self.values.len() + self.zeros as usize, 0);
                }
                _ => self.runs.push((self.zeros, len as u64)),
            }
            self.zeros = 0;
            self.values.extend_from_slice(run);
            addend = rest;
        }
    }
}

fn leading_zeros(bytes: &[u8]) -> usize {
    let words = bytes.chunks_exact(8).take_while(|word| **word == [0; 8]).count() * 8;
    words + bytes[words..].iter().take_while(|&&byte| byte == 0).count()
}

fn nonzero_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| byte != 0).count()
}

/// The columns of one lane.
#[derive(Clone, Default)]
pub(crate) struct Lane {
    /// Varint lengths of the zeros before each run.
    pub(crate) zeros: Vec<u8>,
    /// Varint lengths of the runs; empty where every run has length 1.
    pub(crate) runs: Vec<u8>,
    /// The bytes of the runs.
    pub(crate) values: Vec<u8>,
    gap: u64,
    open: u64,
}

impl Lane {
    fn push_zeros(&mut self, count: u64) {
        self.gap += count;
    }

    /// Runs end where at least `merge` zeros follow.
    fn push(&mut self, mut bytes: &[u8], merge: u64) {
        loop {
            let zeros = leading_zeros(bytes);
            self.gap += zeros as u64;
            bytes = &bytes[zeros..];
            if bytes.is_empty() {
                return;
            }
            let (run, rest) = bytes.split_at(if merge == ALONE { 1 } else { run_len(bytes, merge) });
            if self.open > 0 && self.gap < merge {
                self.values.resize(self.values.len() + self.gap as usize, 0);
                self.open += self.gap + run.len() as u64;
            } else {
                self.close();
                put_varint(&mut self.zeros, self.gap);
                self.open = if merge == ALONE { 0 } else { run.len() as u64 };
            }
            self.gap = 0;
            self.values.extend_from_slice(run);
            bytes = rest;
        }
    }

    fn close(&mut self) {
        if self.open > 0 {
            put_varint(&mut self.runs, self.open);
            self.open = 0;
        }
    }

    pub(crate) fn stream_bytes(&self) -> usize {
        self.zeros.len() + self.runs.len() + self.values.len()
    }
}

/// How long a run is that begins `bytes` with a value and ends with one: before `merge` zeros or the end.
fn run_len(bytes: &[u8], merge: u64) -> usize {
    let mut len = nonzero_len(bytes);
    loop {
        let zeros = leading_zeros(&bytes[len..]);
        if zeros as u64 >= merge || len + zeros == bytes.len() {
            return len;
        }
        len += zeros + nonzero_len(&bytes[len + zeros..]);
    }
}

/// How many neighbouring values of a trial are dealt together.
const TRIAL_BLOCK: usize = 8 << 10;

/// A `merge` for which every value is a run of its own.
pub(crate) const ALONE: u64 = 0;

/// Deals `addends` into `width` lanes. `copies` are the (output offset, length) of the segment's copies in order.
/// Zero runs shorter than `merge` stay among the values. For a trial, only one block of values in `every` is dealt.
pub(crate) fn split(
    addends: &Addends,
    copies: impl Iterator<Item = (u64, u64)>,
    width: u8,
    merge: u64,
    every: usize,
) -> Vec<Lane> {
    let mut lanes = vec![Lane::default(); usize::from(width)];
    let mut dealer = Dealer { copies, offset: 0, left: 0, width: u64::from(width), lane: Vec::new() };
    let mut position = 0;
    for &(zeros, len) in &addends.runs {
        let run = &addends.values[position..position + len as usize];
        if !(position / TRIAL_BLOCK).is_multiple_of(every) {
            position += run.len();
            dealer.skip(zeros + len, &mut lanes);
            continue;
        }
        position += run.len();
        dealer.skip(zeros, &mut lanes);
        dealer.deal(run, merge, &mut lanes);
    }
    lanes.iter_mut().for_each(Lane::close);
    lanes
}

/// Walks the copied positions of a segment in order and knows each one's lane.
struct Dealer<I> {
    copies: I,
    offset: u64,
    left: u64,
    width: u64,
    /// The bytes of one lane.
    lane: Vec<u8>,
}

impl<I: Iterator<Item = (u64, u64)>> Dealer<I> {
    fn refill(&mut self) {
        while self.left == 0 {
            match self.copies.next() {
                Some((offset, len)) => (self.offset, self.left) = (offset, len),
                None => return,
            }
        }
    }

    fn skip(&mut self, mut count: u64, lanes: &mut [Lane]) {
        while count > 0 {
            self.refill();
            let n = count.min(self.left);
            if n == 0 {
                return;
            }
            match lanes {
                [only] => only.push_zeros(n),
                _ => lanes.iter_mut().enumerate().for_each(|(lane, columns)| {
                    columns.push_zeros(positions_in_lane(self.offset, n, lane as u64, self.width));
                }),
            }
            self.offset += n;
            self.left -= n;
            count -= n;
        }
    }

    fn deal(&mut self, mut run: &[u8], merge: u64, lanes: &mut [Lane]) {
        while !run.is_empty() {
            self.refill();
            // Behind the last copy there is nothing to deal; the encoder never gets there.
            let n = (run.len() as u64).min(self.left.max(1)) as usize;
            let (head, rest) = run.split_at(n);
            match lanes {
                [only] => only.push(head, merge),
                _ => {
                    let width = self.width as usize;
                    let phase = (self.offset % self.width) as usize;
                    for (index, lane) in lanes.iter_mut().enumerate() {
                        let first = (index + width - phase) % width;
                        self.lane.clear();
                        self.lane.extend(head.iter().skip(first).step_by(width));
                        lane.push(&self.lane, merge);
                    }
                }
            }
            self.offset += n as u64;
            self.left = self.left.saturating_sub(n as u64);
            run = rest;
        }
    }
}

/// How many of the `len` offsets from `offset` on are congruent to `lane` modulo `width`.
#[inline]
fn positions_in_lane(offset: u64, len: u64, lane: u64, width: u64) -> u64 {
    let first = (lane + width - offset % width) % width;
    if len > first { (len - first).div_ceil(width) } else { 0 }
}

/// Reads one lane back.
pub(crate) struct LaneReader<'c> {
    zeros: &'c [u8],
    runs: &'c [u8],
    values: &'c [u8],
    /// Whether every run has length 1.
    alone: bool,
    gap: u64,
    run: u64,
}

impl<'c> LaneReader<'c> {
    pub(crate) fn new(zeros: &'c [u8], runs: &'c [u8], values: &'c [u8]) -> Self {
        Self { zeros, runs, values, alone: runs.is_empty(), gap: 0, run: 0 }
    }

    /// Makes sure that zeros or values are at hand; after the last run, zeros without end.
    #[inline(always)]
    fn prime(&mut self) -> Result<()> {
        if self.gap > 0 || self.run > 0 {
            return Ok(());
        }
        if self.zeros.is_empty() {
            self.gap = u64::MAX;
            return Ok(());
        }
        let gap = take_varint(&mut self.zeros).ok_or_else(damaged)?;
        let run = if self.alone { 1 } else { take_varint(&mut self.runs).ok_or_else(damaged)? };
        if run == 0 || run > self.values.len() as u64 || gap == u64::MAX {
            return Err(damaged());
        }
        (self.gap, self.run) = (gap, run);
        Ok(())
    }

    /// Takes `count` zeros that [`prime`](Self::prime) has at hand.
    fn skip_zeros(&mut self, count: u64) {
        if self.gap != u64::MAX {
            self.gap -= count;
        }
    }

    fn take_values(&mut self, count: u64) -> &'c [u8] {
        let (head, tail) = self.values.split_at(count as usize);
        self.values = tail;
        self.run -= count;
        head
    }

    /// Writes the next values to every `width`th byte of `addend`.
    fn scatter(&mut self, addend: &mut [u8], width: usize) -> Result<()> {
        let mut at = 0;
        while at < addend.len() {
            self.prime()?;
            let places = ((addend.len() - at).div_ceil(width)) as u64;
            if self.gap > 0 {
                let n = self.gap.min(places);
                self.skip_zeros(n);
                at += n as usize * width;
            } else {
                for &value in self.take_values(self.run.min(places)) {
                    addend[at] = value;
                    at += width;
                }
            }
        }
        Ok(())
    }

    /// The same without its columns, and how much is left of each.
    fn detach(self) -> (LaneReader<'static>, [usize; 3]) {
        let rest = [self.zeros, self.runs, self.values].map(<[u8]>::len);
        let Self { alone, gap, run, .. } = self;
        (LaneReader { zeros: &[], runs: &[], values: &[], alone, gap, run }, rest)
    }

    fn is_exhausted(&self) -> bool {
        self.zeros.is_empty() && self.runs.is_empty() && self.values.is_empty() && self.run == 0
    }
}

fn damaged() -> Error {
    Error::corrupt("the addends of a segment do not fit its copies")
}

/// Reads the addends of a segment and hands each copy with them to a sink.
pub(crate) struct AddendReader<'c> {
    lanes: Vec<LaneReader<'c>>,
    dense: Vec<u8>,
}

/// How far addends were read, without their columns.
pub(crate) struct DetachedAddends(Vec<(LaneReader<'static>, [usize; 3])>);

impl DetachedAddends {
    /// Reads on; `columns` are the zeros, runs and values of each lane, whole.
    pub(crate) fn attach<'c>(self, columns: impl Iterator<Item = [&'c [u8]; 3]>) -> AddendReader<'c> {
        let lanes = self.0.into_iter().zip(columns).map(|((lane, rest), columns)| {
            let [zeros, runs, values] = std::array::from_fn(|index| end_of(columns[index], rest[index]));
            LaneReader { zeros, runs, values, ..lane }
        });
        AddendReader::new(lanes.collect())
    }
}

/// The last `len` bytes of `column`.
pub(crate) fn end_of(column: &[u8], len: usize) -> &[u8] {
    &column[column.len() - len..]
}

/// How much of several lanes is interleaved at a time, in bytes.
const DENSE_CHUNK: usize = 8 << 10;

impl<'c> AddendReader<'c> {
    pub(crate) fn new(lanes: Vec<LaneReader<'c>>) -> Self {
        Self { lanes, dense: Vec::new() }
    }

    /// Hands the copy of `len` old bytes from `from`, which the output has at `offset`, to `sink`.
    pub(crate) fn copy(
        &mut self,
        mut from: u64,
        mut offset: u64,
        mut len: u64,
        sink: &mut (impl OperationSink + ?Sized),
    ) -> Result<()> {
        while len > 0 {
            let taken = match &mut self.lanes[..] {
                [] => {
                    sink.copy(from, len)?;
                    len
                }
                [lane] => {
                    lane.prime()?;
                    let zeros = lane.gap.min(len);
                    lane.skip_zeros(zeros);
                    let run = lane.run.min(len - zeros);
                    match run {
                        0 => sink.copy(from, zeros)?,
                        _ => sink.copy_zeros_add(from, zeros, lane.take_values(run))?,
                    }
                    zeros + run
                }
                _ => self.interleave(from, offset, len, sink)?,
            };
            from += taken;
            offset += taken;
            len -= taken;
        }
        Ok(())
    }

    fn interleave(
        &mut self,
        from: u64,
        offset: u64,
        len: u64,
        sink: &mut (impl OperationSink + ?Sized),
    ) -> Result<u64> {
        let width = self.lanes.len();
        let mut common_gap = u64::MAX;
        for lane in &mut self.lanes {
            lane.prime()?;
            common_gap = common_gap.min(lane.gap);
        }
        let zeros = common_gap.saturating_mul(width as u64).min(len);
        if zeros > 0 {
            for (index, lane) in self.lanes.iter_mut().enumerate() {
                lane.skip_zeros(positions_in_lane(offset, zeros, index as u64, width as u64));
            }
            sink.copy(from, zeros)?;
            return Ok(zeros);
        }
        let n = len.min(DENSE_CHUNK as u64) as usize;
        self.dense.clear();
        self.dense.resize(n, 0);
        let phase = (offset % width as u64) as usize;
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            let first = (index + width - phase) % width;
            if first < n {
                lane.scatter(&mut self.dense[first..], width)?;
            }
        }
        sink.copy_add(from, &self.dense)?;
        Ok(n as u64)
    }

    /// The same without its columns.
    pub(crate) fn detach(self) -> DetachedAddends {
        DetachedAddends(self.lanes.into_iter().map(LaneReader::detach).collect())
    }

    /// Fails unless every value was used.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.lanes.iter().all(LaneReader::is_exhausted) { Ok(()) } else { Err(damaged()) }
    }
}

//! One segment being built: its operations as columns, its addends dealt into lanes, and its frame.

use super::codec::{Allowance, ColumnEncoder, Content};
use super::format::{CHECK_LEN, put_varint, zigzag};
use super::lanes::{ALONE, Addends, Lane, WIDTHS, split};
use super::levels::{LZMA_NANOSECONDS, MIXING_NANOSECONDS};
use super::mixing::{self, Copied, Model};
use crate::error::Result;

/// An encoded segment.
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    /// The lengths of its decoded columns together, and the number of values that are mixed.
    pub(super) stream_bytes: u64,
    /// What decoding it takes of memory, itself included.
    pub(super) memory: u64,
}

/// Collects the operations of one segment as columns.
pub(super) struct SegmentBuilder {
    pub(super) output_start: u64,
    pub(super) output_end: u64,
    insert_lens: Vec<u8>,
    copy_lens: Vec<u8>,
    from_steps: Vec<u8>,
    literals: Vec<u8>,
    addends: Addends,
    copies: Vec<Copied>,
    /// Where the last copy ends in the old file, or where the first one is expected.
    predicted: u64,
    /// Bytes inserted since the last copy.
    inserted: u64,
    /// The copy that the next operation may continue.
    open: Option<OpenCopy>,
}

struct OpenCopy {
    inserted_before: u64,
    from: u64,
    output_start: u64,
    len: u64,
}

impl SegmentBuilder {
    pub(super) fn starting_at(output: u64) -> Self {
        Self {
            output_start: output,
            output_end: output,
            insert_lens: Vec::new(),
            copy_lens: Vec::new(),
            from_steps: Vec::new(),
            literals: Vec::new(),
            addends: Addends::default(),
            copies: Vec::new(),
            predicted: output,
            inserted: 0,
            open: None,
        }
    }

    pub(super) fn stream_bytes(&self) -> usize {
        self.plain_bytes() + self.addends.stream_bytes()
    }

    pub(super) fn is_literal(&self) -> bool {
        self.copies.is_empty() && self.open.is_none()
    }

    pub(super) fn insert(&mut self, bytes: &[u8]) {
        self.close_copy();
        self.literals.extend_from_slice(bytes);
        self.inserted += bytes.len() as u64;
        self.output_end += bytes.len() as u64;
    }

    pub(super) fn copy(&mut self, from: u64, len: u64) {
        self.extend_copy(from, len);
        self.addends.push_zeros(len);
    }

    pub(super) fn copy_add(&mut self, from: u64, addend: &[u8]) {
        self.extend_copy(from, addend.len() as u64);
        self.addends.push(addend);
    }

    fn extend_copy(&mut self, from: u64, len: u64) {
        match &mut self.open {
            Some(copy) if copy.from + copy.len == from => copy.len += len,
            _ => {
                self.close_copy();
                self.open = Some(OpenCopy {
                    inserted_before: std::mem::take(&mut self.inserted),
                    from,
                    output_start: self.output_end,
                    len,
                });
            }
        }
        self.output_end += len;
    }

    fn close_copy(&mut self) {
        if let Some(copy) = self.open.take() {
            put_varint(&mut self.insert_lens, copy.inserted_before);
            put_varint(&mut self.copy_lens, copy.len);
            put_varint(&mut self.from_steps, zigzag(copy.from.wrapping_sub(self.predicted) as i64));
            self.copies.push(Copied { offset: copy.output_start, len: copy.len, from: copy.from });
            self.predicted = copy.from + copy.len;
        }
    }

    /// What an applier would take at most for the slow codecs, in nanoseconds, when addends are mixed and when they are not.
    pub(super) fn decoding_time(&self) -> (u64, u64) {
        let plain = self.plain_bytes() as u64;
        let mixed = self.addends.changed() as u64 * MIXING_NANOSECONDS + plain * LZMA_NANOSECONDS;
        (mixed, self.stream_bytes() as u64 * LZMA_NANOSECONDS)
    }

    /// The lengths of the columns that hold no addends.
    fn plain_bytes(&self) -> usize {
        self.insert_lens.len() + self.copy_lens.len() + self.from_steps.len() + self.literals.len()
    }

    /// The frame of the segment. Its decoded columns take at most `limit` bytes of memory, decoding it at most twice as
    /// much, and the slow codecs at most so many `nanoseconds` of an applier.
    pub(super) fn encode(
        mut self,
        check: Option<u32>,
        limit: usize,
        nanoseconds: u64,
        columns: &mut ColumnEncoder,
    ) -> Result<Frame> {
        self.close_copy();
        let frame = self.encode_within(check, limit, nanoseconds, columns)?;
        if frame.memory <= 2 * limit as u64 {
            return Ok(frame);
        }
        // Without the slow codecs and their memory, frame and columns always fit.
        self.encode_within(check, limit, 0, columns)
    }

    fn encode_within(
        &self,
        check: Option<u32>,
        limit: usize,
        nanoseconds: u64,
        columns: &mut ColumnEncoder,
    ) -> Result<Frame> {
        let mut allowance = Allowance { nanoseconds, stream_bytes: self.stream_bytes() };
        let mixed = self.mix(limit, &mut allowance, columns)?;
        let mut bytes = Vec::new();
        put_varint(&mut bytes, self.output_end - self.output_start);
        put_varint(&mut bytes, self.copies.len() as u64);
        let coding_at = bytes.len();
        bytes.push(0);
        bytes.push(u8::from(check.is_some()));
        if let Some(check) = check {
            bytes.extend_from_slice(&check.to_le_bytes());
        }
        let mut working_memory = 0;
        let literals = if self.is_literal() { Content::Whole } else { Content::Plain };
        for (column, content) in [
            (&self.insert_lens, Content::Plain),
            (&self.copy_lens, Content::Plain),
            (&self.from_steps, Content::Plain),
            (&self.literals, literals),
        ] {
            working_memory = columns.encode(column, content, &mut allowance, &mut bytes)?.max(working_memory);
        }
        let mut addends = self.encode_lanes(limit, &mut allowance, columns)?;
        working_memory = addends.memory.max(working_memory);
        if let Some(mixed) = mixed
            && mixed.bytes.len() < addends.bytes.len()
        {
            working_memory = working_memory.max(mixed.memory);
            addends = mixed;
        }
        bytes[coding_at] = addends.coding;
        bytes.extend_from_slice(&addends.bytes);
        let frame_check = crc32fast::hash(&bytes);
        bytes.reserve_exact(CHECK_LEN);
        bytes.extend_from_slice(&frame_check.to_le_bytes());
        let memory = (bytes.len() + self.plain_bytes()) as u64 + addends.columns + working_memory;
        Ok(Frame { bytes, stream_bytes: self.plain_bytes() as u64 + addends.stream_bytes, memory })
    }

    /// The addends as columns.
    fn encode_lanes(
        &self,
        limit: usize,
        allowance: &mut Allowance,
        columns: &mut ColumnEncoder,
    ) -> Result<EncodedAddends> {
        let lanes = self.choose_lanes(limit, columns)?;
        let stream_bytes = lanes.iter().map(Lane::stream_bytes).sum::<usize>() as u64;
        let mut encoded =
            EncodedAddends { coding: lanes.len() as u8, stream_bytes, columns: stream_bytes, ..Default::default() };
        for lane in &lanes {
            for column in [&lane.zeros, &lane.runs, &lane.values] {
                let memory = columns.encode(column, Content::Addends, allowance, &mut encoded.bytes)?;
                encoded.memory = encoded.memory.max(memory);
            }
        }
        Ok(encoded)
    }

    /// The addends mixed by the model that does best on some of them; `None` where there is no time or memory for it.
    fn mix(&self, limit: usize, allowance: &mut Allowance, columns: &ColumnEncoder) -> Result<Option<EncodedAddends>> {
        let time = self.addends.changed() as u64 * MIXING_NANOSECONDS;
        if !columns.coding().mixing || time == 0 || time > allowance.nanoseconds {
            return Ok(None);
        }
        let addends = self.addends.gaps_and_values();
        let memory = limit.saturating_mul(2).saturating_sub(2 * self.plain_bytes() + 2 * addends.len());
        let Some(bits) = mixing::bits_for(addends.len(), memory as u64) else { return Ok(None) };
        let (first, trial) = middle(&addends);
        let skipped = addends[..first].iter().map(|(gap, _)| gap + 1).sum::<u64>();
        let mut trial = trial.to_vec();
        trial[0].0 += skipped;
        let encode =
            |model, addends: &[(u64, u8)]| mixing::encode(model, bits, self.output_start, &self.copies, addends);
        let mut best = (encode(Model::References, &trial)?.len(), Model::References);
        for model in WIDTHS.map(Model::Elements) {
            let len = encode(model, &trial)?.len();
            if len < best.0 {
                best = (len, model);
            }
        }
        let (_, model) = best;
        allowance.nanoseconds -= time;
        let stream = encode(model, &addends)?;
        let mut bytes = vec![bits];
        put_varint(&mut bytes, addends.len() as u64);
        put_varint(&mut bytes, stream.len() as u64);
        bytes.extend_from_slice(&stream);
        let stream_bytes = addends.len() as u64;
        let coding = model.code();
        Ok(Some(EncodedAddends { coding, bytes, stream_bytes, columns: 0, memory: mixing::memory(bits) }))
    }

    /// Deals the addends into lanes in the way that a quick trial on some of them finds smallest.
    fn choose_lanes(&self, limit: usize, columns: &mut ColumnEncoder) -> Result<Vec<Lane>> {
        if self.addends.is_empty() {
            return Ok(Vec::new());
        }
        let deal = |(width, merge), every| {
            let copies = self.copies.iter().map(|copy| (copy.offset, copy.len));
            split(&self.addends, copies, width, merge, every)
        };
        let every = self.addends.values().div_ceil(TRIAL_VALUES);
        let mut cost = |layout: Layout| -> Result<usize> {
            let mut cost = 0;
            for lane in deal(layout, every) {
                for column in [&lane.zeros, &lane.runs, &lane.values] {
                    cost += columns.estimate(column)?;
                }
            }
            // More lanes cost the applier time, so they have to earn it.
            Ok(if layout.0 > 1 { cost + cost / 50 } else { cost })
        };
        let mut widths = Vec::new();
        for width in WIDTHS {
            widths.push((cost((width, SAFE_LAYOUT.1))?, (width, SAFE_LAYOUT.1)));
        }
        widths.sort_unstable();
        let mut best = widths[0];
        let likely = if every == 1 { widths.len() } else { LIKELY_WIDTHS };
        for &(_, (width, _)) in &widths[..likely] {
            for merge in OTHER_MERGES {
                best = best.min((cost((width, merge))?, (width, merge)));
            }
        }
        let (_, best) = best;
        let lanes = deal(best, 1);
        let fits = self.plain_bytes() + lanes.iter().map(Lane::stream_bytes).sum::<usize>() <= limit;
        Ok(if fits { lanes } else { deal(SAFE_LAYOUT, 1) })
    }
}

/// The addends of a segment as they stand in its frame.
#[derive(Default)]
struct EncodedAddends {
    coding: u8,
    bytes: Vec<u8>,
    stream_bytes: u64,
    /// The lengths of its decoded columns.
    columns: u64,
    /// What decoding takes of memory beside them.
    memory: u64,
}

/// Addends that models are tried on: about that many from the middle, and the index of the first.
fn middle(addends: &[(u64, u8)]) -> (usize, &[(u64, u8)]) {
    const TRIAL: usize = 32 << 10;
    let first = addends.len().saturating_sub(TRIAL) / 2;
    (first, &addends[first..addends.len().min(first + TRIAL)])
}

/// A number of lanes, and how many zeros between two runs are too few to part them.
type Layout = (u8, u64);

/// The layout whose columns are never longer than [`SegmentBuilder::stream_bytes`] counted.
const SAFE_LAYOUT: Layout = (1, 8);

/// About how many values a layout is tried on.
const TRIAL_VALUES: usize = 128 << 10;

/// Of the widths that are tried with the usual merging, so many are tried with others; all where addends are few.
const LIKELY_WIDTHS: usize = 2;

/// Zeros between two runs stay among the values where a copy of the whole pattern is cheaper than its parts.
const OTHER_MERGES: [u64; 3] = [ALONE, 1, 64];

//! One segment being built: its operations as columns, its addends dealt into lanes, and its frame.

use super::codec::{ColumnEncoder, Effort};
use super::format::{CHECK_LEN, put_varint, zigzag};
use super::lanes::{ALONE, Addends, Lane, WIDTHS, split};
use crate::error::Result;

/// An encoded segment.
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    /// The lengths of its decoded columns together.
    pub(super) stream_bytes: u64,
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
    /// Output offset and length of each copy.
    copies: Vec<(u64, u64)>,
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
        self.insert_lens.len()
            + self.copy_lens.len()
            + self.from_steps.len()
            + self.literals.len()
            + self.addends.stream_bytes()
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
            self.copies.push((copy.output_start, copy.len));
            self.predicted = copy.from + copy.len;
        }
    }

    /// The frame of the segment; its decoded columns take at most `limit` bytes.
    pub(super) fn encode(mut self, check: Option<u32>, limit: usize, columns: &mut ColumnEncoder) -> Result<Frame> {
        self.close_copy();
        let lanes = self.choose_lanes(limit, columns)?;
        let stream_bytes = self.insert_lens.len()
            + self.copy_lens.len()
            + self.from_steps.len()
            + self.literals.len()
            + lanes.iter().map(Lane::stream_bytes).sum::<usize>();
        let mut frame = Vec::new();
        put_varint(&mut frame, self.output_end - self.output_start);
        put_varint(&mut frame, self.copies.len() as u64);
        frame.push(lanes.len() as u8);
        frame.push(u8::from(check.is_some()));
        if let Some(check) = check {
            frame.extend_from_slice(&check.to_le_bytes());
        }
        for column in [&self.insert_lens, &self.copy_lens, &self.from_steps, &self.literals] {
            columns.encode(column, Effort::Full, &mut frame)?;
        }
        for lane in &lanes {
            for column in [&lane.zeros, &lane.runs, &lane.values] {
                columns.encode(column, Effort::WhereItPays, &mut frame)?;
            }
        }
        let frame_check = crc32fast::hash(&frame);
        frame.reserve_exact(CHECK_LEN);
        frame.extend_from_slice(&frame_check.to_le_bytes());
        Ok(Frame { bytes: frame, stream_bytes: stream_bytes as u64 })
    }

    /// Deals the addends into lanes in the way that a quick trial on some of them finds smallest.
    fn choose_lanes(&self, limit: usize, columns: &mut ColumnEncoder) -> Result<Vec<Lane>> {
        if self.addends.is_empty() {
            return Ok(Vec::new());
        }
        let deal = |(width, merge), every| split(&self.addends, self.copies.iter().copied(), width, merge, every);
        let every = self.addends.values().div_ceil(TRIAL_VALUES);
        let mut best = SAFE_LAYOUT;
        let mut least = usize::MAX;
        for layout in layouts() {
            let mut cost = 0;
            for lane in deal(layout, every) {
                for column in [&lane.zeros, &lane.runs, &lane.values] {
                    cost += columns.estimate(column)?;
                }
            }
            // More lanes cost the applier time, so they have to earn it.
            if layout.0 > 1 {
                cost += cost / 50;
            }
            if cost < least {
                (least, best) = (cost, layout);
            }
        }
        let lanes = deal(best, 1);
        let control = self.insert_lens.len() + self.copy_lens.len() + self.from_steps.len() + self.literals.len();
        let fits = control + lanes.iter().map(Lane::stream_bytes).sum::<usize>() <= limit;
        Ok(if fits { lanes } else { deal(SAFE_LAYOUT, 1) })
    }
}

/// A number of lanes, and how many zeros between two runs are too few to part them.
type Layout = (u8, u64);

/// The layout whose columns are never longer than [`SegmentBuilder::stream_bytes`] counted.
const SAFE_LAYOUT: Layout = (1, 8);

/// About how many values a layout is tried on.
const TRIAL_VALUES: usize = 128 << 10;

/// The layouts worth trying. Zeros between two runs stay among the values where a copy of the whole pattern is cheaper
/// than its parts.
fn layouts() -> impl Iterator<Item = Layout> {
    const MERGES: [u64; 4] = [ALONE, 1, 8, 64];
    WIDTHS.into_iter().flat_map(|width| MERGES.map(|merge| (width, merge)))
}

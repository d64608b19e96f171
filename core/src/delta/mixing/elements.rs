//! The model for addends of typed data: numbers of one width whose parts change alike.
//!
//! The addends are dealt into lanes by their place in an element, as everywhere in a delta. What predicts a value is how
//! large and how dense the changes of its lane were lately, and what became of the lower byte of the same element.

use super::arithmetic::Coder;
use super::mixer::{Mixer, context, node_of_byte};
use super::number;
use crate::error::Result;

/// The contexts of every symbol.
const CONTEXTS: usize = 5;

pub(super) struct Elements {
    mixer: Mixer,
    lanes: Vec<Lane>,
}

#[derive(Clone, Default)]
struct Lane {
    /// The element of the last value.
    element: Option<u64>,
    /// The last two values and the last two gaps, newest first.
    values: [u8; 2],
    gaps: [u64; 2],
    /// Moving averages of the gaps over 8 and 64 of them, in 16ths, and of the magnitudes over 16, in 64ths.
    dense: u32,
    denser: u32,
    magnitude: u32,
}

/// Sets of weights of one lane: for its gaps and for its values.
const SETS: usize = number::SETS + 256;

impl Elements {
    /// For `width` lanes, which is not 0.
    pub(super) fn new(bits: u32, width: u8) -> Result<Self> {
        let width = usize::from(width);
        Ok(Self { mixer: Mixer::new(bits, width * SETS, 15)?, lanes: vec![Lane::default(); width] })
    }

    /// Codes the value at `position`, counted in copied bytes.
    pub(super) fn value(&mut self, coder: &mut impl Coder, value: u8, position: u64) -> u8 {
        let width = self.lanes.len() as u64;
        let (index, element) = ((position % width) as usize, position / width);
        let below = |distance: usize| {
            let lane = index.checked_sub(distance).map(|index| &self.lanes[index])?;
            (lane.element == Some(element)).then_some(lane.values[0])
        };
        let (lower, lowest) = (u32::from(below(1).unwrap_or(0)), u32::from(below(2).is_some()));
        let lane = &mut self.lanes[index];
        let at = index as u32;
        let [v1, v2] = lane.values.map(u32::from);
        let next_to_last = lane.element.is_some_and(|last| last.wrapping_add(1) == element);
        let magnitude = scale(lane.magnitude >> 3);
        self.mixer.begin([
            context([1, at, magnitude]),
            context([2, at, v1, u32::from(next_to_last)]),
            context([3, at, lower, lowest]),
            context([4, at, v1, v2]),
            context([5, at, scale(lane.dense >> 3), magnitude >> 1]),
        ]);
        // With its sign at the end, small changes up and down begin alike.
        let signed = value.cast_signed();
        let value = (signed << 1 ^ signed >> 7).cast_unsigned();
        let first_set = index * SETS + number::SETS;
        let mut node = 1;
        for step in 0..8 {
            if step == 4 {
                self.mixer.descend::<CONTEXTS>(node << 4);
            }
            let bit = value >> (7 - step) & 1 == 1;
            let set = if step < 4 { node } else { 16 + 16 * step as u32 + (node >> (step - 4)) };
            let set = first_set + set as usize;
            let bit = self.mixer.code::<CONTEXTS, 0>(coder, bit, node_of_byte(node, step), set, []);
            node = node << 1 | u32::from(bit);
        }
        let value = node as u8;
        let value = value >> 1 ^ (value & 1).wrapping_neg();
        lane.values = [value, lane.values[0]];
        lane.magnitude = lane.magnitude - lane.magnitude / 16 + u32::from(value.cast_signed().unsigned_abs()) * 4;
        lane.element = Some(element);
        value
    }

    /// Codes how many elements lie between the last value of lane `index` and its next one.
    pub(super) fn gap(&mut self, coder: &mut impl Coder, gap: u64, index: usize) -> u64 {
        let lower = match index.checked_sub(1) {
            Some(below) => self.lanes[below].element == self.lanes[index].element,
            None => false,
        };
        let lane = &mut self.lanes[index];
        let at = index as u32;
        let (dense, denser) = (scale(lane.dense), scale(lane.denser));
        let [g1, g2] = lane.gaps.map(|gap| gap.min(1 << 20) as u32);
        let magnitude = u32::from(lane.values[0].cast_signed().unsigned_abs()).min(15);
        self.mixer.begin([
            context([6, at, dense]),
            context([7, at, denser]),
            context([8, at, g1.min(63), g2.min(31)]),
            context([9, at, dense >> 1, magnitude, u32::from(lower)]),
            context([10, at, denser >> 1, scale(g1)]),
        ]);
        let gap = number::code::<CONTEXTS>(&mut self.mixer, coder, gap, index * SETS, None);
        lane.gaps = [gap, lane.gaps[0]];
        let sixteenths = gap.min(1 << 16) as u32 * 16;
        lane.dense = lane.dense - lane.dense / 8 + sixteenths / 8;
        lane.denser = lane.denser - lane.denser / 64 + sixteenths / 64;
        gap
    }
}

/// About four steps to a doubling.
fn scale(number: u32) -> u32 {
    if number < 4 { number } else { number.ilog2() * 4 + (number >> (number.ilog2() - 2) & 3) }
}

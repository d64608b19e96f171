//! The model for addends of executables: mostly references whose target moved against them.
//!
//! A reference relative to its own place changes by how far its place moved less how far its target moved. The first is
//! known, because a copy says where it comes from; and few targets move apart from their neighbours, so the second is
//! one of few *shifts*. The model keeps the shifts seen last and predicts from each the four bytes that it makes here.
//! No byte of the old file is needed for it, so such deltas compose.

use super::arithmetic::Coder;
use super::mixer::{Guess, Mixer, NO_GUESS, context, node_of_byte};
use super::number;
use crate::error::Result;
use crate::limits::filled;

/// Where a value lies.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Its output offset.
    pub(super) offset: u64,
    /// The output offset of the copy that it belongs to.
    pub(super) copy_start: u64,
    /// How far the copy moved: its old offset minus its output offset, modulo 2^32.
    pub(super) moved: u32,
}

/// Bytes of a reference.
const FIELD: u64 = 4;
/// Shifts that are remembered.
const SHIFTS: usize = 32;
/// Slots for the shift that followed two others, as a power of two.
const FOLLOWER_BITS: u32 = 12;
/// Values that must have come in the same way before for a guess of the next one.
const MATCH: usize = 4;
/// Values that are compared to find how long a match is already.
const LONGEST: usize = 32;

/// Kinds of guesses by one shift: for each byte of a field, each bit of it, and what is guessed.
const SHIFT_GUESSES: usize = FIELD as usize * 8 * 2;

pub(super) struct References {
    mixer: Mixer,
    /// The last three values and the last two gaps, newest first.
    values: [u8; 3],
    gaps: [u64; 3],
    field: Field,
    shifts: Shifts,
    history: History,
    /// Guesses of gaps and values by what was alike before, for each of 16 levels of confidence, and guesses of values by
    /// three shifts, for each byte of a field.
    gap_guesses: Guess,
    value_guesses: Guess,
    shift_guesses: Guess,
    /// How many zeros follow in the field by the two likeliest shifts.
    expected: [u32; 2],
}

/// The reference that is being coded.
#[derive(Default)]
struct Field {
    start: u64,
    moved: u32,
    bytes: [u8; FIELD as usize],
    /// Bytes so far; 0 where there is none.
    len: usize,
    /// The shifts, as a bit each, that agree with the bytes so far.
    agreeing: u32,
}

impl References {
    pub(super) fn new(bits: u32) -> Result<Self> {
        let mut mixer = Mixer::new(bits, number::SETS + 256, 4)?;
        Ok(Self {
            gap_guesses: mixer.reserve(16 * number::GUESSES),
            value_guesses: mixer.reserve(16 * 2),
            shift_guesses: mixer.reserve(3 * SHIFT_GUESSES),
            mixer,
            values: [0; 3],
            gaps: [0; 3],
            field: Field::default(),
            shifts: Shifts::new()?,
            history: History::new(bits - 3)?,
            expected: [UNKNOWN; 2],
        })
    }

    /// Codes how many zeros lie before the next value.
    pub(super) fn gap(&mut self, coder: &mut impl Coder, gap: u64) -> u64 {
        let [g1, g2, g3] = self.gaps.map(|gap| gap.min(255) as u32);
        let v1 = u32::from(self.values[0]);
        let place = self.field.len as u32;
        self.mixer.begin([
            context([1, g1, v1]),
            context([2, g1, g2, g3]),
            context([3, self.expected[0], self.expected[1], place, g1.min(7)]),
            context([4, place, v1, g2.min(20)]),
        ]);
        let level = self.history.confidence();
        let kind = self.gap_guesses + level * number::GUESSES;
        let guess = self.history.guess().map(|(gap, _)| (gap, kind));
        let gap = number::code::<4>(&mut self.mixer, coder, gap, 0, guess);
        self.gaps.rotate_right(1);
        self.gaps[0] = gap;
        self.history.gap(gap);
        gap
    }

    /// Codes the value behind the gap.
    pub(super) fn value(&mut self, coder: &mut impl Coder, value: u8, place: Place) -> u8 {
        let index = self.enter(place);
        let [first, second] = self.shifts.predict(self.field.agreeing, place.moved, index);
        let follower = self.shifts.follower(&self.field, place.moved, index);
        let [g0, g1, _] = self.gaps.map(|gap| gap.min(31) as u32);
        let [v1, v2, _] = self.values.map(u32::from);
        let at = index as u32;
        self.mixer.begin([
            context([5, g0, at]),
            context([6, v1, g0, at]),
            context([7, v1, v2, g0, g1]),
            context([8, at, u32::from(first.unwrap_or(0)), u32::from(first.is_some()) + u32::from(second.is_some())]),
        ]);
        let level = self.history.confidence();
        let matched = self.history.guess().map(|(_, value)| value);
        let at_field = self.shift_guesses + index * 16;
        // What is guessed, with a bit in front as in `node`, and where it is learned how well that goes.
        let guesses = [
            (matched, self.value_guesses + level * 2, 0),
            (first, at_field, 2),
            (second, at_field + SHIFT_GUESSES, 2),
            (follower, at_field + 2 * SHIFT_GUESSES, 2),
        ];
        let guesses =
            guesses.map(|(guess, kind, apart)| (guess.map_or(0, |value| 256 | u32::from(value)), kind, apart));
        let mut node = 1;
        for step in 0..8 {
            if step == 4 {
                self.mixer.descend::<4>(node << 4);
            }
            let bit = value >> (7 - step) & 1 == 1;
            let holds = guesses.map(|(guess, ..)| guess >> (8 - step) == node);
            let kinds = std::array::from_fn(|index| {
                let (guess, kind, apart) = guesses[index];
                let says = (guess >> (7 - step) & 1) as usize;
                if holds[index] { kind + apart * step + says } else { NO_GUESS }
            });
            let set = step
                + 8 * index
                + 32 * usize::from(holds[0])
                + 64 * usize::from(holds[1])
                + 128 * usize::from(holds[3]);
            let bit = self.mixer.code::<4, 4>(coder, bit, node_of_byte(node, step), number::SETS + set, kinds);
            node = node << 1 | u32::from(bit);
        }
        let value = node as u8;
        self.values.rotate_right(1);
        self.values[0] = value;
        self.history.value(value);
        self.extend(index, value, place.moved);
        value
    }

    /// The index of `place` in its field; ends the field before where it begins another.
    fn enter(&mut self, place: Place) -> usize {
        let field = &mut self.field;
        if field.len > 0 && (place.offset - field.start >= FIELD || place.copy_start > field.start) {
            self.shifts.learn(u32::from_le_bytes(field.bytes), field.moved);
            field.len = 0;
        }
        if field.len == 0 {
            *field = Field { start: place.offset, moved: place.moved, agreeing: u32::MAX, ..Field::default() };
        }
        let index = (place.offset - field.start) as usize;
        // The bytes between the last value and this one are zero.
        for zero in field.len..index {
            field.agreeing = self.shifts.agreeing(field.agreeing, place.moved, zero, 0);
        }
        index
    }

    fn extend(&mut self, index: usize, value: u8, moved: u32) {
        let field = &mut self.field;
        field.bytes[index] = value;
        field.len = index + 1;
        field.agreeing = self.shifts.agreeing(field.agreeing, moved, index, value);
        self.expected = self.shifts.expected_zeros(field.agreeing, moved, index);
    }
}

/// Nothing says how many zeros follow.
const UNKNOWN: u32 = 9;

/// How far the targets of references were found to have moved, newest first.
struct Shifts {
    recent: [u32; SHIFTS],
    /// The shift that followed two others, by a hash of them.
    followers: Vec<u32>,
    last: [u32; 2],
}

/// Byte `index` of the addend of a reference whose target shifted by `shift`.
#[inline(always)]
fn byte(shift: u32, moved: u32, index: usize) -> u8 {
    shift.wrapping_add(moved).to_le_bytes()[index]
}

/// Whether a byte may be `predicted`. Addends are subtracted byte by byte, references are not: behind the first byte
/// there may be a carry.
#[inline(always)]
fn agrees(predicted: u8, value: u8, index: usize) -> bool {
    value == predicted || index > 0 && value == predicted.wrapping_add(1)
}

impl Shifts {
    fn new() -> Result<Self> {
        Ok(Self { recent: [0; SHIFTS], followers: filled(0, 1 << FOLLOWER_BITS)?, last: [0; 2] })
    }

    fn follower_slot(&self) -> usize {
        (context(self.last) >> (u32::BITS - FOLLOWER_BITS)) as usize
    }

    /// The two likeliest values for byte `index` by the shifts that agree so far.
    fn predict(&self, agreeing: u32, moved: u32, index: usize) -> [Option<u8>; 2] {
        let mut first = None;
        for shift in self.of(agreeing) {
            let value = byte(shift, moved, index);
            match first {
                _ if value == 0 => {}
                None => first = Some(value),
                Some(other) if other != value => return [first, Some(value)],
                Some(_) => {}
            }
        }
        [first, None]
    }

    /// The value of byte `index` by the shift that followed the last two before, unless it disagrees so far.
    fn follower(&self, field: &Field, moved: u32, index: usize) -> Option<u8> {
        let shift = self.followers[self.follower_slot()];
        let fits = (0..index).all(|index| agrees(byte(shift, moved, index), field.bytes[index], index));
        Some(byte(shift, moved, index)).filter(|&value| fits && value != 0)
    }

    fn of(&self, mut agreeing: u32) -> impl Iterator<Item = u32> {
        std::iter::from_fn(move || {
            let index = agreeing.trailing_zeros();
            agreeing &= agreeing.wrapping_sub(1);
            self.recent.get(index as usize).copied()
        })
    }

    /// Which of the `agreeing` shifts allow `value` at byte `index`.
    fn agreeing(&self, agreeing: u32, moved: u32, index: usize, value: u8) -> u32 {
        let mut kept = 0;
        for (position, &shift) in self.recent.iter().enumerate() {
            kept |= u32::from(agrees(byte(shift, moved, index), value, index)) << position;
        }
        kept & agreeing
    }

    /// How many zeros follow byte `index` by the two newest shifts that agree; 6 where the field ends with zeros.
    fn expected_zeros(&self, agreeing: u32, moved: u32, index: usize) -> [u32; 2] {
        let mut expected = [UNKNOWN; 2];
        for (expected, shift) in expected.iter_mut().zip(self.of(agreeing)) {
            let zeros = (index + 1..FIELD as usize).take_while(|&index| byte(shift, moved, index) == 0).count();
            *expected = if index + 1 + zeros == FIELD as usize { 6 } else { zeros as u32 };
        }
        expected
    }

    /// Remembers the shift of a reference whose bytes changed by `addend`. Which carries there were cannot be known: a
    /// known shift is likeliest, else the smallest difference.
    fn learn(&mut self, addend: u32, moved: u32) {
        let without =
            |carries: u32| addend.wrapping_sub((carries & 1) << 8 | (carries & 2) << 15 | (carries & 4) << 22);
        let known =
            (0..8).map(|carries| without(carries).wrapping_sub(moved)).find(|shift| self.recent.contains(shift));
        let shift = known.unwrap_or_else(|| {
            let smallest = (0..8).map(without).min_by_key(|&addend| addend.cast_signed().unsigned_abs());
            smallest.unwrap_or(addend).wrapping_sub(moved)
        });
        let slot = self.follower_slot();
        self.followers[slot] = shift;
        self.last = [shift, self.last[0]];
        let position = self.recent.iter().position(|&known| known == shift).unwrap_or(SHIFTS - 1);
        self.recent[..=position].rotate_right(1);
        self.recent[0] = shift;
    }
}

/// Finds where the last values came in the same way before, to guess the next one.
struct History {
    /// Gap and value of each, in a ring.
    entries: Vec<u32>,
    /// Where four values with their gaps were seen last, by a hash of them; one more than the position.
    seen: Vec<u32>,
    bits: u32,
    len: usize,
    /// The position that the guess is taken from.
    position: usize,
    /// How many values before it are alike; 0 where there is no guess.
    alike: usize,
    gap: u64,
}

/// Gaps from here on are all the same to the history.
const LONG_GAP: u64 = (1 << 24) - 1;

impl History {
    fn new(bits: u32) -> Result<Self> {
        let (entries, seen) = (filled(0, 1 << bits)?, filled(0, 1 << bits)?);
        Ok(Self { entries, seen, bits, len: 0, position: 0, alike: 0, gap: 0 })
    }

    fn at(&self, position: usize) -> u32 {
        self.entries[position & (self.entries.len() - 1)]
    }

    fn confidence(&self) -> usize {
        self.alike.min(15)
    }

    #[inline(always)]
    fn guess(&self) -> Option<(u64, u8)> {
        let entry = self.at(self.position);
        (self.alike > 0).then_some((u64::from(entry >> 8), entry as u8))
    }

    fn gap(&mut self, gap: u64) {
        self.gap = gap.min(LONG_GAP);
        if u64::from(self.at(self.position) >> 8) != self.gap {
            self.alike = 0;
        }
    }

    fn value(&mut self, value: u8) {
        let entry = (self.gap as u32) << 8 | u32::from(value);
        let goes_on = self.alike > 0 && self.at(self.position) == entry;
        let slot = self.len & (self.entries.len() - 1);
        self.entries[slot] = entry;
        self.len += 1;
        if goes_on {
            self.alike += 1;
            self.position += 1;
        } else {
            self.alike = 0;
        }
        if self.len < MATCH {
            return;
        }
        let last: [u32; MATCH] = std::array::from_fn(|back| self.at(self.len - MATCH + back));
        let slot = (context(last) >> (u32::BITS - self.bits)) as usize;
        if self.alike == 0 {
            self.look_up(self.seen[slot] as usize);
        }
        self.seen[slot] = self.len as u32;
    }

    fn look_up(&mut self, position: usize) {
        let reach = position.min(LONGEST).min(self.entries.len() - LONGEST);
        let in_ring = self.len - position < self.entries.len() - LONGEST;
        if position > 0 && in_ring {
            let alike = (1..=reach).take_while(|&back| self.at(position - back) == self.at(self.len - back)).count();
            (self.position, self.alike) = (position, if alike < 3 { 0 } else { alike });
        }
    }
}

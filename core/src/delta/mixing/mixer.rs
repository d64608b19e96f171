//! Predicts one decision from several contexts at once, and learns from how it came out.
//!
//! Logistic mixing as in PAQ (Matt Mahoney, "Adaptive weighing of context models for lossless data compression",
//! 2005): each context has a probability of its own for the decision; their logits are added with weights that are
//! trained online. Everything is in integers, so that every machine decodes the same.

use std::sync::LazyLock;

use super::arithmetic::Coder;
use crate::error::Result;
use crate::limits::filled;

/// Most predictions that are mixed into one.
pub(super) const INPUTS: usize = 8;

/// Cells of a context for the decisions of one symbol: the nodes of a tree of four bits.
const NODES: u32 = 16;
const TREE_MASK: u32 = !(NODES - 1);

/// 65,536 / (1 + e^-x) for x from -8 to 8 in steps of a half.
const SQUASH: [i32; 33] = [
    22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581,
    57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514,
];

/// Logits are in 256ths and lie within ±this.
const MAX_LOGIT: i32 = 2047;

/// The probability, in 65,536ths, that belongs to a logit.
#[inline(always)]
fn squash(logit: i32) -> u32 {
    let x = (logit.clamp(-MAX_LOGIT, MAX_LOGIT) + 2048) as usize;
    let (step, part) = (x >> 7, (x & 127) as i32);
    ((SQUASH[step] * (128 - part) + SQUASH[step + 1] * part) >> 7) as u32
}

/// Both directions as tables.
struct Logistic {
    /// [`squash`] of each logit, from -2,048 on.
    squash: [u16; 4096],
    /// The inverse of it for probabilities in 4,096ths: the least logit that is not below.
    stretch: [i16; 4096],
}

static LOGISTIC: LazyLock<Logistic> = LazyLock::new(|| {
    let squash = std::array::from_fn(|index| squash(index as i32 - 2048) as u16);
    let mut stretch = [MAX_LOGIT as i16; 4096];
    let mut next = 0;
    for logit in -MAX_LOGIT..=MAX_LOGIT {
        let probability = usize::from(squash[(logit + 2048) as usize] >> 4);
        while next <= probability {
            stretch[next] = logit as i16;
            next += 1;
        }
    }
    Logistic { squash, stretch }
});

/// How far a cell moves towards a decision after 0, 1, 2, … others, in 65,536ths: 1 / (n + 1.6), at last 1/30.
const RATES: [i32; 16] =
    [40960, 25206, 18204, 14246, 11702, 9929, 8623, 7620, 6826, 6182, 5649, 5201, 4818, 4488, 4200, 2184];

/// A probability in 4,096ths and, in the low four bits, how many decisions it has seen.
type Cell = u16;
const FRESH: Cell = 2048 << 4;

/// The weight that contexts begin with; 8,192 is one.
const FIRST_WEIGHT: i16 = 2600;

/// The place where it is learned how often guesses of one kind hold; [`Mixer::reserve`] gives them out.
pub(super) type Guess = usize;

/// Stands for no guess at all: it is never learned from and says nothing.
pub(super) const NO_GUESS: Guess = 0;

/// As likely as not.
const EVEN: u16 = 2048;

pub(super) struct Mixer {
    logistic: &'static Logistic,
    cells: Vec<Cell>,
    /// How far a context is shifted to become the number of a cell.
    shift: u32,
    weights: Vec<[i16; INPUTS]>,
    bases: [u32; INPUTS],
    /// How likely it is that a set bit is rightly guessed, in 4,096ths.
    guesses: Vec<u16>,
    /// The count at which a cell's rate stays.
    settled: u16,
}

impl Mixer {
    /// With `1 << bits` cells and `sets` sets of weights.
    pub(super) fn new(bits: u32, sets: usize, settled: u16) -> Result<Self> {
        Ok(Self {
            logistic: &LOGISTIC,
            cells: filled(FRESH, 1 << bits)?,
            shift: u32::BITS - bits,
            weights: filled([FIRST_WEIGHT; INPUTS], sets)?,
            bases: [0; INPUTS],
            guesses: vec![EVEN],
            settled,
        })
    }

    /// Room for `count` kinds of guesses; returns the first.
    pub(super) fn reserve(&mut self, count: usize) -> Guess {
        let first = self.guesses.len();
        self.guesses.resize(first + count, EVEN);
        first
    }

    /// Begins a symbol that is predicted from `contexts`.
    #[inline(always)]
    pub(super) fn begin<const CONTEXTS: usize>(&mut self, contexts: [u32; CONTEXTS]) {
        for (base, context) in self.bases.iter_mut().zip(contexts) {
            *base = context >> self.shift & TREE_MASK;
        }
    }

    /// Goes on with the next tree of the same symbol after the part `so_far`.
    #[inline(always)]
    pub(super) fn descend<const CONTEXTS: usize>(&mut self, so_far: u32) {
        for base in &mut self.bases[..CONTEXTS] {
            *base = base.wrapping_add((so_far + 1).wrapping_mul(0x009E_3770)) & (self.cells.len() as u32 - 1);
        }
    }

    /// Codes one decision at `node` of the current tree with the weights `set`.
    #[inline(always)]
    pub(super) fn code<const CONTEXTS: usize, const GUESSES: usize>(
        &mut self,
        coder: &mut impl Coder,
        bit: bool,
        node: usize,
        set: usize,
        guesses: [Guess; GUESSES],
    ) -> bool {
        let mut slots = [0; CONTEXTS];
        let mut inputs = [0i16; INPUTS];
        for index in 0..CONTEXTS {
            slots[index] = self.bases[index] as usize + node;
            inputs[index] = self.logistic.stretch[usize::from(self.cells[slots[index]] >> 4)];
        }
        for index in 0..GUESSES {
            inputs[CONTEXTS + index] = self.logistic.stretch[usize::from(self.guesses[guesses[index]] & 4095)];
        }
        let weights = &mut self.weights[set];
        let sum: i32 = inputs.iter().zip(&*weights).map(|(&input, &weight)| i32::from(input) * i32::from(weight)).sum();
        let logit = (sum >> 13).clamp(-MAX_LOGIT, MAX_LOGIT);
        let probability = u32::from(self.logistic.squash[(logit + 2048) as usize & 4095]);
        let bit = coder.code(bit, probability);
        let error = ((i32::from(bit) << 16) - probability as i32) >> 2;
        for (weight, &input) in weights.iter_mut().zip(&inputs) {
            *weight = weight.saturating_add(((i32::from(input) * error + 0x8000) >> 16) as i16);
        }
        let target = if bit { 4095 } else { 0 };
        for slot in slots {
            let cell = &mut self.cells[slot];
            let (probability, count) = (i32::from(*cell >> 4), *cell & 15);
            let moved = probability + (((target - probability) * RATES[usize::from(count)]) >> 16);
            *cell = (moved as u16) << 4 | (count + u16::from(count < self.settled));
        }
        for guess in guesses {
            let probability = &mut self.guesses[guess];
            *probability =
                if bit { *probability + ((4095 - *probability) >> 5) } else { *probability - (*probability >> 5) };
        }
        self.guesses[NO_GUESS] = EVEN;
        bit
    }
}

/// The node of a byte's bit `step`, counted from the highest, after the bits in `so_far`, which begin with a set one. A byte
/// takes two trees of four bits each.
#[inline(always)]
pub(super) fn node_of_byte(so_far: u32, step: usize) -> usize {
    let lower = 1 << (step & 3);
    (lower | (so_far & (lower - 1))) as usize
}

/// Mixes the parts of a context into a number whose high bits choose its cells.
#[inline(always)]
pub(super) fn context<const PARTS: usize>(parts: [u32; PARTS]) -> u32 {
    let mut hash = 0u32;
    for part in parts {
        hash = (hash ^ part).wrapping_mul(0x9E37_79B1);
        hash ^= hash >> 15;
    }
    hash
}

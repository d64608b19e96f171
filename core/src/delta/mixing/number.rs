//! Numbers of any size as decisions: how many bits in unary, then the bits below the highest one.

use super::arithmetic::{Coder, ONE};
use super::mixer::{Guess, Mixer, NO_GUESS};

/// Sets of weights that numbers take, with and without a guess.
pub(super) const SETS: usize = 2 * (16 + 16 * 8);

/// Bits below the highest one that are predicted; further ones are as good as random.
const PREDICTED: u32 = 3;

/// No number has more bits, so that one that is read never overflows.
const MAX_BITS: u32 = 62;

/// Kinds of guesses that one number takes: of its length and of its bits, by the bit that is guessed.
pub(super) const GUESSES: usize = 4;

/// Codes `number` in the contexts that were begun, with an optional guess of it.
#[inline(always)]
pub(super) fn code<const CONTEXTS: usize>(
    mixer: &mut Mixer,
    coder: &mut impl Coder,
    number: u64,
    first_set: usize,
    mut guess: Option<(u64, Guess)>,
) -> u64 {
    let length = bits_below_highest(number);
    let mut coded = 0;
    while coded < MAX_BITS {
        let node = coded.min(15) as usize;
        let (set, kind, says) = match guess {
            Some((guess, kind)) => {
                let says = coded < bits_below_highest(guess);
                (16, kind + usize::from(says), Some(says))
            }
            None => (0, NO_GUESS, None),
        };
        let more = mixer.code::<CONTEXTS, 1>(coder, coded < length, node, first_set + set + node, [kind]);
        if says.is_some_and(|says| says != more) {
            guess = None;
        }
        if !more {
            break;
        }
        coded += 1;
    }
    if coded == 0 {
        return 0;
    }
    mixer.descend::<CONTEXTS>(coded << 4);
    let mut value = 1u64;
    for place in (0..coded).rev() {
        let bit = number.wrapping_add(1) >> place & 1 == 1;
        let bit = if coded - place > PREDICTED {
            coder.code(bit, ONE / 2)
        } else {
            let node = value as usize;
            let (set, kind, says) = match guess {
                Some((guess, kind)) => {
                    let says = (guess + 1) >> place & 1 == 1;
                    (128, kind + 2 + usize::from(says), Some(says))
                }
                None => (0, NO_GUESS, None),
            };
            let set = first_set + 32 + set + coded.min(15) as usize * 8 + node;
            let bit = mixer.code::<CONTEXTS, 1>(coder, bit, node, set, [kind]);
            if says.is_some_and(|says| says != bit) {
                guess = None;
            }
            bit
        };
        value = value << 1 | u64::from(bit);
    }
    value - 1
}

/// The position of the highest bit of `number + 1`.
fn bits_below_highest(number: u64) -> u32 {
    number.saturating_add(1).ilog2().min(MAX_BITS)
}

//! A binary arithmetic coder: the same model code drives both directions.
//!
//! Carry-free, after the coder of lpaq (Matt Mahoney, 2007): an interval of 32 bits is cut in proportion to the
//! probability, and its leading bytes are written as soon as both ends agree on them.

use crate::error::{Error, Result};

/// What a probability of 1 would be; probabilities lie strictly between 0 and this.
pub(super) const ONE: u32 = 1 << 16;

/// Codes one decision after the other. A writer codes the `bit` it is given; a reader ignores it and returns the one
/// that was coded. `probability` is that of a set bit, in 65,536ths.
pub(super) trait Coder {
    fn code(&mut self, bit: bool, probability: u32) -> bool;
}

/// Writes decisions.
pub(super) struct Writer {
    low: u32,
    high: u32,
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { low: 0, high: u32::MAX, bytes: Vec::new() }
    }

    /// Ends the stream; readers go on with zeros behind it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        match self.low.checked_add(0x00FF_FFFF) {
            Some(rounded) if rounded & 0xFF00_0000 <= self.high => self.bytes.push((rounded >> 24) as u8),
            _ => self.bytes.extend_from_slice(&self.low.to_be_bytes()),
        }
        self.bytes
    }
}

/// Where the interval `low..=high` is cut: up to here the bit is set.
#[inline(always)]
fn cut(low: u32, high: u32, probability: u32) -> u32 {
    low + ((u64::from(high - low) * u64::from(probability)) >> 16) as u32
}

#[inline(always)]
fn agree(low: u32, high: u32) -> bool {
    (low ^ high) >> 24 == 0
}

impl Coder for Writer {
    #[inline(always)]
    fn code(&mut self, bit: bool, probability: u32) -> bool {
        let cut = cut(self.low, self.high, probability);
        if bit {
            self.high = cut
        } else {
            self.low = cut + 1
        }
        while agree(self.low, self.high) {
            self.bytes.push((self.high >> 24) as u8);
            self.low <<= 8;
            self.high = self.high << 8 | 0xFF;
        }
        bit
    }
}

/// Reads decisions.
pub(super) struct Reader<'b> {
    low: u32,
    high: u32,
    code: u32,
    bytes: &'b [u8],
    /// Zeros that were read behind the end.
    padding: u32,
}

/// How many zeros behind the end a whole stream is read to at most.
const MAX_PADDING: u32 = 4;

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        let mut reader = Self { low: 0, high: u32::MAX, code: 0, bytes, padding: 0 };
        (0..4).for_each(|_| reader.shift());
        reader
    }

    #[inline(always)]
    fn shift(&mut self) {
        let byte = match self.bytes.split_first() {
            Some((&byte, rest)) => {
                self.bytes = rest;
                byte
            }
            None => {
                self.padding = self.padding.saturating_add(1);
                0
            }
        };
        self.code = self.code << 8 | u32::from(byte);
    }

    /// Fails where more was read than there is. Every decision takes a share of the stream, so this also bounds how
    /// many of them a short stream can ask for.
    #[inline(always)]
    pub(super) fn check(&self) -> Result<()> {
        if self.padding > MAX_PADDING {
            return Err(Error::corrupt("the addends of a segment end too early"));
        }
        Ok(())
    }

    /// The same without the stream, and how much is left of that.
    pub(super) fn detach(self) -> (Reader<'static>, usize) {
        let Self { low, high, code, padding, bytes } = self;
        (Reader { low, high, code, padding, bytes: &[] }, bytes.len())
    }

    /// Reads on in `rest`, what is left of the stream.
    pub(super) fn attach(self, rest: &'b [u8]) -> Self {
        Self { bytes: rest, ..self }
    }

    /// Fails unless the stream was read to its end.
    pub(super) fn finish(&self) -> Result<()> {
        self.check()?;
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(Error::corrupt("the addends of a segment have bytes left over"))
        }
    }
}

impl Coder for Reader<'_> {
    #[inline(always)]
    fn code(&mut self, _: bool, probability: u32) -> bool {
        let cut = cut(self.low, self.high, probability);
        let bit = self.code <= cut;
        if bit {
            self.high = cut
        } else {
            self.low = cut + 1
        }
        while agree(self.low, self.high) {
            self.low <<= 8;
            self.high = self.high << 8 | 0xFF;
            self.shift();
        }
        bit
    }
}

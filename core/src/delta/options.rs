//! What a caller may choose about making a delta, and the defaults that every face shares.

use crate::error::{Error, Result};
use crate::limits::{DEFAULT_APPLY_MEMORY, Limits};

/// The fastest level.
pub const MIN_LEVEL: u8 = 1;
/// The level with the smallest deltas.
pub const MAX_LEVEL: u8 = 9;
/// The level in use unless one is given.
pub const DEFAULT_LEVEL: u8 = 6;
/// The least memory that a delta can be made for: one small segment and the decoder of its codec.
const MIN_APPLY_MEMORY: u64 = 256 << 10;

/// What finds the matches between two files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Equal blocks, then a suffix array, covers kept by their cost.
    #[default]
    Auto,
    /// The covers that the bsdiff crate finds.
    Bsdiff,
}

impl Engine {
    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Auto => "auto",
            Engine::Bsdiff => "bsdiff",
        }
    }
}

/// How a delta is encoded. Zero in any field means its default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncodeOptions {
    /// 1 (fastest) to 9 (smallest); 6 unless given.
    pub level: u8,
    /// Worker threads; 1 unless given. The delta is the same for any number.
    pub threads: usize,
    /// Bytes that an applier of the delta may need; 12 MiB unless given, at least 256 KiB.
    pub max_apply_memory: u64,
}

impl EncodeOptions {
    /// The options in force, with defaults filled in, or why they cannot be.
    pub(crate) fn resolve(self) -> Result<Self> {
        let level = if self.level == 0 { DEFAULT_LEVEL } else { self.level };
        if !(MIN_LEVEL..=MAX_LEVEL).contains(&level) {
            return Err(Error::invalid(format!(
                "level {level} is out of range; levels are {MIN_LEVEL} to {MAX_LEVEL}"
            )));
        }
        let max_apply_memory = if self.max_apply_memory == 0 { DEFAULT_APPLY_MEMORY } else { self.max_apply_memory };
        if max_apply_memory < MIN_APPLY_MEMORY {
            return Err(Error::invalid(format!(
                "an applier needs at least {MIN_APPLY_MEMORY} bytes of memory, {max_apply_memory} were given"
            )));
        }
        Ok(Self { level, threads: self.threads.max(1), max_apply_memory })
    }
}

/// How two files are compared and their delta is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffOptions {
    /// What finds the matches.
    pub engine: Engine,
    /// How what was found is written.
    pub encode: EncodeOptions,
}

/// How deltas are applied. Zero in any field means its default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// What applying may use, with any number of threads.
    pub limits: Limits,
    /// Threads that work at a time, the caller's included; 1 unless given. More than 2 are not made use of. The result
    /// and the status of a failure are the same for any number.
    pub threads: usize,
}

impl ApplyOptions {
    /// The number of threads in force.
    pub(crate) fn threads(&self) -> usize {
        self.threads.max(1)
    }
}

impl From<Limits> for ApplyOptions {
    fn from(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }
}

//! What a caller may choose. Zero in any number means its default, and the core decides what that is.

use std::path::PathBuf;

use patchcore::limits::DEFAULT_APPLY_MEMORY;

pub use patchcore::delta::Engine;

/// How two files are compared and their delta is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffOptions {
    /// 1 (fastest) to 9 (smallest); 6 by default.
    pub level: i32,
    /// What finds the matches.
    pub engine: Engine,
    /// Worker threads; 1 by default.
    pub threads: u64,
    /// Bytes that an applier of the delta may need; 12 MiB by default.
    pub max_apply_memory: u64,
}

/// How several deltas become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SquashOptions {
    /// 1 (fastest) to 9 (smallest); 6 by default.
    pub level: i32,
    /// Worker threads; 1 by default.
    pub threads: u64,
    /// Bytes that an applier of the delta may need; 12 MiB by default.
    pub max_apply_memory: u64,
    /// Bytes that squashing itself may take; the maximum is no limit.
    pub max_memory: u64,
    /// Operations that squashing may produce; the maximum is no limit.
    pub max_operations: u64,
}

/// How a delta or a chain is applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Worker threads, the caller's included; 1 by default, and more than 2 are not made use of.
    pub threads: u64,
    /// Bytes that applying may take; the maximum is no limit.
    pub max_memory: u64,
    /// Bytes that the new file may have; no limit by default.
    pub max_output: u64,
    /// Bound the memory, by default to what a delta may ask an applier for; a chain may then need intermediate files.
    pub streaming: bool,
    /// The folder for those; by default that of the output, else the system's.
    pub scratch: Option<PathBuf>,
}

/// What an operation that only reads may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that reading may take; the maximum is no limit.
    pub max_memory: u64,
}

/// What a new chain is called, and whether it may replace another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateOptions {
    /// The name of the chain; by default that of the file without its extension, or `chain`.
    pub chain_id: Option<String>,
    /// The names of the first versions, in order; the others are called `v1`, `v2`, … by their position.
    pub names: Vec<String>,
    /// Replace an existing chain, and its history with it.
    pub force: bool,
}

/// What an applier that is fed may use, and whose signature it demands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplierOptions {
    /// All bytes that it may take; 12 MiB by default.
    pub max_memory: u64,
    /// Bytes that the new file may have; no limit by default.
    pub max_output: u64,
    /// Bytes that one push works on at most, roughly; 64 KiB by default.
    pub max_work: u64,
    /// A minisign public key; with it the new file must be signed by that key.
    pub public_key: Option<String>,
    /// The minisign signature of the new file: the bytes of a `.minisig` file.
    pub signature: Option<Vec<u8>>,
}

impl SquashOptions {
    pub(crate) fn limits(&self) -> patchcore::Limits {
        patchcore::Limits { memory: self.max_memory, operations: self.max_operations, ..patchcore::Limits::default() }
    }
}

impl ApplyOptions {
    pub(crate) fn limits(&self) -> patchcore::Limits {
        patchcore::Limits { memory: self.max_memory, output: self.max_output, ..patchcore::Limits::default() }
    }

    pub(crate) fn threads(&self) -> usize {
        threads(self.threads)
    }

    /// For a single delta, which never needs intermediate files.
    pub(crate) fn for_delta(&self) -> patchcore::delta::ApplyOptions {
        let mut limits = self.limits();
        if self.streaming && limits.memory == 0 {
            limits.memory = DEFAULT_APPLY_MEMORY;
        }
        patchcore::delta::ApplyOptions { limits, threads: self.threads() }
    }

    pub(crate) fn for_chain(&self) -> patchcore::chain::ApplyOptions<'_> {
        patchcore::chain::ApplyOptions {
            limits: self.limits(),
            threads: self.threads(),
            streaming: self.streaming,
            scratch: self.scratch.as_deref(),
        }
    }
}

impl Limits {
    pub(crate) fn for_core(self) -> patchcore::Limits {
        patchcore::Limits { memory: self.max_memory, ..patchcore::Limits::default() }
    }
}

pub(crate) fn threads(given: u64) -> usize {
    usize::try_from(given).unwrap_or(usize::MAX)
}

/// Reads a version or whatever else has a text, where there is one.
#[cfg(feature = "tree")]
pub(crate) fn parsed<T>(text: Option<&str>) -> crate::status::Result<Option<T>>
where
    T: std::str::FromStr<Err = crate::status::Error>,
{
    text.map(str::parse).transpose()
}

#[cfg(feature = "encode")]
mod making {
    //! The options of what makes deltas and chains, as the core knows them.

    use patchcore::delta::{EncodeOptions, MAX_LEVEL, MIN_LEVEL};

    use super::{CreateOptions, DiffOptions, SquashOptions, threads};
    use crate::status::{Result, invalid};

    impl DiffOptions {
        pub(crate) fn for_core(&self) -> Result<patchcore::delta::DiffOptions> {
            let encode = encode_options(self.level, self.threads, self.max_apply_memory)?;
            Ok(patchcore::delta::DiffOptions { engine: self.engine, encode })
        }
    }

    impl SquashOptions {
        pub(crate) fn encode(&self) -> Result<EncodeOptions> {
            encode_options(self.level, self.threads, self.max_apply_memory)
        }
    }

    impl CreateOptions {
        pub(crate) fn for_core(&self) -> patchcore::chain::CreateOptions {
            let Self { chain_id, names, force } = self.clone();
            patchcore::chain::CreateOptions { chain_id, names, force }
        }
    }

    fn encode_options(level: i32, threads_given: u64, max_apply_memory: u64) -> Result<EncodeOptions> {
        let level = u8::try_from(level)
            .map_err(|_| invalid(format!("level {level} is out of range; levels are {MIN_LEVEL} to {MAX_LEVEL}")))?;
        Ok(EncodeOptions { level, threads: threads(threads_given), max_apply_memory })
    }
}

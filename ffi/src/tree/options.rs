//! How directories are looked at, compared, squashed and changed. Zero in any number means its default.

use std::path::PathBuf;

#[cfg(feature = "tree")]
use patchcore::tree;

use super::Compression;
#[cfg(feature = "tree")]
use crate::options::{Limits, threads};

/// How a directory is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanOptions {
    /// Patterns of what is no part of the tree, as in `.gitignore`.
    pub exclude: Vec<String>,
    /// Take what symbolic links point to in the place of the links.
    pub dereference: bool,
    /// Threads that read and hash at a time; 1 by default.
    pub threads: u64,
}

#[cfg(feature = "tree")]
impl ScanOptions {
    pub(crate) fn for_core(&self) -> tree::ScanOptions {
        let Self { exclude, dereference, threads: given } = self.clone();
        tree::ScanOptions { exclude, dereference, threads: threads(given) }
    }
}

/// How two directories are compared and packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeDiffOptions {
    /// How the directories are looked at; its `threads` hold for everything.
    pub scan: ScanOptions,
    /// 1 (fastest) to 9 (smallest); 6 by default.
    pub level: i32,
    /// Bytes that an applier of a delta may need; 12 MiB by default.
    pub max_apply_memory: u64,
    /// Patterns of what is installed where it is missing and never touched where it is there.
    pub keep_local: Vec<String>,
    /// Patterns of directories that are replaced as a whole where anything in them changes.
    pub replace_directories: Vec<String>,
    /// The lowest version that the patch applies to; with it, `max_version` is the highest, or the same one.
    pub min_version: Option<String>,
    /// The highest version that the patch applies to.
    pub max_version: Option<String>,
    /// The version that the patch makes.
    pub version: Option<String>,
    /// How whole files are compressed.
    pub compression: Compression,
    /// Refuse to replace an existing file.
    pub no_clobber: bool,
}

/// How tree patches become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeSquashOptions {
    /// 1 (fastest) to 9 (smallest); 6 by default.
    pub level: i32,
    /// Worker threads; 1 by default.
    pub threads: u64,
    /// Bytes that an applier of a delta may need; 12 MiB by default.
    pub max_apply_memory: u64,
    /// Bytes that squashing itself may take; the maximum is no limit.
    pub max_memory: u64,
    /// How whole files are compressed.
    pub compression: Compression,
    /// Refuse to replace an existing file.
    pub no_clobber: bool,
}

/// How a tree patch is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeApplyOptions {
    /// Take the patch's side wherever somebody changed the tree.
    pub overwrite_local: bool,
    /// Keep nothing for a later rollback. A failing apply still leaves the old tree.
    pub no_backup: bool,
    /// Threads that hash at a time; 1 by default.
    pub threads: u64,
    /// Bytes that applying a delta may take; the maximum is no limit.
    pub max_memory: u64,
}

#[cfg(feature = "tree")]
impl TreeApplyOptions {
    pub(crate) fn for_core(self) -> tree::TreeApplyOptions {
        tree::TreeApplyOptions {
            overwrite_local: self.overwrite_local,
            no_backup: self.no_backup,
            threads: threads(self.threads),
            limits: Limits { max_memory: self.max_memory }.for_core(),
        }
    }
}

/// Where the parts of the file-operation form are written to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationOutputs {
    /// The `.tar.gz`.
    pub package: PathBuf,
    /// The operations.
    pub operations: PathBuf,
    /// What announces the package, if that is wanted.
    pub package_info: Option<PathBuf>,
    /// Where the package will be fetched from, for `package_info`.
    pub url: String,
}

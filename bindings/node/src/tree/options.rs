//! Options about directories as they come from JavaScript.

use napi_derive::napi;
use patchcore_ffi::status::{Error, Result, Status};
use patchcore_ffi::tree as facade;

use crate::options::amount;

/// How a directory is looked at.
#[napi(object, object_to_js = false)]
pub struct ScanOptions {
    /// Patterns of what is no part of the tree.
    pub exclude: Option<Vec<String>>,
    /// Take what symbolic links point to in the place of the links.
    pub dereference: Option<bool>,
    /// Threads that read and hash at a time.
    pub threads: Option<f64>,
}

impl From<ScanOptions> for facade::ScanOptions {
    fn from(options: ScanOptions) -> Self {
        Self {
            exclude: options.exclude.unwrap_or_default(),
            dereference: options.dereference.unwrap_or_default(),
            threads: amount(options.threads),
        }
    }
}

/// How two directories are compared and packed.
#[napi(object, object_to_js = false)]
pub struct TreeDiffOptions {
    /// How the directories are looked at; its `threads` hold for everything.
    pub scan: ScanOptions,
    /// 1 to 9.
    pub level: Option<i32>,
    /// Bytes that an applier of a delta may need.
    pub max_apply_memory: Option<f64>,
    /// Patterns of what is installed once and never touched again.
    pub keep_local: Option<Vec<String>>,
    /// Patterns of directories that are replaced as a whole.
    pub replace_directories: Option<Vec<String>>,
    /// The lowest version that the patch applies to.
    pub min_version: Option<String>,
    /// The highest version that the patch applies to.
    pub max_version: Option<String>,
    /// The version that the patch makes.
    pub version: Option<String>,
    /// `deflate`, `stored` or `zstd`.
    pub compression: Option<String>,
    /// Whether existing files are refused.
    pub no_clobber: Option<bool>,
}

impl TreeDiffOptions {
    /// The same for the facade.
    pub fn facade(self) -> Result<facade::TreeDiffOptions> {
        Ok(facade::TreeDiffOptions {
            scan: self.scan.into(),
            level: self.level.unwrap_or_default(),
            max_apply_memory: amount(self.max_apply_memory),
            keep_local: self.keep_local.unwrap_or_default(),
            replace_directories: self.replace_directories.unwrap_or_default(),
            min_version: self.min_version,
            max_version: self.max_version,
            version: self.version,
            compression: compression(self.compression.as_deref())?,
            no_clobber: self.no_clobber.unwrap_or_default(),
        })
    }
}

/// How tree patches become one.
#[napi(object, object_to_js = false)]
pub struct TreeSquashOptions {
    /// 1 to 9.
    pub level: Option<i32>,
    /// Worker threads.
    pub threads: Option<f64>,
    /// Bytes that an applier of a delta may need.
    pub max_apply_memory: Option<f64>,
    /// Bytes that squashing itself may take.
    pub max_memory: Option<f64>,
    /// `deflate`, `stored` or `zstd`.
    pub compression: Option<String>,
    /// Whether an existing file is refused.
    pub no_clobber: Option<bool>,
}

impl TreeSquashOptions {
    /// The same for the facade.
    pub fn facade(&self) -> Result<facade::TreeSquashOptions> {
        Ok(facade::TreeSquashOptions {
            level: self.level.unwrap_or_default(),
            threads: amount(self.threads),
            max_apply_memory: amount(self.max_apply_memory),
            max_memory: amount(self.max_memory),
            compression: compression(self.compression.as_deref())?,
            no_clobber: self.no_clobber.unwrap_or_default(),
        })
    }
}

/// How a tree patch is applied.
#[napi(object, object_to_js = false)]
#[derive(Default)]
pub struct TreeApplyOptions {
    /// Take the patch's side wherever somebody changed the tree.
    pub overwrite_local: Option<bool>,
    /// Keep nothing for a later rollback.
    pub no_backup: Option<bool>,
    /// Threads that hash at a time.
    pub threads: Option<f64>,
    /// Bytes that applying a delta may take.
    pub max_memory: Option<f64>,
}

impl From<TreeApplyOptions> for facade::TreeApplyOptions {
    fn from(options: TreeApplyOptions) -> Self {
        Self {
            overwrite_local: options.overwrite_local.unwrap_or_default(),
            no_backup: options.no_backup.unwrap_or_default(),
            threads: amount(options.threads),
            max_memory: amount(options.max_memory),
        }
    }
}

fn compression(name: Option<&str>) -> Result<facade::Compression> {
    match name {
        None | Some("deflate") => Ok(facade::Compression::Deflate),
        Some("stored") => Ok(facade::Compression::Stored),
        Some("zstd") => Ok(facade::Compression::Zstd),
        Some(other) => {
            let message =
                format!("there is no compression {other:?}; compressions are \"deflate\", \"stored\" and \"zstd\"");
            Err(Error::new(Status::InvalidArgument, message))
        }
    }
}

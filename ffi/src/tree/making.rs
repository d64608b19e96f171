//! Making tree patches.

use std::path::{Path, PathBuf};

use patchcore::io::OutputOptions;
use patchcore::tree::{self, VersionRange};

use super::{OperationOutputs, TreeDiffOptions, TreeDiffStats, TreePatch, TreeSquashOptions, TreeSquashStats};
use crate::input::Input;
use crate::job::Job;
use crate::options::{DiffOptions, SquashOptions, parsed};
use crate::status::{Result, invalid};

impl TreeDiffOptions {
    pub(crate) fn for_core(&self) -> Result<tree::TreeDiffOptions> {
        let diff = DiffOptions {
            level: self.level,
            threads: self.scan.threads,
            max_apply_memory: self.max_apply_memory,
            ..DiffOptions::default()
        };
        let applies_to = match (parsed(self.min_version.as_deref())?, parsed(self.max_version.as_deref())?) {
            (None, None) => None,
            (Some(min), max) => Some(VersionRange { min, max: max.unwrap_or(min) }),
            (None, Some(_)) => return Err(invalid("a highest version needs a lowest one beside it")),
        };
        Ok(tree::TreeDiffOptions {
            scan: self.scan.for_core(),
            diff: diff.for_core()?,
            keep_local: self.keep_local.clone(),
            replace_directories: self.replace_directories.clone(),
            applies_to,
            version: parsed(self.version.as_deref())?,
            compression: self.compression,
            output: OutputOptions { no_clobber: self.no_clobber },
        })
    }
}

/// Writes the package that turns the tree at `old` into the tree at `new` as the file `out`.
pub fn diff(old: &Path, new: &Path, out: &Path, options: &TreeDiffOptions, job: &mut Job) -> Result<TreeDiffStats> {
    tree::diff(old, new, out, &options.for_core()?, job.task()).map(TreeDiffStats::from)
}

/// A [`diff`] that has begun, whose deltas may be made elsewhere.
pub struct TreeDiff(tree::TreeDiff);

impl TreeDiff {
    /// Looks at both directories, and chooses what each new file is to be made from.
    pub fn begin(old: &Path, new: &Path, options: &TreeDiffOptions, job: &mut Job) -> Result<Self> {
        tree::TreeDiff::begin(old, new, &options.for_core()?, job.task()).map(Self)
    }

    /// The old and the new files between which deltas are wanted, those with the most bytes first.
    pub fn delta_jobs(&self) -> Vec<(PathBuf, PathBuf)> {
        self.0.delta_jobs().into_iter().map(|wanted| (wanted.old, wanted.new)).collect()
    }

    /// Writes the package as the file `out`. `deltas` are those that [`delta_jobs`](Self::delta_jobs) asks for, in that
    /// order; each is checked. What is missing at the end is made here.
    pub fn finish(self, deltas: Vec<Input>, out: &Path, job: &mut Job) -> Result<TreeDiffStats> {
        let deltas = deltas.into_iter().map(|delta| delta.open().map(Some)).collect::<Result<_>>()?;
        self.0.finish(deltas, out, job.task()).map(TreeDiffStats::from)
    }
}

/// [`diff`] in the file-operation form: a `.tar.gz` of whole files, and beside it what they are for.
pub fn diff_operations(
    old: &Path,
    new: &Path,
    outputs: &OperationOutputs,
    options: &TreeDiffOptions,
    job: &mut Job,
) -> Result<TreeDiffStats> {
    let outputs = tree::OperationOutputs {
        package: &outputs.package,
        operations: &outputs.operations,
        info: outputs.package_info.as_deref(),
        url: &outputs.url,
    };
    tree::diff_operations(old, new, &outputs, &options.for_core()?, job.task()).map(TreeDiffStats::from)
}

/// Writes the package that does what `patches` do one after the other as the file `out`.
///
/// SOURCE_MISMATCH where one does not go on from what the one before makes.
pub fn squash(
    patches: &[TreePatch],
    out: &Path,
    options: &TreeSquashOptions,
    job: &mut Job,
) -> Result<TreeSquashStats> {
    let deltas = SquashOptions {
        level: options.level,
        threads: options.threads,
        max_apply_memory: options.max_apply_memory,
        max_memory: options.max_memory,
        ..SquashOptions::default()
    };
    let core = tree::TreeSquashOptions {
        encode: deltas.encode()?,
        limits: deltas.limits(),
        compression: options.compression,
        output: OutputOptions { no_clobber: options.no_clobber },
    };
    let packages: Vec<_> = patches.iter().map(TreePatch::package).collect();
    let stats = tree::squash(&packages, out, &core, job.task())?;
    Ok(TreeSquashStats { package_size: stats.package_size, changes: stats.changes })
}

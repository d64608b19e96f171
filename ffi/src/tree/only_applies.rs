//! The making functions of a build that only applies.

use std::path::Path;

use super::{OperationOutputs, TreeDiffOptions, TreeDiffStats, TreePatch, TreeSquashOptions, TreeSquashStats};
use crate::job::Job;
use crate::status::{Result, only_applies};

/// Fails with UNSUPPORTED: this build only applies.
pub fn diff(_: &Path, _: &Path, _: &Path, _: &TreeDiffOptions, _: &mut Job) -> Result<TreeDiffStats> {
    Err(only_applies())
}

/// Fails with UNSUPPORTED: this build only applies.
pub fn diff_operations(
    _: &Path,
    _: &Path,
    _: &OperationOutputs,
    _: &TreeDiffOptions,
    _: &mut Job,
) -> Result<TreeDiffStats> {
    Err(only_applies())
}

/// Fails with UNSUPPORTED: this build only applies.
pub fn squash(_: &[TreePatch], _: &Path, _: &TreeSquashOptions, _: &mut Job) -> Result<TreeSquashStats> {
    Err(only_applies())
}

//! The functions of a build without directories: all of them are there and say so.

use std::convert::Infallible;
use std::path::Path;

use super::{
    Installed, OperationOutputs, ScanOptions, TreeApplyOptions, TreeApplyStats, TreeChange, TreeDiffOptions,
    TreeDiffStats, TreePatchContents, TreePatchInfo, TreePlan, TreeSnapshot, TreeSquashOptions, TreeSquashStats,
    TreeVerification,
};
use crate::input::Input;
use crate::job::Job;
use crate::options::Limits;
use crate::status::{Result, absent};
use crate::trust::Trust;

/// An open tree patch, of which this build has none.
#[derive(Clone)]
pub struct TreePatch(Infallible);

impl TreePatch {
    /// Fails with UNSUPPORTED: this build has no directories.
    pub fn open(_: Input, _: Option<&str>, _: &Trust, _: &mut Job) -> Result<Self> {
        Err(absent("directories"))
    }

    /// What the patch says about itself.
    pub fn info(&self) -> TreePatchInfo {
        match self.0 {}
    }

    /// What becomes of which path.
    pub fn changes(&self) -> Vec<TreeChange> {
        match self.0 {}
    }

    /// Reads everything in the package.
    pub fn verify(&self, _: &Limits, _: &mut Job) -> Result<TreePatchContents> {
        match self.0 {}
    }

    /// Says what applying the patch would do.
    pub fn plan(&self, _: &Path, _: &TreeApplyOptions, _: &mut Job) -> Result<TreePlan> {
        match self.0 {}
    }

    /// Applies the patch.
    pub fn apply(&self, _: &Path, _: &TreeApplyOptions, _: &mut Job) -> Result<TreeApplyStats> {
        match self.0 {}
    }

    /// Says in what a tree differs from what the patch makes of it.
    pub fn verify_tree(&self, _: &Path, _: u64, _: &mut Job) -> Result<TreeVerification> {
        match self.0 {}
    }
}

/// Fails with UNSUPPORTED: this build has no directories.
pub fn scan(_: &Path, _: &ScanOptions, _: &mut Job) -> Result<TreeSnapshot> {
    Err(absent("directories"))
}

/// Fails with UNSUPPORTED: this build has no directories.
pub fn rollback(_: &Path, _: bool, _: u64, _: &mut Job) -> Result<Option<Installed>> {
    Err(absent("directories"))
}

/// Fails with UNSUPPORTED: this build has no directories.
pub fn recover(_: &Path, _: &mut Job) -> Result<Option<Installed>> {
    Err(absent("directories"))
}

/// Fails with UNSUPPORTED: this build has no directories.
pub fn installed(_: &Path) -> Result<Option<Installed>> {
    Err(absent("directories"))
}

/// Fails with UNSUPPORTED: this build has no directories.
pub fn clean(_: &Path, _: &mut Job) -> Result<bool> {
    Err(absent("directories"))
}

/// Fails with UNSUPPORTED: this build has no directories.
pub fn diff(_: &Path, _: &Path, _: &Path, _: &TreeDiffOptions, _: &mut Job) -> Result<TreeDiffStats> {
    Err(absent("directories"))
}

/// Fails with UNSUPPORTED: this build has no directories.
pub fn diff_operations(
    _: &Path,
    _: &Path,
    _: &OperationOutputs,
    _: &TreeDiffOptions,
    _: &mut Job,
) -> Result<TreeDiffStats> {
    Err(absent("directories"))
}

/// Fails with UNSUPPORTED: this build has no directories.
pub fn squash(_: &[TreePatch], _: &Path, _: &TreeSquashOptions, _: &mut Job) -> Result<TreeSquashStats> {
    Err(absent("directories"))
}

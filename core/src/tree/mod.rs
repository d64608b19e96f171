//! One directory to another: scan, compare, package, stage, commit, roll back.
//!
//! A [`Patch`] says per path what must stand there before and what will stand there after; a package is a ZIP file of a patch
//! and the bytes that it needs. Whoever applies one gets exactly the new tree or keeps exactly the old one, whenever the
//! process is killed or the power is cut.

mod accepted;
mod apply;
mod clash;
mod compare;
mod diff;
mod document;
mod hashing;
mod history;
mod ignore;
mod item;
mod join;
mod journal;
mod operations;
mod package;
mod parallel;
mod patch;
mod path;
mod plan;
mod pool;
mod reach;
mod scan;
mod sealed;
mod similar;
mod sketch;
mod squash;
mod stage;
mod unlisted;
mod verify;
mod work;

use std::path::Path;

use crate::error::Result;
use crate::progress::Task;

pub(crate) use accepted::{accept_sequence, check_sequence};
pub(crate) use apply::remember;
pub use apply::{PlannedAction, TreeApplyOptions, TreeApplyStats, TreePlan, clean, installed, recover, rollback};
pub use diff::{DeltaJob, TreeDiff, TreeDiffOptions, TreeDiffStats, diff};
pub use item::{FileItem, Item, Tree};
pub use operations::{OperationOutputs, OperationPaths, PackageInfo, PatchOperations, diff as diff_operations};
pub use package::{Compression, TreePackage};
pub(crate) use package::{Growth, PackedRelease, ReleaseArchive, tree_of, whole_patch};
pub use patch::{
    Change, ChangeKind, Content, Expected, FORMAT_VERSION, JoinedDelta, MOST_JOINED, Patch, Source, VersionRange,
};
pub use path::{TreePath, WORK_FOLDER, check_link_target};
pub use plan::{Conflict, ConflictReason};
pub(crate) use scan::Snapshot;
pub use scan::{ScanOptions, scan};
pub use squash::{TreeSquashOptions, TreeSquashStats, squash};
pub use verify::{PackageContents, TreeVerification, verify_package};
pub use work::Installed;

/// Says what applying `package` to the tree at `root` would do. Nothing is written.
pub fn plan(root: &Path, package: &TreePackage, options: &TreeApplyOptions, task: &mut Task<'_>) -> Result<TreePlan> {
    apply::plan_only(root, package.patch(), options, task)
}

/// Applies `package` to the tree at `root`: afterwards it is the new one, or with an error the old one, and the error says
/// which ([`Error::outcome`](crate::Error::outcome)).
///
/// CONFLICT, naming all of them, where files are not what the package was made for, unless the options say otherwise. What
/// is as the package makes it already needs nothing, so an interrupted or damaged tree is brought to its new state too.
pub fn apply(
    root: &Path,
    package: &TreePackage,
    options: &TreeApplyOptions,
    task: &mut Task<'_>,
) -> Result<TreeApplyStats> {
    apply::apply(root, package.patch(), package, options, task)
}

/// INVALID_ARGUMENT where one of these patterns can never mean any path.
pub(crate) fn check_patterns(patterns: &[String]) -> Result<()> {
    ignore::Rules::new(patterns).map(drop)
}

/// The paths in the tree at `root` that `package` does not name, a folder in the place of all that is in it.
pub fn unlisted(root: &Path, package: &TreePackage, task: &mut Task<'_>) -> Result<Vec<String>> {
    unlisted::unlisted(root, package.patch(), task)
}

/// Says in what the tree at `root` differs from what `package` makes of it. Nothing is written.
pub fn verify(root: &Path, package: &TreePackage, threads: usize, task: &mut Task<'_>) -> Result<TreeVerification> {
    verify::verify(root, package.patch(), threads, task)
}

#[cfg(test)]
mod tests;

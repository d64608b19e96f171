//! Tree patches: from one directory to another, and back.
//!
//! A build without the feature `tree` has the same words, and says UNSUPPORTED wherever it is to do something.

mod options;
mod results;

#[cfg(not(feature = "tree"))]
mod absent;
#[cfg(feature = "tree")]
mod directory;
#[cfg(all(feature = "tree", feature = "encode"))]
mod making;
#[cfg(all(feature = "tree", not(feature = "encode")))]
mod only_applies;
#[cfg(feature = "tree")]
mod patch;

pub use patchcore::tree::{ChangeKind, Compression, ConflictReason};

pub use options::{OperationOutputs, ScanOptions, TreeApplyOptions, TreeDiffOptions, TreeSquashOptions};
pub use results::{
    Installed, ItemKind, TreeApplyStats, TreeChange, TreeConflict, TreeDiffStats, TreeItem, TreePatchContents,
    TreePatchInfo, TreePlan, TreeSnapshot, TreeSquashStats, TreeVerification,
};

#[cfg(not(feature = "tree"))]
pub use absent::{TreePatch, clean, diff, diff_operations, installed, recover, rollback, scan, squash};
#[cfg(feature = "tree")]
pub use directory::{clean, installed, recover, rollback, scan};
#[cfg(all(feature = "tree", feature = "encode"))]
pub use making::{TreeDiff, diff, diff_operations, squash};
#[cfg(all(feature = "tree", not(feature = "encode")))]
pub use only_applies::{diff, diff_operations, squash};
#[cfg(feature = "tree")]
pub use patch::TreePatch;

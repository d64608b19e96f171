//! What is known of directories and of patches between them.

use std::collections::BTreeMap;

use patchcore::tree::{self, TreePath};

use super::{ChangeKind, ConflictReason};
use crate::digest::Digest;

/// One thing in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeItem {
    /// Where it is: names with `/` between, from the root.
    pub path: String,
    /// What it is.
    pub kind: ItemKind,
    /// The bytes of a file.
    pub size: u64,
    /// The SHA-256 of a file.
    pub digest: Option<Digest>,
    /// Whether a file may be executed.
    pub executable: bool,
    /// Where a symbolic link points.
    pub target: Option<String>,
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
}

impl ItemKind {
    /// All of them.
    pub const ALL: &'static [ItemKind] = &[Self::File, Self::Directory, Self::Symlink];

    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
        }
    }
}

/// What stands in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeSnapshot {
    /// The digest that names the tree.
    pub digest: Digest,
    /// The bytes of all files.
    pub size: u64,
    /// The items in the order of their paths.
    pub items: Vec<TreeItem>,
}

/// What two directories and the patch between them are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeDiffStats {
    /// The digest of the old tree.
    pub old_tree: Digest,
    /// The digest of the new tree.
    pub new_tree: Digest,
    /// The bytes of the files of the new tree.
    pub new_tree_size: u64,
    /// The bytes of the package.
    pub package_size: u64,
    /// The bytes of the files that applying it writes.
    pub new_size: u64,
    /// How many paths change, by what is done to them.
    pub changes: BTreeMap<ChangeKind, u64>,
    /// How many paths stay as they are.
    pub unchanged: u64,
}

impl From<tree::TreeDiffStats> for TreeDiffStats {
    fn from(stats: tree::TreeDiffStats) -> Self {
        Self {
            old_tree: stats.old_tree,
            new_tree: stats.new_tree,
            new_tree_size: stats.new_tree_size,
            package_size: stats.package_size,
            new_size: stats.new_size,
            changes: stats.changes,
            unchanged: stats.unchanged,
        }
    }
}

/// What came of squashing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeSquashStats {
    /// The bytes of the package.
    pub package_size: u64,
    /// How many paths change, by what is done to them.
    pub changes: BTreeMap<ChangeKind, u64>,
}

/// What a tree patch says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreePatchInfo {
    /// The bytes of the package.
    pub package_size: u64,
    /// The digest of the tree that it was made from, where that is known.
    pub old_tree: Option<Digest>,
    /// The digest of the tree that it makes, where that is known.
    pub new_tree: Option<Digest>,
    /// The lowest version that it applies to; any where there is none.
    pub min_version: Option<String>,
    /// The highest version that it applies to.
    pub max_version: Option<String>,
    /// The version that it makes.
    pub version: Option<String>,
    /// The bytes of the files that applying it writes.
    pub new_size: u64,
    /// How many paths change, by what is done to them.
    pub changes: BTreeMap<ChangeKind, u64>,
    /// The identifier of the trusted key that signed it, where one was required.
    pub key_id: Option<String>,
}

/// What becomes of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeChange {
    /// Where.
    pub path: String,
    /// What is done.
    pub kind: ChangeKind,
    /// The bytes of the new file.
    pub bytes: u64,
}

/// Something that stands in the way of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeConflict {
    /// Where it is.
    pub path: String,
    /// What is wrong with it.
    pub reason: ConflictReason,
}

/// What applying a patch would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreePlan {
    /// What would be done, by path.
    pub actions: Vec<TreeChange>,
    /// What stands in the way.
    pub conflicts: Vec<TreeConflict>,
    /// Changes that are made already.
    pub done_before: u64,
    /// Paths that are there and would be kept as they are.
    pub kept: Vec<String>,
    /// The bytes of the new files.
    pub bytes: u64,
}

/// What applying a patch did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeApplyStats {
    /// Paths that were changed.
    pub changed: u64,
    /// Changes that were made already.
    pub done_before: u64,
    /// Paths that are there and were kept as they are, since the patch only installs them once.
    pub kept: Vec<String>,
    /// The bytes of the new files.
    pub bytes: u64,
}

impl From<&tree::TreeApplyStats> for TreeApplyStats {
    fn from(stats: &tree::TreeApplyStats) -> Self {
        Self { changed: stats.changed, done_before: stats.done_before, kept: names(&stats.kept), bytes: stats.bytes }
    }
}

/// How a tree differs from what a patch makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeVerification {
    /// Whether the tree is what the patch makes of it.
    pub is_clean: bool,
    /// How many paths of the patch are as it promises.
    pub matches: u64,
    /// What should be there and is not.
    pub missing: Vec<String>,
    /// What is there and should be something else.
    pub different: Vec<String>,
    /// What is there and should not be.
    pub unexpected: Vec<String>,
}

/// What a tree patch was found to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreePatchContents {
    /// Whole files.
    pub files: u64,
    /// Deltas.
    pub deltas: u64,
    /// The bytes of both, unpacked.
    pub bytes: u64,
}

/// What a tree is known to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The version that was installed last.
    pub version: Option<String>,
    /// The digest of the tree that was installed last.
    pub tree: Option<Digest>,
}

impl From<tree::Installed> for Installed {
    fn from(installed: tree::Installed) -> Self {
        Self { version: installed.version.map(|version| version.to_string()), tree: installed.tree }
    }
}

pub(super) fn names(paths: &[TreePath]) -> Vec<String> {
    paths.iter().map(TreePath::to_string).collect()
}

//! What operations on directories say, as objects of JavaScript.

use std::collections::BTreeMap;

use napi_derive::napi;
use patchcore_ffi::tree as facade;

/// One thing in a directory.
#[napi(object, object_from_js = false)]
pub struct TreeItem {
    /// Where it is: names with `/` between, from the root.
    pub path: String,
    /// What it is.
    #[napi(ts_type = "TreeItemKind")]
    pub kind: String,
    /// The bytes of a file.
    pub size: f64,
    /// The SHA-256 of a file, in hex.
    pub digest: Option<String>,
    /// Whether a file may be executed.
    pub executable: bool,
    /// Where a symbolic link points.
    pub target: Option<String>,
}

impl From<facade::TreeItem> for TreeItem {
    fn from(item: facade::TreeItem) -> Self {
        Self {
            path: item.path,
            kind: item.kind.name().to_owned(),
            size: item.size as f64,
            digest: item.digest.map(|digest| digest.to_string()),
            executable: item.executable,
            target: item.target,
        }
    }
}

/// What stands in a directory.
#[napi(object, object_from_js = false)]
pub struct TreeSnapshot {
    /// The digest that names the tree, in hex.
    pub digest: String,
    /// The bytes of all files.
    pub size: f64,
    /// The items in the order of their paths.
    pub items: Vec<TreeItem>,
}

impl From<facade::TreeSnapshot> for TreeSnapshot {
    fn from(found: facade::TreeSnapshot) -> Self {
        Self {
            digest: found.digest.to_string(),
            size: found.size as f64,
            items: found.items.into_iter().map(TreeItem::from).collect(),
        }
    }
}

/// What two directories and the patch between them are.
#[napi(object, object_from_js = false)]
pub struct TreeDiffStats {
    /// The digest of the old tree, in hex.
    pub old_tree: String,
    /// The digest of the new tree, in hex.
    pub new_tree: String,
    /// The bytes of the files of the new tree.
    pub new_tree_size: f64,
    /// The bytes of the package.
    pub package_size: f64,
    /// The bytes of the files that applying it writes.
    pub new_size: f64,
    /// How many paths change, by what is done to them.
    #[napi(ts_type = "TreeChangeCounts")]
    pub changes: BTreeMap<String, f64>,
    /// How many paths stay as they are.
    pub unchanged: f64,
}

impl From<facade::TreeDiffStats> for TreeDiffStats {
    fn from(stats: facade::TreeDiffStats) -> Self {
        Self {
            old_tree: stats.old_tree.to_string(),
            new_tree: stats.new_tree.to_string(),
            new_tree_size: stats.new_tree_size as f64,
            package_size: stats.package_size as f64,
            new_size: stats.new_size as f64,
            changes: counts(stats.changes),
            unchanged: stats.unchanged as f64,
        }
    }
}

/// What came of squashing tree patches.
#[napi(object, object_from_js = false)]
pub struct TreeSquashStats {
    /// The bytes of the package.
    pub package_size: f64,
    /// How many paths change, by what is done to them.
    #[napi(ts_type = "TreeChangeCounts")]
    pub changes: BTreeMap<String, f64>,
}

impl From<facade::TreeSquashStats> for TreeSquashStats {
    fn from(stats: facade::TreeSquashStats) -> Self {
        Self { package_size: stats.package_size as f64, changes: counts(stats.changes) }
    }
}

/// What a tree patch says about itself.
#[napi(object, object_from_js = false)]
pub struct TreePatchInfo {
    /// The bytes of the package.
    pub package_size: f64,
    /// The digest of the tree that it was made from, in hex, where that is known.
    pub old_tree: Option<String>,
    /// The digest of the tree that it makes, in hex, where that is known.
    pub new_tree: Option<String>,
    /// The lowest version that it applies to; any where there is none.
    pub min_version: Option<String>,
    /// The highest version that it applies to.
    pub max_version: Option<String>,
    /// The version that it makes.
    pub version: Option<String>,
    /// The bytes of the files that applying it writes.
    pub new_size: f64,
    /// How many paths change, by what is done to them.
    #[napi(ts_type = "TreeChangeCounts")]
    pub changes: BTreeMap<String, f64>,
    /// The identifier of the trusted key that signed it, where one was required.
    pub key_id: Option<String>,
}

impl From<facade::TreePatchInfo> for TreePatchInfo {
    fn from(info: facade::TreePatchInfo) -> Self {
        Self {
            package_size: info.package_size as f64,
            old_tree: info.old_tree.map(|digest| digest.to_string()),
            new_tree: info.new_tree.map(|digest| digest.to_string()),
            min_version: info.min_version,
            max_version: info.max_version,
            version: info.version,
            new_size: info.new_size as f64,
            changes: counts(info.changes),
            key_id: info.key_id,
        }
    }
}

/// What becomes of one path.
#[napi(object, object_from_js = false)]
pub struct TreeChange {
    /// Where.
    pub path: String,
    /// What is done.
    #[napi(ts_type = "TreeChangeKind")]
    pub kind: String,
    /// The bytes of the new file.
    pub bytes: f64,
}

impl From<facade::TreeChange> for TreeChange {
    fn from(change: facade::TreeChange) -> Self {
        Self { path: change.path, kind: change.kind.name().to_owned(), bytes: change.bytes as f64 }
    }
}

/// Something that stands in the way of a patch.
#[napi(object, object_from_js = false)]
pub struct TreeConflict {
    /// Where it is.
    pub path: String,
    /// What is wrong with it.
    #[napi(ts_type = "TreeConflictReason")]
    pub reason: String,
}

/// What applying a patch would do.
#[napi(object, object_from_js = false)]
pub struct TreePlan {
    /// What would be done, by path.
    pub actions: Vec<TreeChange>,
    /// What stands in the way.
    pub conflicts: Vec<TreeConflict>,
    /// Changes that are made already.
    pub done_before: f64,
    /// Paths that are there and would be kept as they are.
    pub kept: Vec<String>,
    /// The bytes of the new files.
    pub bytes: f64,
}

impl From<facade::TreePlan> for TreePlan {
    fn from(plan: facade::TreePlan) -> Self {
        let conflict = |conflict: facade::TreeConflict| TreeConflict {
            path: conflict.path,
            reason: conflict.reason.name().to_owned(),
        };
        Self {
            actions: plan.actions.into_iter().map(TreeChange::from).collect(),
            conflicts: plan.conflicts.into_iter().map(conflict).collect(),
            done_before: plan.done_before as f64,
            kept: plan.kept,
            bytes: plan.bytes as f64,
        }
    }
}

/// What applying a patch did.
#[napi(object, object_from_js = false)]
pub struct TreeApplyStats {
    /// Paths that were changed.
    pub changed: f64,
    /// Changes that were made already.
    pub done_before: f64,
    /// Paths that are there and were kept as they are, since the patch only installs them once.
    pub kept: Vec<String>,
    /// The bytes of the new files.
    pub bytes: f64,
}

impl From<facade::TreeApplyStats> for TreeApplyStats {
    fn from(stats: facade::TreeApplyStats) -> Self {
        Self {
            changed: stats.changed as f64,
            done_before: stats.done_before as f64,
            kept: stats.kept,
            bytes: stats.bytes as f64,
        }
    }
}

/// How a tree differs from what a patch makes of it.
#[napi(object, object_from_js = false)]
pub struct TreeVerification {
    /// Whether the tree is what the patch makes of it.
    pub is_clean: bool,
    /// How many paths of the patch are as it promises.
    pub matches: f64,
    /// What should be there and is not.
    pub missing: Vec<String>,
    /// What is there and should be something else.
    pub different: Vec<String>,
    /// What is there and should not be.
    pub unexpected: Vec<String>,
}

impl From<facade::TreeVerification> for TreeVerification {
    fn from(found: facade::TreeVerification) -> Self {
        Self {
            is_clean: found.is_clean,
            matches: found.matches as f64,
            missing: found.missing,
            different: found.different,
            unexpected: found.unexpected,
        }
    }
}

/// What a tree patch was found to hold.
#[napi(object, object_from_js = false)]
pub struct TreePatchContents {
    /// Whole files.
    pub files: f64,
    /// Deltas.
    pub deltas: f64,
    /// The bytes of both, unpacked.
    pub bytes: f64,
}

impl From<facade::TreePatchContents> for TreePatchContents {
    fn from(contents: facade::TreePatchContents) -> Self {
        Self { files: contents.files as f64, deltas: contents.deltas as f64, bytes: contents.bytes as f64 }
    }
}

/// What a tree is known to be.
#[napi(object, object_from_js = false)]
pub struct Installed {
    /// The version that was installed last.
    pub version: Option<String>,
    /// The digest of the tree that was installed last, in hex.
    pub tree: Option<String>,
}

impl From<facade::Installed> for Installed {
    fn from(installed: facade::Installed) -> Self {
        Self { version: installed.version, tree: installed.tree.map(|digest| digest.to_string()) }
    }
}

fn counts(changes: BTreeMap<facade::ChangeKind, u64>) -> BTreeMap<String, f64> {
    changes.into_iter().map(|(kind, count)| (kind.name().to_owned(), count as f64)).collect()
}

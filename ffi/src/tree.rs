//! Tree patches: from one directory to another, and back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use patchcore::tree::{self, Item, TreePackage, TreePath};
use patchcore::trust::{Promise, PublicKey, Signature, Verified, signature_path};

use crate::digest::Digest;
use crate::input::{Input, ReadAt};
use crate::job::Job;
use crate::options::{Limits, threads};
use crate::status::{Error, Result, Status};
use crate::trust::Trust;

pub use patchcore::tree::{ChangeKind, Compression, ConflictReason};

#[cfg(feature = "encode")]
pub use making::{diff, diff_operations, squash};
#[cfg(not(feature = "encode"))]
pub use only_applies::{diff, diff_operations, squash};

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

fn names(paths: &[TreePath]) -> Vec<String> {
    paths.iter().map(TreePath::to_string).collect()
}

/// An open tree patch. Clones share it, and any number of threads may use it at once.
///
/// The file stays open: what was checked is what is used, whoever replaces the file meanwhile.
#[derive(Clone)]
pub struct TreePatch(Arc<Opened>);

struct Opened {
    package: TreePackage,
    path: Option<PathBuf>,
    key_id: Option<String>,
}

impl TreePatch {
    /// Opens a package: a ZIP file that [`diff`] made, or a `.tar.gz` with the text of its operations.
    ///
    /// With keys in `trust`, one of them must have signed the package before a byte of it is unpacked; BAD_SIGNATURE where
    /// there is no signature. What changes in the file after that is CORRUPT when it is read.
    pub fn open(input: Input, operations: Option<&str>, trust: &Trust, job: &mut Job) -> Result<Self> {
        let path = match &input {
            Input::Path(path) => Some(path.clone()),
            Input::Bytes(_) | Input::Source(_) => None,
        };
        let in_file = |e: Error| match (e.status(), &path) {
            (
                Status::Corrupt
                | Status::UnsafePath
                | Status::Limit
                | Status::Unsupported
                | Status::BadSignature
                | Status::UntrustedKey,
                Some(path),
            ) => e.in_file(path),
            _ => e,
        };
        let (source, key_id) = match trust.keys()? {
            None => (input.open()?, None),
            Some(keys) => {
                let signature = match (trust.signature()?, &path) {
                    (None, Some(path)) => signature_beside(path)?,
                    (given, _) => given,
                };
                let source = input.open()?;
                let promise = Promise::default();
                let verified =
                    Verified::check(source, &promise, Some(&keys), signature.as_ref(), job.task()).map_err(in_file)?;
                let key_id = verified.signed_by().map(PublicKey::id);
                (Box::new(verified) as Box<dyn ReadAt>, key_id)
            }
        };
        let package = TreePackage::read(source, operations.map(str::as_bytes), job.task()).map_err(in_file)?;
        Ok(Self(Arc::new(Opened { package, path, key_id })))
    }

    /// What the patch says about itself.
    pub fn info(&self) -> TreePatchInfo {
        let Opened { package, key_id, .. } = &*self.0;
        let patch = package.patch();
        let mut changes = BTreeMap::new();
        patch.changes.values().for_each(|change| *changes.entry(change.kind()).or_default() += 1);
        TreePatchInfo {
            package_size: package.size(),
            old_tree: patch.old_tree,
            new_tree: patch.new_tree,
            min_version: patch.applies_to.map(|range| range.min.to_string()),
            max_version: patch.applies_to.map(|range| range.max.to_string()),
            version: patch.version.map(|version| version.to_string()),
            new_size: patch.new_size(),
            changes,
            key_id: key_id.clone(),
        }
    }

    /// What becomes of which path, in the order of paths.
    pub fn changes(&self) -> Vec<TreeChange> {
        let changes = self.0.package.patch().changes.iter();
        changes
            .map(|(path, change)| TreeChange {
                path: path.to_string(),
                kind: change.kind(),
                bytes: change.new_file().map_or(0, |file| file.size),
            })
            .collect()
    }

    /// Reads everything in the package: CORRUPT where a whole file is not the promised one or a delta is damaged.
    pub fn verify(&self, limits: &Limits, job: &mut Job) -> Result<TreePatchContents> {
        let contents = self.named(tree::verify_package(&self.0.package, &limits.for_core(), job.task()))?;
        Ok(TreePatchContents { files: contents.files, deltas: contents.deltas, bytes: contents.bytes })
    }

    /// Says what applying the patch to the tree at `root` would do. Nothing is written.
    pub fn plan(&self, root: &Path, options: &TreeApplyOptions, job: &mut Job) -> Result<TreePlan> {
        let plan = tree::plan(root, &self.0.package, &options.for_core(), job.task())?;
        let action = |action: &tree::PlannedAction| TreeChange {
            path: action.path.to_string(),
            kind: action.kind,
            bytes: action.bytes,
        };
        let conflict =
            |conflict: &tree::Conflict| TreeConflict { path: conflict.path.to_string(), reason: conflict.reason };
        Ok(TreePlan {
            actions: plan.actions.iter().map(action).collect(),
            conflicts: plan.conflicts.iter().map(conflict).collect(),
            done_before: plan.done_before,
            kept: names(&plan.kept),
            bytes: plan.bytes,
        })
    }

    /// Applies the patch to the tree at `root`: afterwards it is the new one, or with an error the old one, and the error
    /// says which.
    ///
    /// CONFLICT, naming all of them, where files are not what the patch was made for, unless the options say otherwise.
    pub fn apply(&self, root: &Path, options: &TreeApplyOptions, job: &mut Job) -> Result<TreeApplyStats> {
        let stats = self.named(tree::apply(root, &self.0.package, &options.for_core(), job.task()))?;
        Ok((&stats).into())
    }

    /// Says in what the tree at `root` differs from what the patch makes of it. Nothing is written.
    pub fn verify_tree(&self, root: &Path, threads_given: u64, job: &mut Job) -> Result<TreeVerification> {
        let found = tree::verify(root, &self.0.package, threads(threads_given), job.task())?;
        Ok(TreeVerification {
            is_clean: found.is_clean(),
            matches: found.matches,
            missing: names(&found.missing),
            different: names(&found.different),
            unexpected: names(&found.unexpected),
        })
    }

    /// Names the package where an error is about its bytes.
    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|e| match (e.status(), &self.0.path) {
            (Status::Corrupt | Status::Unsupported | Status::Limit, Some(path)) => e.in_file(path),
            _ => e,
        })
    }
}

/// The signature that lies beside a file, where there is one.
fn signature_beside(path: &Path) -> Result<Option<Signature>> {
    match Signature::read(&signature_path(path)) {
        Ok(signature) => Ok(Some(signature)),
        Err(e) if e.status() == Status::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// What stands in the directory at `root`.
pub fn scan(root: &Path, options: &ScanOptions, job: &mut Job) -> Result<TreeSnapshot> {
    let found = tree::scan(root, &options.for_core(), job.task())?;
    let item = |(path, item): (&TreePath, &Item)| {
        let (kind, file, target) = match item {
            Item::File(file) => (ItemKind::File, Some(file), None),
            Item::Directory => (ItemKind::Directory, None, None),
            Item::Symlink(target) => (ItemKind::Symlink, None, Some(target.clone())),
        };
        TreeItem {
            path: path.to_string(),
            kind,
            size: item.size(),
            digest: file.map(|file| file.sha256),
            executable: file.is_some_and(|file| file.executable),
            target,
        }
    };
    Ok(TreeSnapshot { digest: found.digest(), size: found.size(), items: found.items.iter().map(item).collect() })
}

/// Takes back the last patch that was applied to the tree at `root`, and says what the tree is known to be then.
///
/// INVALID_ARGUMENT where no backup is kept; CONFLICT where files were changed since, unless `overwrite_local` gives those up.
pub fn rollback(root: &Path, overwrite_local: bool, threads_given: u64, job: &mut Job) -> Result<Option<Installed>> {
    let installed = tree::rollback(root, overwrite_local, threads(threads_given), job.task())?;
    Ok(installed.map(Installed::from))
}

/// Finishes whatever a crash left of a change of the tree at `root`, and says what the tree is known to be.
pub fn recover(root: &Path, job: &mut Job) -> Result<Option<Installed>> {
    Ok(tree::recover(root, job.task())?.map(Installed::from))
}

/// What the tree at `root` is known to be. Nothing is written.
pub fn installed(root: &Path) -> Result<Option<Installed>> {
    Ok(tree::installed(root)?.map(Installed::from))
}

/// Gives up the backup of the tree at `root`, and says whether there was one.
pub fn clean(root: &Path, job: &mut Job) -> Result<bool> {
    tree::clean(root, job.task())
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

#[cfg(feature = "encode")]
mod making {
    //! Making tree patches.

    use std::path::Path;

    use patchcore::io::OutputOptions;
    use patchcore::tree::{self, VersionRange};

    use super::{OperationOutputs, TreeDiffOptions, TreeDiffStats, TreePatch, TreeSquashOptions, TreeSquashStats};
    use crate::job::Job;
    use crate::options::{DiffOptions, SquashOptions, parsed};
    use crate::status::{Result, invalid};

    impl TreeDiffOptions {
        fn for_core(&self) -> Result<tree::TreeDiffOptions> {
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
        let packages: Vec<_> = patches.iter().map(|patch| &patch.0.package).collect();
        let stats = tree::squash(&packages, out, &core, job.task())?;
        Ok(TreeSquashStats { package_size: stats.package_size, changes: stats.changes })
    }
}

#[cfg(not(feature = "encode"))]
mod only_applies {
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
}

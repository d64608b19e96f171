//! An open tree patch, and what it does with a directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use patchcore::tree::{self, TreePackage};
use patchcore::trust::{Promise, PublicKey, Signature, Verified, signature_path};

use super::results::names;
use super::{
    TreeApplyOptions, TreeApplyStats, TreeChange, TreeConflict, TreePatchContents, TreePatchInfo, TreePlan,
    TreeVerification,
};
use crate::input::{Input, ReadAt};
use crate::job::Job;
use crate::options::{Limits, threads};
use crate::status::{Error, Result, Status};
use crate::trust::Trust;

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
    #[cfg(feature = "encode")]
    pub(super) fn package(&self) -> &TreePackage {
        &self.0.package
    }

    /// Opens a package: a ZIP file that [`diff`](super::diff) made, or a `.tar.gz` with the text of its operations.
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

//! Open tree patches, and jobs about directories.

mod options;
pub(crate) mod results;

use napi_derive::napi;
use patchcore_ffi::options::Limits;
use patchcore_ffi::tree as facade;

use crate::input::{InputArgument, input};
use crate::job::{Listener, RunningJob, start};
use crate::options::amount;
use crate::output::{PathArgument, path};
use crate::trust::TrustArgument;

use options::{ScanOptions, TreeSquashOptions};
pub(crate) use options::{TreeApplyOptions, TreeDiffOptions};
use results::{
    Installed, TreeApplyStats, TreeChange, TreeDiffStats, TreePatchContents, TreePatchInfo, TreePlan, TreeSnapshot,
    TreeSquashStats, TreeVerification,
};

/// A tree patch whose file stays open.
#[napi]
pub struct OpenTreePatch(facade::TreePatch);

impl From<facade::TreePatch> for OpenTreePatch {
    fn from(patch: facade::TreePatch) -> Self {
        Self(patch)
    }
}

/// Opens a package, after checking whose it is.
#[napi]
pub fn open_tree_patch(
    package: InputArgument,
    operations: Option<String>,
    trust: TrustArgument,
    listener: Listener<OpenTreePatch>,
) -> napi::Result<RunningJob> {
    let package = input(package);
    start(listener, move |job| facade::TreePatch::open(package, operations.as_deref(), &trust.into(), job))
}

#[napi]
impl OpenTreePatch {
    /// What the patch says about itself.
    #[napi]
    pub fn info(&self) -> TreePatchInfo {
        self.0.info().into()
    }

    /// What becomes of which path, in the order of paths.
    #[napi]
    pub fn changes(&self) -> Vec<TreeChange> {
        self.0.changes().into_iter().map(TreeChange::from).collect()
    }

    /// Reads and checks everything in the package.
    #[napi]
    pub fn verify(&self, max_memory: Option<f64>, listener: Listener<TreePatchContents>) -> napi::Result<RunningJob> {
        let patch = self.0.clone();
        let limits = Limits { max_memory: amount(max_memory) };
        start(listener, move |job| patch.verify(&limits, job))
    }

    /// Says what applying the patch would do.
    #[napi]
    pub fn plan(
        &self,
        root: PathArgument,
        options: TreeApplyOptions,
        listener: Listener<TreePlan>,
    ) -> napi::Result<RunningJob> {
        let (patch, root) = (self.0.clone(), path(root));
        start(listener, move |job| patch.plan(&root, &options.into(), job))
    }

    /// Applies the patch.
    #[napi]
    pub fn apply(
        &self,
        root: PathArgument,
        options: TreeApplyOptions,
        listener: Listener<TreeApplyStats>,
    ) -> napi::Result<RunningJob> {
        let (patch, root) = (self.0.clone(), path(root));
        start(listener, move |job| patch.apply(&root, &options.into(), job))
    }

    /// Says in what a tree differs from what the patch makes of it.
    #[napi]
    pub fn verify_tree(
        &self,
        root: PathArgument,
        threads: Option<f64>,
        listener: Listener<TreeVerification>,
    ) -> napi::Result<RunningJob> {
        let (patch, root) = (self.0.clone(), path(root));
        start(listener, move |job| patch.verify_tree(&root, amount(threads), job))
    }
}

/// Says what stands in a directory.
#[napi]
pub fn scan_tree(
    root: PathArgument,
    options: ScanOptions,
    listener: Listener<TreeSnapshot>,
) -> napi::Result<RunningJob> {
    let root = path(root);
    start(listener, move |job| facade::scan(&root, &options.into(), job))
}

/// Makes the package that turns one directory into another.
#[napi]
pub fn diff_trees(
    old: PathArgument,
    updated: PathArgument,
    out: PathArgument,
    options: TreeDiffOptions,
    listener: Listener<TreeDiffStats>,
) -> napi::Result<RunningJob> {
    let (old, updated, out) = (path(old), path(updated), path(out));
    start(listener, move |job| facade::diff(&old, &updated, &out, &options.facade()?, job))
}

/// Where the parts of the file-operation form go.
#[napi(object, object_to_js = false)]
pub struct OperationOutputs {
    /// The `.tar.gz`.
    pub package: PathArgument,
    /// The operations.
    pub operations: PathArgument,
    /// What announces the package.
    pub package_info: Option<PathArgument>,
    /// Where the package will be fetched from.
    pub url: Option<String>,
}

/// Makes the package in the file-operation form.
#[napi]
pub fn diff_trees_as_operations(
    old: PathArgument,
    updated: PathArgument,
    outputs: OperationOutputs,
    options: TreeDiffOptions,
    listener: Listener<TreeDiffStats>,
) -> napi::Result<RunningJob> {
    let (old, updated) = (path(old), path(updated));
    let outputs = facade::OperationOutputs {
        package: path(outputs.package),
        operations: path(outputs.operations),
        package_info: outputs.package_info.map(path),
        url: outputs.url.unwrap_or_default(),
    };
    start(listener, move |job| facade::diff_operations(&old, &updated, &outputs, &options.facade()?, job))
}

/// Makes one package of several, each going on from the one before.
#[napi]
pub fn squash_tree_patches(
    patches: Vec<&OpenTreePatch>,
    out: PathArgument,
    options: TreeSquashOptions,
    listener: Listener<TreeSquashStats>,
) -> napi::Result<RunningJob> {
    let patches: Vec<_> = patches.into_iter().map(|patch| patch.0.clone()).collect();
    let out = path(out);
    start(listener, move |job| facade::squash(&patches, &out, &options.facade()?, job))
}

/// Takes back the last patch that was applied to a tree.
#[napi]
pub fn roll_back_tree(
    root: PathArgument,
    overwrite_local: Option<bool>,
    threads: Option<f64>,
    listener: Listener<Option<Installed>>,
) -> napi::Result<RunningJob> {
    let root = path(root);
    let overwrite_local = overwrite_local.unwrap_or_default();
    start(listener, move |job| Ok(known(facade::rollback(&root, overwrite_local, amount(threads), job)?)))
}

/// Finishes what a crash left of a change of a tree.
#[napi]
pub fn recover_tree(root: PathArgument, listener: Listener<Option<Installed>>) -> napi::Result<RunningJob> {
    let root = path(root);
    start(listener, move |job| Ok(known(facade::recover(&root, job)?)))
}

/// Says what a tree is known to be.
#[napi]
pub fn installed_tree(root: PathArgument, listener: Listener<Option<Installed>>) -> napi::Result<RunningJob> {
    let root = path(root);
    start(listener, move |_| Ok(known(facade::installed(&root)?)))
}

/// Gives up the backup of a tree.
#[napi]
pub fn clean_tree(root: PathArgument, listener: Listener<bool>) -> napi::Result<RunningJob> {
    let root = path(root);
    start(listener, move |job| facade::clean(&root, job))
}

fn known(installed: Option<facade::Installed>) -> Option<Installed> {
    installed.map(Installed::from)
}

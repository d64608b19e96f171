//! Results about trees, channels, signatures and updates as the classes of `results.py`.

use std::collections::BTreeMap;

use patchcore_ffi::channel::{ChannelPublishStats, FileUpdateReport};
use patchcore_ffi::transfer::FetchStats;
use patchcore_ffi::tree::{
    ChangeKind, Installed, TreeApplyStats, TreeChange, TreeConflict, TreeDiffStats, TreeItem, TreePatchContents,
    TreePatchInfo, TreePlan, TreeSnapshot, TreeSquashStats, TreeVerification,
};
use patchcore_ffi::trust::{SignatureFile, SignedFile};
use patchcore_ffi::update::UpdateReport;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::results::{make, tuple};

type Object<'py> = PyResult<Bound<'py, PyAny>>;

fn change_counts<'py>(py: Python<'py>, changes: &BTreeMap<ChangeKind, u64>) -> Object<'py> {
    let fields = PyDict::new(py);
    for kind in ChangeKind::ALL {
        fields.set_item(kind.name(), changes.get(kind).copied().unwrap_or_default())?;
    }
    let class = py.import(intern!(py, "patchcore.results"))?.getattr(intern!(py, "TreeChangeCounts"))?;
    class.call((), Some(&fields))
}

fn names<'py>(py: Python<'py>, paths: &[String]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, paths)
}

pub(crate) fn tree_snapshot<'py>(py: Python<'py>, snapshot: &TreeSnapshot) -> Object<'py> {
    let items = tuple(py, &snapshot.items, |item| tree_item(py, item))?;
    make(py, "TreeSnapshot", (snapshot.digest.to_string(), snapshot.size, items))
}

fn tree_item<'py>(py: Python<'py>, item: &TreeItem) -> Object<'py> {
    let digest = item.digest.map(|digest| digest.to_string());
    make(py, "TreeItem", (&item.path, item.kind.name(), item.size, digest, item.executable, &item.target))
}

pub(crate) fn tree_diff_stats<'py>(py: Python<'py>, stats: &TreeDiffStats) -> Object<'py> {
    let &TreeDiffStats { old_tree, new_tree, new_tree_size, package_size, new_size, unchanged, .. } = stats;
    let (old_tree, new_tree) = (old_tree.to_string(), new_tree.to_string());
    let changes = change_counts(py, &stats.changes)?;
    make(py, "TreeDiffStats", (old_tree, new_tree, new_tree_size, package_size, new_size, changes, unchanged))
}

pub(crate) fn tree_squash_stats<'py>(py: Python<'py>, stats: &TreeSquashStats) -> Object<'py> {
    make(py, "TreeSquashStats", (stats.package_size, change_counts(py, &stats.changes)?))
}

pub(crate) fn tree_patch_info<'py>(py: Python<'py>, info: &TreePatchInfo) -> Object<'py> {
    let fields = (
        info.package_size,
        info.old_tree.map(|digest| digest.to_string()),
        info.new_tree.map(|digest| digest.to_string()),
        &info.min_version,
        &info.max_version,
        &info.version,
        info.new_size,
        change_counts(py, &info.changes)?,
        &info.key_id,
    );
    make(py, "TreePatchInfo", fields)
}

pub(crate) fn tree_changes<'py>(py: Python<'py>, changes: &[TreeChange]) -> PyResult<Bound<'py, PyTuple>> {
    tuple(py, changes, |change| make(py, "TreeChange", (&change.path, change.kind.name(), change.bytes)))
}

fn tree_conflict<'py>(py: Python<'py>, conflict: &TreeConflict) -> Object<'py> {
    make(py, "TreeConflict", (&conflict.path, conflict.reason.name()))
}

pub(crate) fn tree_plan<'py>(py: Python<'py>, plan: &TreePlan) -> Object<'py> {
    let actions = tree_changes(py, &plan.actions)?;
    let conflicts = tuple(py, &plan.conflicts, |conflict| tree_conflict(py, conflict))?;
    make(py, "TreePlan", (actions, conflicts, plan.done_before, names(py, &plan.kept)?, plan.bytes))
}

pub(crate) fn tree_apply_stats<'py>(py: Python<'py>, stats: &TreeApplyStats) -> Object<'py> {
    make(py, "TreeApplyStats", (stats.changed, stats.done_before, names(py, &stats.kept)?, stats.bytes))
}

pub(crate) fn tree_verification<'py>(py: Python<'py>, found: &TreeVerification) -> Object<'py> {
    let fields = (
        found.is_clean,
        found.matches,
        names(py, &found.missing)?,
        names(py, &found.different)?,
        names(py, &found.unexpected)?,
    );
    make(py, "TreeVerification", fields)
}

pub(crate) fn tree_patch_contents(py: Python<'_>, contents: TreePatchContents) -> Object<'_> {
    let TreePatchContents { files, deltas, bytes } = contents;
    make(py, "TreePatchContents", (files, deltas, bytes))
}

pub(crate) fn installed<'py>(py: Python<'py>, installed: &Installed) -> Object<'py> {
    make(py, "Installed", (&installed.version, installed.tree.map(|digest| digest.to_string())))
}

pub(crate) fn signed_file<'py>(py: Python<'py>, signed: &SignedFile) -> Object<'py> {
    make(py, "SignedFile", (signed.digest.to_string(), &signed.key_id))
}

pub(crate) fn signature_file<'py>(py: Python<'py>, made: &SignatureFile) -> Object<'py> {
    make(py, "SignatureFile", (&made.path, &made.key_id, &made.trusted_comment))
}

pub(crate) fn fetch_stats<'py>(py: Python<'py>, stats: &FetchStats) -> Object<'py> {
    make(py, "FetchStats", (stats.size, stats.digest.to_string(), stats.transferred, stats.source))
}

pub(crate) fn update_report<'py>(py: Python<'py>, report: &UpdateReport) -> Object<'py> {
    let fields = (
        report.action.name(),
        report.strategy,
        report.reason,
        &report.from,
        &report.to,
        &report.url,
        &report.file,
        report.fetched.as_ref().map(|stats| fetch_stats(py, stats)).transpose()?,
        &report.key_id,
        report.applied.as_ref().map(|stats| tree_apply_stats(py, stats)).transpose()?,
    );
    make(py, "UpdateReport", fields)
}

pub(crate) fn channel_publish_stats<'py>(py: Python<'py>, stats: &ChannelPublishStats) -> Object<'py> {
    let fields = (
        stats.changed,
        &stats.family,
        &stats.version,
        stats.digest.to_string(),
        stats.sequence,
        stats.squashed,
        names(py, &stats.written)?,
        stats.written_bytes,
        names(py, &stats.removed)?,
    );
    make(py, "ChannelPublishStats", fields)
}

pub(crate) fn file_update_report<'py>(py: Python<'py>, report: &FileUpdateReport) -> Object<'py> {
    let fields = (
        report.action.name(),
        report.means,
        report.reason,
        &report.family,
        &report.from,
        report.from_digest.map(|digest| digest.to_string()),
        &report.to,
        report.to_digest.to_string(),
        report.links,
        report.planned_bytes,
        report.transferred_bytes,
        report.sequence,
    );
    // One tuple holds no more than twelve.
    let more = (&report.file, &report.key_id).into_pyobject(py)?;
    make(py, "FileUpdateReport", fields.into_pyobject(py)?.as_sequence().concat(more.as_sequence())?.to_tuple()?)
}

//! Trees: the functions of the module.

#![allow(clippy::too_many_arguments, reason = "Python has an argument for each option")]

use std::path::PathBuf;

use patchcore_ffi::input::Input;
use patchcore_ffi::tree::{
    self, Compression, Installed, OperationOutputs, ScanOptions, TreeDiff, TreeDiffOptions, TreePatch as Opened,
    TreeSquashOptions,
};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::call::{Watch, run};
use crate::cancel::CancelToken;
use crate::errors::Raise;
use crate::patch::TreePatch;
use crate::source::{FilePath, Source};
use crate::tree_results as results;

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// Looks through a directory and hashes every file in it.
///
/// :param root: the directory.
/// :param exclude: patterns of what is no part of the tree, as in ``.gitignore``; a ``.patchcoreignore`` in the directory
///     holds more.
/// :param dereference: take what symbolic links point to in the place of the links.
/// :param threads: threads that read and hash; 1 unless given.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: a :class:`~patchcore.TreeSnapshot`: the digest that names the tree, and its items.
/// :raises patchcore.PatchcoreError: UnsafePathError where a name or a link is not fit for a tree; InvalidArgumentError for
///     a pattern; IoError and its kin; CancelledError.
#[pyfunction]
#[pyo3(
    signature = (root, *, exclude=Vec::new(), dereference=false, threads=None, progress=None, cancel=None),
    text_signature = "(root, *, exclude=(), dereference=False, threads=None, progress=None, cancel=None)"
)]
pub(crate) fn tree_scan<'py>(
    py: Python<'py>,
    root: FilePath,
    exclude: Vec<String>,
    dereference: bool,
    threads: Option<u64>,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> Object<'py> {
    let watch = Watch::new(progress, cancel)?;
    let options = ScanOptions { exclude, dereference, threads: threads.unwrap_or_default() };
    let snapshot = run(py, &watch, move |job| tree::scan(&root.0, &options, job))?;
    results::tree_snapshot(py, &snapshot)
}

/// Makes the package that turns one directory into another: a ZIP file in which whole files lie at their own paths.
///
/// :param old: the directory as it was.
/// :param new: the directory as it is to be.
/// :param out: the path of the package.
/// :param exclude: patterns of what is no part of either tree, as in ``.gitignore``.
/// :param dereference: take what symbolic links point to in the place of the links.
/// :param keep_local: patterns of what is installed where it is missing and never touched where it is there.
/// :param replace_directories: patterns of directories that are replaced as a whole where anything in them changes.
/// :param level: 1 (fastest) to 9 (smallest); 6 unless given.
/// :param compression: how whole files are compressed: ``"deflate"``, ``"stored"`` or ``"zstd"``.
/// :param threads: worker threads; 1 unless given. They change the time, never the package.
/// :param executor: where the deltas between files are made: a thread or process pool,
///     ``dask.distributed.Client(…).get_executor()`` or any other whose workers can read both directories; here unless given.
///     It changes the time, never the package.
/// :param max_apply_memory: bytes that an applier of a delta may need; 12 MiB unless given.
/// :param min_version: the lowest version that the patch applies to, such as ``"1.0.0"``; any unless given.
/// :param max_version: the highest one; ``min_version`` unless given.
/// :param version: the version that the patch makes.
/// :param no_clobber: refuse to replace an existing file.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: a :class:`~patchcore.TreeDiffStats`.
/// :raises patchcore.PatchcoreError: UnsafePathError where a name or a link is not fit for a tree; InvalidArgumentError for
///     options; TargetMismatchError where a file changes meanwhile; IoError and its kin; CancelledError.
#[pyfunction]
#[pyo3(
    signature = (
        old, new, out, *, exclude=Vec::new(), dereference=false, keep_local=Vec::new(), replace_directories=Vec::new(),
        level=None, compression="deflate", threads=None, executor=None, max_apply_memory=None, min_version=None,
        max_version=None, version=None, no_clobber=false, progress=None, cancel=None
    ),
    text_signature = "(old, new, out, *, exclude=(), dereference=False, keep_local=(), replace_directories=(), level=None, \
                      compression=\"deflate\", threads=None, executor=None, max_apply_memory=None, min_version=None, \
                      max_version=None, version=None, no_clobber=False, progress=None, cancel=None)"
)]
pub(crate) fn tree_diff<'py>(
    py: Python<'py>,
    old: FilePath,
    new: FilePath,
    out: FilePath,
    exclude: Vec<String>,
    dereference: bool,
    keep_local: Vec<String>,
    replace_directories: Vec<String>,
    level: Option<i32>,
    compression: &str,
    threads: Option<u64>,
    executor: Option<Bound<'py, PyAny>>,
    max_apply_memory: Option<u64>,
    min_version: Option<String>,
    max_version: Option<String>,
    version: Option<String>,
    no_clobber: bool,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> Object<'py> {
    let deltas_elsewhere =
        executor.map(|executor| DeltasElsewhere { executor, progress: progress.clone(), level, max_apply_memory });
    let watch = Watch::new(progress, cancel)?;
    let options = TreeDiffOptions {
        scan: ScanOptions { exclude, dereference, threads: threads.unwrap_or_default() },
        level: level.unwrap_or_default(),
        max_apply_memory: max_apply_memory.unwrap_or_default(),
        keep_local,
        replace_directories,
        min_version,
        max_version,
        version,
        compression: self::compression(compression)?,
        no_clobber,
    };
    let stats = match deltas_elsewhere {
        None => run(py, &watch, move |job| tree::diff(&old.0, &new.0, &out.0, &options, job))?,
        Some(elsewhere) => {
            let begun = run(py, &watch, move |job| TreeDiff::begin(&old.0, &new.0, &options, job))?;
            let deltas: Vec<Input> = elsewhere.make(py, begun.delta_jobs())?.into_iter().map(Input::from).collect();
            run(py, &watch, move |job| begun.finish(deltas, &out.0, job))?
        }
    };
    results::tree_diff_stats(py, &stats)
}

/// Deltas that somebody else's workers make.
struct DeltasElsewhere<'py> {
    executor: Bound<'py, PyAny>,
    progress: Option<Bound<'py, PyAny>>,
    level: Option<i32>,
    max_apply_memory: Option<u64>,
}

impl<'py> DeltasElsewhere<'py> {
    /// Makes the deltas between the files of `jobs`, as `diff_many` does.
    fn make(self, py: Python<'py>, jobs: Vec<(PathBuf, PathBuf)>) -> PyResult<Vec<Source>> {
        let jobs: Vec<_> = jobs.into_iter().map(|(old, new)| (old, new, None::<Bound<'py, PyAny>>)).collect();
        let options = PyDict::new(py);
        options.set_item("executor", self.executor)?;
        options.set_item("progress", self.progress)?;
        options.set_item("level", self.level)?;
        options.set_item("max_apply_memory", self.max_apply_memory)?;
        let diff_many = py.import(intern!(py, "patchcore.many"))?.getattr(intern!(py, "diff_many"))?;
        diff_many.call((jobs,), Some(&options))?.extract()
    }
}

/// :func:`~patchcore.tree_diff` in the file-operation form: a ``.tar.gz`` of whole files, and beside it what they are for.
///
/// :param old: the directory as it was.
/// :param new: the directory as it is to be.
/// :param out: the path of the ``.tar.gz``.
/// :param operations: the path of its operations, in JSON.
/// :param package_info: the path of what announces the package, in JSON, if that is wanted.
/// :param url: where the package will be fetched from, for ``package_info``.
/// :param exclude: patterns of what is no part of either tree, as in ``.gitignore``.
/// :param dereference: take what symbolic links point to in the place of the links.
/// :param replace_directories: patterns of directories that are replaced as a whole where anything in them changes.
/// :param threads: threads that read and hash; 1 unless given.
/// :param version: the version that the patch makes, for ``package_info``.
/// :param no_clobber: refuse to replace existing files.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: a :class:`~patchcore.TreeDiffStats`.
/// :raises patchcore.PatchcoreError: UnsupportedError where the form cannot say what changes; UnsafePathError where a name
///     or a link is not fit for a tree; InvalidArgumentError for options; TargetMismatchError where a file changes
///     meanwhile; IoError and its kin; CancelledError.
#[pyfunction]
#[pyo3(
    signature = (
        old, new, out, operations, *, package_info=None, url=String::new(), exclude=Vec::new(), dereference=false,
        replace_directories=Vec::new(), threads=None, version=None, no_clobber=false, progress=None,
        cancel=None
    ),
    text_signature = "(old, new, out, operations, *, package_info=None, url=\"\", exclude=(), dereference=False, \
                      replace_directories=(), threads=None, version=None, no_clobber=False, progress=None, \
                      cancel=None)"
)]
pub(crate) fn tree_diff_operations<'py>(
    py: Python<'py>,
    old: FilePath,
    new: FilePath,
    out: FilePath,
    operations: FilePath,
    package_info: Option<FilePath>,
    url: String,
    exclude: Vec<String>,
    dereference: bool,
    replace_directories: Vec<String>,
    threads: Option<u64>,
    version: Option<String>,
    no_clobber: bool,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> Object<'py> {
    let watch = Watch::new(progress, cancel)?;
    let options = TreeDiffOptions {
        scan: ScanOptions { exclude, dereference, threads: threads.unwrap_or_default() },
        replace_directories,
        version,
        no_clobber,
        ..TreeDiffOptions::default()
    };
    let outputs = OperationOutputs {
        package: out.0,
        operations: operations.0,
        package_info: package_info.map(|path| path.0),
        url,
    };
    let stats = run(py, &watch, move |job| tree::diff_operations(&old.0, &new.0, &outputs, &options, job))?;
    results::tree_diff_stats(py, &stats)
}

/// Makes one package of several in a row, from them alone; no tree is needed.
///
/// :param patches: the opened :class:`~patchcore.TreePatch` objects, each continuing the one before.
/// :param out: the path of the package.
/// :param level: 1 (fastest) to 9 (smallest); 6 unless given.
/// :param compression: how whole files are compressed: ``"deflate"``, ``"stored"`` or ``"zstd"``.
/// :param threads: worker threads; 1 unless given.
/// :param max_apply_memory: bytes that an applier of a delta may need; 12 MiB unless given.
/// :param max_memory: bytes that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
/// :param no_clobber: refuse to replace an existing file.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: a :class:`~patchcore.TreeSquashStats`.
/// :raises patchcore.PatchcoreError: SourceMismatchError where one does not continue the one before; NotComposableError;
///     CorruptError, LimitError, UnsupportedError for a package; IoError and its kin; CancelledError.
#[pyfunction]
#[pyo3(signature = (
    patches, out, *, level=None, compression="deflate", threads=None, max_apply_memory=None, max_memory=None,
    no_clobber=false, progress=None, cancel=None
))]
pub(crate) fn tree_squash<'py>(
    py: Python<'py>,
    patches: Bound<'py, PyAny>,
    out: FilePath,
    level: Option<i32>,
    compression: &str,
    threads: Option<u64>,
    max_apply_memory: Option<u64>,
    max_memory: Option<u64>,
    no_clobber: bool,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> Object<'py> {
    let watch = Watch::new(progress, cancel)?;
    let options = TreeSquashOptions {
        level: level.unwrap_or_default(),
        threads: threads.unwrap_or_default(),
        max_apply_memory: max_apply_memory.unwrap_or_default(),
        max_memory: max_memory.unwrap_or_default(),
        compression: self::compression(compression)?,
        no_clobber,
    };
    let opened = |patch: PyResult<Bound<'py, PyAny>>| -> PyResult<Opened> {
        let patch = patch?;
        Ok(patch.cast::<TreePatch>()?.get().opened().clone())
    };
    let patches = patches.try_iter()?.map(opened).collect::<PyResult<Vec<_>>>()?;
    let stats = run(py, &watch, move |job| tree::squash(&patches, &out.0, &options, job))?;
    results::tree_squash_stats(py, &stats)
}

/// Takes back the last patch that was applied to a directory. What no patch named stays as it is.
///
/// :param root: the directory.
/// :param overwrite_local: give up what somebody changed since.
/// :param threads: threads that hash; 1 unless given.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this before anything is changed.
/// :return: what the directory is known to be then: an :class:`~patchcore.Installed`, or None.
/// :raises patchcore.PatchcoreError: InvalidArgumentError where no backup is kept; ConflictError, naming all of them, where
///     files were changed since; BusyError while another process changes the directory; IoError and its kin;
///     CancelledError.
#[pyfunction]
#[pyo3(signature = (root, *, overwrite_local=false, threads=None, progress=None, cancel=None))]
pub(crate) fn tree_rollback<'py>(
    py: Python<'py>,
    root: FilePath,
    overwrite_local: bool,
    threads: Option<u64>,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let watch = Watch::new(progress, cancel)?.of_tree();
    let threads = threads.unwrap_or_default();
    let found = run(py, &watch, move |job| tree::rollback(&root.0, overwrite_local, threads, job))?;
    installed_or_none(py, found)
}

/// Finishes what a crash left of a change of a directory: afterwards it is old or new. Every other change begins with this
/// by itself.
///
/// :param root: the directory.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this before anything is changed.
/// :return: what the directory is known to be: an :class:`~patchcore.Installed`, or None.
/// :raises patchcore.PatchcoreError: BusyError while another process changes the directory; CorruptError; IoError and its
///     kin; CancelledError.
#[pyfunction]
#[pyo3(signature = (root, *, progress=None, cancel=None))]
pub(crate) fn tree_recover<'py>(
    py: Python<'py>,
    root: FilePath,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let watch = Watch::new(progress, cancel)?.of_tree();
    let found = run(py, &watch, move |job| tree::recover(&root.0, job))?;
    installed_or_none(py, found)
}

/// What a directory is known to be: what the last patch or update that was applied to it made. Nothing is written.
///
/// :param root: the directory.
/// :return: an :class:`~patchcore.Installed`, or None where nothing is known.
/// :raises patchcore.PatchcoreError: CorruptError, UnsupportedError; IoError and its kin.
#[pyfunction]
pub(crate) fn tree_installed(py: Python<'_>, root: FilePath) -> PyResult<Option<Bound<'_, PyAny>>> {
    let found = py.detach(|| tree::installed(&root.0)).or_raise(py)?;
    installed_or_none(py, found)
}

/// Gives up the backup that a directory keeps for :func:`~patchcore.tree_rollback`.
///
/// :param root: the directory.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this before anything is changed.
/// :return: whether there was a backup.
/// :raises patchcore.PatchcoreError: BusyError while another process changes the directory; IoError and its kin;
///     CancelledError.
#[pyfunction]
#[pyo3(signature = (root, *, progress=None, cancel=None))]
pub(crate) fn tree_clean<'py>(
    py: Python<'py>,
    root: FilePath,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<bool> {
    let watch = Watch::new(progress, cancel)?.of_tree();
    run(py, &watch, move |job| tree::clean(&root.0, job))
}

fn installed_or_none(py: Python<'_>, found: Option<Installed>) -> PyResult<Option<Bound<'_, PyAny>>> {
    found.map(|found| results::installed(py, &found)).transpose()
}

pub(crate) fn compression(name: &str) -> PyResult<Compression> {
    match name {
        "deflate" => Ok(Compression::Deflate),
        "stored" => Ok(Compression::Stored),
        "zstd" => Ok(Compression::Zstd),
        _ => Err(PyValueError::new_err(format!(
            "there is no compression {name:?}; compressions are 'deflate', 'stored' and 'zstd'"
        ))),
    }
}

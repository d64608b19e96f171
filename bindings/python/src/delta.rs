//! Deltas: the functions of the module.

#![allow(clippy::too_many_arguments, reason = "Python has an argument for each option")]

use patchcore_ffi::input::Input;
use patchcore_ffi::job::Job;
use patchcore_ffi::kind::FileKind;
use patchcore_ffi::{delta, digest as digests, kind};
use pyo3::prelude::*;

use crate::call::{Watch, run};
use crate::cancel::CancelToken;
use crate::options;
use crate::results;
use crate::source::{Source, Sources};
use crate::target::{Expected, Target};

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// Makes the delta that turns ``old`` into ``new``, and applies it once for trial.
///
/// :param old: the old file: a path, or a bytes-like object of any shape and item type.
/// :param new: the new file, likewise.
/// :param out: where the delta goes: a path, a writable buffer, or None for new bytes.
/// :param level: 1 (fastest) to 9 (smallest); 6 unless given.
/// :param engine: what finds the matches, ``"auto"`` or ``"bsdiff"``.
/// :param threads: worker threads; 1 unless given. They change the time, never the delta.
/// :param max_apply_memory: bytes that an applier of the delta may need; 12 MiB unless given.
/// :param no_clobber: refuse to replace an existing file.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: the delta as bytes where ``out`` is None, else a :class:`~patchcore.DeltaInfo`.
/// :raises patchcore.PatchcoreError: IoError, NotFoundError, NoSpaceError, PermissionError for files;
///     InvalidArgumentError for options; LimitError where a buffer is too small; CancelledError.
#[pyfunction]
#[pyo3(signature = (
    old, new, out=None, *, level=None, engine="auto", threads=None, max_apply_memory=None, no_clobber=false,
    progress=None, cancel=None
))]
pub(crate) fn diff<'py>(
    py: Python<'py>,
    old: Source,
    new: Source,
    out: Option<Target>,
    level: Option<i32>,
    engine: &str,
    threads: Option<u64>,
    max_apply_memory: Option<u64>,
    no_clobber: bool,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> Object<'py> {
    let watch = Watch::new(progress, cancel)?;
    let options = options::diff(level, options::engine(engine)?, threads, max_apply_memory);
    let (output, opened) = Target::or_bytes(out).open(no_clobber);
    let (old, new) = (Input::from(old), Input::from(new));
    let (info, written) = run(py, &watch, move |job| delta::diff(old, new, output, &options, job))?;
    opened.finish(py, written, || results::delta_info(py, &info))
}

/// Makes the new file of ``old`` and ``delta``, and checks both files by their SHA-256.
///
/// :param old: the old file: a path, or a bytes-like object of any shape and item type.
/// :param delta: the delta: a path (a pipe will do), or a bytes-like object.
/// :param out: where the new file goes: a path, which may be that of ``old``; a writable buffer, whose content is to be
///     thrown away where this fails; or None for new bytes.
/// :param threads: 2 hash on a second core; more are not made use of. 1 unless given.
/// :param streaming: refuse what would take more memory than an applier has by default, 12 MiB.
/// :param max_memory: bytes of memory that this may take, files apart.
/// :param max_output: bytes that the new file may have; set it where the delta comes from a stranger.
/// :param no_clobber: refuse to replace an existing file.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: the new file as bytes where ``out`` is None, else an :class:`~patchcore.ApplyStats`.
/// :raises patchcore.PatchcoreError: SourceMismatchError where ``old`` is another file; CorruptError, LimitError,
///     UnsupportedError, TargetMismatchError for the delta; IoError and its kin for files; CancelledError.
#[pyfunction]
#[pyo3(signature = (
    old, delta, out=None, *, threads=None, streaming=false, max_memory=None, max_output=None, no_clobber=false,
    progress=None, cancel=None
))]
pub(crate) fn apply<'py>(
    py: Python<'py>,
    old: Source,
    delta: Source,
    out: Option<Target>,
    threads: Option<u64>,
    streaming: bool,
    max_memory: Option<u64>,
    max_output: Option<u64>,
    no_clobber: bool,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> Object<'py> {
    let watch = Watch::new(progress, cancel)?;
    let options = options::apply(threads, streaming, max_memory, max_output);
    let target = Target::or_bytes(out);
    let expected = if target.is_bytes() { py.detach(|| expected(&old, &delta, max_output)) } else { None };
    let (output, opened) = target.open_for(py, no_clobber, expected)?;
    let (old, delta) = (Input::from(old), Input::from(delta));
    let (stats, written) = run(py, &watch, move |job| delta::apply(old, delta, output, &options, job))?;
    opened.finish(py, written, || results::apply_stats(py, &stats))
}

/// The size that a delta promises. Where it cannot be had, applying will say why.
fn expected(old: &Source, delta: &Source, max_output: Option<u64>) -> Option<Expected> {
    let given = old.size()?.saturating_add(delta.size()?);
    let size = delta::inspect(delta.clone().into()).ok()?.new_size;
    let allowed = max_output.filter(|most| *most > 0).is_none_or(|most| size <= most);
    allowed.then_some(Expected { size, given })
}

/// Makes one delta of several in a row, from them alone; no version of the file is needed.
///
/// :param deltas: the deltas, each a path or a bytes-like object, each continuing the one before.
/// :param out: where the delta goes: a path, a writable buffer, or None for new bytes.
/// :param level: 1 (fastest) to 9 (smallest); 6 unless given.
/// :param threads: worker threads; 1 unless given.
/// :param max_apply_memory: bytes that an applier of the delta may need; 12 MiB unless given.
/// :param max_memory: bytes that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
/// :param max_operations: operations that this may make; :data:`~patchcore.NO_LIMIT` for no limit.
/// :param no_clobber: refuse to replace an existing file.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: the delta as bytes where ``out`` is None, else a :class:`~patchcore.DeltaInfo`.
/// :raises patchcore.PatchcoreError: SourceMismatchError where one does not continue the one before; NotComposableError;
///     CorruptError, LimitError, UnsupportedError for a delta; IoError and its kin for files; CancelledError.
#[pyfunction]
#[pyo3(signature = (
    deltas, out=None, *, level=None, threads=None, max_apply_memory=None, max_memory=None, max_operations=None,
    no_clobber=false, progress=None, cancel=None
))]
pub(crate) fn compose<'py>(
    py: Python<'py>,
    deltas: Sources,
    out: Option<Target>,
    level: Option<i32>,
    threads: Option<u64>,
    max_apply_memory: Option<u64>,
    max_memory: Option<u64>,
    max_operations: Option<u64>,
    no_clobber: bool,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> Object<'py> {
    let watch = Watch::new(progress, cancel)?;
    let options = options::squash(level, threads, max_apply_memory, max_memory, max_operations);
    let (output, opened) = Target::or_bytes(out).open(no_clobber);
    let deltas = deltas.into();
    let (info, written) = run(py, &watch, move |job| delta::squash(deltas, output, &options, job))?;
    opened.finish(py, written, || results::delta_info(py, &info))
}

/// Reads what a delta says about itself, and nothing else of it.
///
/// :param delta: the delta: a path or a bytes-like object.
/// :return: a :class:`~patchcore.DeltaInfo`: sizes in bytes, digests as hex.
/// :raises patchcore.PatchcoreError: CorruptError, UnsupportedError; IoError and its kin for files.
#[pyfunction]
pub(crate) fn inspect<'py>(py: Python<'py>, delta: Source) -> Object<'py> {
    let delta = Input::from(delta);
    let info = run(py, &Watch::default(), move |_| delta::inspect(delta))?;
    results::delta_info(py, &info)
}

/// Checks every byte of a delta and, where the old file is given, also that it makes the promised file of it.
///
/// :param delta: the delta: a path or a bytes-like object.
/// :param old: the old file, likewise.
/// :param max_memory: bytes of memory that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: a :class:`~patchcore.Verified`: what the delta says about itself, and what it holds.
/// :raises patchcore.PatchcoreError: CorruptError, LimitError, UnsupportedError for the delta; SourceMismatchError,
///     TargetMismatchError with ``old``; IoError and its kin for files; CancelledError.
#[pyfunction]
#[pyo3(signature = (delta, old=None, *, max_memory=None, progress=None, cancel=None))]
pub(crate) fn verify<'py>(
    py: Python<'py>,
    delta: Source,
    old: Option<Source>,
    max_memory: Option<u64>,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> Object<'py> {
    let watch = Watch::new(progress, cancel)?;
    let limits = options::limits(max_memory);
    let (delta, old) = (Input::from(delta), old.map(Input::from));
    let (info, contents) = run(py, &watch, move |job| delta::verify(delta, old, &limits, job))?;
    results::verified(py, &info, &contents)
}

/// Checks a whole delta and says where every byte of it went.
///
/// :param delta: the delta: a path or a bytes-like object.
/// :param most: how many of its largest segments and longest insertions are listed.
/// :param max_memory: bytes of memory that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: an :class:`~patchcore.Explanation`, whose ``parts`` add up to the size of the delta.
/// :raises patchcore.PatchcoreError: CorruptError, LimitError, UnsupportedError; IoError and its kin; CancelledError.
#[pyfunction]
#[pyo3(signature = (delta, *, most=10, max_memory=None, progress=None, cancel=None))]
pub(crate) fn explain<'py>(
    py: Python<'py>,
    delta: Source,
    most: usize,
    max_memory: Option<u64>,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> Object<'py> {
    let watch = Watch::new(progress, cancel)?;
    let limits = options::limits(max_memory);
    let delta = Input::from(delta);
    let explained = run(py, &watch, move |job| delta::explain(delta, most, &limits, job))?;
    results::explanation(py, &explained)
}

/// The SHA-256 of a file.
///
/// :param file: a path or a bytes-like object.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: 64 lower-case hex digits.
/// :raises patchcore.PatchcoreError: IoError and its kin for files; CancelledError.
#[pyfunction]
#[pyo3(signature = (file, *, progress=None, cancel=None))]
pub(crate) fn digest<'py>(
    py: Python<'py>,
    file: Source,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> PyResult<String> {
    let watch = Watch::new(progress, cancel)?;
    let file = Input::from(file);
    run(py, &watch, move |job: &mut Job| digests::digest_of(file, job)).map(|digest| digest.to_string())
}

/// Which of our files this is, told by its first bytes and never by its name.
///
/// :param file: a path or a bytes-like object.
/// :return: ``"delta"``, ``"chain"`` or ``"tree_patch"``.
/// :raises patchcore.PatchcoreError: CorruptError where it is neither; IoError and its kin for files.
#[pyfunction]
pub(crate) fn file_kind(py: Python<'_>, file: Source) -> PyResult<&'static str> {
    let file = Input::from(file);
    run(py, &Watch::default(), move |_| kind::file_kind(file)).map(|kind| match kind {
        FileKind::Delta => "delta",
        FileKind::Chain => "chain",
        FileKind::TreePatch => "tree_patch",
    })
}

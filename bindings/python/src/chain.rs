//! Chains: the class of the module.

#![allow(clippy::too_many_arguments, reason = "Python has an argument for each option")]

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use patchcore_ffi::chain::{self, Chain as Opened};
use patchcore_ffi::input::Input;
use patchcore_ffi::job::Job;
use patchcore_ffi::options::CreateOptions;
use patchcore_ffi::status::{Error, Result, Status};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::call::{Watch, run};
use crate::cancel::CancelToken;
use crate::errors::{Raise, raise};
use crate::options;
use crate::results;
use crate::source::{Source, Sources};
use crate::target::{Expected, Target};
use crate::version::Version;

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// Versions of one file and the deltas between them, in one file: from any version to any later one.
///
/// Opening reads the index at the end of the file and nothing else. A chain may be used from several threads at once and
/// sent to other processes. What is seen is the chain as it was when it was opened, or last changed by way of this object.
///
/// A version is named by its name (``"v3"``), by its SHA-256 or at least four of its first digits, by its place
/// (``0`` is the first, ``-1`` the last), or by an item of :attr:`versions`.
///
/// :param source: the chain: a path or a bytes-like object.
/// :raises patchcore.PatchcoreError: CorruptError, UnsupportedError; IoError and its kin.
#[pyclass(frozen, module = "patchcore")]
pub(crate) struct Chain {
    /// What the caller opened.
    given: Py<PyAny>,
    source: Source,
    opened: RwLock<Opened>,
}

#[pymethods]
impl Chain {
    #[new]
    fn new(py: Python<'_>, source: Bound<'_, PyAny>) -> PyResult<Self> {
        Self::open(py, source)
    }

    /// Opens a chain, as the constructor does.
    ///
    /// :param source: the chain: a path or a bytes-like object.
    /// :raises patchcore.PatchcoreError: CorruptError, UnsupportedError; IoError and its kin.
    #[staticmethod]
    fn open(py: Python<'_>, source: Bound<'_, PyAny>) -> PyResult<Self> {
        let given = source.clone().unbind();
        let source: Source = source.extract()?;
        let input = Input::from(source.clone());
        let opened = run(py, &Watch::default(), move |_| Opened::open(input))?;
        Ok(Self { given, source, opened: RwLock::new(opened) })
    }

    /// Makes a chain of deltas, each of which must start at a version that those before it brought.
    ///
    /// :param deltas: the deltas, each a path or a bytes-like object.
    /// :param out: the path of the chain, or None for new bytes.
    /// :param chain_id: the name of the chain; that of the file without its extension unless given.
    /// :param names: the names of the first versions, in order; the others are called ``v1``, ``v2``, … by their place.
    /// :param force: replace an existing chain, and its history with it.
    /// :param no_clobber: refuse to replace any existing file.
    /// :param max_memory: bytes of memory that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: the chain as bytes where ``out`` is None, else the opened :class:`~patchcore.Chain`.
    /// :raises patchcore.PatchcoreError: NoRouteError where a delta does not fit; CorruptError, LimitError,
    ///     UnsupportedError for a delta; InvalidArgumentError where a chain exists; IoError and its kin; CancelledError.
    #[staticmethod]
    #[pyo3(signature = (
        deltas, out=None, *, chain_id=None, names=Vec::new(), force=false, no_clobber=false, max_memory=None,
        progress=None, cancel=None
    ), text_signature = "(deltas, out=None, *, chain_id=None, names=(), force=False, no_clobber=False, max_memory=None, \
                         progress=None, cancel=None)")]
    fn create<'py>(
        py: Python<'py>,
        deltas: Sources,
        out: Option<Bound<'py, PyAny>>,
        chain_id: Option<String>,
        names: Vec<String>,
        force: bool,
        no_clobber: bool,
        max_memory: Option<u64>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let watch = Watch::new(progress, cancel)?;
        let target = Target::or_bytes(out.as_ref().map(|out| out.extract()).transpose()?);
        if matches!(target, Target::Buffer(_)) {
            return Err(PyTypeError::new_err("a chain is made as a file or as new bytes; name a path or None"));
        }
        let options = CreateOptions { chain_id, names, force };
        let (deltas, limits) = (deltas.into(), options::limits(max_memory));
        let (output, opened) = target.open(no_clobber);
        let written = run(py, &watch, move |job| chain::create(deltas, output, &options, &limits, job))?;
        opened.finish(py, written, || match out {
            Some(path) => Ok(Bound::new(py, Self::open(py, path)?)?.into_any()),
            None => Ok(py.None().into_bound(py)),
        })
    }

    /// Appends deltas, all or none. The time that it takes does not depend on the size of the chain.
    ///
    /// :param deltas: the deltas, each a path or a bytes-like object.
    /// :param name: the name of the version that the last delta leads to; ``v1``, ``v2``, … by its place unless given.
    /// :param max_memory: bytes of memory that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :raises patchcore.PatchcoreError: InvalidArgumentError where the chain is no file; NoRouteError where a delta does
    ///     not fit; BusyError while another process writes; CorruptError, LimitError, UnsupportedError for a delta;
    ///     IoError and its kin; CancelledError.
    #[pyo3(signature = (*deltas, name=None, max_memory=None, progress=None, cancel=None))]
    fn append<'py>(
        &self,
        py: Python<'py>,
        deltas: Sources,
        name: Option<String>,
        max_memory: Option<u64>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> PyResult<()> {
        let watch = Watch::new(progress, cancel)?;
        let path = self.file(py)?;
        let (deltas, limits) = (deltas.into(), options::limits(max_memory));
        self.change(py, &watch, move |job| {
            chain::append(&path, deltas, name.as_deref(), &limits, job)?;
            Ok(((), Opened::open(Input::Path(path))?))
        })
    }

    /// Removes the links that lead up to a version. Each version before it keeps one link to it, unless it is dropped.
    ///
    /// :param before: the version that the chain will begin with.
    /// :param drop: give up the versions before it; an old file that is one of them can no longer be updated.
    /// :param level: 1 (fastest) to 9 (smallest), for the links that are made; 6 unless given.
    /// :param threads: worker threads; 1 unless given.
    /// :param max_apply_memory: bytes that an applier of those links may need; 12 MiB unless given.
    /// :param max_memory: bytes that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
    /// :param max_operations: operations that a link may have; :data:`~patchcore.NO_LIMIT` for no limit.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: a :class:`~patchcore.PruneStats`.
    /// :raises patchcore.PatchcoreError: InvalidArgumentError where the chain is no file; UnknownVersionError,
    ///     AmbiguousVersionError; BusyError while another process writes; LimitError; IoError and its kin; CancelledError.
    #[pyo3(signature = (
        before, *, drop=false, level=None, threads=None, max_apply_memory=None, max_memory=None, max_operations=None,
        progress=None, cancel=None
    ))]
    fn prune<'py>(
        &self,
        py: Python<'py>,
        before: Version,
        drop: bool,
        level: Option<i32>,
        threads: Option<u64>,
        max_apply_memory: Option<u64>,
        max_memory: Option<u64>,
        max_operations: Option<u64>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let watch = Watch::new(progress, cancel)?;
        let path = self.file(py)?;
        let before = before.name(py, &self.opened())?;
        let options = options::squash(level, threads, max_apply_memory, max_memory, max_operations);
        let stats = self.change(py, &watch, move |job| {
            let stats = chain::prune(&path, &before, drop, &options, job)?;
            Ok((stats, Opened::open(Input::Path(path))?))
        })?;
        results::prune_stats(py, &stats)
    }

    /// What the chain holds as a whole: a :class:`~patchcore.ChainInfo`.
    #[getter]
    fn info<'py>(&self, py: Python<'py>) -> Object<'py> {
        results::chain_info(py, &self.opened().info())
    }

    /// The versions, from the first to the last: a tuple of :class:`~patchcore.Version`.
    #[getter]
    fn versions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        results::versions(py, &self.opened().versions())
    }

    /// The links of the history in its order, then the shortcuts: a tuple of :class:`~patchcore.Link`.
    #[getter]
    fn links<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let opened = self.opened();
        results::links(py, &opened, &opened.links())
    }

    /// The file that the chain is; None where it is in memory.
    #[getter]
    fn path(&self) -> Option<PathBuf> {
        self.source.path().map(PathBuf::from)
    }

    /// The place of a version, counted from 0.
    ///
    /// :param version: the version.
    /// :raises patchcore.PatchcoreError: UnknownVersionError, AmbiguousVersionError.
    fn resolve(&self, py: Python<'_>, version: Version) -> PyResult<u64> {
        let opened = self.opened();
        let name = version.name(py, &opened)?;
        opened.resolve(&name).or_raise(py)
    }

    /// The links with the fewest bytes that lead from one version to another.
    ///
    /// :param start: where the route starts; the first version unless given.
    /// :param end: where it ends; the last version unless given.
    /// :return: a tuple of :class:`~patchcore.Link`.
    /// :raises patchcore.PatchcoreError: NoRouteError, UnknownVersionError, AmbiguousVersionError.
    #[pyo3(signature = (start=None, end=None))]
    fn route<'py>(
        &self,
        py: Python<'py>,
        start: Option<Version>,
        end: Option<Version>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let opened = self.opened();
        let [start, end] = [start.unwrap_or(Version::Place(0)), end.unwrap_or(Version::Place(-1))];
        let start = opened.resolve(&start.name(py, &opened)?).or_raise(py)?;
        let end = opened.resolve(&end.name(py, &opened)?).or_raise(py)?;
        let all = opened.links();
        let indexes = opened.route(start, end).or_raise(py)?.into_iter();
        let route: Vec<_> = indexes.filter_map(|index| all.get(usize::try_from(index).ok()?).copied()).collect();
        results::links(py, &opened, &route)
    }

    /// Makes a version of an old file that may be any version before it.
    ///
    /// :param old: the old file: a path or a bytes-like object. Its SHA-256 says which version it is.
    /// :param out: where the new file goes: a path, which may be that of ``old``; a writable buffer, whose content is to
    ///     be thrown away where this fails; or None for new bytes.
    /// :param target: the version to make; the last one unless given.
    /// :param threads: 2 hash on a second core; more are not made use of. 1 unless given.
    /// :param streaming: bound the memory, 12 MiB unless ``max_memory`` is given, if need be by intermediate files.
    /// :param scratch: the folder for those; that of ``out`` unless given.
    /// :param max_memory: bytes of memory that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
    /// :param max_output: bytes that the new file may have; set it where the chain comes from a stranger.
    /// :param no_clobber: refuse to replace an existing file.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: the new file as bytes where ``out`` is None, else a :class:`~patchcore.ChainApplyStats`.
    /// :raises patchcore.PatchcoreError: SourceMismatchError where ``old`` is no version of the chain; NoRouteError,
    ///     UnknownVersionError, AmbiguousVersionError for ``target``; CorruptError, LimitError, UnsupportedError,
    ///     TargetMismatchError for a link; IoError and its kin; CancelledError.
    #[pyo3(signature = (
        old, out=None, *, target=None, threads=None, streaming=false, scratch=None, max_memory=None, max_output=None,
        no_clobber=false, progress=None, cancel=None
    ))]
    fn apply<'py>(
        &self,
        py: Python<'py>,
        old: Source,
        out: Option<Target>,
        target: Option<Version>,
        threads: Option<u64>,
        streaming: bool,
        scratch: Option<PathBuf>,
        max_memory: Option<u64>,
        max_output: Option<u64>,
        no_clobber: bool,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let watch = Watch::new(progress, cancel)?;
        let mut options = options::apply(threads, streaming, max_memory, max_output);
        options.scratch = scratch;
        let opened = self.opened();
        let target = target.unwrap_or(Version::Place(-1)).name(py, &opened)?;
        let expected = Expected::version(&opened, &target, max_output, [&old, &self.source]);
        let (output, result) = Target::or_bytes(out).open_for(py, no_clobber, expected)?;
        let (old, chain) = (Input::from(old), opened.clone());
        let (stats, written) = run(py, &watch, move |job| chain.apply(old, Some(&target), output, &options, job))?;
        result.finish(py, written, || results::chain_apply_stats(py, &opened, &stats))
    }

    /// Makes one delta of the links from one version to another; no version of the file is needed.
    ///
    /// :param out: where the delta goes: a path, a writable buffer, or None for new bytes.
    /// :param start: the version that it starts at; the first one unless given.
    /// :param end: the version that it leads to; the last one unless given.
    /// :param level: 1 (fastest) to 9 (smallest); 6 unless given. A single link is copied as it is.
    /// :param threads: worker threads; 1 unless given.
    /// :param max_apply_memory: bytes that an applier of the delta may need; 12 MiB unless given.
    /// :param max_memory: bytes that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
    /// :param max_operations: operations that this may make; :data:`~patchcore.NO_LIMIT` for no limit.
    /// :param no_clobber: refuse to replace an existing file.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: the delta as bytes where ``out`` is None, else a :class:`~patchcore.DeltaInfo`.
    /// :raises patchcore.PatchcoreError: NoRouteError, UnknownVersionError, AmbiguousVersionError; NotComposableError;
    ///     CorruptError, LimitError, UnsupportedError for a link; IoError and its kin; CancelledError.
    #[pyo3(signature = (
        out=None, *, start=None, end=None, level=None, threads=None, max_apply_memory=None, max_memory=None,
        max_operations=None, no_clobber=false, progress=None, cancel=None
    ))]
    fn squash<'py>(
        &self,
        py: Python<'py>,
        out: Option<Target>,
        start: Option<Version>,
        end: Option<Version>,
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
        let chain = self.opened();
        let (start, end) = (Version::name_of(start, py, &chain)?, Version::name_of(end, py, &chain)?);
        let (output, opened) = Target::or_bytes(out).open(no_clobber);
        let squash = move |job: &mut Job| chain.squash(start.as_deref(), end.as_deref(), output, &options, job);
        let (info, written) = run(py, &watch, squash)?;
        opened.finish(py, written, || results::delta_info(py, &info))
    }

    /// Writes links as files such as ``0000_v1_to_v2.delta``: the whole history, or, where an end is given, the links that
    /// lead from one version to the other.
    ///
    /// :param folder: where they go; it is made where it is missing.
    /// :param start: the version that the first of them starts at.
    /// :param end: the version that the last of them leads to.
    /// :param no_clobber: refuse to replace existing files.
    /// :param max_memory: bytes of memory that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: the path of each file, in the order of the links.
    /// :raises patchcore.PatchcoreError: NoRouteError, UnknownVersionError, AmbiguousVersionError; CorruptError,
    ///     LimitError, UnsupportedError for a link; IoError and its kin; CancelledError.
    #[pyo3(signature = (
        folder, *, start=None, end=None, no_clobber=false, max_memory=None, progress=None, cancel=None
    ))]
    fn extract<'py>(
        &self,
        py: Python<'py>,
        folder: PathBuf,
        start: Option<Version>,
        end: Option<Version>,
        no_clobber: bool,
        max_memory: Option<u64>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> PyResult<Vec<PathBuf>> {
        let watch = Watch::new(progress, cancel)?;
        let chain = self.opened();
        let (start, end) = (Version::name_of(start, py, &chain)?, Version::name_of(end, py, &chain)?);
        let limits = options::limits(max_memory);
        let extract =
            move |job: &mut Job| chain.extract(&folder, start.as_deref(), end.as_deref(), no_clobber, &limits, job);
        Ok(run(py, &watch, extract)?.into_iter().map(|(_, path)| path).collect())
    }

    /// Writes one link as a delta of its own, after checking it.
    ///
    /// :param index: its place in :attr:`links`.
    /// :param out: where the delta goes: a path, a writable buffer, or None for new bytes.
    /// :param no_clobber: refuse to replace an existing file.
    /// :param max_memory: bytes of memory that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: the delta as bytes where ``out`` is None, else a :class:`~patchcore.DeltaInfo`.
    /// :raises patchcore.PatchcoreError: InvalidArgumentError where there is no such link; CorruptError, LimitError,
    ///     UnsupportedError; IoError and its kin; CancelledError.
    #[pyo3(signature = (index, out=None, *, no_clobber=false, max_memory=None, progress=None, cancel=None))]
    fn extract_link<'py>(
        &self,
        py: Python<'py>,
        index: u64,
        out: Option<Target>,
        no_clobber: bool,
        max_memory: Option<u64>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let watch = Watch::new(progress, cancel)?;
        let (chain, limits) = (self.opened(), options::limits(max_memory));
        let size = usize::try_from(index).ok().and_then(|index| chain.links().get(index).map(|link| link.size));
        let expected = size.map(|size| Expected { size, given: size });
        let (output, opened) = Target::or_bytes(out).open_for(py, no_clobber, expected)?;
        let (info, written) = run(py, &watch, move |job| chain.extract_link(index, output, &limits, job))?;
        opened.finish(py, written, || results::delta_info(py, &info))
    }

    /// Checks a whole link and says where every byte of it went.
    ///
    /// :param index: its place in :attr:`links`.
    /// :param most: how many of its largest segments and longest insertions are listed.
    /// :param max_memory: bytes of memory that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: an :class:`~patchcore.Explanation`.
    /// :raises patchcore.PatchcoreError: InvalidArgumentError where there is no such link; CorruptError, LimitError,
    ///     UnsupportedError; IoError and its kin; CancelledError.
    #[pyo3(signature = (index, *, most=10, max_memory=None, progress=None, cancel=None))]
    fn explain_link<'py>(
        &self,
        py: Python<'py>,
        index: u64,
        most: usize,
        max_memory: Option<u64>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let watch = Watch::new(progress, cancel)?;
        let (chain, limits) = (self.opened(), options::limits(max_memory));
        let explained = run(py, &watch, move |job| chain.explain_link(index, most, &limits, job))?;
        results::explanation(py, &explained)
    }

    /// Checks every record and every delta.
    ///
    /// :param max_memory: bytes of memory that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: how many bytes an unfinished append left at the end; they are ignored.
    /// :raises patchcore.PatchcoreError: CorruptError, LimitError, UnsupportedError; IoError and its kin; CancelledError.
    #[pyo3(signature = (*, max_memory=None, progress=None, cancel=None))]
    fn verify<'py>(
        &self,
        py: Python<'py>,
        max_memory: Option<u64>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> PyResult<u64> {
        let watch = Watch::new(progress, cancel)?;
        let (chain, limits) = (self.opened(), options::limits(max_memory));
        run(py, &watch, move |job| chain.verify(&limits, job))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let info = self.opened().info();
        let repr = |object: &Bound<'_, PyAny>| object.repr().map(|text| text.to_string());
        let id = repr(&info.chain_id.into_pyobject(py)?.into_any())?;
        let place = match self.source.path() {
            Some(path) => format!("at {}", repr(path.as_os_str().into_pyobject(py)?.as_any())?),
            None => "in memory".to_owned(),
        };
        let (versions, links, size) = (info.versions, info.links, info.total_size + info.shortcut_size);
        Ok(format!("<patchcore.Chain {id} {place}: {versions} versions, {links} links, {size} bytes of deltas>"))
    }

    /// Another process opens the same path, or the same bytes.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let class = py.get_type::<Self>().into_any();
        let source = match self.source.path() {
            Some(path) => path.as_os_str().into_pyobject(py)?.into_any(),
            None => py.get_type::<PyBytes>().call1((&self.given,))?,
        };
        (class, (source,)).into_pyobject(py)
    }
}

impl Chain {
    fn opened(&self) -> Opened {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The file, for what can only change files.
    fn file(&self, py: Python<'_>) -> PyResult<PathBuf> {
        self.source.path().map(PathBuf::from).ok_or_else(|| {
            raise(py, &Error::new(Status::InvalidArgument, "this chain is in memory; only a chain file can be changed"))
        })
    }

    /// Changes the file and shows from then on what it is now.
    fn change<T: Send + 'static>(
        &self,
        py: Python<'_>,
        watch: &Watch<'_>,
        change: impl FnOnce(&mut Job) -> Result<(T, Opened)> + Send + 'static,
    ) -> PyResult<T> {
        let (result, opened) = run(py, watch, change)?;
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = opened;
        Ok(result)
    }
}

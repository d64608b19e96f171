//! Release repositories: the class of the module.

#![allow(clippy::too_many_arguments, reason = "Python has an argument for each option")]

use std::path::{Path, PathBuf};

use patchcore_ffi::job::Job;
use patchcore_ffi::repository::{self, PublishOptions, RepositoryOptions};
use patchcore_ffi::status::Result;
use patchcore_ffi::tree::{ScanOptions, TreeDiffOptions};
use pyo3::prelude::*;

use crate::call::{Watch, run};
use crate::cancel::CancelToken;
use crate::errors::Raise;
use crate::results::plain;
use crate::source::FilePath;
use crate::tree::compression;

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// Versions of a directory as static files that any web host serves: packages, and a ``manifest.json`` that names them.
///
/// Publishing costs what changed, not the whole release. Whatever happens, readers see the repository before or after a change.
/// All that a repository says is plain data: dictionaries with the names of the files and of the command line's ``--json``. A
/// repository may be used from several threads; of two that change it at a time, one is told that it is busy.
///
/// :param path: the folder of the repository.
/// :param architecture: the architecture whose packages are meant; those for all unless given.
/// :param key: the path of the secret key that signs the manifest. A repository that is signed is changed by nobody without one.
/// :param password: what the key is encrypted with.
/// :raises patchcore.PatchcoreError: NotFoundError where there is no repository: see :meth:`init` and :meth:`rebuild`.
#[pyclass(frozen, module = "patchcore")]
pub(crate) struct Repository {
    path: PathBuf,
    options: RepositoryOptions,
}

#[pymethods]
impl Repository {
    #[new]
    #[pyo3(signature = (path, *, architecture=None, key=None, password=None))]
    fn new(
        py: Python<'_>,
        path: FilePath,
        architecture: Option<String>,
        key: Option<FilePath>,
        password: Option<String>,
    ) -> PyResult<Self> {
        py.detach(|| repository::manifest(&path.0)).or_raise(py)?;
        Ok(Self::of(path, architecture, key, password))
    }

    /// Makes an empty repository in a folder, which is made where it is missing.
    ///
    /// :param path: the folder.
    /// :param plain: make packages of whole files only, for readers that just unzip.
    /// :param architecture: the architecture whose packages are meant; those for all unless given.
    /// :param key: the path of the secret key that signs the manifest.
    /// :param password: what the key is encrypted with.
    /// :return: the repository.
    /// :raises patchcore.PatchcoreError: InvalidArgumentError where there is one already; IoError and its kin.
    #[staticmethod]
    #[pyo3(signature = (path, *, plain=false, architecture=None, key=None, password=None))]
    fn init(
        py: Python<'_>,
        path: FilePath,
        plain: bool,
        architecture: Option<String>,
        key: Option<FilePath>,
        password: Option<String>,
    ) -> PyResult<Self> {
        py.detach(|| repository::init(&path.0, plain)).or_raise(py)?;
        Ok(Self::of(path, architecture, key, password))
    }

    /// Makes manifest and archives again from the packages that are in a folder, whoever made them: then it is a repository.
    ///
    /// :param path: the folder.
    /// :param architecture: the architecture whose packages are meant; those for all unless given.
    /// :param key: the path of the secret key that signs the manifest.
    /// :param password: what the key is encrypted with.
    /// :param dry_run: say what would be done, and do nothing.
    /// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: a :class:`~patchcore.RebuildReport`.
    /// :raises patchcore.PatchcoreError: BusyError where another process changes the repository; InvalidArgumentError where the
    ///     manifest is signed and no key is given; IoError and its kin; CancelledError.
    #[staticmethod]
    #[pyo3(signature = (
        path, *, architecture=None, key=None, password=None, dry_run=false, progress=None, cancel=None
    ))]
    fn rebuild<'py>(
        py: Python<'py>,
        path: FilePath,
        architecture: Option<String>,
        key: Option<FilePath>,
        password: Option<String>,
        dry_run: bool,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let repository = Self::of(path, architecture, key, password);
        repository.change(py, dry_run, progress, cancel, repository::rebuild)
    }

    /// The folder.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// The manifest as it is now: versions, packages, when it expires.
    ///
    /// :return: a :class:`~patchcore.RepositoryManifest`.
    /// :raises patchcore.PatchcoreError: NotFoundError where the repository is gone; CorruptError; IoError and its kin.
    fn manifest<'py>(&self, py: Python<'py>) -> Object<'py> {
        plain(py, &py.detach(|| repository::manifest(&self.path)).or_raise(py)?)
    }

    /// Publishes a version of a directory.
    ///
    /// The same content under the newest version again changes nothing.
    ///
    /// :param source: the directory, or a ZIP file of one.
    /// :param version: the version that it is, such as ``"1.1.0"``.
    /// :param notes: what people should know of the version.
    /// :param expires_at: when clients believe the manifest no longer, such as ``"2027-01-31T12:00:00Z"``, or ``"never"``; as it was
    ///     unless given.
    /// :param squash_from: make one package each from so many versions before the last one, for hosts that make none on demand.
    /// :param dry_run: say what would be written, and write nothing.
    /// :param exclude: patterns of what is no part of the version, as in ``.gitignore``.
    /// :param dereference: take what symbolic links point to in the place of the links.
    /// :param keep_local: patterns of what is installed where it is missing and never touched where it is there.
    /// :param replace_directories: patterns of directories that are replaced as a whole where anything in them changes.
    /// :param level: 1 (fastest) to 9 (smallest); 6 unless given.
    /// :param compression: how whole files are compressed: ``"deflate"``, ``"stored"`` or ``"zstd"``.
    /// :param threads: worker threads; 1 unless given.
    /// :param max_apply_memory: bytes that an applier of a delta may need; 12 MiB unless given.
    /// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: a :class:`~patchcore.PublishReport`.
    /// :raises patchcore.PatchcoreError: InvalidArgumentError where the version is lower than the newest or there with other
    ///     content, or where the manifest is signed and no key is given; BusyError where another process changes the
    ///     repository; UnsafePathError where a name or a link is not fit for a tree; IoError and its kin; CancelledError.
    #[pyo3(
        signature = (
            source, version, *, notes=None, expires_at=None, squash_from=0, dry_run=false, exclude=Vec::new(),
            dereference=false, keep_local=Vec::new(), replace_directories=Vec::new(), level=None, compression="deflate",
            threads=None, max_apply_memory=None, progress=None, cancel=None
        ),
        text_signature = "($self, source, version, *, notes=None, expires_at=None, squash_from=0, dry_run=False, \
                          exclude=(), dereference=False, keep_local=(), replace_directories=(), level=None, \
                          compression=\"deflate\", threads=None, max_apply_memory=None, progress=None, cancel=None)"
    )]
    fn publish<'py>(
        &self,
        py: Python<'py>,
        source: FilePath,
        version: String,
        notes: Option<String>,
        expires_at: Option<String>,
        squash_from: u64,
        dry_run: bool,
        exclude: Vec<String>,
        dereference: bool,
        keep_local: Vec<String>,
        replace_directories: Vec<String>,
        level: Option<i32>,
        compression: &str,
        threads: Option<u64>,
        max_apply_memory: Option<u64>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let diff = TreeDiffOptions {
            scan: ScanOptions { exclude, dereference, threads: threads.unwrap_or_default() },
            level: level.unwrap_or_default(),
            max_apply_memory: max_apply_memory.unwrap_or_default(),
            keep_local,
            replace_directories,
            compression: self::compression(compression)?,
            ..TreeDiffOptions::default()
        };
        self.change(py, dry_run, progress, cancel, move |repository, change, job| {
            let options = PublishOptions { change: change.clone(), notes, expires_at, squash_from, diff };
            repository::publish(repository, &source.0, &version, &options, job)
        })
    }

    /// Says what a client at a version would download.
    ///
    /// :param start: the version that is installed; ``"0.0.0"`` is nothing at all, and one that nobody knows unless given.
    /// :param end: the version that is wanted; the newest unless given.
    /// :return: an :class:`~patchcore.UpdatePlan`.
    /// :raises patchcore.PatchcoreError: UnknownVersionError where there is no version ``end``; NoRouteError where nothing leads
    ///     to it.
    #[pyo3(signature = (start=None, end=None))]
    fn plan<'py>(&self, py: Python<'py>, start: Option<&str>, end: Option<&str>) -> Object<'py> {
        let architecture = self.options.architecture.as_deref();
        plain(py, &py.detach(|| repository::plan(&self.path, start, end, architecture)).or_raise(py)?)
    }

    /// Removes the deltas from old versions, but none that is the last way from somewhere to the newest version.
    ///
    /// :param keep: the deltas from so many versions before the newest stay.
    /// :param dry_run: say what would be removed, and remove nothing.
    /// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: a :class:`~patchcore.PruneReport`.
    /// :raises patchcore.PatchcoreError: what :meth:`rebuild` raises.
    #[pyo3(signature = (*, keep=5, dry_run=false, progress=None, cancel=None))]
    fn prune<'py>(
        &self,
        py: Python<'py>,
        keep: u64,
        dry_run: bool,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        self.change(py, dry_run, progress, cancel, move |repository, options, job| {
            repository::prune(repository, keep, options, job)
        })
    }

    /// Takes a bad version back: nothing leads to it any more. Whoever has it already is helped by a higher version.
    ///
    /// :param version: the version.
    /// :param dry_run: say what would be done, and do nothing.
    /// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: a :class:`~patchcore.WithdrawReport`.
    /// :raises patchcore.PatchcoreError: UnknownVersionError; what :meth:`rebuild` raises.
    #[pyo3(signature = (version, *, dry_run=false, progress=None, cancel=None))]
    fn withdraw<'py>(
        &self,
        py: Python<'py>,
        version: String,
        dry_run: bool,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        self.change(py, dry_run, progress, cancel, move |repository, options, job| {
            repository::withdraw(repository, &version, options, job)
        })
    }

    /// Makes the newest version one that new installations start from: a package of all of it, without anything out of use.
    ///
    /// :param dry_run: say what would be done, and do nothing.
    /// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: a :class:`~patchcore.RebuildReport`.
    /// :raises patchcore.PatchcoreError: what :meth:`rebuild` raises.
    #[pyo3(signature = (*, dry_run=false, progress=None, cancel=None))]
    fn new_base<'py>(
        &self,
        py: Python<'py>,
        dry_run: bool,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        self.change(py, dry_run, progress, cancel, repository::new_base)
    }

    /// Reads every package, checks the signature of the manifest where keys are given, and tries every route.
    ///
    /// :param public_keys: the keys that are trusted, each the text of a ``.pub`` file or its second line, one of which must have
    ///     signed the manifest.
    /// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: a :class:`~patchcore.RepositoryVerification`, whose ``problems`` are empty where all is well.
    /// :raises patchcore.PatchcoreError: CorruptError where the manifest cannot be read; IoError and its kin; CancelledError.
    #[pyo3(
        signature = (*, public_keys=Vec::new(), progress=None, cancel=None),
        text_signature = "($self, *, public_keys=(), progress=None, cancel=None)"
    )]
    fn verify<'py>(
        &self,
        py: Python<'py>,
        public_keys: Vec<String>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        self.change(py, false, progress, cancel, move |repository, _, job| {
            repository::verify(repository, &public_keys, job)
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<patchcore.Repository at {}>", self.path.as_os_str().into_pyobject(py)?.repr()?))
    }
}

impl Repository {
    fn of(path: FilePath, architecture: Option<String>, key: Option<FilePath>, password: Option<String>) -> Self {
        let key = key.map(|path| path.0);
        Self { path: path.0, options: RepositoryOptions { architecture, key, password, dry_run: false } }
    }

    fn change<'py>(
        &self,
        py: Python<'py>,
        dry_run: bool,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
        work: impl FnOnce(&Path, &RepositoryOptions, &mut Job) -> Result<String> + Send + 'static,
    ) -> Object<'py> {
        let watch = Watch::new(progress, cancel)?.of_repository();
        let path = self.path.clone();
        let options = RepositoryOptions { dry_run, ..self.options.clone() };
        plain(py, &run(py, &watch, move |job| work(&path, &options, job))?)
    }
}

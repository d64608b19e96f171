//! Updates: the class of the module.

#![allow(clippy::too_many_arguments, reason = "Python has an argument for each option")]

use std::path::{Path, PathBuf};

use patchcore_ffi::job::Job;
use patchcore_ffi::status::Result;
use patchcore_ffi::update::{
    Document, UpdateOptions, UpdateReport, update_from_package_info, update_from_repository,
    update_from_service_manifest,
};
use pyo3::prelude::*;

use crate::call::{Watch, run};
use crate::cancel::CancelToken;
use crate::options;
use crate::results::plain;
use crate::source::{FilePath, Source};
use crate::transfer::{Url, fetch_options};
use crate::tree_results as results;

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// Brings one directory to the version that a document announces: decides, downloads, verifies, applies, and remembers what
/// is installed.
///
/// If anything fails the directory is as it was, or ``outcome`` of the error says what became of it. What was downloaded of a
/// package is never downloaded again. An updater may be used from several threads.
///
/// :param root: the directory.
/// :param public_keys: the keys that are trusted, each the text of a ``.pub`` file or its second line, one of which must have
///     signed the package; without any, only its hash is checked.
/// :param installed: the version that is installed; what the directory itself remembers unless given.
/// :param required: paths that every installation has; where one is missing the full package is taken.
/// :param force_full: take the full package, or the one that is named, whatever is installed.
/// :param architecture: what packages must be for, such as ``"x86_64"``; that of this machine unless given.
/// :param cache: where packages are kept; in the directory, and only until they are applied, unless given.
/// :param overwrite_local: take the package's side wherever somebody changed the directory.
/// :param no_backup: keep nothing for :func:`~patchcore.tree_rollback`. A failure still leaves the old tree.
/// :param threads: threads that hash; 1 unless given.
/// :param max_memory: bytes that applying a delta may take; :data:`~patchcore.NO_LIMIT` for no limit.
/// :param max_size: packages of more bytes than this are refused.
/// :param max_bytes_per_second: fetch at most so many bytes a second; as fast as it goes unless given.
/// :param idle_timeout: seconds after which nothing arriving is an error; 300 unless given.
/// :param retries: how often a place is tried again in vain; 5 unless given.
/// :param proxy: the URL of a proxy, or ``"none"``; what the environment says unless given.
/// :param authorities: a PEM file of the authorities whose certificates servers may have, instead of those of the web.
#[pyclass(frozen, module = "patchcore")]
pub(crate) struct Updater {
    root: PathBuf,
    options: UpdateOptions,
}

#[pymethods]
impl Updater {
    #[new]
    #[pyo3(
        signature = (
            root, *, public_keys=Vec::new(), installed=None, required=Vec::new(), force_full=false, architecture=None,
            cache=None, overwrite_local=false, no_backup=false, threads=None, max_memory=None, max_size=None,
            max_bytes_per_second=None, idle_timeout=None, retries=None, proxy=None, authorities=None
        ),
        text_signature = "(root, *, public_keys=(), installed=None, required=(), force_full=False, architecture=None, \
                          cache=None, overwrite_local=False, no_backup=False, threads=None, max_memory=None, \
                          max_size=None, max_bytes_per_second=None, idle_timeout=None, retries=None, proxy=None, \
                          authorities=None)"
    )]
    fn new(
        root: FilePath,
        public_keys: Vec<String>,
        installed: Option<String>,
        required: Vec<String>,
        force_full: bool,
        architecture: Option<String>,
        cache: Option<FilePath>,
        overwrite_local: bool,
        no_backup: bool,
        threads: Option<u64>,
        max_memory: Option<u64>,
        max_size: Option<u64>,
        max_bytes_per_second: Option<u64>,
        idle_timeout: Option<f64>,
        retries: Option<u32>,
        proxy: Option<String>,
        authorities: Option<FilePath>,
    ) -> PyResult<Self> {
        let options = UpdateOptions {
            public_keys,
            installed,
            required,
            force_full,
            architecture,
            cache: cache.map(|path| path.0),
            fetch: fetch_options(max_size, max_bytes_per_second, idle_timeout, retries, proxy, authorities)?,
            apply: options::tree_apply(overwrite_local, no_backup, threads, max_memory),
            ..UpdateOptions::default()
        };
        Ok(Self { root: root.0, options })
    }

    /// The directory.
    #[getter]
    fn root(&self) -> PathBuf {
        self.root.clone()
    }

    /// Applies the one package that a document announces. Nothing is done where its version is installed already.
    ///
    /// :param document: the info of one package: a URL, a path, or its JSON text as a bytes-like object.
    /// :param base: for a text: the URL or path that relative URLs in it lie beside; the current folder unless given.
    /// :param dry_run: decide, and do nothing.
    /// :param download_only: download and verify; the same call without this applies it, also without a network.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this; once new files are being put in place it is ignored.
    /// :return: an :class:`~patchcore.UpdateReport`: what was done, and why.
    /// :raises patchcore.PatchcoreError: StaleError where a later version is installed; BadSignatureError, UntrustedKeyError;
    ///     whatever :func:`~patchcore.fetch` and :meth:`patchcore.TreePatch.apply` raise.
    #[pyo3(
        signature = (document, *, base=".".to_owned(), dry_run=false, download_only=false, progress=None, cancel=None),
        text_signature = "($self, document, *, base=\".\", dry_run=False, download_only=False, progress=None, cancel=None)"
    )]
    fn update_from_package_info<'py>(
        &self,
        py: Python<'py>,
        document: Bound<'py, PyAny>,
        base: String,
        dry_run: bool,
        download_only: bool,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let watch = Watch::new(progress, cancel)?;
        self.update(py, update_from_package_info, &document, base, dry_run, download_only, watch)
    }

    /// Brings the directory to the release of a service manifest, by a patch or by the full package, whichever fits what is
    /// installed; ``reason`` of the result says why.
    ///
    /// :param document: the service manifest: a URL, a path, or its JSON text as a bytes-like object.
    /// :param base: for a text: the URL or path that relative URLs in it lie beside; the current folder unless given.
    /// :param dry_run: decide, and do nothing.
    /// :param download_only: download and verify; the same call without this applies it, also without a network.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this; once new files are being put in place it is ignored.
    /// :return: an :class:`~patchcore.UpdateReport`: what was done, and why.
    /// :raises patchcore.PatchcoreError: NoRouteError where the full package is needed and there is none for the
    ///     architecture; BadSignatureError, UntrustedKeyError; whatever :func:`~patchcore.fetch` and
    ///     :meth:`patchcore.TreePatch.apply` raise.
    #[pyo3(
        signature = (document, *, base=".".to_owned(), dry_run=false, download_only=false, progress=None, cancel=None),
        text_signature = "($self, document, *, base=\".\", dry_run=False, download_only=False, progress=None, cancel=None)"
    )]
    fn update_from_service_manifest<'py>(
        &self,
        py: Python<'py>,
        document: Bound<'py, PyAny>,
        base: String,
        dry_run: bool,
        download_only: bool,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let watch = Watch::new(progress, cancel)?;
        self.update(py, update_from_service_manifest, &document, base, dry_run, download_only, watch)
    }

    /// Brings the directory to the newest version in a release repository, for the fewest bytes.
    ///
    /// A directory that is missing or empty is a new installation. Where nothing leads on from what is installed, or that is
    /// unknown, the files that differ from the release are fetched alone and replaced.
    ///
    /// :param url: the folder of the repository or its ``manifest.json``: a URL or a path. With ``public_keys``, one of them must
    ///     have signed the manifest, which vouches for everything else.
    /// :param end: the version that is wanted; the newest unless given.
    /// :param repair: compare the directory with the release and replace what differs.
    /// :param keep_local: patterns of what is never changed or deleted where it is there, as in ``.gitignore``.
    /// :param dry_run: decide, and do nothing.
    /// :param download_only: download and verify; the same call without this applies it, also without a network.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this; once new files are being put in place it is ignored.
    /// :return: a :class:`~patchcore.RepositoryUpdateReport`: what was done, and why.
    /// :raises patchcore.PatchcoreError: StaleError where the manifest is older than one that the directory has seen, or
    ///     expired; ConflictError where a delta would overwrite what somebody changed; UnknownVersionError, NoRouteError;
    ///     BadSignatureError, UntrustedKeyError; whatever :func:`~patchcore.fetch` and :meth:`patchcore.TreePatch.apply` raise.
    #[pyo3(
        signature = (
            url, *, end=None, repair=false, keep_local=Vec::new(), dry_run=false, download_only=false, progress=None,
            cancel=None
        ),
        text_signature = "($self, url, *, end=None, repair=False, keep_local=(), dry_run=False, download_only=False, \
                          progress=None, cancel=None)"
    )]
    fn update_from_repository<'py>(
        &self,
        py: Python<'py>,
        url: Url,
        end: Option<String>,
        repair: bool,
        keep_local: Vec<String>,
        dry_run: bool,
        download_only: bool,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let watch = Watch::new(progress, cancel)?.of_tree_in_steps();
        let root = self.root.clone();
        let options = UpdateOptions { to: end, repair, keep_local, dry_run, download_only, ..self.options.clone() };
        plain(py, &run(py, &watch, move |job| update_from_repository(&root, &url.0, &options, job))?)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<patchcore.Updater of {}>", self.root.as_os_str().into_pyobject(py)?.repr()?))
    }
}

type Update = fn(&Path, &Document, &UpdateOptions, &mut Job) -> Result<UpdateReport>;

impl Updater {
    fn update<'py>(
        &self,
        py: Python<'py>,
        update: Update,
        document: &Bound<'py, PyAny>,
        base: String,
        dry_run: bool,
        download_only: bool,
        watch: Watch<'py>,
    ) -> Object<'py> {
        let watch = watch.of_tree();
        let text = match document.extract()? {
            Source::Path(_) => None,
            text @ Source::Buffer(_) => Some(text),
        };
        let url = if text.is_none() { document.extract::<Url>()?.0 } else { String::new() };
        let root = self.root.clone();
        let options = UpdateOptions { dry_run, download_only, ..self.options.clone() };
        let report = run(py, &watch, move |job| {
            let document = match text {
                None => Document::Url(url),
                Some(text) => Document::Text { json: text.into_text()?, base },
            };
            update(&root, &document, &options, job)
        })?;
        results::update_report(py, &report)
    }
}

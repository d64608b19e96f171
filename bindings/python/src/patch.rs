//! Tree patches: the class of the module.

#![allow(clippy::too_many_arguments, reason = "Python has an argument for each option")]

use std::path::PathBuf;

use patchcore_ffi::input::Input;
use patchcore_ffi::tree::TreePatch as Opened;
use patchcore_ffi::trust::Trust;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::call::{Watch, run};
use crate::cancel::CancelToken;
use crate::options;
use crate::source::{FilePath, Source};
use crate::tree_results as results;

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// A package that turns one directory into another.
///
/// Opening reads its table of contents. With ``public_keys`` one of them must have signed the package, which is checked
/// before a byte of it is unpacked; the file stays open, so what was checked is what is used, whoever replaces it meanwhile.
/// A patch may be used from several threads at once and sent to other processes.
///
/// :param source: the package: a path or a bytes-like object. A ZIP file that :func:`~patchcore.tree_diff` made, or a
///     ``.tar.gz``.
/// :param operations: what a ``.tar.gz`` is for: its operations in JSON, a path or a bytes-like object.
/// :param public_keys: the keys that are trusted, each the text of a ``.pub`` file or its second line; without any,
///     signatures are not looked at.
/// :param signature: the text of a ``.minisig`` file or its base64; unless given, it is looked for beside the package.
/// :raises patchcore.PatchcoreError: BadSignatureError where a signature is demanded and there is none or it does not fit,
///     UntrustedKeyError where another key made it; CorruptError, UnsafePathError, LimitError, UnsupportedError for the
///     package; InvalidArgumentError for operations and keys; IoError and its kin.
#[pyclass(frozen, module = "patchcore")]
pub(crate) struct TreePatch {
    /// What the caller opened, and how.
    given: Py<PyAny>,
    source: Source,
    operations: Option<String>,
    trust: Trust,
    opened: Opened,
}

#[pymethods]
impl TreePatch {
    #[new]
    #[pyo3(
        signature = (source, *, operations=None, public_keys=Vec::new(), signature=None),
        text_signature = "(source, *, operations=None, public_keys=(), signature=None)"
    )]
    fn new(
        py: Python<'_>,
        source: Bound<'_, PyAny>,
        operations: Option<Source>,
        public_keys: Vec<String>,
        signature: Option<String>,
    ) -> PyResult<Self> {
        let given = source.clone().unbind();
        let source: Source = source.extract()?;
        let trust = Trust { public_keys, signature };
        let (input, demanded) = (Input::from(source.clone()), trust.clone());
        let (opened, operations) = run(py, &Watch::default(), move |job| {
            let operations = operations.map(Source::into_text).transpose()?;
            Ok((Opened::open(input, operations.as_deref(), &demanded, job)?, operations))
        })?;
        Ok(Self { given, source, operations, trust, opened })
    }

    /// What the patch says about itself: a :class:`~patchcore.TreePatchInfo`.
    #[getter]
    fn info<'py>(&self, py: Python<'py>) -> Object<'py> {
        results::tree_patch_info(py, &self.opened.info())
    }

    /// The file that the package is; None where it is in memory.
    #[getter]
    fn path(&self) -> Option<PathBuf> {
        self.source.path().map(PathBuf::from)
    }

    /// What becomes of which path, in the order of paths: a tuple of :class:`~patchcore.TreeChange`.
    fn changes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        results::tree_changes(py, &self.opened.changes())
    }

    /// Checks every whole file and every delta in the package.
    ///
    /// :param max_memory: bytes of memory that this may take; :data:`~patchcore.NO_LIMIT` for no limit.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: a :class:`~patchcore.TreePatchContents`.
    /// :raises patchcore.PatchcoreError: CorruptError, LimitError, UnsupportedError; IoError and its kin; CancelledError.
    #[pyo3(signature = (*, max_memory=None, progress=None, cancel=None))]
    fn verify<'py>(
        &self,
        py: Python<'py>,
        max_memory: Option<u64>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let watch = Watch::new(progress, cancel)?;
        let limits = options::limits(max_memory);
        let patch = self.opened.clone();
        let contents = run(py, &watch, move |job| patch.verify(&limits, job))?;
        results::tree_patch_contents(py, contents)
    }

    /// Says what applying the patch would do. Nothing is written.
    ///
    /// :param root: the directory.
    /// :param overwrite_local: as for :meth:`apply`.
    /// :param threads: threads that hash; 1 unless given.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: a :class:`~patchcore.TreePlan`, with whatever stands in the way.
    /// :raises patchcore.PatchcoreError: UnsafePathError; IoError and its kin; CancelledError.
    #[pyo3(signature = (root, *, overwrite_local=false, threads=None, progress=None, cancel=None))]
    fn plan<'py>(
        &self,
        py: Python<'py>,
        root: FilePath,
        overwrite_local: bool,
        threads: Option<u64>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let watch = Watch::new(progress, cancel)?;
        let options = options::tree_apply(overwrite_local, false, threads, None);
        let patch = self.opened.clone();
        let plan = run(py, &watch, move |job| patch.plan(&root.0, &options, job))?;
        results::tree_plan(py, &plan)
    }

    /// Brings a directory to the state that the patch promises: afterwards it is new, or with an error as it was, and
    /// ``outcome`` of the error says which. What the patch does not name stays. What is new already is not done again.
    ///
    /// Once the new files are being put in place nothing stops this: a token is then ignored, and where a callback raises
    /// the call waits for the end and the exception has a note that says what came of it.
    ///
    /// :param root: the directory.
    /// :param overwrite_local: take the patch's side wherever somebody changed the directory.
    /// :param no_backup: keep nothing for :func:`~patchcore.tree_rollback`. A failure still leaves the old tree.
    /// :param threads: threads that hash; 1 unless given.
    /// :param max_memory: bytes that applying a delta may take; :data:`~patchcore.NO_LIMIT` for no limit.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: a :class:`~patchcore.TreeApplyStats`.
    /// :raises patchcore.PatchcoreError: ConflictError, naming all of them, where files are not what the patch was made for;
    ///     SourceMismatchError where it is for other versions; BusyError while another process changes the directory;
    ///     CorruptError, LimitError, UnsafePathError, UnsupportedError for the package; IoError and its kin; CancelledError.
    #[pyo3(signature = (
        root, *, overwrite_local=false, no_backup=false, threads=None, max_memory=None, progress=None, cancel=None
    ))]
    fn apply<'py>(
        &self,
        py: Python<'py>,
        root: FilePath,
        overwrite_local: bool,
        no_backup: bool,
        threads: Option<u64>,
        max_memory: Option<u64>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let watch = Watch::new(progress, cancel)?.of_tree();
        let options = options::tree_apply(overwrite_local, no_backup, threads, max_memory);
        let patch = self.opened.clone();
        let stats = run(py, &watch, move |job| patch.apply(&root.0, &options, job))?;
        results::tree_apply_stats(py, &stats)
    }

    /// Says in what a directory differs from what the patch makes of it. Nothing is written.
    ///
    /// :param root: the directory.
    /// :param threads: threads that hash; 1 unless given.
    /// :param progress: called with a :class:`~patchcore.Progress`; see :func:`~patchcore.on_bar`.
    /// :param cancel: a token that any thread may raise to stop this.
    /// :return: a :class:`~patchcore.TreeVerification`.
    /// :raises patchcore.PatchcoreError: IoError and its kin; CancelledError.
    #[pyo3(signature = (root, *, threads=None, progress=None, cancel=None))]
    fn verify_tree<'py>(
        &self,
        py: Python<'py>,
        root: FilePath,
        threads: Option<u64>,
        progress: Option<Bound<'py, PyAny>>,
        cancel: Option<Bound<'py, CancelToken>>,
    ) -> Object<'py> {
        let watch = Watch::new(progress, cancel)?;
        let threads = threads.unwrap_or_default();
        let patch = self.opened.clone();
        let found = run(py, &watch, move |job| patch.verify_tree(&root.0, threads, job))?;
        results::tree_verification(py, &found)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let info = self.opened.info();
        let place = match self.source.path() {
            Some(path) => format!("at {}", path.as_os_str().into_pyobject(py)?.repr()?),
            None => "in memory".to_owned(),
        };
        let changes: u64 = info.changes.values().sum();
        Ok(format!("<patchcore.TreePatch {place}: {changes} changes, {} bytes>", info.package_size))
    }

    /// Another process opens the same path, or the same bytes, and demands the same signature.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let class = py.get_type::<Self>();
        let source = match self.source.path() {
            Some(path) => path.as_os_str().into_pyobject(py)?.into_any(),
            None => py.get_type::<PyBytes>().call1((&self.given,))?,
        };
        let options = PyDict::new(py);
        options.set_item("operations", self.operations.as_ref().map(|text| PyBytes::new(py, text.as_bytes())))?;
        options.set_item("public_keys", &self.trust.public_keys)?;
        options.set_item("signature", &self.trust.signature)?;
        let make = py.import(intern!(py, "copyreg"))?.getattr(intern!(py, "__newobj_ex__"))?;
        Ok((make, (class, (source,), options).into_pyobject(py)?))
    }
}

impl TreePatch {
    pub fn opened(&self) -> &Opened {
        &self.opened
    }
}

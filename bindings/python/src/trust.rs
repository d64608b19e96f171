//! Keys and signatures: functions of the module.

#![allow(clippy::too_many_arguments, reason = "Python has an argument for each option")]

use patchcore_ffi::trust::{self, SignOptions, Trust};
use pyo3::prelude::*;

use crate::call::{Watch, run};
use crate::cancel::CancelToken;
use crate::errors::Raise;
use crate::source::FilePath;
use crate::tree_results as results;

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// Makes a new key: ``path`` gets the secret one, readable by its owner alone, ``path.pub`` the public one. The ``minisign``
/// tool reads both.
///
/// :param path: the path of the secret key.
/// :param password: what the secret key is encrypted with; it is not encrypted unless given.
/// :param force: replace existing keys.
/// :return: the text of the public key.
/// :raises patchcore.PatchcoreError: InvalidArgumentError where a file exists; IoError and its kin.
#[pyfunction]
#[pyo3(signature = (path, *, password=None, force=false))]
pub(crate) fn create_key_files(
    py: Python<'_>,
    path: FilePath,
    password: Option<String>,
    force: bool,
) -> PyResult<String> {
    py.detach(|| trust::create_key_files(&path.0, password.as_deref(), force)).or_raise(py)
}

/// Signs a file.
///
/// :param path: the file.
/// :param key: the path of the secret key.
/// :param password: what the secret key is encrypted with.
/// :param trusted_comment: what is signed beside the file; time and name of the file unless given.
/// :param out: the path of the signature; that of the file with ``.minisig`` behind it unless given.
/// :param no_clobber: refuse to replace an existing signature.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: a :class:`~patchcore.SignatureFile`.
/// :raises patchcore.PatchcoreError: InvalidArgumentError for key and password; IoError and its kin; CancelledError.
#[pyfunction]
#[pyo3(signature = (
    path, key, *, password=None, trusted_comment=None, out=None, no_clobber=false, progress=None, cancel=None
))]
pub(crate) fn sign_file<'py>(
    py: Python<'py>,
    path: FilePath,
    key: FilePath,
    password: Option<String>,
    trusted_comment: Option<String>,
    out: Option<FilePath>,
    no_clobber: bool,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> Object<'py> {
    let watch = Watch::new(progress, cancel)?;
    let options = SignOptions { password, trusted_comment, output: out.map(|path| path.0), no_clobber };
    let made = run(py, &watch, move |job| trust::sign_file(&path.0, &key.0, &options, job))?;
    results::signature_file(py, &made)
}

/// Checks that one of the trusted keys signed a file.
///
/// :param path: the file.
/// :param public_keys: the keys that are trusted, each the text of a ``.pub`` file or its second line.
/// :param signature: the text of a ``.minisig`` file or its base64; unless given, it is looked for beside the file.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: a :class:`~patchcore.SignedFile`.
/// :raises patchcore.PatchcoreError: BadSignatureError where there is no signature or it does not fit; UntrustedKeyError
///     where another key made it; InvalidArgumentError where there is no key, or one is none; IoError and its kin;
///     CancelledError.
#[pyfunction]
#[pyo3(signature = (path, public_keys, *, signature=None, progress=None, cancel=None))]
pub(crate) fn verify_file<'py>(
    py: Python<'py>,
    path: FilePath,
    public_keys: Vec<String>,
    signature: Option<String>,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> Object<'py> {
    let watch = Watch::new(progress, cancel)?;
    let trust = Trust { public_keys, signature };
    let signed = run(py, &watch, move |job| trust::verify_file(&path.0, &trust, job))?;
    results::signed_file(py, &signed)
}

/// The identifier of a public key, as ``minisign`` shows it.
///
/// :param public_key: the text of a ``.pub`` file or its second line.
/// :return: 16 hex digits.
/// :raises patchcore.PatchcoreError: InvalidArgumentError where it is none.
#[pyfunction]
pub(crate) fn key_id(py: Python<'_>, public_key: &str) -> PyResult<String> {
    trust::key_id(public_key).or_raise(py)
}

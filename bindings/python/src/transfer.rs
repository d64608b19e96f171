//! Fetching: the function of the module, and the options that updates have as well.

#![allow(clippy::too_many_arguments, reason = "Python has an argument for each option")]

use patchcore_ffi::transfer::{self, FetchOptions};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::call::{Watch, run};
use crate::cancel::CancelToken;
use crate::source::{FilePath, path};
use crate::tree_results as results;

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// A URL, or a path in its place.
pub(crate) struct Url(pub String);

impl<'py> FromPyObject<'_, 'py> for Url {
    type Error = PyErr;

    fn extract(object: pyo3::Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let object = object.to_owned();
        if object.is_instance_of::<PyString>() {
            return object.extract().map(Self);
        }
        match path(&object)?.map(|path| path.into_os_string().into_string()) {
            Some(Ok(text)) => Ok(Self(text)),
            Some(Err(_)) => Err(PyValueError::new_err("this path is not UTF-8")),
            None => Err(PyTypeError::new_err("expected a URL (str) or a path (str or os.PathLike)")),
        }
    }
}

/// One URL, or any iterable of them.
pub(crate) struct Urls(Vec<String>);

impl<'py> FromPyObject<'_, 'py> for Urls {
    type Error = PyErr;

    fn extract(object: pyo3::Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(Url(url)) = object.extract() {
            return Ok(Self(vec![url]));
        }
        object.try_iter()?.map(|item| item?.extract().map(|Url(url)| url)).collect::<PyResult<_>>().map(Self)
    }
}

/// Options as keyword arguments give them: what is not given is zero, which means the default everywhere.
pub(crate) fn fetch_options(
    max_size: Option<u64>,
    max_bytes_per_second: Option<u64>,
    idle_timeout: Option<f64>,
    retries: Option<u32>,
    proxy: Option<String>,
    authorities: Option<FilePath>,
) -> PyResult<FetchOptions> {
    let idle_timeout_ms = match idle_timeout {
        None => 0,
        Some(seconds) if seconds > 0.0 => ((seconds * 1000.0).ceil() as u64).max(1),
        Some(_) => return Err(PyValueError::new_err("idle_timeout: expected a number of seconds above 0")),
    };
    Ok(FetchOptions {
        max_size: max_size.unwrap_or_default(),
        max_bytes_per_second: max_bytes_per_second.unwrap_or_default(),
        idle_timeout_ms,
        retries,
        proxy,
        authorities: authorities.map(|path| path.0),
        ..FetchOptions::default()
    })
}

/// Fetches one file. What came stays beside ``out``, as ``out.partial``, until it is complete or turns out to be wrong, and
/// the next fetch goes on from there; ``out`` itself appears whole and verified or not at all.
///
/// :param urls: where the file is: a URL of ``http``, ``https`` or ``file``, or a path, or several of them, which are tried
///     in turn.
/// :param out: the path that it goes to. Where the right file is there already, nothing is fetched.
/// :param size: the bytes that it must have.
/// :param digest: the SHA-256 that it must have, as hex.
/// :param max_size: more bytes than this are refused.
/// :param max_bytes_per_second: at most so many bytes a second; as fast as it goes unless given.
/// :param idle_timeout: seconds after which nothing arriving is an error; 300 unless given. There is no limit for the whole.
/// :param retries: how often a place is tried again in vain; 5 unless given.
/// :param proxy: the URL of a proxy, or ``"none"``; what the environment says unless given.
/// :param authorities: a PEM file of the authorities whose certificates servers may have, instead of those of the web.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: a :class:`~patchcore.FetchStats`.
/// :raises patchcore.PatchcoreError: NetworkError, TimeoutError, NotFoundError, PermissionError where no place gives it;
///     TargetMismatchError where what it gives has another size or digest; LimitError where it is too large; BusyError where
///     another process fetches it; IoError and its kin for files; CancelledError.
#[pyfunction]
#[pyo3(signature = (
    urls, out, *, size=None, digest=None, max_size=None, max_bytes_per_second=None, idle_timeout=None, retries=None,
    proxy=None, authorities=None, progress=None, cancel=None
))]
pub(crate) fn fetch<'py>(
    py: Python<'py>,
    urls: Urls,
    out: FilePath,
    size: Option<u64>,
    digest: Option<&str>,
    max_size: Option<u64>,
    max_bytes_per_second: Option<u64>,
    idle_timeout: Option<f64>,
    retries: Option<u32>,
    proxy: Option<String>,
    authorities: Option<FilePath>,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> Object<'py> {
    let watch = Watch::new(progress, cancel)?;
    let mut options = fetch_options(max_size, max_bytes_per_second, idle_timeout, retries, proxy, authorities)?;
    options.size = size;
    options.digest = digest.map(|text| crate::options::digest(py, text)).transpose()?;
    let stats = run(py, &watch, move |job| transfer::fetch(&urls.0, &out.0, &options, job))?;
    results::fetch_stats(py, &stats)
}

//! Channels: functions of the module.

#![allow(clippy::too_many_arguments, reason = "Python has an argument for each option")]

use patchcore_ffi::channel::{self, ChannelPublishOptions, FileUpdateOptions};
use pyo3::prelude::*;

use crate::call::{Watch, run};
use crate::cancel::CancelToken;
use crate::options;
use crate::source::FilePath;
use crate::transfer::{Url, fetch_options};
use crate::tree_results as results;

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// Publishes the newest version of a file, and its chain, as static files for any web host. The manifest is written last;
/// publishing the same again changes nothing.
///
/// :param folder: the folder that the web host serves; it is made where it is missing.
/// :param chain: the path of the chain.
/// :param latest: the path of the newest version of the chain, as a whole.
/// :param family: the name of the file through all its versions; the published one, or else that of the chain, unless given.
/// :param base_url: where the files will be found; beside the manifest unless given.
/// :param expires_at: when clients are to believe the manifest no longer, such as ``"2030-01-31T12:00:00Z"``.
/// :param key: the path of the secret key that signs the manifest.
/// :param password: what the secret key is encrypted with.
/// :param force: publish also a chain that does not hold the version which is published.
/// :param level: 1 (fastest) to 9 (smallest), for the deltas that are made.
/// :param max_memory: bytes that making them may take; :data:`~patchcore.NO_LIMIT` for no limit.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: a :class:`~patchcore.ChannelPublishStats`.
/// :raises patchcore.PatchcoreError: SourceMismatchError where ``latest`` is no version of the chain, TargetMismatchError where
///     it is an older one; StaleError where the chain does not hold what is published; BusyError while another process
///     publishes; IoError and its kin; CancelledError.
#[pyfunction]
#[pyo3(signature = (
    folder, chain, latest, *, family=None, base_url=None, expires_at=None, key=None, password=None, force=false,
    level=None, max_memory=None, progress=None, cancel=None
))]
pub(crate) fn publish_channel<'py>(
    py: Python<'py>,
    folder: FilePath,
    chain: FilePath,
    latest: FilePath,
    family: Option<String>,
    base_url: Option<String>,
    expires_at: Option<String>,
    key: Option<FilePath>,
    password: Option<String>,
    force: bool,
    level: Option<i32>,
    max_memory: Option<u64>,
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
) -> Object<'py> {
    let watch = Watch::new(progress, cancel)?;
    let options = ChannelPublishOptions {
        family,
        base_url,
        expires_at,
        key: key.map(|path| path.0),
        password,
        force,
        squash: options::squash(level, None, None, max_memory, None),
    };
    let stats = run(py, &watch, move |job| channel::publish(&folder.0, &chain.0, &latest.0, &options, job))?;
    results::channel_publish_stats(py, &stats)
}

/// Brings a file to the newest version of a channel by the fewest bytes: a squashed delta, just the links of the chain that it
/// needs, or the whole file. The file says by its digest which version it is; where there is none, it is made.
///
/// What is remembered of the file (the number of the last manifest) lies beside it, hidden, and so does what was downloaded
/// until it is used.
///
/// :param file: the file.
/// :param url: the channel: the URL or path of its manifest, or of the folder that this is in.
/// :param public_keys: the keys that are trusted, one of which must have signed the manifest; without any, only digests are
///     checked.
/// :param start: the version that the file must be: a name, or a SHA-256 or its first digits.
/// :param end: the version that is wanted; the newest unless given.
/// :param force_full: take the file as a whole whatever is there.
/// :param cache: the folder for what is downloaded and remembered; that of the file unless given.
/// :param dry_run: plan, and do nothing.
/// :param download_only: download and verify; the same call without this applies it, also without a network.
/// :param streaming: bound the memory, by default to what a delta may ask an applier for.
/// :param threads: threads that apply; 1 unless given.
/// :param max_memory: bytes that applying may take; :data:`~patchcore.NO_LIMIT` for no limit.
/// :param max_size: downloads of more bytes than this are refused.
/// :param max_bytes_per_second: fetch at most so many bytes a second; as fast as it goes unless given.
/// :param idle_timeout: seconds after which nothing arriving is an error; 300 unless given.
/// :param retries: how often a place is tried again in vain; 5 unless given.
/// :param proxy: the URL of a proxy, or ``"none"``; what the environment says unless given.
/// :param authorities: a PEM file of the authorities whose certificates servers may have, instead of those of the web.
/// :param progress: called with a :class:`~patchcore.Progress` at most ten times a second; see :func:`~patchcore.on_bar`.
/// :param cancel: a token that any thread may raise to stop this.
/// :return: a :class:`~patchcore.FileUpdateReport`: what was done, and why.
/// :raises patchcore.PatchcoreError: StaleError where the manifest has expired or an older one is played back; NoRouteError
///     where nothing leads to the version that is wanted; BadSignatureError, UntrustedKeyError; BusyError while another process
///     updates the file; whatever :func:`~patchcore.fetch` raises.
#[pyfunction]
#[pyo3(
    signature = (
        file, url, *, public_keys=Vec::new(), start=None, end=None, force_full=false, cache=None, dry_run=false,
        download_only=false, streaming=false, threads=None, max_memory=None, max_size=None, max_bytes_per_second=None,
        idle_timeout=None, retries=None, proxy=None, authorities=None, progress=None, cancel=None
    ),
    text_signature = "(file, url, *, public_keys=(), start=None, end=None, force_full=False, cache=None, dry_run=False, \
                      download_only=False, streaming=False, threads=None, max_memory=None, max_size=None, \
                      max_bytes_per_second=None, idle_timeout=None, retries=None, proxy=None, authorities=None, \
                      progress=None, cancel=None)"
)]
pub(crate) fn update_file<'py>(
    py: Python<'py>,
    file: FilePath,
    url: Url,
    public_keys: Vec<String>,
    start: Option<String>,
    end: Option<String>,
    force_full: bool,
    cache: Option<FilePath>,
    dry_run: bool,
    download_only: bool,
    streaming: bool,
    threads: Option<u64>,
    max_memory: Option<u64>,
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
    let options = FileUpdateOptions {
        public_keys,
        from: start,
        to: end,
        force_full,
        cache: cache.map(|path| path.0),
        download_only,
        dry_run,
        fetch: fetch_options(max_size, max_bytes_per_second, idle_timeout, retries, proxy, authorities)?,
        apply: options::apply(threads, streaming, max_memory, None),
    };
    let report = run(py, &watch, move |job| channel::update_file(&file.0, &url.0, &options, job))?;
    results::file_update_report(py, &report)
}

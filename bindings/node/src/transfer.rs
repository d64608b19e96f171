//! Fetching files as a job.

use napi_derive::napi;
use patchcore_ffi::digest::parse_digest;
use patchcore_ffi::status::Result;
use patchcore_ffi::transfer as facade;

use crate::job::{Listener, RunningJob, start};
use crate::options::amount;
use crate::output::{PathArgument, path};

/// How files are fetched.
#[napi(object, object_to_js = false)]
#[derive(Default)]
pub struct FetchOptions {
    /// The size that the file must have.
    pub size: Option<f64>,
    /// The SHA-256 that the file must have, in hex.
    pub digest: Option<String>,
    /// More bytes than this are refused.
    pub max_size: Option<f64>,
    /// At most so many bytes a second.
    pub max_bytes_per_second: Option<f64>,
    /// Milliseconds after which nothing arriving is a time-out.
    pub idle_timeout: Option<f64>,
    /// How often a place is tried again in vain.
    pub retries: Option<u32>,
    /// The proxy, or `none`.
    pub proxy: Option<String>,
    /// A PEM file of the authorities whose certificates servers may have.
    pub authorities: Option<PathArgument>,
}

impl FetchOptions {
    /// The same for the facade.
    pub fn facade(self) -> Result<facade::FetchOptions> {
        Ok(facade::FetchOptions {
            size: self.size.map(|size| size as u64),
            digest: self.digest.as_deref().map(parse_digest).transpose()?,
            max_size: amount(self.max_size),
            max_bytes_per_second: amount(self.max_bytes_per_second),
            idle_timeout_ms: amount(self.idle_timeout),
            retries: self.retries,
            proxy: self.proxy,
            authorities: self.authorities.map(path),
        })
    }
}

/// A file that was fetched.
#[napi(object, object_from_js = false)]
pub struct FetchStats {
    /// Its size in bytes.
    pub size: f64,
    /// Its SHA-256, in hex.
    pub digest: String,
    /// The bytes that came now; the others were there from an earlier try.
    pub transferred: f64,
    /// Which of the places it came from last; none where nothing had to come.
    pub source: Option<f64>,
}

impl From<facade::FetchStats> for FetchStats {
    fn from(stats: facade::FetchStats) -> Self {
        Self {
            size: stats.size as f64,
            digest: stats.digest.to_string(),
            transferred: stats.transferred as f64,
            source: stats.source.map(|source| source as f64),
        }
    }
}

/// Fetches a file from the first place that works.
#[napi]
pub fn fetch_file(
    urls: Vec<String>,
    out: PathArgument,
    options: FetchOptions,
    listener: Listener<FetchStats>,
) -> napi::Result<RunningJob> {
    let out = path(out);
    start(listener, move |job| facade::fetch(&urls, &out, &options.facade()?, job))
}

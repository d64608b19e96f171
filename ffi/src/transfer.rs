//! Fetching files, from the network where this build has one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use patchcore::transfer::Proxy;

use crate::digest::Digest;
use crate::job::Job;
use crate::status::Result;

/// How files are fetched. Zero in any number means its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchOptions {
    /// The size that the file must have, in bytes, where it is known.
    pub size: Option<u64>,
    /// The SHA-256 that the file must have, where it is known.
    pub digest: Option<Digest>,
    /// More bytes than this are LIMIT; no limit by default.
    pub max_size: u64,
    /// At most so many bytes a second; as fast as it goes by default.
    pub max_bytes_per_second: u64,
    /// Milliseconds after which nothing arriving is TIMEOUT; 300,000 by default.
    pub idle_timeout_ms: u64,
    /// How often a place is tried again in vain; 5 by default.
    pub retries: Option<u32>,
    /// The proxy, or `none`; what the environment says by default.
    pub proxy: Option<String>,
    /// A PEM file of the authorities whose certificates servers may have, instead of those of the web.
    pub authorities: Option<PathBuf>,
}

impl FetchOptions {
    pub(crate) fn for_core(&self) -> patchcore::transfer::FetchOptions {
        let mut core = patchcore::transfer::FetchOptions {
            size: self.size,
            digest: self.digest,
            bytes_per_second: self.max_bytes_per_second,
            proxy: match self.proxy.as_deref() {
                None => Proxy::Environment,
                Some("none") => Proxy::Direct,
                Some(url) => Proxy::Url(url.to_owned()),
            },
            authorities: self.authorities.clone(),
            ..patchcore::transfer::FetchOptions::default()
        };
        if self.max_size > 0 {
            core.max_size = self.max_size;
        }
        if self.idle_timeout_ms > 0 {
            core.idle_timeout = Duration::from_millis(self.idle_timeout_ms);
        }
        core.retries = self.retries.unwrap_or(core.retries);
        core
    }
}

/// A file that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchStats {
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub digest: Digest,
    /// The bytes that came now; the others were there from an earlier try.
    pub transferred: u64,
    /// Which of the places it came from last; `None` where nothing had to come.
    pub source: Option<u64>,
}

impl From<patchcore::transfer::Fetched> for FetchStats {
    fn from(fetched: patchcore::transfer::Fetched) -> Self {
        Self {
            size: fetched.size,
            digest: fetched.digest,
            transferred: fetched.transferred,
            source: fetched.source.map(|source| source as u64),
        }
    }
}

/// Fetches the file that is at each of `urls` into `to`, from the first of them that works. URLs are of `http`, `https` or
/// `file`, or paths.
///
/// What came stays beside `to` until it is complete or turns out to be wrong, and the next fetch goes on from there. `to`
/// itself appears whole and verified or not at all.
pub fn fetch(urls: &[String], to: &Path, options: &FetchOptions, job: &mut Job) -> Result<FetchStats> {
    patchcore::transfer::fetch(urls, to, &options.for_core(), job.task()).map(FetchStats::from)
}

//! A file arrives whole and right, or not at all, whatever a server does.

#![allow(missing_docs, reason = "a test binary")]

mod beginnings;
#[cfg(unix)]
mod encrypted;
mod misbehaviour;
mod places;
mod remote;
mod resuming;
#[path = "../support/server.rs"]
mod server;
mod small;
mod waiting;

use std::path::{Path, PathBuf};
use std::time::Duration;

use patchcore::transfer::{FetchOptions, Fetched, Proxy, fetch};
use patchcore::{Digest, Error, Status, Task};
use tempfile::TempDir;

/// Where a file is fetched to.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn target(&self) -> PathBuf {
        self.0.path().join("file")
    }

    fn fetch(&self, url: &str, options: &FetchOptions) -> Result<Fetched, Error> {
        fetch(&[url], &self.target(), options, &mut Task::new())
    }

    /// Fetches what must fail with this status.
    fn fails(&self, status: Status, url: &str, options: &FetchOptions) -> Error {
        let error = self.fetch(url, options).unwrap_err();
        assert_eq!(error.status(), status, "{error}");
        assert!(!self.target().exists());
        error
    }

    fn read(&self) -> Vec<u8> {
        std::fs::read(self.target()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        names(self.0.path())
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Options that waste no time.
fn quick() -> FetchOptions {
    FetchOptions {
        first_pause: Duration::from_millis(1),
        retries: 2,
        idle_timeout: Duration::from_secs(20),
        proxy: Proxy::Direct,
        ..FetchOptions::default()
    }
}

/// Options for exactly these bytes.
fn wanting(bytes: &[u8]) -> FetchOptions {
    FetchOptions { size: Some(bytes.len() as u64), digest: Some(Digest::of(bytes)), ..quick() }
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

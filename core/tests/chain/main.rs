//! What a chain promises, seen from outside.

mod damage;
mod hostile;
mod laws;
mod links;
mod prune;
mod routes;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use patchcore::chain::{Appended, Chain, CreateOptions};
use patchcore::delta::{self, ApplyOptions, DiffOptions, EncodeOptions};
use patchcore::io::{OutputOptions, ReadAt};
use patchcore::{Error, Limits, Result, Status, Task};

/// A folder with one chain in it.
pub(crate) struct Lab {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

impl Lab {
    /// A chain of the deltas between neighbouring versions.
    pub(crate) fn new(versions: &[&[u8]]) -> Self {
        let lab = Self::empty();
        lab.create(&versions.windows(2).map(|pair| diff(pair[0], pair[1])).collect::<Vec<_>>()).unwrap();
        lab
    }

    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("updates.mchn");
        Self { folder, path }
    }

    pub(crate) fn create(&self, deltas: &[Vec<u8>]) -> Result<()> {
        self.create_with(deltas, &CreateOptions::default())
    }

    pub(crate) fn create_with(&self, deltas: &[Vec<u8>], options: &CreateOptions) -> Result<()> {
        let (limits, output) = (Limits::default(), OutputOptions::default());
        Chain::create(&self.path, &sources(deltas), options, &limits, output, &mut Task::new())
    }

    pub(crate) fn append(&self, from: &[u8], to: &[u8]) -> Result<Appended> {
        append(&self.path, &[diff(from, to)], None)
    }

    pub(crate) fn append_named(&self, from: &[u8], to: &[u8], name: &str) -> Result<Appended> {
        append(&self.path, &[diff(from, to)], Some(name))
    }

    pub(crate) fn open(&self) -> Chain {
        Chain::open(&self.path).unwrap()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }

    /// The names of everything in the folder, sorted.
    pub(crate) fn entries(&self) -> Vec<String> {
        entries(self.folder.path())
    }
}

pub(crate) fn append(path: &Path, deltas: &[Vec<u8>], name: Option<&str>) -> Result<Appended> {
    Chain::append(path, &sources(deltas), name, &Limits::default(), &mut Task::new())
}

pub(crate) fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) fn sources(deltas: &[Vec<u8>]) -> Vec<&dyn ReadAt> {
    deltas.iter().map(|delta| delta as _).collect()
}

pub(crate) fn fast() -> EncodeOptions {
    EncodeOptions { level: 1, ..EncodeOptions::default() }
}

pub(crate) fn diff(old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let options = DiffOptions { encode: fast(), ..DiffOptions::default() };
    delta::diff(&old, &new, &mut out, &options, &mut Task::new()).unwrap();
    out.into_inner()
}

pub(crate) fn apply_delta(old: &[u8], delta: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    delta::apply(&old, &mut &delta[..], &mut out, &ApplyOptions::default(), &mut Task::new()).unwrap();
    out
}

/// The version `target` made of `old`, and the labels of the links that were used.
pub(crate) fn apply(chain: &Chain, old: &[u8], target: Option<usize>) -> Result<(Vec<u8>, Vec<String>)> {
    let mut out = Vec::new();
    let applied = chain.apply(&old, &mut out, target, &Default::default(), &mut Task::new())?;
    Ok((out, applied.links.iter().map(|link| chain.label(link)).collect()))
}

pub(crate) fn squash(chain: &Chain, from: usize, to: usize) -> Result<Vec<u8>> {
    let mut out = Cursor::new(Vec::new());
    chain.squash(from, to, &mut out, &fast(), &Limits::default(), &mut Task::new())?;
    Ok(out.into_inner())
}

/// A file of `len` bytes that looks random and is the same for the same seed.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(step).collect()
}

#[track_caller]
pub(crate) fn assert_status<T: std::fmt::Debug>(result: Result<T>, status: Status) -> Error {
    let error = result.unwrap_err();
    assert_eq!(error.status(), status, "{error}");
    error
}

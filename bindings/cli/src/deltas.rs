//! Several delta files given on one command line.

use std::path::PathBuf;

use patchcore::Result;
use patchcore::io::{FileSource, ReadAt};

pub(crate) struct Deltas(Vec<FileSource>);

impl Deltas {
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self> {
        paths.iter().map(|path| FileSource::open(path)).collect::<Result<_>>().map(Self)
    }

    pub(crate) fn sources(&self) -> Vec<&dyn ReadAt> {
        self.0.iter().map(|source| source as _).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn total_size(&self) -> u64 {
        self.0.iter().map(ReadAt::size).sum()
    }
}

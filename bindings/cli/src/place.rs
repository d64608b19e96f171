//! Where a repository lies, as people write it: a folder, or an address such as `s3://bucket/prefix`.

use std::path::Path;

use patchcore::Result;
use patchcore::Task;
use patchcore::repository::{EditOptions, RebuildReport, Repository};

#[cfg(feature = "cloud")]
pub(crate) use patchcore_http::cloud::Place;

/// A folder: this build knows of nothing else, and the core refuses an address.
#[cfg(not(feature = "cloud"))]
pub(crate) enum Place {
    Folder(std::path::PathBuf),
}

#[cfg(not(feature = "cloud"))]
impl Place {
    pub(crate) fn parse(text: &Path) -> Result<Self> {
        Ok(Self::Folder(text.to_owned()))
    }
}

/// Opens the repository at a place.
pub(crate) fn open(place: &Path) -> Result<Repository> {
    match Place::parse(place)? {
        Place::Folder(folder) => Repository::open(&folder),
        #[cfg(feature = "cloud")]
        Place::Store(store) => Repository::on(store),
    }
}

/// Makes a repository at a place.
pub(crate) fn init(place: &Path, plain: bool) -> Result<Repository> {
    match Place::parse(place)? {
        Place::Folder(folder) => Repository::init(&folder, plain),
        #[cfg(feature = "cloud")]
        Place::Store(store) => Repository::init_on(store, plain),
    }
}

/// Makes manifest and archives of a place again.
pub(crate) fn rebuild(place: &Path, options: &EditOptions, task: &mut Task<'_>) -> Result<RebuildReport> {
    match Place::parse(place)? {
        Place::Folder(folder) => Repository::rebuild(&folder, options, task),
        #[cfg(feature = "cloud")]
        Place::Store(store) => Repository::rebuild_on(&*store, options, task),
    }
}

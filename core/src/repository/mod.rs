//! Releases of a directory as static files: published at the cost of what changed, fetched for the fewest bytes.
//!
//! A repository is a folder that any web host serves: packages, and `manifest.json`, which is written after what it names and
//! decides which of them count. Whatever kills a change, readers see the repository before or after it.

pub mod channel;
mod combined;
mod demand;
mod edit;
mod manifest;
mod plan;
mod prune;
mod publish;
mod rebuild;
mod release;
mod signed;
mod squashed;
mod state;
mod store;
mod verify;

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result, Status};
use crate::io::ReadAt;
use crate::progress::Task;
use crate::trust::TrustedKeys;
use crate::version::Version;

pub use edit::{EditOptions, MANIFEST_SIGNATURE, NEXT_MANIFEST_SIGNATURE};
pub use manifest::{Line, MANIFEST_FILE, Manifest, Package, PackageKind};
pub use plan::{PlanReason, UpdateMeans, UpdatePlan, plan};
pub use prune::{PruneReport, WithdrawReport};
pub use publish::{PublishOptions, PublishReport};
pub use rebuild::RebuildReport;
pub(crate) use signed::check_signed;
pub use signed::{SIGNATURE_SUFFIXES, Signer};
pub use store::{Store, StoredDocument};
pub use verify::RepositoryVerification;

/// The releases of a directory. Copies are the same repository.
#[derive(Clone)]
pub struct Repository {
    store: Arc<dyn Store>,
    cache: Arc<demand::Cache>,
}

impl Repository {
    /// Makes an empty repository in the folder at `path`, which is made where it is missing. INVALID_ARGUMENT where there is one.
    ///
    /// The packages of a `plain` one are ZIP files of whole files, for readers that only unzip.
    pub fn init(path: &Path, plain: bool) -> Result<Self> {
        edit::initialise(folder(path)?, plain)?;
        Self::open(path)
    }

    /// Makes an empty repository wherever `store` keeps its files. UNSUPPORTED where two publishers could lose a release there.
    pub fn init_on(store: Arc<dyn Store>, plain: bool) -> Result<Self> {
        edit::initialise_on(&*store, plain)?;
        Self::on(store)
    }

    /// Opens the repository in the folder at `path`. NOT_FOUND where there is none.
    pub fn open(path: &Path) -> Result<Self> {
        Self::on(Arc::new(store::FolderStore(folder(path)?.to_owned()))).map_err(|e| e.in_file(path))
    }

    /// Opens a repository wherever it lies. NOT_FOUND where there is none.
    pub fn on(store: Arc<dyn Store>) -> Result<Self> {
        let repository = Self { store, cache: Arc::default() };
        repository.manifest()?;
        Ok(repository)
    }

    /// Where it lies.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The manifest as it is now.
    pub fn manifest(&self) -> Result<Manifest> {
        match self.store.read(MANIFEST_FILE)? {
            Some(document) => Manifest::of_releases(&document.bytes),
            None => {
                let message = "this is no repository: it has no manifest.json; make one with `release init`";
                Err(Error::new(Status::NotFound, message))
            }
        }
    }

    /// Publishes what `source` holds, a directory or a ZIP file of one, as `version`.
    ///
    /// A version that is published with the same content already changes nothing; with other content, or lower than the newest,
    /// it is INVALID_ARGUMENT. Reads of the packages that are there only the old bytes of what changed.
    pub fn publish(
        &self,
        source: &Path,
        version: Version,
        options: &PublishOptions,
        task: &mut Task<'_>,
    ) -> Result<PublishReport> {
        publish::publish(&*self.store, source, version, options, task)
    }

    /// Makes manifest and archives of the folder at `path` again from the packages that are there, whoever made them: then it
    /// is a repository. Of packages that hold whole files alone it takes the name's word for their versions.
    pub fn rebuild(path: &Path, options: &EditOptions, task: &mut Task<'_>) -> Result<RebuildReport> {
        let metadata = std::fs::metadata(folder(path)?).map_err(|e| Error::from(e).in_file(path))?;
        if !metadata.is_dir() {
            return Err(Error::invalid("this is no folder").in_file(path));
        }
        rebuild::rebuild(&store::FolderStore(path.to_owned()), options, task)
    }

    /// [`rebuild`](Self::rebuild) wherever `store` keeps its files.
    pub fn rebuild_on(store: &dyn Store, options: &EditOptions, task: &mut Task<'_>) -> Result<RebuildReport> {
        rebuild::rebuild(store, options, task)
    }

    /// Makes the newest version one that new installations start from: a package of all of it without anything dead.
    pub fn new_base(&self, options: &EditOptions, task: &mut Task<'_>) -> Result<RebuildReport> {
        rebuild::new_base(&*self.store, options, task)
    }

    /// Removes the deltas from versions that are more than `keep` versions behind the newest, but none that is the last way from
    /// somewhere to the newest version.
    pub fn prune(&self, keep: usize, options: &EditOptions, task: &mut Task<'_>) -> Result<PruneReport> {
        prune::prune(&*self.store, keep, options, task)
    }

    /// Takes a bad version back: the manifest first, then its files. Whoever has it already is helped by a higher version.
    pub fn withdraw(&self, version: Version, options: &EditOptions, task: &mut Task<'_>) -> Result<WithdrawReport> {
        prune::withdraw(&*self.store, version, options, task)
    }

    /// Reads every package, checks the signature by `keys` where they are given, and tries every route.
    pub fn verify(&self, keys: Option<&TrustedKeys>, task: &mut Task<'_>) -> Result<RepositoryVerification> {
        verify::verify(&*self.store, keys, task)
    }

    /// One package in the place of the deltas from a version to the newest, made once and kept; nothing where it would not be
    /// fewer bytes. Whoever asks for the same meanwhile waits for it.
    pub fn squashed(
        &self,
        from: Version,
        to: Version,
        arch: Option<&str>,
        task: &mut Task<'_>,
    ) -> Result<Option<Package>> {
        self.cache.squashed(&*self.store, &self.manifest()?, from, to, arch, task)
    }

    /// The package of all of the newest version, put together from others and kept where it is missing.
    pub fn ensure_combined(&self, arch: Option<&str>, task: &mut Task<'_>) -> Result<Package> {
        self.cache.combined(&*self.store, &self.manifest()?, arch, task)
    }

    /// Opens a package, named by the manifest or made on demand: exactly the bytes that count.
    pub fn open_package(&self, package: &Package) -> Result<Box<dyn ReadAt>> {
        match release::bytes_of(&*self.store, package) {
            Err(error) if error.status() == Status::NotFound => self.cache.open(&*self.store, package)?.ok_or(error),
            bytes => bytes,
        }
    }
}

/// A path that is no address: those are for whoever brings a [`Store`].
fn folder(path: &Path) -> Result<&Path> {
    match path.to_str().is_some_and(|text| text.contains("://")) {
        true => {
            let message = "this is an address, and repositories lie in folders here; the program `patchcore` reaches object stores";
            Err(Error::new(Status::Unsupported, message).in_file(path))
        }
        false => Ok(path),
    }
}

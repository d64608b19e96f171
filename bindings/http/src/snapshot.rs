//! The manifest as it was when somebody last looked: read once, and then answered from memory by every request.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use patchcore::repository::{
    MANIFEST_FILE, MANIFEST_SIGNATURE, Manifest, NEXT_MANIFEST_SIGNATURE, Package, Repository,
};
use patchcore::{Digest, Error, Result, Status, Version};

use crate::plans::Plans;

/// The documents of a repository that are served beside its packages. A publisher replaces all three, one after the other.
const DOCUMENTS: [&str; 3] = [MANIFEST_FILE, MANIFEST_SIGNATURE, NEXT_MANIFEST_SIGNATURE];

/// How long what was read is believed without another look at the files.
const BELIEVED_MILLISECONDS: u64 = 200;

/// How often the documents are read again where a publisher replaces one after the other meanwhile.
const ATTEMPTS: usize = 8;

/// A manifest, and what was made of it once for all requests.
pub(crate) struct Snapshot {
    pub(crate) manifest: Manifest,
    /// What was worked out for clients so far.
    pub(crate) plans: Plans,
    /// The versions for each architecture.
    pub(crate) lines: Lines,
    documents: HashMap<&'static str, Document>,
    packages: HashMap<String, usize>,
}

/// The versions that there are, by architecture.
pub(crate) struct Lines {
    by_arch: HashMap<String, Versions>,
    for_all: Versions,
}

/// The versions for one architecture, in order.
pub(crate) struct Versions {
    pub(crate) versions: Vec<Version>,
    pub(crate) latest: Option<Version>,
}

impl Lines {
    fn new(manifest: &Manifest) -> Self {
        let versions = |arch| {
            let line = manifest.line(arch);
            Versions { versions: line.versions(), latest: line.latest() }
        };
        let by_arch =
            manifest.architectures().into_iter().map(|arch| (arch.to_owned(), versions(Some(arch)))).collect();
        Self { by_arch, for_all: versions(None) }
    }

    /// The architecture, where there are packages for it alone.
    pub(crate) fn known<'a>(&self, arch: Option<&'a str>) -> Option<&'a str> {
        arch.filter(|arch| self.by_arch.contains_key(*arch))
    }

    pub(crate) fn line(&self, arch: Option<&str>) -> &Versions {
        arch.and_then(|arch| self.by_arch.get(arch)).unwrap_or(&self.for_all)
    }
}

/// A small file that is kept in memory.
pub(crate) struct Document {
    pub(crate) bytes: Bytes,
    /// The same, compressed, where that is smaller.
    pub(crate) gzip: Option<Bytes>,
    pub(crate) digest: Digest,
    pub(crate) modified: SystemTime,
}

impl Snapshot {
    fn read(repository: &Repository) -> Result<Self> {
        let mut documents = HashMap::new();
        for name in DOCUMENTS {
            if let Some(document) = repository.store().read(name)? {
                let modified =
                    repository.store().folder().and_then(|folder| folder.join(name).metadata().ok()?.modified().ok());
                documents.insert(name, Document::new(document.bytes, modified.unwrap_or_else(SystemTime::now)));
            }
        }
        let none = || Error::new(Status::NotFound, "the repository has no manifest.json");
        let manifest = Manifest::from_json(&documents.get(MANIFEST_FILE).ok_or_else(none)?.bytes)?;
        let packages =
            manifest.patches.iter().enumerate().map(|(index, package)| (package.file.clone(), index)).collect();
        Ok(Self { lines: Lines::new(&manifest), manifest, plans: Plans::default(), documents, packages })
    }

    /// A document by its name.
    pub(crate) fn document(&self, name: &str) -> Option<&Document> {
        self.documents.get(name)
    }

    /// Whether deltas could lead from one version to another, the newest.
    pub(crate) fn leads(&self, from: Version, to: Version, arch: Option<&str>) -> bool {
        let line = self.lines.line(arch);
        line.latest == Some(to) && from < to && line.versions.binary_search(&from).is_ok()
    }

    /// Whether a package that was made leads between versions as they are here: one may have been withdrawn meanwhile.
    pub(crate) fn holds(&self, package: &Package) -> bool {
        let line = self.manifest.line(package.arch.as_deref());
        let versions = &self.lines.line(package.arch.as_deref()).versions;
        let same = |version, made| {
            versions.binary_search(&version).is_ok() && line.tree_of(version).is_none_or(|tree| made == Some(tree))
        };
        same(package.to, package.tree) && (package.is_full() || same(package.from, package.from_tree))
    }

    /// A package by the name of its file.
    pub(crate) fn package(&self, file: &str) -> Option<&Package> {
        self.packages.get(file).map(|index| &self.manifest.patches[*index])
    }
}

impl Document {
    fn new(bytes: Vec<u8>, modified: SystemTime) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let gzip = encoder.write_all(&bytes).and_then(|()| encoder.finish()).ok();
        Self {
            gzip: gzip.filter(|gzip| gzip.len() < bytes.len()).map(Bytes::from),
            digest: Digest::of(&bytes),
            bytes: bytes.into(),
            modified,
        }
    }
}

/// What tells one state of the documents from another without reading them: length, time and file number of each.
type Stamp = [Option<(u64, SystemTime, u64)>; DOCUMENTS.len()];

fn stamp(folder: &Path) -> Stamp {
    DOCUMENTS.map(|name| {
        let metadata = folder.join(name).metadata().ok()?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let number = 0;
        Some((metadata.len(), metadata.modified().ok()?, number))
    })
}

/// The newest snapshot, taken again when the files have changed.
pub(crate) struct Current {
    repository: Repository,
    began: Instant,
    looked_at: AtomicU64,
    state: RwLock<State>,
    reading: Mutex<()>,
}

struct State {
    snapshot: Arc<Snapshot>,
    /// The one before: clients that have read it may still come for what it names.
    before: Option<Arc<Snapshot>>,
    stamp: Option<Stamp>,
    failure: Option<Error>,
}

impl Current {
    pub(crate) fn new(repository: Repository) -> Result<Self> {
        let (snapshot, stamp) = take(&repository)?;
        let state = State { snapshot: Arc::new(snapshot), before: None, stamp, failure: None };
        Ok(Self {
            repository,
            began: Instant::now(),
            looked_at: AtomicU64::new(0),
            state: RwLock::new(state),
            reading: Mutex::new(()),
        })
    }

    /// The manifest of a moment ago. Of the requests that come while it is read again the first waits for that.
    pub(crate) async fn get(self: &Arc<Self>) -> Arc<Snapshot> {
        let now = self.began.elapsed().as_millis() as u64;
        let looked_at = self.looked_at.load(Ordering::Relaxed);
        let due = now.saturating_sub(looked_at) >= BELIEVED_MILLISECONDS
            && self.looked_at.compare_exchange(looked_at, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if due && self.has_changed() {
            let this = self.clone();
            // A panic while reading leaves what was there before.
            let _ = tokio::task::spawn_blocking(move || this.refresh()).await;
        }
        self.last()
    }

    /// The manifest as it was last read.
    pub(crate) fn last(&self) -> Arc<Snapshot> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).snapshot.clone()
    }

    /// A package that only the manifest before names.
    pub(crate) fn superseded(&self, file: &str) -> Option<Package> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.before.as_ref().and_then(|before| before.package(file).cloned())
    }

    /// Why the manifest could not be read when somebody last tried; what was read before is still served then.
    pub(crate) fn failure(&self) -> Option<String> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.failure.as_ref().map(|error| error.message().to_owned())
    }

    fn has_changed(&self) -> bool {
        let Some(folder) = self.repository.store().folder() else { return true };
        self.state.read().unwrap_or_else(PoisonError::into_inner).stamp != Some(stamp(folder))
    }

    /// Reads the manifest again, whatever was read before. Blocks.
    pub(crate) fn refresh(&self) {
        let _one_at_a_time = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = take(&self.repository);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match taken {
            Ok((snapshot, stamp)) => {
                let same = snapshot.manifest.sequence == state.snapshot.manifest.sequence;
                let before = if same { state.before.take() } else { Some(state.snapshot.clone()) };
                *state = State { snapshot: Arc::new(snapshot), before, stamp, failure: None };
            }
            Err(error) => {
                state.stamp = self.repository.store().folder().map(stamp);
                state.failure = Some(error);
            }
        }
    }
}

/// A snapshot whose documents belong together, as far as waiting for that can help.
fn take(repository: &Repository) -> Result<(Snapshot, Option<Stamp>)> {
    let Some(folder) = repository.store().folder() else { return Ok((Snapshot::read(repository)?, None)) };
    let mut attempt = 1;
    loop {
        let before = stamp(folder);
        let taken = Snapshot::read(repository);
        if before == stamp(folder) || attempt == ATTEMPTS {
            return Ok((taken?, Some(before)));
        }
        attempt += 1;
    }
}

//! What all requests share: the repository, its manifest in memory, and packages that are made on demand.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use patchcore::repository::{Package, PackageKind, Repository};
use patchcore::{CancelToken, Error, Status, Task, Version};
use tokio::sync::Semaphore;

use crate::error::{Answer, Refusal};
use crate::files;
use crate::metrics::Metrics;
use crate::observe::Log;
use crate::options::ServiceOptions;
use crate::plans::Squashed;
use crate::snapshot::{Current, Snapshot};
use crate::stream::Source;
use crate::uploads::Uploads;

/// How long a client waits for a package to be made before it is told the next best way.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Service {
    pub(crate) repository: Repository,
    pub(crate) current: Arc<Current>,
    pub(crate) metrics: Metrics,
    pub(crate) options: ServiceOptions,
    pub(crate) log: Option<Log>,
    pub(crate) uploads: Uploads,
    /// Whoever changes the repository holds it.
    pub(crate) changes: Arc<tokio::sync::Mutex<()>>,
    publishing: Mutex<Option<String>>,
    /// Packages that were made on demand, by the names of their files.
    made: RwLock<HashMap<String, Package>>,
    /// Packages are made one after the other: each takes all the memory and time that making a delta takes.
    turns: Arc<Semaphore>,
}

/// A package that is ready to be sent.
pub(crate) struct Opened {
    pub(crate) source: Source,
    pub(crate) modified: SystemTime,
    pub(crate) package: Package,
}

impl Service {
    pub(crate) fn new(repository: Repository, options: ServiceOptions) -> patchcore::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            current: Arc::new(Current::new(repository.clone())?),
            metrics: Metrics::default(),
            log: options.access_log.then(Log::start),
            options,
            uploads: Uploads::new(repository.store().folder().unwrap_or(Path::new(""))),
            changes: Arc::default(),
            publishing: Mutex::default(),
            made: RwLock::default(),
            turns: Arc::new(Semaphore::new(1)),
            repository,
        }))
    }

    /// Opens the package whose file has this name: one that the manifest names, or one that was made on demand and is made
    /// again where it is gone.
    pub(crate) async fn open(self: &Arc<Self>, name: &str) -> Answer<Option<Opened>> {
        let snapshot = self.current.get().await;
        let named = snapshot.package(name).cloned().or_else(|| self.current.superseded(name));
        if let Some(package) = &named {
            match self.opened(package).await {
                Err(refusal) if package.kind() == PackageKind::Combined && !refusal.is_ours() => {}
                opened => return opened.map(Some),
            }
        }
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(package) = made.filter(|package| snapshot.holds(package)) {
            match self.opened(&package).await {
                Err(refusal) if !refusal.is_ours() => snapshot.plans.forget(&package),
                opened => return opened.map(Some),
            }
        }
        let made = match named {
            Some(combined) => match self.combined(combined.arch.as_deref()).await {
                Err(refusal) if refusal.is_ours() => return Err(refusal),
                made => made.ok(),
            },
            None => match wanted_delta(name) {
                // Only what there are packages for: whoever asks could make us remember any other name.
                Some((from, to, arch)) if snapshot.lines.known(arch) == arch && snapshot.leads(from, to, arch) => {
                    self.squashed(&snapshot, from, to, arch.map(str::to_owned)).await?
                }
                _ => None,
            },
        };
        match made.filter(|package| package.file == name) {
            Some(package) => self.opened(&package).await.map(Some),
            None => Ok(None),
        }
    }

    async fn opened(self: &Arc<Self>, package: &Package) -> Answer<Opened> {
        let this = self.clone();
        let package = package.clone();
        let opened = tokio::task::spawn_blocking(move || -> patchcore::Result<Opened> {
            if let Some(folder) = this.repository.store().folder()
                && let Ok(file) = File::open(folder.join(&package.file))
            {
                let metadata = file.metadata()?;
                if metadata.len() >= package.size {
                    return Ok(Opened { source: files::source(file), modified: metadata.modified()?, package });
                }
            }
            let source = this.repository.open_package(&package)?;
            if source.size() < package.size {
                return Err(Error::new(Status::NotFound, "cut off"));
            }
            // Its name is never given to other bytes, so that any moment does.
            Ok(Opened { source: Source::Other(source.into()), modified: SystemTime::UNIX_EPOCH, package })
        });
        opened.await?.map_err(|error| match error.status() {
            Status::NotFound | Status::Corrupt => Refusal::not_found("the file is missing or cut off"),
            _ => Refusal::unavailable("the file cannot be read now"),
        })
    }

    /// The newest version in full, which is made where it is missing.
    pub(crate) async fn combined(self: &Arc<Self>, arch: Option<&str>) -> Answer<Package> {
        let snapshot = self.current.get().await;
        let line = snapshot.manifest.line(arch);
        if let Some(package) = line.combined().filter(|package| Some(package.to) == line.latest()) {
            match self.opened(package).await {
                Err(refusal) if !refusal.is_ours() => {}
                opened => {
                    self.metrics.cache_hits.fetch_add(1, Ordering::Relaxed);
                    return opened.map(|opened| opened.package);
                }
            }
        }
        let arch = snapshot.lines.known(arch).map(str::to_owned);
        let this = self.clone();
        let make = {
            let arch = arch.clone();
            move || {
                this.metrics.cache_misses.fetch_add(1, Ordering::Relaxed);
                let package = this.repository.ensure_combined(arch.as_deref(), &mut this.task())?;
                Ok(this.keep(package))
            }
        };
        snapshot.plans.combined.get(arch, &self.turns, make).await
    }

    /// One package in the place of the deltas from a version to the newest, which is made unless it is there.
    pub(crate) async fn squashed(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        from: Version,
        to: Version,
        arch: Option<String>,
    ) -> Answer<Option<Package>> {
        let tree = snapshot.manifest.line(arch.as_deref()).tree_of(to);
        let this = self.clone();
        let make = {
            let arch = arch.clone();
            move || {
                this.metrics.cache_misses.fetch_add(1, Ordering::Relaxed);
                let package = this.repository.squashed(from, to, arch.as_deref(), &mut this.task())?;
                // One that was kept from before the version was withdrawn and published anew leads elsewhere.
                Ok(package.filter(|package| package.tree == tree).map(|package| this.keep(package)))
            }
        };
        snapshot.plans.squashed.get((from, to, arch), &self.turns, make).await
    }

    /// An archive of everything, or the one that is made in its place where it is missing.
    pub(crate) async fn whole(self: &Arc<Self>, package: Package) -> Answer<Package> {
        match self.opened(&package).await {
            Err(refusal) if !refusal.is_ours() => self.combined(package.arch.as_deref()).await,
            opened => opened.map(|opened| opened.package),
        }
    }

    /// Remembers a package that was made, for those who ask for its name.
    fn keep(&self, package: Package) -> Package {
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        made.insert(package.file.clone(), package.clone());
        package
    }

    /// [`squashed`](Self::squashed) for a client that has another way, and does not wait for long.
    pub(crate) async fn squashed_soon(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        from: Version,
        to: Version,
        arch: Option<String>,
    ) -> Squashed {
        match tokio::time::timeout(PATIENCE, self.squashed(snapshot, from, to, arch)).await {
            Ok(Ok(Some(package))) => Squashed::Package(Box::new(package)),
            Ok(Ok(None)) => Squashed::NotFewerBytes,
            Ok(Err(_)) | Err(_) => Squashed::NotYet,
        }
    }

    /// Says something to whoever reads the log.
    pub(crate) fn say(&self, text: &str) {
        if let Some(log) = &self.log {
            log.say(text);
        }
    }

    /// Whether this upload is being published.
    pub(crate) fn is_publishing(&self, id: &str) -> bool {
        self.publishing.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(id)
    }

    pub(crate) fn set_publishing(&self, id: Option<String>) {
        *self.publishing.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }

    /// An operation of the core that ends when the service does.
    pub(crate) fn task(&self) -> Task<'static> {
        Task::with_cancel(self.cancel())
    }

    fn cancel(&self) -> CancelToken {
        self.options.cancel.clone()
    }
}

/// The versions and the architecture in the name of a delta.
fn wanted_delta(file: &str) -> Option<(Version, Version, Option<&str>)> {
    let mut parts = file.strip_prefix("delta_")?.strip_suffix(".zip")?.splitn(3, '_');
    let (from, to, arch) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next());
    (Package::file_name(PackageKind::Delta, from, to, arch) == file).then_some((from, to, arch))
}

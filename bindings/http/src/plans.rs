//! What a client at some version is to download, worked out once for each version while a manifest lasts.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use patchcore::Version;
use patchcore::repository::{Package, PackageKind, UpdateMeans, plan};
use serde_json::{Value, json};

use crate::builds::Builds;
use crate::error::Answer;
use crate::snapshot::Snapshot;

/// What is installed where nothing is.
pub(crate) const NOTHING: Version = Version { major: 0, minor: 0, patch: 0, build: None };

/// What was worked out and built from one manifest.
#[derive(Default)]
pub(crate) struct Plans {
    planned: Mutex<HashMap<Key, Arc<Planned>>>,
    /// One package in the place of several deltas; `None` where that would not be fewer bytes.
    pub(crate) squashed: Builds<(Version, Version, Option<String>), Option<Package>>,
    /// The newest version in full.
    pub(crate) combined: Builds<Option<String>, Package>,
}

/// Where a client is, as far as that makes a difference: a client cannot make us remember versions that there are not.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Installed {
    Version(Version),
    Newer,
    Unknown,
}

type Key = (Option<String>, Installed);

/// What a client downloads, and why.
pub(crate) struct Planned {
    pub(crate) strategy: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) packages: Vec<Package>,
    pub(crate) bytes: u64,
    pub(crate) latest: Option<Version>,
    /// The answer's text from behind `current_version` on.
    tail: String,
}

impl Planned {
    fn new(strategy: &'static str, reason: &'static str, latest: Option<Version>, packages: Vec<Package>) -> Self {
        let bytes = packages.iter().map(|package| package.size).fold(0, u64::saturating_add);
        let patches: Vec<Value> = packages.iter().map(described).collect();
        let mut tail = String::new();
        let latest_text = json!(latest.map(|version| version.to_string()));
        let patches = Value::Array(patches);
        let _ = write!(
            tail,
            r#","latest_version":{latest_text},"strategy":"{strategy}","reason":"{reason}","total_size":{bytes},"patches":{patches}}}"#
        );
        Self { strategy, reason, packages, bytes, latest, tail }
    }

    pub(crate) fn has_updates(&self) -> bool {
        !self.packages.is_empty()
    }

    /// The answer to a client at `current`.
    pub(crate) fn answer(&self, current: Version) -> String {
        format!(r#"{{"has_updates":{},"current_version":"{current}"{}"#, self.has_updates(), self.tail)
    }
}

/// A package as clients are told of it: what the manifest says, and where it is.
pub(crate) fn described(package: &Package) -> Value {
    let mut value = json!(package);
    value["url"] = format!("/patches/{}", package.file).into();
    value
}

impl Snapshot {
    /// What a client at `from` downloads. `squashed` is asked for one package in the place of several; where it takes too
    /// long for that, it says that its answer is not the last word. `whole` makes an archive of everything that is missing.
    pub(crate) async fn planned<F, G>(
        &self,
        from: Version,
        arch: Option<&str>,
        squashed: impl FnOnce(Version, Version, Option<String>) -> F,
        whole: impl FnOnce(Package) -> G,
    ) -> Answer<Arc<Planned>>
    where
        F: Future<Output = Squashed>,
        G: Future<Output = Answer<Package>>,
    {
        let arch = self.lines.known(arch);
        let line = self.lines.line(arch);
        let Some(latest) = line.latest else {
            return Ok(Arc::new(Planned::new("none", "nothing_published", None, Vec::new())));
        };
        let installed = match from {
            _ if from > latest => Installed::Newer,
            _ if from == NOTHING || line.versions.binary_search(&from).is_ok() => Installed::Version(from),
            _ => Installed::Unknown,
        };
        let key = (arch.map(str::to_owned), installed);
        if let Some(planned) = self.plans.planned().get(&key) {
            return Ok(planned.clone());
        }
        let plan = plan(&self.manifest, Some(from), None, arch)?;
        let mut packages: Vec<Package> = plan.packages.iter().copied().cloned().collect();
        let mut last_word = true;
        let mut strategy = strategy(plan.means, &packages);
        if plan.means == UpdateMeans::Deltas && packages.len() > 1 {
            match squashed(from, plan.to, arch.map(str::to_owned)).await {
                Squashed::Package(package) if package.size < plan.bytes => {
                    strategy = "squashed";
                    packages = vec![*package];
                }
                Squashed::Package(_) | Squashed::NotFewerBytes => {}
                Squashed::NotYet => last_word = false,
            }
        }
        if let ("combined", [package]) = (strategy, &packages[..]) {
            packages = vec![whole(package.clone()).await?];
        }
        let planned = Arc::new(Planned::new(strategy, plan.reason.name(), Some(latest), packages));
        if last_word {
            self.plans.planned().insert(key, planned.clone());
        }
        Ok(planned)
    }
}

impl Plans {
    /// Forgets a package that was made and is gone, so that it is made again.
    pub(crate) fn forget(&self, package: &Package) {
        match package.is_full() {
            true => self.combined.forget(&package.arch),
            false => self.squashed.forget(&(package.from, package.to, package.arch.clone())),
        }
    }

    fn planned(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Planned>>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether one package can stand in the place of several.
pub(crate) enum Squashed {
    Package(Box<Package>),
    NotFewerBytes,
    /// It is being made.
    NotYet,
}

fn strategy(means: UpdateMeans, packages: &[Package]) -> &'static str {
    match (means, packages) {
        (UpdateMeans::Nothing, _) => "none",
        (UpdateMeans::Deltas, [delta]) if delta.is_squashed => "squashed",
        (UpdateMeans::Deltas, [_]) => "delta",
        (UpdateMeans::Deltas, _) => "deltas",
        (_, [package]) if package.kind() == PackageKind::Base => "base",
        (_, [_]) => "combined",
        _ => "base_and_deltas",
    }
}

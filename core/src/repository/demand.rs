//! Packages that are made when somebody asks for them, once: what the manifest does not name.
//!
//! They lie in a cache that may be emptied at any time.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result, Status};
use crate::io::{FileSource, ReadAt};
use crate::json;
use crate::progress::{LogLevel, Task};
use crate::repository::combined;
use crate::repository::edit::OWN_FOLDER;
use crate::repository::manifest::{Manifest, NOTHING, Package, PackageKind};
use crate::repository::release::Release;
use crate::repository::squashed;
use crate::repository::store::{Store, remove_file, write_whole};
use crate::tree::{Compression, Growth, whole_patch};
use crate::version::Version;

const CACHE_FOLDER: &str = "cache";

/// The packages of one repository that were made on demand.
#[derive(Default)]
pub(super) struct Cache {
    /// What is being made, and what was found not to be worth it: whoever asks for the same waits for the first.
    made: Mutex<HashMap<String, Arc<Mutex<Option<Made>>>>>,
    /// Where packages lie if the repository is in no folder.
    elsewhere: Mutex<Option<tempfile::TempDir>>,
}

#[derive(Clone)]
enum Made {
    Package(Box<Package>),
    /// By the manifest of this number it would not be fewer bytes than what there is.
    NotWorthIt(u64),
}

impl Cache {
    fn folder(&self, store: &dyn Store) -> Result<PathBuf> {
        let folder = match store.folder() {
            Some(folder) => folder.join(OWN_FOLDER).join(CACHE_FOLDER),
            None => {
                let mut elsewhere = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
                let made = match elsewhere.take() {
                    Some(folder) => folder,
                    None => tempfile::tempdir()?,
                };
                elsewhere.insert(made).path().to_owned()
            }
        };
        fs::create_dir_all(&folder).map_err(|e| Error::from(e).in_file(&folder))?;
        Ok(folder)
    }

    /// Opens a package that was made on demand; nothing where it was not.
    pub fn open(&self, store: &dyn Store, package: &Package) -> Result<Option<Box<dyn ReadAt>>> {
        let place = self.folder(store)?.join(&package.file);
        match FileSource::open(&place) {
            Ok(source) if source.size() == package.size => Ok(Some(Box::new(source))),
            Ok(_) => Ok(None),
            Err(e) if e.status() == Status::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The package in the place of the deltas between two versions; nothing where it would not be fewer bytes.
    pub fn squashed(
        &self,
        store: &dyn Store,
        manifest: &Manifest,
        from: Version,
        to: Version,
        arch: Option<&str>,
        task: &mut Task<'_>,
    ) -> Result<Option<Package>> {
        let line = manifest.line(arch);
        let arch = line.packages().first().and_then(|package| package.arch.as_deref());
        if manifest.plain || line.latest() != Some(to) {
            return Ok(None);
        }
        let name = Package::file_name(PackageKind::Delta, from, to, arch);
        if let Some(package) = manifest.package(&name) {
            return Ok(package.is_squashed.then(|| package.clone()));
        }
        self.once(store, manifest, &name, &mut |place| squashed::make(store, &line, from, to, arch, place, task))
    }

    /// The newest version in full, put together from other packages.
    pub fn combined(
        &self,
        store: &dyn Store,
        manifest: &Manifest,
        arch: Option<&str>,
        task: &mut Task<'_>,
    ) -> Result<Package> {
        let line = manifest.line(arch);
        let latest = line.latest().ok_or_else(|| Error::new(Status::UnknownVersion, "no version is published yet"))?;
        if let Some(full) =
            line.full(latest).filter(|full| store.open(&full.file).is_ok_and(|file| file.size() >= full.size))
        {
            return Ok(full.clone());
        }
        let arch = line.packages().first().and_then(|package| package.arch.clone());
        let name = Package::file_name(PackageKind::Combined, NOTHING, latest, arch.as_deref());
        let rest: Vec<&Package> = line.packages().iter().copied().filter(|package| package.file != name).collect();
        let made = self.once(store, manifest, &name, &mut |place| {
            task.log(LogLevel::Info, || format!("{name} is missing and made again"));
            let rest = crate::repository::manifest::Line::of(rest.clone());
            let release = Release::assembled(store, &rest, latest, task)?;
            let tree = &release.snapshot.tree;
            let mut patch = whole_patch(tree, &[])?;
            patch.version = Some(latest);
            let growth = Growth::new(None, tree, manifest.plain);
            let patch = (!manifest.plain).then_some(&patch);
            let packed = growth.pack(&release.snapshot, patch, Compression::default(), 1, task)?;
            let written = combined::write(place, &packed, task)?;
            Ok(Some(Package {
                size: written.hashes.size,
                sha256: Some(written.hashes.at_end.finish()),
                file_count: packed.entries(),
                tree: Some(tree.digest()),
                arch: arch.clone(),
                file: name.clone(),
                notes: line.notes(None, latest).last().map(|(_, notes)| (*notes).to_owned()),
                ..Package::new(PackageKind::Combined, NOTHING, latest)
            }))
        })?;
        made.ok_or_else(|| Error::new(Status::NoRoute, "the newest version cannot be put together"))
    }

    /// What `make` makes, for all who ask for `name` at once.
    fn once(
        &self,
        store: &dyn Store,
        manifest: &Manifest,
        name: &str,
        make: &mut dyn FnMut(&Path) -> Result<Option<Package>>,
    ) -> Result<Option<Package>> {
        let entry = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            made.entry(name.to_owned()).or_default().clone()
        };
        let mut entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = self.folder(store)?;
        let place = folder.join(name);
        match &*entry {
            Some(Made::NotWorthIt(sequence)) if *sequence == manifest.sequence => return Ok(None),
            Some(Made::Package(package)) if place.exists() && is_current(package, manifest) => {
                return Ok(Some((**package).clone()));
            }
            _ => {}
        }
        let note = folder.join(format!("{name}.json"));
        if let Some(package) = noted(&note, &place).filter(|package| is_current(package, manifest)) {
            *entry = Some(Made::Package(Box::new(package.clone())));
            return Ok(Some(package));
        }
        self.clear(&folder, manifest);
        let staging = tempfile::tempdir_in(&folder).map_err(|e| Error::from(e).in_file(&folder))?;
        let staged = staging.path().join(name);
        let package = make(&staged)?;
        *entry = Some(match &package {
            None => Made::NotWorthIt(manifest.sequence),
            Some(package) => {
                // A note of other bytes is worse than none.
                remove_file(&note)?;
                fs::rename(&staged, &place).map_err(|e| Error::from(e).in_file(&place))?;
                write_whole(&note, json::text(package).as_bytes())?;
                Made::Package(Box::new(package.clone()))
            }
        });
        Ok(package)
    }

    /// Removes what no client of this manifest is led to. What cannot be removed stays until the next time.
    fn clear(&self, folder: &Path, manifest: &Manifest) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let note = entry.path();
            let text = note.extension().filter(|extension| *extension == "json").and_then(|_| fs::read(&note).ok());
            let package = text.and_then(|text| json::read::<Package>("a note", &text).ok());
            if package.is_some_and(|package| !is_current(&package, manifest)) {
                let _ = fs::remove_file(note.with_extension(""));
                let _ = fs::remove_file(&note);
            }
        }
    }
}

/// Whether a package that was made leads to the newest version, and from and to what these versions are by now: one may have been
/// withdrawn and published again with other content.
fn is_current(package: &Package, manifest: &Manifest) -> bool {
    let line = manifest.line(package.arch.as_deref());
    let same = |version, made| line.tree_of(version).is_none_or(|tree| made == Some(tree));
    line.latest() == Some(package.to)
        && same(package.to, package.tree)
        && (package.is_full() || same(package.from, package.from_tree))
}

/// The package that a note beside it describes, if it is there as described.
fn noted(note: &Path, place: &Path) -> Option<Package> {
    let package: Package = json::read("a note", &fs::read(note).ok()?).ok()?;
    let size = fs::metadata(place).ok()?.len();
    (size == package.size).then_some(package)
}

//! One change of a repository: alone, and visible when the manifest is replaced, or not at all.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::TempDir;

use crate::error::{Error, Result, Status};
use crate::progress::Task;
use crate::repository::manifest::{MANIFEST_FILE, Manifest, NOTHING, Package, check_name};
use crate::repository::signed::Signer;
use crate::repository::state::{Earlier, State};
use crate::repository::store::{Store, remove_file, write_whole};

/// The folder of a repository that no client needs.
pub(super) const OWN_FOLDER: &str = ".patchcore";
/// The signature of the manifest.
pub const MANIFEST_SIGNATURE: &str = "manifest.json.minisig";
/// The signature of the manifest that is about to be put in place.
pub const NEXT_MANIFEST_SIGNATURE: &str = "manifest.json.minisig.next";

/// How a repository is changed. The default of every field is what most callers want.
#[derive(Clone, Debug, Default)]
pub struct EditOptions {
    /// The architecture whose packages are meant; those for all unless given.
    pub arch: Option<String>,
    /// Signs the manifest. A repository that is signed is changed by nobody without one.
    pub signer: Option<Signer>,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
}

/// A change under way.
pub(super) struct Edit<'a> {
    pub store: &'a dyn Store,
    pub manifest: Manifest,
    /// The tag of the manifest that is there.
    tag: Option<String>,
    signer: Option<Signer>,
    pub state: State,
    staging: TempDir,
    placed: Placed<'a>,
    /// Names that the manifest gave up before this change.
    superseded: BTreeSet<String>,
    /// The archives to go back to before this change.
    earlier: Earlier,
    /// Whether there was a manifest to begin with.
    pub known: bool,
    /// Names of the manifest before this change.
    before: BTreeSet<String>,
    pub dry_run: bool,
    _lock: Option<File>,
}

impl<'a> Edit<'a> {
    /// Locks the repository, and clears away what a change that was killed left. BUSY where another process changes it.
    pub fn begin(store: &'a dyn Store, signer: Option<&Signer>, dry_run: bool) -> Result<Self> {
        Self::start(store, signer, dry_run, false)
    }

    /// [`begin`](Self::begin) whatever the manifest says.
    pub fn begin_anew(store: &'a dyn Store, signer: Option<&Signer>, dry_run: bool) -> Result<Self> {
        Self::start(store, signer, dry_run, true)
    }

    fn start(store: &'a dyn Store, signer: Option<&Signer>, dry_run: bool, anew: bool) -> Result<Self> {
        let own = store.folder().map(|folder| folder.join(OWN_FOLDER));
        let lock = own.as_deref().map(lock).transpose()?;
        let mut state = own.as_deref().map(State::read).unwrap_or_default();
        let document = store.read(MANIFEST_FILE)?;
        let manifest = match &document {
            Some(document) if !anew => Manifest::of_releases(&document.bytes)?,
            _ => Manifest::default(),
        };
        if own.is_none() {
            state.superseded = superseded_in(&manifest);
        }
        let signed = store.read(MANIFEST_SIGNATURE)?.is_some() || store.read(NEXT_MANIFEST_SIGNATURE)?.is_some();
        if signed && signer.is_none() && !dry_run {
            let message = "the manifest is signed, and a changed one would not be; give the key with --key";
            return Err(Error::invalid(message));
        }
        let staging = match &own {
            Some(own) if !dry_run => {
                store.folder().map(clear_temporary).transpose()?;
                clear_temporary(own)?;
                clear_staging(own)?;
                tempfile::Builder::new().prefix(STAGING).tempdir_in(own).map_err(|e| Error::from(e).in_file(own))?
            }
            _ => tempfile::tempdir()?,
        };
        let known = document.is_some() && !anew;
        let before: BTreeSet<String> = manifest.patches.iter().map(|package| package.file.clone()).collect();
        let superseded = state.superseded.difference(&before).cloned().collect();
        let mut edit = Self {
            store,
            manifest,
            tag: document.map(|document| document.tag),
            signer: signer.cloned(),
            staging,
            placed: Placed { store, names: Vec::new() },
            earlier: state.earlier.clone(),
            state,
            known,
            superseded,
            before,
            dry_run,
            _lock: lock,
        };
        if !dry_run {
            edit.finish_signature()?;
            match known {
                true => edit.remove_pending()?,
                // What was pending may be all that is left.
                false => edit.state.pending.clear(),
            }
        }
        Ok(edit)
    }

    /// Puts the signature in place that a publisher who was killed had no time for.
    fn finish_signature(&self) -> Result<()> {
        let Some(next) = self.store.read(NEXT_MANIFEST_SIGNATURE)? else { return Ok(()) };
        let manifest = self.store.read(MANIFEST_FILE)?;
        let fits = match (&self.signer, &manifest) {
            (Some(signer), Some(manifest)) => signer.fits(&manifest.bytes, Some(next.bytes.clone())),
            _ => false,
        };
        if fits {
            let now = self.store.read(MANIFEST_SIGNATURE)?;
            self.store.replace(MANIFEST_SIGNATURE, &next.bytes, now.map(|document| document.tag).as_deref())?;
        }
        match fits || self.store.folder().is_some() {
            true => self.store.remove(NEXT_MANIFEST_SIGNATURE),
            // Without a lock it may be that of a publisher who is about to replace the manifest.
            false => Ok(()),
        }
    }

    /// Removes a file that a document names, which might name anything.
    fn remove(&self, name: &str) -> Result<()> {
        check_name(name)?;
        self.store.remove(name)
    }

    fn remove_pending(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.state.pending);
        for name in pending.difference(&self.before) {
            self.remove(name)?;
        }
        if pending.is_empty() { Ok(()) } else { self.save_state() }
    }

    /// The folder of a repository that lies in one.
    pub fn own_folder(&self) -> Option<PathBuf> {
        self.store.folder().map(|folder| folder.join(OWN_FOLDER))
    }

    /// A place for a file that is being made, where putting it into the repository costs nothing.
    pub fn staged(&self, name: &str) -> PathBuf {
        self.staging.path().join(name)
    }

    /// Puts a file that was [`staged`](Self::staged) where readers find it once the manifest names it. BUSY where somebody else has
    /// changed the repository meanwhile.
    pub fn put(&mut self, name: &str, staged: &Path, task: &mut Task<'_>) -> Result<()> {
        if self.store.folder().is_some() {
            return self.store.put(name, staged, task);
        }
        if self.store.read(MANIFEST_FILE)?.map(|document| document.tag) != self.tag {
            return Err(Error::new(Status::Busy, "somebody else published meanwhile; try again"));
        }
        self.store.put(name, staged, task)?;
        self.placed.names.push(name.to_owned());
        Ok(())
    }

    pub fn save_state(&self) -> Result<()> {
        let Some(own) = self.own_folder().filter(|_| !self.dry_run) else { return Ok(()) };
        let mut state = self.state.clone();
        state.earlier = self.all_earlier();
        state.write(&own)
    }

    /// Until the manifest is replaced, what one could go back to before may be what counts.
    fn all_earlier(&self) -> Earlier {
        let mut all = self.earlier.clone();
        for (arch, archives) in &self.state.earlier {
            let known = all.entry(arch.clone()).or_default();
            let new: Vec<Package> = archives.iter().filter(|archive| !known.contains(archive)).cloned().collect();
            known.extend(new);
        }
        all
    }

    /// Says which names are about to come, before they do.
    pub fn announce(&mut self, names: impl IntoIterator<Item = String>) -> Result<()> {
        self.state.pending.extend(names);
        self.save_state()
    }

    /// Replaces the manifest, after all that it names is there. `keep_superseded` leaves what it gives up to readers of the one
    /// before, until the next time; otherwise that goes at once. Says which names went.
    pub fn commit(mut self, keep_superseded: bool, task: &mut Task<'_>) -> Result<Vec<String>> {
        let latest = self.manifest.patches.iter().map(|package| package.to).max();
        self.manifest.latest_version = latest.filter(|latest| *latest != NOTHING);
        self.manifest.sequence = self.manifest.sequence.checked_add(1).ok_or_else(|| {
            Error::corrupt("the manifest's sequence cannot grow any more; clients would take no later one")
        })?;
        self.manifest.generated_at = Some(now());
        let names: BTreeSet<String> = self.manifest.patches.iter().map(|package| package.file.clone()).collect();
        let given_up: BTreeSet<String> = self.before.difference(&names).cloned().collect();
        self.state.superseded = self.superseded.union(&given_up).cloned().collect();
        let earlier = self.state.earlier.values().chain(self.earlier.values()).flatten();
        let digests = self.manifest.patches.iter().chain(earlier);
        let digests = digests.filter_map(|package| package.sha256).collect();
        self.state.retain(&digests);
        self.save_state()?;
        if self.store.folder().is_none() {
            remember_superseded(&mut self.manifest, if keep_superseded { &given_up } else { &self.superseded });
        }
        let bytes = self.manifest.to_json().into_bytes();
        task.commit_point().pass()?;
        self.replace_manifest(&bytes)?;
        self.placed.names.clear();
        let superseded = std::mem::take(&mut self.superseded);
        let (gone, stay) = if keep_superseded { (superseded, given_up) } else { (given_up, superseded) };
        let gone: Vec<String> = gone.into_iter().filter(|name| !names.contains(name)).collect();
        for name in &gone {
            self.remove(name)?;
        }
        self.state.superseded = stay;
        self.earlier.clear();
        self.state.pending.clear();
        self.save_state()?;
        Ok(gone)
    }

    /// At any moment one of two signatures fits the manifest that is there.
    fn replace_manifest(&self, bytes: &[u8]) -> Result<()> {
        let tag = |name: &str| Ok::<_, Error>(self.store.read(name)?.map(|document| document.tag));
        let Some(signer) = &self.signer else {
            return self.store.replace(MANIFEST_FILE, bytes, self.tag.as_deref());
        };
        let signature = signer.sign(bytes)?;
        let signature = signature.as_bytes();
        let before = tag(MANIFEST_SIGNATURE)?;
        self.store.replace(NEXT_MANIFEST_SIGNATURE, signature, tag(NEXT_MANIFEST_SIGNATURE)?.as_deref())?;
        let replaced = self.store.replace(MANIFEST_FILE, bytes, self.tag.as_deref());
        if replaced.as_ref().is_err_and(|error| error.status() == Status::Busy) {
            self.forget_next(signature)?;
        }
        replaced?;
        match self.store.replace(MANIFEST_SIGNATURE, signature, before.as_deref()) {
            // Without a lock the next publisher may have finished this already.
            Err(error) if error.status() == Status::Busy && self.store.folder().is_none() => Ok(()),
            done => done.and_then(|()| self.forget_next(signature)),
        }
    }

    /// Removes the signature that was about to come, unless another publisher has put its own in its place.
    fn forget_next(&self, ours: &[u8]) -> Result<()> {
        let there = self.store.read(NEXT_MANIFEST_SIGNATURE)?;
        match there.is_some_and(|next| next.bytes == ours) {
            true => self.store.remove(NEXT_MANIFEST_SIGNATURE),
            false => Ok(()),
        }
    }
}

/// Files that were put where no folder is, and that no manifest names yet: they go where it comes to nothing.
struct Placed<'a> {
    store: &'a dyn Store,
    names: Vec<String>,
}

impl Drop for Placed<'_> {
    fn drop(&mut self) {
        if self.names.is_empty() {
            return;
        }
        // An answer may be lost although the manifest was replaced. What cannot be read or removed stays, in nobody's way.
        let Ok(Some(document)) = self.store.read(MANIFEST_FILE) else { return };
        let Ok(manifest) = Manifest::from_json(&document.bytes) else { return };
        for name in self.names.iter().filter(|name| manifest.package(name).is_none()) {
            let _ = self.store.remove(name);
        }
    }
}

/// Where no folder holds a state, the manifest itself says what the one before named.
const SUPERSEDED: &str = "superseded";

fn superseded_in(manifest: &Manifest) -> BTreeSet<String> {
    let names = manifest.other.get(SUPERSEDED).and_then(|names| names.as_array());
    let names = names.into_iter().flatten().filter_map(|name| name.as_str());
    // Whatever else somebody has written there, only packages are ever removed.
    names.filter(|name| Package::of_name(name).is_some()).map(str::to_owned).collect()
}

fn remember_superseded(manifest: &mut Manifest, names: &BTreeSet<String>) {
    match names.is_empty() {
        true => drop(manifest.other.remove(SUPERSEDED)),
        false => drop(manifest.other.insert(SUPERSEDED.to_owned(), names.iter().cloned().collect())),
    }
}

const STAGING: &str = "staging-";
const LOCK: &str = "lock";

fn lock(own: &Path) -> Result<File> {
    let in_folder = |e: std::io::Error| Error::from(e).in_file(own);
    fs::create_dir_all(own).map_err(in_folder)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(own.join(LOCK)).map_err(in_folder)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = "another process is changing this repository; try again when it is done";
            Err(Error::new(Status::Busy, message).in_file(own))
        }
        Err(TryLockError::Error(e)) => Err(in_folder(e)),
    }
}

/// Removes the folders in which changes that were killed were making files, out of the folder that is ours alone.
fn clear_staging(own: &Path) -> Result<()> {
    for place in named(own, STAGING)? {
        fs::remove_dir_all(&place).map_err(|e| Error::from(e).in_file(&place))?;
    }
    Ok(())
}

/// Removes the files that were about to get their names.
fn clear_temporary(folder: &Path) -> Result<()> {
    named(folder, ".patchcore-")?.iter().try_for_each(|place| remove_file(place))
}

/// What is in a folder under names that begin in one way.
fn named(folder: &Path, beginning: &str) -> Result<Vec<PathBuf>> {
    let in_folder = |e: std::io::Error| Error::from(e).in_file(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(in_folder)? {
        let entry = entry.map_err(in_folder)?;
        if entry.file_name().to_string_lossy().starts_with(beginning) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// This moment, as manifests say it: RFC 3339, in UTC.
pub(super) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// Makes an empty repository.
pub(super) fn initialise(folder: &Path, plain: bool) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| Error::from(e).in_file(folder))?;
    let _lock = lock(&folder.join(OWN_FOLDER))?;
    let place = folder.join(MANIFEST_FILE);
    if fs::symlink_metadata(&place).is_ok() {
        return Err(Error::invalid("this is a repository already").in_file(&place));
    }
    let manifest = Manifest { generated_at: Some(now()), plain, ..Manifest::default() };
    write_whole(&place, manifest.to_json().as_bytes())
}

/// Makes an empty repository where there is no folder, and makes sure that it can be kept there.
pub(super) fn initialise_on(store: &dyn Store, plain: bool) -> Result<()> {
    if store.read(MANIFEST_FILE)?.is_some() {
        return Err(Error::invalid("this is a repository already"));
    }
    let manifest = Manifest { generated_at: Some(now()), plain, ..Manifest::default() };
    let bytes = manifest.to_json().into_bytes();
    store.replace(MANIFEST_FILE, &bytes, None)?;
    let other = [bytes.as_slice(), b"\n"].concat();
    let first = store.read(MANIFEST_FILE)?.map(|document| document.tag);
    // A server that knows nothing of conditions answers every request with success.
    let created_twice = store.replace(MANIFEST_FILE, &other, None);
    let updated = store.replace(MANIFEST_FILE, &other, first.as_deref());
    let updated_twice = store.replace(MANIFEST_FILE, &bytes, first.as_deref());
    let refused = |done: &Result<()>| done.as_ref().is_err_and(|error| error.status() == Status::Busy);
    if updated.is_ok() && refused(&created_twice) && refused(&updated_twice) {
        return Ok(());
    }
    store.remove(MANIFEST_FILE)?;
    let failed = [created_twice, updated, updated_twice].into_iter().filter_map(Result::err);
    Err(failed.into_iter().find(|error| error.status() != Status::Busy).unwrap_or_else(|| {
        let message = "what keeps these files replaces them whoever has changed them meanwhile, so that of two publishers one would \
                       lose a release; publish to a folder and copy that, packages first and manifest.json last";
        Error::new(Status::Unsupported, message)
    }))
}

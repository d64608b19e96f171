//! The folder of a channel: who changes it, which of its files are ours, and how they get there.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::error::{Error, Result, Status};
use crate::io::sync_folder_of;
use crate::json;
use crate::repository::signed::{remove, write_whole};

/// What no client needs.
const OWN_FOLDER: &str = ".patchcore";
const LOCK: &str = "lock";
const WRITTEN: &str = "channel.json";
const STAGING: &str = "staging-";
/// What temporary files of output begin with.
const TEMPORARY: &str = ".patchcore-";

/// The files that publishing put there.
#[derive(Default, Serialize, Deserialize)]
struct Written {
    names: BTreeSet<String>,
}

/// A folder that nobody else publishes to meanwhile.
pub(super) struct Place {
    folder: PathBuf,
    written: Written,
    staging: TempDir,
    _lock: File,
}

impl Place {
    /// Opens `folder`, which is made where it is missing, and clears away what a publish that was killed left half done. BUSY
    /// while another process publishes.
    pub fn open(folder: &Path) -> Result<Self> {
        let own = folder.join(OWN_FOLDER);
        let in_own = |e: std::io::Error| Error::from(e).in_file(&own);
        fs::create_dir_all(&own).map_err(in_own)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(own.join(LOCK)).map_err(in_own)?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => {
                let message = "another process is publishing here; try again when it is done";
                Error::new(Status::Busy, message).in_file(folder)
            }
            TryLockError::Error(e) => in_own(e),
        })?;
        clear(folder)?;
        clear(&own)?;
        // Without the list, what was published before only stays longer than it has to.
        let written = fs::read(own.join(WRITTEN)).ok().and_then(|text| json::read("the list", &text).ok());
        let staging = tempfile::Builder::new().prefix(STAGING).tempdir_in(&own).map_err(in_own)?;
        Ok(Self { folder: folder.to_owned(), written: written.unwrap_or_default(), staging, _lock: lock })
    }

    /// Where the file of this name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where a file of this name is made.
    pub fn staged(&self, name: &str) -> PathBuf {
        self.staging.path().join(name)
    }

    /// The size of the file of this name, where it is a regular one.
    pub fn size(&self, name: &str) -> Option<u64> {
        fs::metadata(self.path(name)).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len())
    }

    /// Says which names are about to come, before they do, so that nothing of a publish that is killed stays for ever.
    pub fn announce(&mut self, names: impl IntoIterator<Item = String>) -> Result<()> {
        let before = self.written.names.len();
        self.written.names.extend(names);
        if self.written.names.len() == before { Ok(()) } else { self.save() }
    }

    /// Puts what was made at [`staged`](Self::staged) in place.
    pub fn put(&self, name: &str) -> Result<()> {
        let (staged, path) = (self.staged(name), self.path(name));
        let put = || {
            File::open(&staged)?.sync_all()?;
            fs::rename(&staged, &path)?;
            sync_folder_of(&path)
        };
        put().map_err(|e| Error::from(e).in_file(&path))
    }

    /// Gives the file `name` the second name `other`, or a copy of it where files have but one.
    pub fn put_again(&self, name: &str, other: &str) -> Result<()> {
        let (path, staged) = (self.path(name), self.staged(other));
        if fs::hard_link(&path, &staged).is_err() {
            fs::copy(&path, &staged).map_err(|e| Error::from(e).in_file(&staged))?;
        }
        self.put(other)
    }

    /// Removes what publishing put there, apart from `kept`. Says what went.
    pub fn retain(&mut self, kept: &BTreeSet<String>) -> Result<Vec<String>> {
        let gone: Vec<String> = self.written.names.difference(kept).cloned().collect();
        for name in &gone {
            remove(&self.path(name))?;
        }
        if !gone.is_empty() {
            self.written.names.retain(|name| kept.contains(name));
            self.save()?;
        }
        Ok(gone)
    }

    fn save(&self) -> Result<()> {
        let path = self.folder.join(OWN_FOLDER).join(WRITTEN);
        write_whole(&path, json::pretty(&self.written).as_bytes(), &crate::cancel::CommitPoint::default())
    }
}

/// Removes what was being written when somebody was killed.
fn clear(folder: &Path) -> Result<()> {
    let in_folder = |e: std::io::Error| Error::from(e).in_file(folder);
    for entry in fs::read_dir(folder).map_err(in_folder)? {
        let entry = entry.map_err(in_folder)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(STAGING) && entry.path().parent().is_some_and(|parent| parent.ends_with(OWN_FOLDER)) {
            fs::remove_dir_all(entry.path()).map_err(in_folder)?;
        } else if name.starts_with(TEMPORARY) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

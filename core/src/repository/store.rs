//! Where a repository lies: a folder of this machine, or whatever holds files by their names.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, OutputFile, OutputOptions, ReadAt, sync_folder_of};
use crate::progress::Task;

/// A small document, and what names this state of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Another one as soon as the bytes are others.
    pub tag: String,
}

/// What holds the files of a repository. Names are plain: letters, digits, `.`, `_`, `-` and `+`.
pub trait Store: Send + Sync {
    /// Reads a small document whole; nothing where there is none.
    fn read(&self, name: &str) -> Result<Option<StoredDocument>>;

    /// Replaces a small document, so that readers see the old or the new one, if it is still in the state that `expected`
    /// names, or still not there where that is nothing. BUSY where somebody else was faster.
    fn replace(&self, name: &str, bytes: &[u8], expected: Option<&str>) -> Result<()>;

    /// Opens a file. NOT_FOUND where there is none.
    fn open(&self, name: &str) -> Result<Box<dyn ReadAt>>;

    /// Puts `file`, which is complete and not needed any more, under `name`. What is there is replaced, and readers see all of the
    /// old or the new one; where publishers hold no lock it is BUSY instead, since it may be that of another one.
    fn put(&self, name: &str, file: &Path, task: &mut Task<'_>) -> Result<()>;

    /// Removes a file. What is not there is removed already.
    fn remove(&self, name: &str) -> Result<()>;

    /// The names of all files.
    fn list(&self) -> Result<Vec<String>>;

    /// The folder that it is, where files can be appended to and have several names.
    fn folder(&self) -> Option<&Path> {
        None
    }
}

/// A folder of this machine.
pub(super) struct FolderStore(pub PathBuf);

impl FolderStore {
    fn place(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Store for FolderStore {
    fn read(&self, name: &str) -> Result<Option<StoredDocument>> {
        match fs::read(self.place(name)) {
            Ok(bytes) => Ok(Some(StoredDocument { tag: Digest::of(&bytes).to_string(), bytes })),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::from(e).in_file(&self.place(name))),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8], expected: Option<&str>) -> Result<()> {
        // Publishers hold a lock, so this only finds whoever changes files by hand.
        if self.read(name)?.map(|document| document.tag).as_deref() != expected {
            let message = "somebody else changed this meanwhile; try again";
            return Err(Error::new(Status::Busy, message).in_file(&self.place(name)));
        }
        write_whole(&self.place(name), bytes)
    }

    fn open(&self, name: &str) -> Result<Box<dyn ReadAt>> {
        Ok(Box::new(FileSource::open(&self.place(name))?))
    }

    fn put(&self, name: &str, file: &Path, _task: &mut Task<'_>) -> Result<()> {
        let place = self.place(name);
        let in_file = |e: std::io::Error| Error::from(e).in_file(&place);
        File::open(file).and_then(|file| file.sync_all()).map_err(|e| Error::from(e).in_file(file))?;
        fs::rename(file, &place).map_err(in_file)?;
        sync_folder_of(&place).map_err(in_file)
    }

    fn remove(&self, name: &str) -> Result<()> {
        remove_file(&self.place(name))
    }

    fn list(&self) -> Result<Vec<String>> {
        let in_folder = |e: std::io::Error| Error::from(e).in_file(&self.0);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(in_folder)? {
            let entry = entry.map_err(in_folder)?;
            if entry.file_type().map_err(in_folder)?.is_file() {
                // A name that is no text is none of ours.
                names.extend(entry.file_name().into_string().ok());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn folder(&self) -> Option<&Path> {
        Some(&self.0)
    }
}

/// Writes a file that appears whole or not at all.
pub(super) fn write_whole(place: &Path, bytes: &[u8]) -> Result<()> {
    let mut output = OutputFile::create(place, OutputOptions::default())?;
    output.write_all(bytes)?;
    output.commit(&crate::cancel::CommitPoint::default())
}

/// Removes a file; what is not there is removed already.
pub(super) fn remove_file(place: &Path) -> Result<()> {
    match fs::remove_file(place) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::from(e).in_file(place)),
        _ => Ok(()),
    }
}

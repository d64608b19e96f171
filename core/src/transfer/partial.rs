//! A file that is not complete yet, and what is known of it: `NAME.partial` and beside it `NAME.partial.json`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result, Status};
use crate::io::sync_folder_of;
use crate::json;
use crate::progress::{Phase, Task, Unit};
use crate::transfer::location::Location;
use crate::transfer::options::FetchOptions;

const FORMAT_VERSION: u32 = 1;

/// What is known of a partial file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Notes {
    format_version: u32,
    /// Where the bytes came from, without what is secret in it.
    source: String,
    /// The digest of where they came from with all that is secret in it.
    source_sha256: Option<Digest>,
    /// What names these bytes rather than later ones of the same source.
    validator: Option<String>,
    /// The size of the whole.
    total: Option<u64>,
    /// The digest that the whole must have.
    sha256: Option<Digest>,
    /// How many bytes are known to be on the disk; nothing while they are being written.
    durable: Option<u64>,
}

/// A partial file, held by one process at a time.
pub(super) struct Partial {
    target: PathBuf,
    path: PathBuf,
    notes_path: PathBuf,
    file: File,
    len: u64,
    hasher: Hasher,
    notes: Notes,
    expected: Option<Digest>,
}

impl Partial {
    /// Takes up what an earlier fetch of the same file left, or begins anew. BUSY while another process fetches it.
    pub fn open(target: &Path, options: &FetchOptions, task: &mut Task<'_>) -> Result<Self> {
        let (path, notes_path) = (beside(target, ".partial"), beside(target, ".partial.json"));
        let file = lock(&path)?;
        let len = file.metadata().map_err(|e| Error::from(e).in_file(&path))?.len();
        let notes = fs::read(&notes_path).ok().and_then(|text| serde_json::from_slice::<Notes>(&text).ok());
        let mut partial = Self {
            target: target.to_owned(),
            path,
            notes_path,
            file,
            len,
            hasher: Hasher::new(),
            notes: notes.unwrap_or_default(),
            expected: options.digest,
        };
        if partial.len == 0 || !partial.is_of_use(options) {
            partial.restart()?;
        } else {
            partial.hash_what_is_there(task)?;
        }
        Ok(partial)
    }

    fn is_of_use(&self, options: &FetchOptions) -> bool {
        let Notes { format_version, total, sha256, durable, .. } = &self.notes;
        let of_this_size = options.size.is_none_or(|size| self.len <= size && total.is_none_or(|total| total == size));
        // What a power cut left of the bytes shows in the digest, or else has to be known to be on the disk.
        let whole = options.digest.is_some() || *durable == Some(self.len);
        *format_version == FORMAT_VERSION
            && *sha256 == options.digest
            && of_this_size
            && whole
            && self.len <= options.max_size
    }

    fn hash_what_is_there(&mut self, task: &mut Task<'_>) -> Result<()> {
        let in_file = |e: io::Error| Error::from(e).in_file(&self.path);
        task.begin(Phase::Hash, self.len, Unit::Bytes)?;
        self.file.seek(SeekFrom::Start(0)).map_err(in_file)?;
        let mut buffer = vec![0; 128 << 10];
        let mut left = self.len;
        while left > 0 {
            let n = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.file.read_exact(&mut buffer[..n]).map_err(in_file)?;
            self.hasher.update(&buffer[..n]);
            left -= n as u64;
            task.advance(n as u64)?;
        }
        task.finish()
    }

    /// How many bytes are there.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The size of the whole, where somebody said so.
    pub fn total(&self) -> Option<u64> {
        self.notes.total
    }

    /// What the rest from `location` must be the rest of. `None` where only the digest can tell, if there is one.
    pub fn validator(&self, location: &Location) -> Option<&str> {
        self.notes.validator.as_deref().filter(|_| self.is_from(location))
    }

    /// Whether the rest may come from `location`: the digest tells at the end, or the place says now that nothing changed.
    pub fn may_continue_from(&self, location: &Location) -> bool {
        self.expected.is_some() || self.validator(location).is_some()
    }

    fn is_from(&self, location: &Location) -> bool {
        self.notes.source_sha256 == Some(fingerprint(location))
    }

    /// Notes that what is there, and what comes, is from `location`.
    pub fn comes_from(&mut self, location: &Location, validator: Option<String>, total: Option<u64>) -> Result<()> {
        self.notes = Notes {
            format_version: FORMAT_VERSION,
            source: location.to_string(),
            source_sha256: Some(fingerprint(location)),
            validator,
            total,
            sha256: self.expected,
            durable: None,
        };
        self.write_notes()
    }

    fn write_notes(&self) -> Result<()> {
        let text = json::text(&self.notes);
        fs::write(&self.notes_path, text).map_err(|e| Error::from(e).in_file(&self.notes_path))
    }

    /// Adds bytes at the end.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| Error::from(e).in_file(&self.path))?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Drops what is there.
    pub fn restart(&mut self) -> Result<()> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .map_err(|e| Error::from(e).in_file(&self.path))?;
        self.len = 0;
        self.hasher = Hasher::new();
        self.notes = Notes::default();
        Ok(())
    }

    /// The digest of what is there.
    pub fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// Gives what is there its name.
    pub fn finish(self) -> Result<()> {
        self.file.sync_all().map_err(|e| Error::from(e).in_file(&self.path))?;
        fs::rename(&self.path, &self.target).map_err(|e| Error::from(e).in_file(&self.target))?;
        absent_is_fine(fs::remove_file(&self.notes_path)).map_err(|e| Error::from(e).in_file(&self.notes_path))?;
        sync_folder_of(&self.target).map_err(|e| Error::from(e).in_file(&self.target))
    }

    /// Keeps what is there for a later fetch, if it is of any use to one.
    pub fn keep(mut self) {
        let useful = self.len > 0 && (self.expected.is_some() || self.notes.validator.is_some());
        if useful && self.file.sync_all().is_ok() {
            self.notes.durable = Some(self.len);
            if self.write_notes().is_ok() {
                return;
            }
        }
        if !useful {
            // The error that led here is the one to tell.
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_file(&self.notes_path);
        }
    }
}

/// Removes all files of a folder that holds nothing but what was fetched, apart from what another process is fetching.
pub fn clear(folder: &Path) -> Result<()> {
    let in_folder = |e: io::Error| Error::from(e).in_file(folder);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(in_folder)? {
        paths.push(entry.map_err(in_folder)?.path());
    }
    let busy = |path: &Path| {
        let partial = path.with_extension("").with_extension("partial");
        path.to_string_lossy().contains(".partial")
            && File::open(&partial).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    };
    for path in paths.iter().filter(|path| !busy(path)) {
        absent_is_fine(fs::remove_file(path)).map_err(|e| Error::from(e).in_file(path))?;
    }
    Ok(())
}

fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn fingerprint(location: &Location) -> Digest {
    match location {
        Location::Http(url) => Digest::of(url.as_bytes()),
        Location::File(path) => Digest::of(path.as_os_str().as_encoded_bytes()),
    }
}

fn lock(path: &Path) -> Result<File> {
    let in_file = |e: io::Error| Error::from(e).in_file(path);
    loop {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(in_file)?;
        match file.try_lock() {
            Ok(()) if is_still_there(&file, path) => return Ok(file),
            // Whoever held it has just completed it under its own name.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(
                    Status::Busy,
                    "another process is fetching this file; try again when it is done",
                )
                .in_file(path));
            }
            Err(TryLockError::Error(e)) => return Err(in_file(e)),
        }
    }
}

#[cfg(unix)]
fn is_still_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(held), Ok(there)) => (held.dev(), held.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Windows does not rename a file that another process holds open.
#[cfg(not(unix))]
fn is_still_there(_file: &File, _path: &Path) -> bool {
    true
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

//! Folders held open: every name is looked up in the folder that was opened, never along a path that somebody changes meanwhile.
//!
//! No operation here follows a symbolic link. Where the system has directory handles ([`handles`]) that is so at any moment;
//! elsewhere ([`paths`]) every step on the way is looked at first, which somebody who changes the tree in that very moment can
//! deceive.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

#[cfg(unix)]
mod handles;
#[cfg(any(not(unix), test))]
mod paths;

#[cfg(unix)]
use handles::Handle;
#[cfg(not(unix))]
use paths::Handle;

/// What stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file of so many bytes.
    File {
        /// Its size.
        size: u64,
    },
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A pipe, a socket, a device.
    Other,
}

/// What the system says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its permission bits, as far as the system has such.
    pub mode: u32,
    /// Its user and group, as far as the system has such.
    pub owner: (u32, u32),
}

impl Entry {
    /// Whether its owner may execute it.
    pub fn is_executable(&self) -> bool {
        self.mode & 0o100 != 0
    }
}

/// A folder held open.
pub struct Folder {
    handle: Handle,
    path: PathBuf,
}

impl Folder {
    /// Opens the folder at `path`, links on the way followed.
    pub fn open(path: &Path) -> Result<Self> {
        let handle = Handle::open(path).map_err(|e| Error::from(e).in_file(path))?;
        Ok(Self { handle, path: path.to_owned() })
    }

    /// Where it was when it was opened; for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a folder in it. A link is no folder.
    pub fn open_folder(&self, name: impl AsRef<OsStr>) -> Result<Self> {
        let handle = self.on(name.as_ref(), Handle::open_folder)?;
        Ok(Self { handle, path: self.path.join(name.as_ref()) })
    }

    /// What stands under `name`; `None` where there is nothing.
    pub fn entry(&self, name: impl AsRef<OsStr>) -> Result<Option<Entry>> {
        let name = name.as_ref();
        match self.handle.entry(name) {
            Ok(entry) => Ok(Some(entry)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.error(name, e)),
        }
    }

    /// The names in it, in no order. A name that is not UTF-8 is UNSAFE_PATH.
    pub fn names(&self) -> Result<Vec<String>> {
        let text = |name: OsString| name.into_string().map_err(|name| self.unusable(&name));
        self.all_names()?.into_iter().map(text).collect()
    }

    /// The names in it, in no order, whatever they consist of.
    pub fn all_names(&self) -> Result<Vec<OsString>> {
        self.handle.names().map_err(|e| Error::from(e).in_file(&self.path))
    }

    /// The error that a name that is not UTF-8 has no place in a tree.
    pub fn unusable(&self, name: &OsStr) -> Error {
        self.error(name, not_utf8(name))
    }

    /// Opens a regular file for reading. It does not wait for what is none.
    pub fn open_file(&self, name: &str) -> Result<File> {
        self.on(name, Handle::open_file)
    }

    /// Makes a file that was not there, to be read and written, with the permissions that `mode` and the process allow.
    pub fn create_file(&self, name: &str, mode: u32) -> Result<File> {
        self.on(name, |handle, name| handle.create_file(name, mode))
    }

    /// Makes a folder that was not there, with the permissions that the process gives a new one.
    pub fn create_folder(&self, name: &str) -> Result<()> {
        self.on(name, Handle::create_folder)
    }

    /// Makes a symbolic link that was not there.
    pub fn create_symlink(&self, name: &str, target: &str) -> Result<()> {
        self.on(name, |handle, name| handle.create_symlink(name, target))
    }

    /// Where the symbolic link leads, as it says itself. What is not UTF-8 is UNSAFE_PATH.
    pub fn read_symlink(&self, name: &str) -> Result<String> {
        self.on(name, Handle::read_symlink)
    }

    /// Removes what is no folder. What is not there is removed already.
    pub fn remove_file(&self, name: impl AsRef<OsStr>) -> Result<()> {
        absent_is_fine(self.on(name.as_ref(), Handle::remove_file))
    }

    /// Removes a folder if it is empty, and says whether it is gone.
    pub fn remove_folder(&self, name: &str) -> Result<bool> {
        match self.handle.remove_folder(name) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
            Err(e) => Err(self.error(name.as_ref(), e)),
        }
    }

    /// Removes whatever stands under `name`, a folder with all that is in it. Links are removed, not followed.
    pub fn remove_all(&self, name: impl AsRef<OsStr>) -> Result<()> {
        let name = name.as_ref();
        match self.entry(name)? {
            None => Ok(()),
            Some(Entry { kind: Kind::Directory, .. }) => {
                let folder = self.open_folder(name)?;
                for name in folder.all_names()? {
                    folder.remove_all(&name)?;
                }
                drop(folder);
                self.on(name, Handle::remove_folder)
            }
            Some(_) => self.remove_file(name),
        }
    }

    /// Moves `name` to `new_name` of `other`, where nothing may stand.
    pub fn rename(&self, name: &str, other: &Self, new_name: &str) -> Result<()> {
        self.on(name, |handle, name| handle.rename(name, &other.handle, new_name))
    }

    /// Moves `name` to `new_name` in the same folder, in the place of whatever file stands there.
    pub fn replace(&self, name: &str, new_name: &str) -> Result<()> {
        self.on(name, |handle, name| handle.replace(name, new_name))
    }

    /// Sets the permission bits of what is no link.
    pub fn set_mode(&self, name: &str, mode: u32) -> Result<()> {
        self.on(name, |handle, name| handle.set_mode(name, mode))
    }

    /// Makes the names in it durable.
    pub fn sync(&self) -> Result<()> {
        self.handle.sync().map_err(|e| Error::from(e).in_file(&self.path))
    }

    /// Makes everything on its file system durable, contents and names, and says whether it did: not where the system would not
    /// tell of a failure. Other people's files are waited for too, so this is for whoever would sync many.
    pub fn sync_file_system(&self) -> Result<bool> {
        self.handle.sync_file_system().map_err(|e| Error::from(e).in_file(&self.path))
    }

    /// How many bytes can still be written to its file system; `None` where the system does not say.
    pub fn free_space(&self) -> Option<u64> {
        self.handle.free_space()
    }

    fn on<N: AsRef<OsStr> + Copy, T>(&self, name: N, operation: impl FnOnce(&Handle, N) -> io::Result<T>) -> Result<T> {
        operation(&self.handle, name).map_err(|e| self.error(name.as_ref(), e))
    }

    fn error(&self, name: &OsStr, error: io::Error) -> Error {
        Error::from(error).in_file(&self.path.join(name))
    }
}

fn absent_is_fine(result: Result<()>) -> Result<()> {
    match result {
        Err(e) if e.status() == crate::error::Status::NotFound => Ok(()),
        result => result,
    }
}

/// A name or a link's target that is not UTF-8 has no place in a tree.
fn not_utf8(name: &OsStr) -> io::Error {
    let escaped = name.as_encoded_bytes().escape_ascii();
    let message = format!(
        "\"{escaped}\" is not UTF-8 and cannot be in a tree; rename it or leave it out with --exclude, where ? stands for \
         each such byte"
    );
    Error::new(crate::error::Status::UnsafePath, message).into()
}

#[cfg(all(test, unix))]
mod tests;

//! Folders as paths, for systems without directory handles.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::{Entry, Kind, not_utf8};

pub(super) struct Handle(PathBuf);

impl Handle {
    pub fn open(path: &Path) -> io::Result<Self> {
        match fs::metadata(path)?.is_dir() {
            true => Ok(Self(path.to_owned())),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub fn open_folder(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let name = name.as_ref();
        match self.entry(name)?.kind {
            Kind::Directory => Ok(Self(self.0.join(name))),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub fn entry(&self, name: impl AsRef<OsStr>) -> io::Result<Entry> {
        let metadata = fs::symlink_metadata(self.0.join(name.as_ref()))?;
        let kind = match metadata.file_type() {
            kind if kind.is_file() => Kind::File { size: metadata.len() },
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_symlink() => Kind::Symlink,
            _ => Kind::Other,
        };
        let (mode, owner) = permissions(&metadata);
        Ok(Entry { kind, mode, owner })
    }

    pub fn names(&self) -> io::Result<Vec<OsString>> {
        fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    pub fn open_file(&self, name: &str) -> io::Result<File> {
        match self.entry(name)?.kind {
            Kind::File { .. } => File::open(self.0.join(name)),
            _ => Err(io::Error::other("this is no regular file")),
        }
    }

    pub fn create_file(&self, name: &str, _mode: u32) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(self.0.join(name))
    }

    pub fn create_folder(&self, name: &str) -> io::Result<()> {
        fs::create_dir(self.0.join(name))
    }

    #[cfg(unix)]
    pub fn create_symlink(&self, name: &str, target: &str) -> io::Result<()> {
        std::os::unix::fs::symlink(target, self.0.join(name))
    }

    /// Windows has links to files and links to folders; without anything to look at, it is one to a file.
    #[cfg(windows)]
    pub fn create_symlink(&self, name: &str, target: &str) -> io::Result<()> {
        let target = target.replace('/', "\\");
        if self.0.join(&target).is_dir() {
            std::os::windows::fs::symlink_dir(target, self.0.join(name))
        } else {
            std::os::windows::fs::symlink_file(target, self.0.join(name))
        }
    }

    pub fn read_symlink(&self, name: &str) -> io::Result<String> {
        let target =
            fs::read_link(self.0.join(name))?.into_os_string().into_string().map_err(|target| not_utf8(&target))?;
        Ok(if cfg!(windows) { target.replace('\\', "/") } else { target })
    }

    pub fn remove_file(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        fs::remove_file(self.0.join(name.as_ref()))
    }

    pub fn remove_folder(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        fs::remove_dir(self.0.join(name.as_ref()))
    }

    pub fn rename(&self, name: &str, other: &Self, new_name: &str) -> io::Result<()> {
        match other.entry(new_name) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                patiently(|| fs::rename(self.0.join(name), other.0.join(new_name)))
            }
            Err(e) => Err(e),
        }
    }

    pub fn replace(&self, name: &str, new_name: &str) -> io::Result<()> {
        patiently(|| fs::rename(self.0.join(name), self.0.join(new_name)))
    }

    #[cfg(unix)]
    pub fn set_mode(&self, name: &str, mode: u32) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let file = self.open_file(name)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()
    }

    #[cfg(not(unix))]
    pub fn set_mode(&self, _name: &str, _mode: u32) -> io::Result<()> {
        Ok(())
    }

    #[cfg(unix)]
    pub fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }

    /// Windows syncs no folders; its journal keeps renames in order.
    #[cfg(not(unix))]
    pub fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    pub fn sync_file_system(&self) -> io::Result<bool> {
        Ok(false)
    }

    pub fn free_space(&self) -> Option<u64> {
        None
    }
}

/// Tries again for about a second where somebody else, such as a virus scanner, holds a file for a moment.
fn patiently(mut rename: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    for attempt in 0..7 {
        match rename() {
            Err(e) if cfg!(windows) && e.kind() == io::ErrorKind::PermissionDenied => {
                std::thread::sleep(std::time::Duration::from_millis(8 << attempt));
            }
            result => return result,
        }
    }
    rename()
}

#[cfg(unix)]
fn permissions(metadata: &fs::Metadata) -> (u32, (u32, u32)) {
    use std::os::unix::fs::MetadataExt;
    (metadata.mode() & 0o7777, (metadata.uid(), metadata.gid()))
}

#[cfg(not(unix))]
fn permissions(_metadata: &fs::Metadata) -> (u32, (u32, u32)) {
    (0o644, (0, 0))
}

//! Folders as the directory handles of Unix.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::{Entry, Kind, not_utf8};

pub(super) struct Handle(OwnedFd);

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Handle {
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::open(path, FOLDER, Mode::empty())?))
    }

    pub fn open_folder(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        match rustix::fs::openat(&self.0, name.as_ref(), FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
            // Systems differ in what they say of a link.
            Err(Errno::LOOP) => Err(Errno::NOTDIR.into()),
            result => Ok(Self(result?)),
        }
    }

    pub fn entry(&self, name: impl AsRef<OsStr>) -> io::Result<Entry> {
        Ok(entry(&rustix::fs::statat(&self.0, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW)?))
    }

    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            match entry.file_name().to_bytes() {
                b"." | b".." => {}
                name => names.push(OsStr::from_bytes(name).to_owned()),
            }
        }
        Ok(names)
    }

    pub fn open_file(&self, name: &str) -> io::Result<File> {
        // Opening a pipe would wait for its other end, and opening a device may do anything.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty())?);
        match entry(&rustix::fs::fstat(&file)?).kind {
            Kind::File { .. } => Ok(file),
            _ => Err(io::Error::other("this is no regular file")),
        }
    }

    pub fn create_file(&self, name: &str, mode: u32) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.0, name, flags, permissions(mode))?.into())
    }

    pub fn create_folder(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.0, name, permissions(0o777))?)
    }

    pub fn create_symlink(&self, name: &str, target: &str) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.0, name)?)
    }

    pub fn read_symlink(&self, name: &str) -> io::Result<String> {
        rustix::fs::readlinkat(&self.0, name, Vec::new())?
            .into_string()
            .map_err(|target| not_utf8(OsStr::from_bytes(target.into_cstring().as_bytes())))
    }

    pub fn remove_file(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name.as_ref(), AtFlags::empty())?)
    }

    pub fn remove_folder(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name.as_ref(), AtFlags::REMOVEDIR)?)
    }

    pub fn rename(&self, name: &str, other: &Self, new_name: &str) -> io::Result<()> {
        match rustix::fs::renameat_with(&self.0, name, &other.0, new_name, RenameFlags::NOREPLACE) {
            // Old kernels and some file systems cannot refuse to replace, so it is looked at instead.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match other.entry(new_name) {
                Ok(_) => Err(Errno::EXIST.into()),
                Err(_) => Ok(rustix::fs::renameat(&self.0, name, &other.0, new_name)?),
            },
            result => Ok(result?),
        }
    }

    pub fn replace(&self, name: &str, new_name: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, name, &self.0, new_name)?)
    }

    pub fn set_mode(&self, name: &str, mode: u32) -> io::Result<()> {
        // A handle, since the system may not be able to change permissions by name without following a link.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.0, name, flags, Mode::empty())?;
        rustix::fs::fchmod(&file, permissions(mode))?;
        Ok(rustix::fs::fsync(&file)?)
    }

    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.0)?)
    }

    #[cfg(target_os = "linux")]
    pub fn sync_file_system(&self) -> io::Result<bool> {
        if !(kernel_tells_of_failed_writes() && syncs_as_a_whole(&self.0)) {
            return Ok(false);
        }
        rustix::fs::syncfs(&self.0)?;
        Ok(true)
    }

    #[cfg(not(target_os = "linux"))]
    pub fn sync_file_system(&self) -> io::Result<bool> {
        Ok(false)
    }

    pub fn free_space(&self) -> Option<u64> {
        let system = rustix::fs::fstatvfs(&self.0).ok()?;
        system.f_bavail.checked_mul(system.f_frsize)
    }
}

/// Since 5.8 the kernel says whether anything could not be written since the handle was opened.
#[cfg(target_os = "linux")]
fn kernel_tells_of_failed_writes() -> bool {
    let system = rustix::system::uname();
    let mut numbers = system.release().to_str().unwrap_or_default().split(['.', '-']).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (5, 8),
        _ => false,
    }
}

/// File systems in user space and on networks take the call and do nothing, so only those count that are known to write.
#[cfg(target_os = "linux")]
#[allow(clippy::unnecessary_cast, reason = "systems differ in how wide a type is")]
fn syncs_as_a_whole(folder: &OwnedFd) -> bool {
    const EXT4: u32 = 0xef53;
    const XFS: u32 = 0x5846_5342;
    const BTRFS: u32 = 0x9123_683e;
    const F2FS: u32 = 0xf2f5_2010;
    const TMPFS: u32 = 0x0102_1994;
    let system = rustix::fs::fstatfs(folder).map(|system| system.f_type as u32);
    system.is_ok_and(|system| [EXT4, XFS, BTRFS, F2FS, TMPFS].contains(&system))
}

fn permissions(mode: u32) -> Mode {
    Mode::from_raw_mode(mode as rustix::fs::RawMode)
}

#[allow(clippy::useless_conversion, reason = "systems differ in how wide a mode is")]
fn entry(stat: &Stat) -> Entry {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File { size: stat.st_size as u64 },
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        _ => Kind::Other,
    };
    Entry { kind, mode: u32::from(stat.st_mode) & 0o7777, owner: (stat.st_uid, stat.st_gid) }
}

//! Output files that appear whole or not at all.
//!
//! A result is written to a temporary file beside its target, synced, renamed over it, and the folder is synced. An
//! existing target keeps its mode, a new one gets 0666 less the umask, symbolic links are followed. What is no
//! regular file (a pipe, a device) cannot be renamed over and is written directly.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::cancel::CommitPoint;
use crate::error::{Error, Result, Status};

/// How an output file treats what is there already.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutputOptions {
    /// Refuse with INVALID_ARGUMENT when the target exists.
    pub no_clobber: bool,
}

/// A file being written. Unless it is [committed](Self::commit), dropping it leaves no trace.
pub struct OutputFile {
    target: PathBuf,
    options: OutputOptions,
    kind: Kind,
}

enum Kind {
    Temporary(NamedTempFile),
    Direct(File),
}

impl OutputFile {
    /// Starts writing what will be `path`.
    pub fn create(path: &Path, options: OutputOptions) -> Result<Self> {
        let in_file = |e: io::Error| Error::from(e).in_file(path);
        let existing = match fs::metadata(path) {
            Ok(metadata) => Some(metadata),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(in_file(e)),
        };
        if options.no_clobber && fs::symlink_metadata(path).is_ok() {
            return Err(exists(path));
        }
        if let Some(metadata) = &existing {
            if metadata.is_dir() {
                return Err(Error::invalid("the output is a directory; name a file").in_file(path));
            }
            if !metadata.is_file() {
                let file = OpenOptions::new().write(true).open(path).map_err(in_file)?;
                return Ok(Self { target: path.to_owned(), options, kind: Kind::Direct(file) });
            }
        }
        let target = follow_links(path).map_err(in_file)?;
        let temporary = temporary_beside(&target).map_err(in_file)?;
        if let Some(metadata) = existing {
            temporary.as_file().set_permissions(metadata.permissions()).map_err(in_file)?;
        }
        Ok(Self { target, options, kind: Kind::Temporary(temporary) })
    }

    /// Whether bytes go straight to a reader (a pipe, a device) and cannot be taken back.
    pub fn is_direct(&self) -> bool {
        matches!(self.kind, Kind::Direct(_))
    }

    /// Opens what was written so far for reading.
    pub fn reopen(&self) -> Result<File> {
        match &self.kind {
            Kind::Temporary(file) => file.reopen().map_err(|e| Error::from(e).in_file(&self.target)),
            Kind::Direct(_) => {
                Err(Error::invalid("what is written to a pipe cannot be read back").in_file(&self.target))
            }
        }
    }

    /// Makes the file durable and visible under its name, in one step that a power cut cannot split. Who cancels before
    /// `point` is passed gets no file.
    pub fn commit(self, point: &CommitPoint) -> Result<()> {
        let target = self.target;
        let in_file = |e: io::Error| Error::from(e).in_file(&target);
        match self.kind {
            Kind::Direct(mut file) => file.flush().map_err(in_file),
            Kind::Temporary(temporary) => {
                temporary.as_file().sync_all().map_err(in_file)?;
                point.pass()?;
                if self.options.no_clobber {
                    temporary.persist_noclobber(&target).map_err(|e| match e.error.kind() {
                        io::ErrorKind::AlreadyExists => exists(&target),
                        _ => in_file(e.error),
                    })?;
                } else {
                    temporary.persist(&target).map_err(|e| in_file(e.error))?;
                }
                sync_folder_of(&target).map_err(in_file)
            }
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.kind {
            Kind::Temporary(file) => file.as_file_mut().write(buf),
            Kind::Direct(file) => file.write(buf),
        }
        .map_err(|e| Error::from(e).in_file(&self.target).into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for OutputFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        match &mut self.kind {
            Kind::Temporary(file) => file.as_file_mut().seek(position),
            Kind::Direct(file) => file.seek(position),
        }
    }
}

impl Read for OutputFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.kind {
            Kind::Temporary(file) => file.as_file_mut().read(buf),
            Kind::Direct(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Puts the finished file `from` in the place of `to`, as [`OutputFile`] does: the mode of what is there stays, links are
/// followed. Between file systems it is copied.
pub(crate) fn put_in_place(from: &Path, to: &Path, point: &CommitPoint) -> Result<()> {
    let in_file = |e: io::Error| Error::from(e).in_file(to);
    let target = follow_links(to).map_err(in_file)?;
    match fs::metadata(&target) {
        Ok(metadata) => fs::set_permissions(from, metadata.permissions()).map_err(in_file)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(in_file(e)),
    }
    File::open(from).and_then(|file| file.sync_all()).map_err(in_file)?;
    point.pass()?;
    match fs::rename(from, &target) {
        Err(e) if e.kind() == io::ErrorKind::CrossesDevices => {
            let mut output = OutputFile::create(to, OutputOptions::default())?;
            io::copy(&mut File::open(from).map_err(in_file)?, &mut output).map_err(in_file)?;
            output.commit(point)
        }
        result => result.and_then(|()| sync_folder_of(&target)).map_err(in_file),
    }
}

/// A temporary file in the folder of `target`, so that renaming it there never crosses a file system.
pub(crate) fn temporary_beside(target: &Path) -> io::Result<NamedTempFile> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o666);
    // Opened here, so that an error is the system's own and does not name a file that nobody asked for.
    tempfile::Builder::new().prefix(".patchcore-").make_in(folder_of(target), |path| options.open(path))
}

/// Makes a new or renamed entry of the folder of `path` durable.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder_of(path))?.sync_all() } else { Ok(()) }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// What `path` names once every symbolic link at its end is followed, also where the last one leads to nothing yet.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => path = folder_of(&path).join(fs::read_link(&path)?),
            Ok(_) => return Ok(path),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(path),
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

fn exists(path: &Path) -> Error {
    Error::new(Status::InvalidArgument, "the output exists already and --no-clobber forbids to replace it")
        .in_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_is_not_committed_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        fs::write(&target, b"old").unwrap();
        let mut output = OutputFile::create(&target, OutputOptions::default()).unwrap();
        output.write_all(b"new").unwrap();
        drop(output);
        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert_eq!(entries(folder.path()), 1);
    }

    #[test]
    fn no_clobber_refuses_an_existing_target_even_one_that_appears_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        let options = OutputOptions { no_clobber: true };
        let mut output = OutputFile::create(&target, options).unwrap();
        output.write_all(b"new").unwrap();
        fs::write(&target, b"other").unwrap();
        assert_eq!(output.commit(&CommitPoint::default()).unwrap_err().status(), Status::InvalidArgument);
        assert_eq!(fs::read(&target).unwrap(), b"other");
        assert_eq!(OutputFile::create(&target, options).err().unwrap().status(), Status::InvalidArgument);
        assert_eq!(entries(folder.path()), 1);
    }

    #[cfg(unix)]
    #[test]
    fn an_existing_target_keeps_its_mode_and_links_are_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("real");
        fs::write(&target, b"old").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o751)).unwrap();
        let link = folder.path().join("link");
        symlink("real", &link).unwrap();
        let mut output = OutputFile::create(&link, OutputOptions::default()).unwrap();
        output.write_all(b"new").unwrap();
        output.commit(&CommitPoint::default()).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o751);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}

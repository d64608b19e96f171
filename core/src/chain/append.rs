//! More links behind those that are there.
//!
//! An append never touches a byte that a reader relies on: it puts links behind the last whole index, makes them
//! durable, and only then writes a new index and footer. Killed anywhere, it leaves the old chain with a tail that
//! readers ignore and the next append cuts off.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::Chain;
use super::create::place_all;
use super::index::{Index, Link, Place};
use super::write::Writer;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, ReadAt};
use crate::limits::Limits;
use crate::progress::{Phase, Task, Unit};

/// What an append did.
#[derive(Debug)]
pub struct Appended {
    /// The chain as it is now.
    pub chain: Chain,
    /// The links that were added, in the order of the deltas.
    pub links: Vec<Link>,
}

impl Chain {
    /// Appends `deltas` to the chain `path`, all or none; `name` is that of the version that the last one leads to.
    ///
    /// Each must start at a version that the chain holds. One that leads to a version which the chain holds later on
    /// becomes a shortcut; any other brings a new version.
    pub fn append(
        path: &Path,
        deltas: &[&dyn ReadAt],
        name: Option<&str>,
        limits: &Limits,
        task: &mut Task<'_>,
    ) -> Result<Appended> {
        let mut locked = Locked::open(path)?;
        let mut index = locked.chain.index.clone();
        let places = place_all(&mut index, deltas, &mut std::iter::empty(), limits, task)?;
        if let (Some(name), Some(last)) = (name, places.last()) {
            name_last(&mut index, *last, name)?;
        }
        let links = locked.append(index, &places, deltas, task)?;
        drop(locked);
        Ok(Appended { chain: Self::open(path)?, links })
    }
}

/// Gives `name` to the version that `last` brought.
fn name_last(index: &mut Index, last: Place, name: &str) -> Result<()> {
    if last.shortcut {
        let label = index.label(last.from, last.to);
        return Err(Error::invalid(format!("{label} leads to a version that has its name already; leave {name} out")));
    }
    index.rename(last.to, name)
}

/// A chain file that nobody else changes meanwhile.
pub(super) struct Locked {
    pub chain: Chain,
    file: File,
    path: PathBuf,
}

impl Locked {
    /// Opens and locks `path`; BUSY while somebody else changes it.
    pub fn open(path: &Path) -> Result<Self> {
        let in_file = |e: std::io::Error| Error::from(e).in_file(path);
        // What is no regular file is refused before it is opened for writing.
        drop(FileSource::open(path)?);
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(in_file)?;
        let busy = || Error::new(Status::Busy, "another process is changing this chain; try again").in_file(path);
        file.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => busy(),
            TryLockError::Error(e) => in_file(e),
        })?;
        // Whoever held the lock before may have replaced the file: then this is not the chain any more.
        if !is_still_at(&file, path).map_err(in_file)? {
            return Err(busy());
        }
        let source = FileSource::from_file(file.try_clone().map_err(in_file)?, path)?;
        let chain = Chain::from_source(Box::new(source)).map_err(|e| e.in_file(path))?;
        Ok(Self { chain, file, path: path.to_owned() })
    }

    /// Writes `deltas` as links at `places` and `index` with them added; on failure the file ends where it did.
    pub fn append(
        &mut self,
        index: Index,
        places: &[Place],
        deltas: &[&dyn ReadAt],
        task: &mut Task<'_>,
    ) -> Result<Vec<Link>> {
        let result = self.write(index, places, deltas, task);
        if result.is_err() {
            // What cannot be cut off is ignored by readers all the same.
            let _ = self.file.set_len(self.chain.end);
        }
        result.map_err(|e| e.in_file(&self.path))
    }

    fn write(
        &mut self,
        mut index: Index,
        places: &[Place],
        deltas: &[&dyn ReadAt],
        task: &mut Task<'_>,
    ) -> Result<Vec<Link>> {
        let end = self.chain.end;
        self.file.set_len(end)?;
        self.file.seek(SeekFrom::Start(end))?;
        task.begin(Phase::Encode, deltas.iter().map(|delta| delta.size()).sum(), Unit::Bytes)?;
        let mut out = &self.file;
        let mut writer = Writer::resume(&mut out, end);
        let mut links = Vec::with_capacity(deltas.len());
        for (place, delta) in places.iter().zip(deltas) {
            let offset = writer.link(*delta, task)?;
            links.push(place.link(offset, delta.size()));
        }
        // The index must never be durable before what it refers to.
        self.file.sync_data()?;
        index.links.extend(links.iter().cloned());
        task.finish()?;
        task.commit_point().pass()?;
        writer.index(&index)?;
        self.file.sync_all()?;
        Ok(links)
    }
}

#[cfg(unix)]
fn is_still_at(file: &File, path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (here, there) = (file.metadata()?, std::fs::metadata(path)?);
    Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
}

/// Without file numbers: a second handle to a file that is locked cannot lock it, one to another file can.
#[cfg(not(unix))]
fn is_still_at(_: &File, path: &Path) -> std::io::Result<bool> {
    match File::open(path)?.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(e),
        Ok(()) => Ok(false),
    }
}

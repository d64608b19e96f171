//! The archive of the newest version in a folder: made once, then grown at the cost of what is new.
//!
//! Where the file system shares blocks between files, the archive before is cloned, its directory cut off, and what is new
//! written in its place. Elsewhere all of that goes behind the old end, so that the archive before stays, byte for byte, the
//! beginning of the new one; its name and the new one are two names of one file. When more than a quarter of what is alive is
//! dead, the archive is written anew.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use crate::digest::Hasher;
use crate::error::{Error, Result};
use crate::io::{FileSource, Prefix, ReadAt, clone_file, sync_folder_of};
use crate::progress::{Phase, Task, Unit};
use crate::repository::manifest::Package;
use crate::repository::state::{Hashes, State};
use crate::repository::store::remove_file;
use crate::tree::PackedRelease;

/// One byte may be dead for so many that are alive.
const MOST_DEAD: u64 = 4;

/// An archive that was written.
pub(super) struct Written {
    pub hashes: Hashes,
    /// The bytes that were written for it.
    pub written: u64,
    /// Whether the archive before is its beginning.
    pub grown: bool,
}

/// Whether too much of an archive would be dead if it grew behind its old end.
pub(super) fn is_to_be_compacted(packed: &PackedRelease<'_>, size: u64) -> bool {
    let live = packed.layout(None).size;
    dead_bytes(packed, size) > live / MOST_DEAD
}

/// The bytes of an archive of `size` bytes that will belong to nothing when it has grown behind its old end.
pub(super) fn dead_bytes(packed: &PackedRelease<'_>, size: u64) -> u64 {
    packed.layout(Some(size)).size.saturating_sub(packed.layout(None).size)
}

/// Writes a whole archive as `place`.
pub(super) fn write(place: &Path, packed: &PackedRelease<'_>, task: &mut Task<'_>) -> Result<Written> {
    let in_file = |e: io::Error| Error::from(e).in_file(place);
    let file = File::create(place).map_err(in_file)?;
    let layout = packed.layout(None);
    let mut out = Hashing::new(&file, Hasher::new(), 0, layout.directory_offset);
    let size = packed.rewrite(&mut out, task).map_err(|e| e.in_file(place))?;
    let hashes = out.hashes(size)?;
    file.sync_all().map_err(in_file)?;
    Ok(Written { hashes, written: size, grown: false })
}

/// Makes `place`, the archive of the new version, out of the one that `before` says is in `folder`. `staged` is a place for a
/// file under way.
pub(super) fn grow(
    folder: &Path,
    before: &Package,
    place: &Path,
    staged: &Path,
    packed: &PackedRelease<'_>,
    state: &State,
    task: &mut Task<'_>,
) -> Result<Written> {
    let old_place = folder.join(&before.file);
    let in_old = |e: io::Error| Error::from(e).in_file(&old_place);
    let in_place = |e: io::Error| Error::from(e).in_file(place);
    if is_to_be_compacted(packed, before.size) {
        let written = write(staged, packed, task)?;
        fs::rename(staged, place).and_then(|()| sync_folder_of(place)).map_err(in_place)?;
        return Ok(written);
    }
    let hashes = match before.sha256.and_then(|digest| state.hashes(&digest)) {
        Some(hashes) if hashes.size == before.size => hashes,
        _ => hash_again(&old_place, before, packed, task)?,
    };
    let old = File::open(&old_place).map_err(in_old)?;
    let clone = OpenOptions::new().create_new(true).read(true).write(true).open(staged).map_err(in_place)?;
    if hashes.directory_offset > 0 && clone_file(&old, &clone).map_err(in_old)? {
        let start = hashes.directory_offset;
        let (hashes, written) =
            extend(&clone, hashes.at_directory, start, packed, task).map_err(|e| e.in_file(staged))?;
        fs::rename(staged, place).and_then(|()| sync_folder_of(place)).map_err(in_place)?;
        return Ok(Written { hashes, written, grown: false });
    }
    drop(clone);
    remove_file(staged)?;
    // What a publish that was killed wrote behind the end is cut off first.
    let file = OpenOptions::new().read(true).write(true).open(&old_place).map_err(in_old)?;
    let (hashes, written) =
        extend(&file, hashes.at_end, before.size, packed, task).map_err(|e| e.in_file(&old_place))?;
    link(&old_place, place, staged)?;
    Ok(Written { hashes, written, grown: true })
}

/// Gives `from` another name, or a copy where the file system has no such.
pub(super) fn link(from: &Path, to: &Path, staged: &Path) -> Result<()> {
    let in_file = |e: io::Error| Error::from(e).in_file(to);
    remove_file(to)?;
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, staged).map_err(in_file)?;
        File::open(staged).and_then(|file| file.sync_all()).map_err(in_file)?;
        fs::rename(staged, to).map_err(in_file)?;
    }
    sync_folder_of(to).map_err(in_file)
}

/// Cuts `file` off at `start` and writes what is new from there on.
fn extend(
    mut file: &File,
    hasher: Hasher,
    start: u64,
    packed: &PackedRelease<'_>,
    task: &mut Task<'_>,
) -> Result<(Hashes, u64)> {
    file.set_len(start)?;
    file.seek(SeekFrom::Start(start))?;
    let layout = packed.layout(Some(start));
    let mut out = Hashing::new(file, hasher, start, layout.directory_offset);
    let size = packed.append(&mut out, start, task)?;
    let hashes = out.hashes(size)?;
    file.sync_all()?;
    Ok((hashes, size - start))
}

/// Reads the whole archive, since nobody remembers how to go on hashing it.
fn hash_again(place: &Path, before: &Package, packed: &PackedRelease<'_>, task: &mut Task<'_>) -> Result<Hashes> {
    let source = Prefix::new(FileSource::open(place)?, before.size).map_err(|e| e.in_file(place))?;
    let directory_offset = packed.old_directory_offset().unwrap_or(0);
    let (mut hasher, mut at_directory) = (Hasher::new(), Hasher::new());
    let (mut position, mut buffer) = (0, vec![0; 256 << 10]);
    task.begin(Phase::Hash, before.size, Unit::Bytes)?;
    while position < before.size {
        if position == directory_offset {
            at_directory = hasher.clone();
        }
        let end = if position < directory_offset { directory_offset } else { before.size };
        let n = (end - position).min(buffer.len() as u64) as usize;
        source.read_at(position, &mut buffer[..n])?;
        hasher.update(&buffer[..n]);
        position += n as u64;
        task.advance(n as u64)?;
    }
    task.finish()?;
    if before.sha256.is_some_and(|digest| hasher.clone().finish() != digest) {
        let message = "this archive is not the one that the manifest names; make it again with `release rebuild`";
        return Err(Error::corrupt(message).in_file(place));
    }
    Ok(Hashes { at_directory, directory_offset, at_end: hasher, size: before.size })
}

/// Hashes what is written, and remembers the state where the directory begins.
struct Hashing<'a> {
    file: &'a File,
    hasher: Hasher,
    position: u64,
    directory_offset: u64,
    at_directory: Option<Hasher>,
}

impl<'a> Hashing<'a> {
    fn new(file: &'a File, hasher: Hasher, position: u64, directory_offset: u64) -> Self {
        Self { file, hasher, position, directory_offset, at_directory: None }
    }

    fn hashes(self, size: u64) -> Result<Hashes> {
        let missing =
            || Error::new(crate::error::Status::Internal, "the directory of an archive is not where it should be");
        Ok(Hashes {
            at_directory: self.at_directory.ok_or_else(missing)?,
            directory_offset: self.directory_offset,
            at_end: self.hasher,
            size,
        })
    }
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.position == self.directory_offset {
            self.at_directory.get_or_insert_with(|| self.hasher.clone());
        }
        let most = match self.directory_offset.checked_sub(self.position) {
            Some(left @ 1..) => left.min(bytes.len() as u64) as usize,
            _ => bytes.len(),
        };
        let n = self.file.write(&bytes[..most])?;
        self.hasher.update(&bytes[..n]);
        self.position += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

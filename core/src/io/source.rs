//! Random-access input: files, slices, and parts of either.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::progress::{Phase, Task, Unit};

/// Bytes that can be read at any offset, without a cursor that two readers could fight over.
pub trait ReadAt: Send + Sync {
    /// The number of bytes.
    fn size(&self) -> u64;

    /// Fills `buf` from `offset` on. Fails where the bytes from there on are fewer.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()>;

    /// The file that these are all the bytes of, for errors to name.
    fn path(&self) -> Option<&Path> {
        None
    }

    /// Says what will be read next, in order, to whoever can fetch it in fewer pieces.
    fn will_read(&self, ranges: &[std::ops::Range<u64>]) {
        let _ = ranges;
    }

    /// Whether a short read costs hardly more than its bytes, so that nobody needs to read more than asked for.
    fn short_reads_are_cheap(&self) -> bool {
        false
    }
}

impl ReadAt for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..)?.get(..buf.len()))
            .ok_or_else(|| Error::corrupt("the input ends early").at(self.size()))?;
        buf.copy_from_slice(bytes);
        Ok(())
    }

    fn short_reads_are_cheap(&self) -> bool {
        true
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> u64 {
        self.as_slice().size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.as_slice().read_at(offset, buf)
    }

    fn short_reads_are_cheap(&self) -> bool {
        true
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        (**self).read_at(offset, buf)
    }

    fn path(&self) -> Option<&Path> {
        (**self).path()
    }

    fn will_read(&self, ranges: &[std::ops::Range<u64>]) {
        (**self).will_read(ranges);
    }

    fn short_reads_are_cheap(&self) -> bool {
        (**self).short_reads_are_cheap()
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Box<T> {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        (**self).read_at(offset, buf)
    }

    fn path(&self) -> Option<&Path> {
        (**self).path()
    }

    fn will_read(&self, ranges: &[std::ops::Range<u64>]) {
        (**self).will_read(ranges);
    }

    fn short_reads_are_cheap(&self) -> bool {
        (**self).short_reads_are_cheap()
    }
}

/// A regular file opened for reading at any offset. Its size is the one it had when it was opened.
pub struct FileSource {
    file: File,
    path: PathBuf,
    size: u64,
}

impl FileSource {
    /// Opens `path`; what is no regular file is INVALID_ARGUMENT.
    pub fn open(path: &Path) -> Result<Self> {
        // Opening a pipe for reading would wait for a writer, so its kind is looked at first.
        let metadata = std::fs::metadata(path).map_err(|e| Error::from(e).in_file(path))?;
        if metadata.is_dir() {
            return Err(Error::invalid("this is a directory; directories are compared with `tree diff`").in_file(path));
        }
        if !metadata.is_file() {
            return Err(Error::invalid(
                "this is no regular file and cannot be read at any offset; copy it to a file first",
            )
            .in_file(path));
        }
        let file = File::open(path).map_err(|e| Error::from(e).in_file(path))?;
        Self::from_file(file, path)
    }

    /// Reads from `file`, which errors call `path`.
    pub fn from_file(file: File, path: &Path) -> Result<Self> {
        let size = file.metadata().map_err(|e| Error::from(e).in_file(path))?.len();
        Ok(Self { file, path: path.to_owned(), size })
    }

    /// Another handle to the same file.
    pub(crate) fn try_clone(&self) -> Result<Self> {
        let file = self.file.try_clone().map_err(|e| Error::from(e).in_file(&self.path))?;
        Ok(Self { file, path: self.path.clone(), size: self.size })
    }

    #[cfg(unix)]
    fn read_some_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buf, offset)
    }

    #[cfg(windows)]
    fn read_some_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, buf, offset)
    }
}

impl ReadAt for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn read_at(&self, mut offset: u64, mut buf: &mut [u8]) -> Result<()> {
        while !buf.is_empty() {
            match self.read_some_at(offset, buf) {
                Ok(0) => return Err(Error::corrupt("the file ends early").at(offset).in_file(&self.path)),
                Ok(n) => {
                    offset += n as u64;
                    buf = &mut buf[n..];
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::from(e).in_file(&self.path)),
            }
        }
        Ok(())
    }
}

/// A contiguous part of another source, with offsets of its own from 0.
pub struct Section<'a> {
    inner: &'a dyn ReadAt,
    start: u64,
    len: u64,
}

impl<'a> Section<'a> {
    /// The `len` bytes of `inner` from `start` on; they must lie within it.
    pub fn new(inner: &'a dyn ReadAt, start: u64, len: u64) -> Result<Self> {
        match start.checked_add(len) {
            Some(end) if end <= inner.size() => Ok(Self { inner, start, len }),
            _ => Err(Error::corrupt("a part reaches beyond the end of the file").at(start)),
        }
    }
}

impl ReadAt for Section<'_> {
    fn size(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        match offset.checked_add(buf.len() as u64) {
            Some(end) if end <= self.len => self.inner.read_at(self.start + offset, buf),
            _ => Err(Error::corrupt("a part of the file ends early").at(self.len)),
        }
    }
}

/// The beginning of another source.
pub(crate) struct Prefix<S> {
    inner: S,
    len: u64,
}

impl<S: ReadAt> Prefix<S> {
    /// The first `len` bytes of `inner`, which must have as many.
    pub(crate) fn new(inner: S, len: u64) -> Result<Self> {
        match len <= inner.size() {
            true => Ok(Self { inner, len }),
            false => Err(Error::corrupt("the file ends early").at(inner.size())),
        }
    }
}

impl<S: ReadAt> ReadAt for Prefix<S> {
    fn size(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        match offset.checked_add(buf.len() as u64) {
            Some(end) if end <= self.len => self.inner.read_at(offset, buf),
            _ => Err(Error::corrupt("a part of the file ends early").at(self.len)),
        }
    }

    fn path(&self) -> Option<&Path> {
        self.inner.path()
    }

    fn short_reads_are_cheap(&self) -> bool {
        self.inner.short_reads_are_cheap()
    }
}

/// Several sources, one after the other. Where one is missing there are zeros, for whoever does not look there.
pub(crate) struct Joined<S> {
    /// The sources, and where each of them ends.
    parts: Vec<(u64, Option<S>)>,
}

impl<S: ReadAt> Joined<S> {
    /// Of sources with these sizes.
    pub(crate) fn new(parts: impl IntoIterator<Item = (u64, Option<S>)>) -> Result<Self> {
        let mut end = 0u64;
        let parts = parts.into_iter().map(|(size, source)| {
            if source.as_ref().is_some_and(|source| source.size() != size) {
                return Err(Error::corrupt("a file has another size than it had"));
            }
            end = end.checked_add(size).ok_or_else(|| Error::limit("the files are too large together"))?;
            Ok((end, source))
        });
        Ok(Self { parts: parts.collect::<Result<_>>()? })
    }
}

impl<S: ReadAt> ReadAt for Joined<S> {
    fn size(&self) -> u64 {
        self.parts.last().map_or(0, |(end, _)| *end)
    }

    fn read_at(&self, mut offset: u64, mut buf: &mut [u8]) -> Result<()> {
        let mut at = self.parts.partition_point(|(end, _)| *end <= offset);
        while !buf.is_empty() {
            let Some((end, source)) = self.parts.get(at) else {
                return Err(Error::corrupt("the input ends early").at(self.size()));
            };
            let start = at.checked_sub(1).map_or(0, |before| self.parts[before].0);
            let n = (end - offset).min(buf.len() as u64) as usize;
            let (head, tail) = buf.split_at_mut(n);
            match source {
                Some(source) => source.read_at(offset - start, head)?,
                None => head.fill(0),
            }
            offset += n as u64;
            buf = tail;
            at += 1;
        }
        Ok(())
    }
}

/// Reads a source from its start to its end.
///
/// Short reads are served from what was read ahead, so that a source on the other side of a network is asked seldom.
pub(crate) struct SourceReader<'a> {
    source: &'a dyn ReadAt,
    position: u64,
    /// The bytes before `ahead_end` that were read and not asked for yet begin at `position`.
    ahead: Vec<u8>,
    ahead_end: u64,
    /// How much is read ahead, in bytes.
    read_ahead: usize,
}

/// How much is read ahead of what is read to its end, in bytes.
const READ_AHEAD: usize = 64 << 10;

impl<'a> SourceReader<'a> {
    pub(crate) fn new(source: &'a dyn ReadAt) -> Self {
        Self { source, position: 0, ahead: Vec::new(), ahead_end: 0, read_ahead: READ_AHEAD }
    }

    /// For whoever wants the beginning alone: nothing else is read.
    pub(crate) fn of_beginning(source: &'a dyn ReadAt) -> Self {
        Self { read_ahead: 0, ..Self::new(source) }
    }
}

impl Read for SourceReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.source.size() - self.position;
        let waiting = (self.ahead_end - self.position) as usize;
        let n = if waiting > 0 {
            let n = waiting.min(buf.len());
            buf[..n].copy_from_slice(&self.ahead[self.ahead.len() - waiting..][..n]);
            n
        } else if buf.len() >= self.read_ahead || self.source.short_reads_are_cheap() {
            let n = left.min(buf.len() as u64) as usize;
            self.source.read_at(self.position, &mut buf[..n])?;
            self.ahead_end = self.position + n as u64;
            n
        } else {
            self.ahead.resize(left.min(self.read_ahead as u64) as usize, 0);
            self.source.read_at(self.position, &mut self.ahead)?;
            self.ahead_end = self.position + self.ahead.len() as u64;
            let n = self.ahead.len().min(buf.len());
            buf[..n].copy_from_slice(&self.ahead[..n]);
            n
        };
        self.position += n as u64;
        Ok(n)
    }
}

/// The digest of a whole source. `task` advances by its size.
pub fn hash(source: &dyn ReadAt, task: &mut Task<'_>) -> Result<Digest> {
    hash_in(source, 128 << 10, task)
}

/// [`hash`] as an operation of its own.
pub fn digest(source: &dyn ReadAt, task: &mut Task<'_>) -> Result<Digest> {
    task.begin(Phase::Hash, source.size(), Unit::Bytes)?;
    let digest = hash(source, task)?;
    task.finish()?;
    Ok(digest)
}

/// [`hash`] in reads of at most `buffer_len` bytes.
pub(crate) fn hash_in(source: &dyn ReadAt, buffer_len: usize, task: &mut Task<'_>) -> Result<Digest> {
    let mut hasher = Hasher::new();
    let mut buf = vec![0; buffer_len];
    let mut position = 0;
    while position < source.size() {
        let n = (source.size() - position).min(buf.len() as u64) as usize;
        source.read_at(position, &mut buf[..n])?;
        hasher.update(&buf[..n]);
        position += n as u64;
        task.advance(n as u64)?;
    }
    Ok(hasher.finish())
}

/// A source of which nobody reads a byte more than is needed, such as flash, where a call costs nothing.
pub(crate) struct Direct(pub(crate) Box<dyn ReadAt>);

impl ReadAt for Direct {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.0.read_at(offset, buf)
    }

    fn path(&self) -> Option<&Path> {
        self.0.path()
    }

    fn short_reads_are_cheap(&self) -> bool {
        true
    }
}

/// Serves many short reads that lie near one another from a few aligned blocks, for one system call a block.
pub(crate) struct BlockCache {
    block_len: usize,
    slots: Vec<Slot>,
}

struct Slot {
    /// The number of the block held, plus one; 0 is none.
    tag: u64,
    bytes: Vec<u8>,
}

impl BlockCache {
    /// A cache that never takes more than `memory` bytes.
    pub(crate) fn new(memory: usize) -> Self {
        let block_len = (memory / 8).clamp(512, 8 << 10);
        let slots = (memory / block_len).max(1);
        let slots = (0..slots).map(|_| Slot { tag: 0, bytes: Vec::new() }).collect();
        Self { block_len, slots }
    }

    /// Fills `buf` from `offset` of `source` on, which must be the same in every call.
    pub(crate) fn read(&mut self, source: &dyn ReadAt, mut offset: u64, mut buf: &mut [u8]) -> Result<()> {
        if buf.len() >= self.block_len || source.short_reads_are_cheap() {
            return source.read_at(offset, buf);
        }
        while !buf.is_empty() {
            let block = offset / self.block_len as u64;
            let within = (offset % self.block_len as u64) as usize;
            let bytes = self.block(source, block)?;
            let available = bytes.get(within..).unwrap_or_default();
            let n = available.len().min(buf.len());
            if n == 0 {
                return Err(Error::corrupt("a copy reaches beyond the end of the old file").at(offset));
            }
            buf[..n].copy_from_slice(&available[..n]);
            offset += n as u64;
            buf = &mut buf[n..];
        }
        Ok(())
    }

    fn block(&mut self, source: &dyn ReadAt, block: u64) -> Result<&[u8]> {
        let index = (block % self.slots.len() as u64) as usize;
        let slot = &mut self.slots[index];
        if slot.tag != block + 1 {
            let start = block * self.block_len as u64;
            let len = source.size().saturating_sub(start).min(self.block_len as u64) as usize;
            slot.tag = 0;
            slot.bytes.resize(len, 0);
            source.read_at(start, &mut slot.bytes)?;
            slot.tag = block + 1;
        }
        Ok(&slot.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_never_reads_past_its_end() {
        let bytes = [1u8, 2, 3, 4, 5];
        let source: &[u8] = &bytes;
        let section = Section::new(&source, 1, 3).unwrap();
        let mut buf = [0; 3];
        section.read_at(0, &mut buf).unwrap();
        assert_eq!(buf, [2, 3, 4]);
        assert!(section.read_at(1, &mut buf).is_err());
        assert!(Section::new(&source, 3, 3).is_err());
        assert!(Section::new(&source, u64::MAX, 1).is_err());
    }

    #[test]
    fn a_reader_asks_its_source_seldom_and_gives_all_of_it() {
        struct Counted(Vec<u8>, std::sync::atomic::AtomicUsize);
        impl ReadAt for Counted {
            fn size(&self) -> u64 {
                self.0.size()
            }
            fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
                self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                self.0.read_at(offset, buf)
            }
        }
        let bytes: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
        let source = Counted(bytes.clone(), Default::default());
        let mut reader = SourceReader::new(&source);
        let mut read = Vec::new();
        for len in [1, 1, 8, 100, 70_000, 3, 100_000, 1, 1_000_000, 1] {
            let mut piece = vec![0; len];
            let mut filled = 0;
            while filled < len {
                match reader.read(&mut piece[filled..]).unwrap() {
                    0 => break,
                    n => filled += n,
                }
            }
            read.extend_from_slice(&piece[..filled]);
        }
        assert_eq!(read, bytes);
        let asked = source.1.into_inner();
        assert!(asked <= 8, "{asked} reads");
    }

    #[test]
    fn the_block_cache_reads_what_the_source_holds() {
        let bytes: Vec<u8> = (0..10_000u32).map(|i| (i * 7 + i / 256) as u8).collect();
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let file = FileSource::open(path.path()).unwrap();
        let mut cache = BlockCache::new(2048);
        for (offset, len) in [(0, 1), (511, 2), (9_999, 1), (100, 400), (5_000, 5_000), (3, 511), (9_000, 1_000)] {
            let mut buf = vec![0; len];
            cache.read(&file, offset as u64, &mut buf).unwrap();
            assert_eq!(buf, &bytes[offset..offset + len]);
        }
        assert!(cache.read(&file, 9_999, &mut [0; 2]).is_err());
    }
}

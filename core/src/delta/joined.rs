//! A delta of several files at a time: the old ones, one after the other, to the new ones, one after the other. What new
//! files have in common is then in the delta once.
//!
//! Such a delta is like any other, but nobody has the files that it turns into one another. So its header has digests of the
//! files' digests, which whoever knows these can tell without the files.

use std::io::{Read, Write};
use std::ops::Range;

use super::applier::{Applier, Workspace};
use super::apply::buffer_memory;
use super::decode::SegmentReader;
use super::encode::{DeltaFile, Promise};
use super::format::Header;
use super::hashing::Hashing;
use super::ops::OperationSink;
use super::options::{ApplyOptions, DiffOptions};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::io::ReadAt;
use crate::limits::Limits;
use crate::progress::{Phase, Task, Unit};

/// Files, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Joint {
    /// Where each of them ends.
    ends: Vec<u64>,
    digest: Digest,
}

impl Joint {
    /// Files of these sizes and digests. All together are below 2^63 bytes.
    pub(crate) fn new(files: impl IntoIterator<Item = (u64, Digest)>) -> Self {
        let (mut ends, mut digests, mut end) = (Vec::new(), Vec::new(), 0u64);
        for (size, digest) in files {
            end = end.saturating_add(size);
            ends.push(end);
            digests.push(digest);
        }
        let digest = match digests[..] {
            [only] => only,
            _ => {
                let mut hasher = Hasher::new();
                digests.iter().for_each(|digest| hasher.update(&digest.0));
                hasher.finish()
            }
        };
        Self { ends, digest }
    }

    pub(crate) fn size(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The digest of the only file, or of the digests of all.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Where a file lies.
    pub(crate) fn range(&self, file: usize) -> Range<u64> {
        let start = file.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[file]
    }

    /// The file that holds the byte at `position`, which lies before the end of the last one.
    fn at(&self, position: u64) -> usize {
        self.ends.partition_point(|end| *end <= position)
    }
}

/// The files at both ends of a delta.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    pub(crate) old: Joint,
    pub(crate) new: Joint,
}

impl Ends {
    pub(super) fn promise(&self) -> Promise {
        Promise {
            old_size: self.old.size(),
            old_digest: self.old.digest(),
            new_size: self.new.size(),
            new_digest: self.new.digest(),
        }
    }

    /// Fails with CORRUPT where a delta with this header is one between other files.
    pub(crate) fn check(&self, header: &Header) -> Result<()> {
        let same = (header.old_size, header.old_digest) == (self.old.size(), self.old.digest())
            && (header.new_size, header.new_digest) == (self.new.size(), self.new.digest());
        if same { Ok(()) } else { Err(Error::corrupt("the delta is one between other files")) }
    }
}

/// Writes to `out` the delta from `old` to `new`, which hold the files that `ends` promises.
///
/// Neither the files nor the delta are checked: see [`apply_joined`].
pub(crate) fn diff_joined(
    old: &dyn ReadAt,
    new: &dyn ReadAt,
    ends: &Ends,
    out: &mut dyn DeltaFile,
    options: &DiffOptions,
    task: &mut Task<'_>,
) -> Result<Header> {
    super::diff::diff_promised(old, new, ends.promise(), out, options, task)
}

/// Writes those new files to `out`, one after the other, for which `wanted` says which old files they are made from. Of the
/// old files only these are read, and none is checked: whoever calls has done that, and checks what comes out.
///
/// CORRUPT where a new file is made from others than that.
pub(crate) fn apply_joined(
    old: &dyn ReadAt,
    delta: &mut dyn Read,
    ends: &Ends,
    wanted: &[Option<&[usize]>],
    out: &mut dyn Write,
    options: &ApplyOptions,
    task: &mut Task<'_>,
) -> Result<()> {
    let mut segments = SegmentReader::open(delta, &options.limits)?;
    let header = segments.header().clone();
    ends.check(&header)?;
    let bytes = (0..ends.new.len()).filter(|file| wanted[*file].is_some()).map(|file| {
        let range = ends.new.range(file);
        range.end - range.start
    });
    task.begin(Phase::Apply, bytes.sum(), Unit::Bytes)?;
    let flag = Task::with_cancel(task.cancel_token().clone());
    let mut hashing = Hashing::none();
    let workspace = Workspace::new(buffer_memory(options.limits.memory(), header.apply_memory), &hashing)?;
    let applier = Applier::new(old, out, &mut hashing, task, workspace);
    let mut cut = Cut::new(ends, Chosen { wanted, applier });
    segments.replay(&mut cut, &mut { flag })?;
    cut.into_inner().applier.pause()?;
    task.finish()
}

/// The old files that each new file is made from, in order.
pub(crate) fn sources_of_joined(
    delta: &mut dyn Read,
    ends: &Ends,
    limits: &Limits,
    task: &mut Task<'_>,
) -> Result<Vec<Vec<usize>>> {
    let mut segments = SegmentReader::open(delta, limits)?;
    ends.check(segments.header())?;
    let mut cut = Cut::new(ends, Sources::new(ends.new.len()));
    segments.replay(&mut cut, task)?;
    Ok(cut.into_inner().finish())
}

/// What consumes operations that each belong to one new file and copy from one old file.
pub(super) trait FileSink {
    fn insert(&mut self, new: usize, bytes: &[u8]) -> Result<()>;

    /// The old bytes from `from` on, of all old files together, plus `addend` where there is one.
    fn copy(&mut self, new: usize, old: usize, from: u64, len: u64, addend: &[u8]) -> Result<()>;
}

/// Cuts operations where one file ends and the next one begins.
pub(super) struct Cut<'a, S> {
    ends: &'a Ends,
    sink: S,
    position: u64,
    new: usize,
    /// The old file that was copied from last.
    old: usize,
}

impl<'a, S: FileSink> Cut<'a, S> {
    pub(super) fn new(ends: &'a Ends, sink: S) -> Self {
        Self { ends, sink, position: 0, new: 0, old: 0 }
    }

    pub(super) fn into_inner(self) -> S {
        self.sink
    }

    /// How much of `len` bytes belongs to one new file; moves on behind them.
    fn advance(&mut self, len: u64) -> Result<u64> {
        if self.ends.new.ends.get(self.new).is_none_or(|end| *end <= self.position) {
            self.new = self.ends.new.at(self.position);
        }
        let end =
            self.ends.new.ends.get(self.new).ok_or_else(|| Error::corrupt("the delta makes more than its files"))?;
        let n = len.min(end - self.position);
        self.position += n;
        Ok(n)
    }

    /// How much of `len` bytes lies in one old file.
    fn in_one_source(&mut self, from: u64, len: u64) -> Result<u64> {
        if self.old >= self.ends.old.len() || !self.ends.old.range(self.old).contains(&from) {
            self.old = self.ends.old.at(from);
        }
        let end =
            self.ends.old.ends.get(self.old).ok_or_else(|| Error::corrupt("the delta copies from behind its files"))?;
        Ok(len.min(end - from))
    }
}

impl<S: FileSink> OperationSink for Cut<'_, S> {
    fn insert(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let n = self.advance(bytes.len() as u64)?;
            let (head, tail) = bytes.split_at(n as usize);
            self.sink.insert(self.new, head)?;
            bytes = tail;
        }
        Ok(())
    }

    fn copy(&mut self, mut from: u64, mut len: u64) -> Result<()> {
        while len > 0 {
            let n = self.in_one_source(from, len)?;
            let n = self.advance(n)?;
            self.sink.copy(self.new, self.old, from, n, &[])?;
            from += n;
            len -= n;
        }
        Ok(())
    }

    fn copy_add(&mut self, mut from: u64, mut addend: &[u8]) -> Result<()> {
        while !addend.is_empty() {
            let n = self.in_one_source(from, addend.len() as u64)?;
            let n = self.advance(n)?;
            let (head, tail) = addend.split_at(n as usize);
            self.sink.copy(self.new, self.old, from, n, head)?;
            from += n;
            addend = tail;
        }
        Ok(())
    }
}

/// Hands on what makes the new files that are wanted.
struct Chosen<'a, 'b, 't> {
    wanted: &'a [Option<&'a [usize]>],
    applier: Applier<'b, 't>,
}

impl FileSink for Chosen<'_, '_, '_> {
    fn insert(&mut self, new: usize, bytes: &[u8]) -> Result<()> {
        if self.wanted[new].is_some() { self.applier.insert(bytes) } else { Ok(()) }
    }

    fn copy(&mut self, new: usize, old: usize, from: u64, len: u64, addend: &[u8]) -> Result<()> {
        match self.wanted[new] {
            None => Ok(()),
            Some(sources) if sources.binary_search(&old).is_err() => {
                Err(Error::corrupt("the delta makes a file from others than the patch says"))
            }
            Some(_) if addend.is_empty() => self.applier.copy(from, len),
            Some(_) => self.applier.copy_add(from, addend),
        }
    }
}

/// Takes down which old files each new file is made from.
pub(super) struct Sources {
    /// For each new file, its old ones and the last one that was copied from.
    files: Vec<(std::collections::BTreeSet<usize>, usize)>,
}

impl Sources {
    pub(super) fn new(files: usize) -> Self {
        Self { files: vec![(Default::default(), usize::MAX); files] }
    }

    pub(super) fn finish(self) -> Vec<Vec<usize>> {
        self.files.into_iter().map(|(sources, _)| sources.into_iter().collect()).collect()
    }
}

impl FileSink for Sources {
    fn insert(&mut self, _new: usize, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }

    fn copy(&mut self, new: usize, old: usize, _from: u64, _len: u64, _addend: &[u8]) -> Result<()> {
        let (sources, last) = &mut self.files[new];
        if *last != old {
            sources.insert(old);
            *last = old;
        }
        Ok(())
    }
}

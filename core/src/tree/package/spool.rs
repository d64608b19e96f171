//! What goes into a package, until all of it is there: in a temporary file, however much it is.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;

use tempfile::{SpooledData, SpooledTempFile};

use crate::delta::DeltaFile;
use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, OutputFile, OutputOptions, ReadAt, Section, SourceReader};
use crate::progress::{Phase, Task, Unit};
use crate::tree::package::codec::{Compression, Summary, pack};
use crate::tree::package::format::Method;
use crate::tree::package::writer::Packed;
use crate::tree::patch::{Content, Patch};
use crate::tree::path::TreePath;

/// What is packed is kept in memory up to so many bytes.
pub(in crate::tree) const IN_MEMORY: usize = 4 << 20;

/// A spool that holds no more than this needs no file.
const SPOOL_IN_MEMORY: usize = 16 << 20;

/// A temporary file that several threads add to.
pub(in crate::tree) struct Spool(Mutex<SpooledTempFile>);

/// The packed bytes of an entry in a [`Spool`].
#[derive(Clone, Copy, Debug)]
pub(in crate::tree) struct Payload {
    pub method: Method,
    pub crc: u32,
    pub packed: u64,
    pub size: u64,
    pub offset: u64,
}

impl Spool {
    pub fn new() -> Self {
        Self(Mutex::new(SpooledTempFile::new(SPOOL_IN_MEMORY)))
    }

    /// What was added, to be read.
    pub fn into_source(self) -> Result<Box<dyn ReadAt>> {
        let file = self.0.into_inner().map_err(|_| Error::new(Status::Internal, "a thread panicked"))?;
        Ok(match file.into_inner() {
            SpooledData::InMemory(bytes) => Box::new(bytes.into_inner()),
            SpooledData::OnDisk(file) => Box::new(FileSource::from_file(file, &std::env::temp_dir())?),
        })
    }

    /// Packs all of `source`, unless that takes more than `most` bytes. Says what the digest of the bytes is.
    pub fn add_file(
        &self,
        source: &dyn ReadAt,
        compression: Compression,
        most: u64,
        advance: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Option<(Payload, Digest)>> {
        let size = source.size();
        let mut advanced = 0;
        for compression in [compression, Compression::Stored] {
            // What does not get smaller is stored as it is.
            let limit = if compression == Compression::Stored { size } else { most.min(size.saturating_sub(1)) };
            if limit > most {
                break;
            }
            let mut out = SpooledTempFile::new(IN_MEMORY);
            let summary = pack(&mut SourceReader::new(source), compression, limit, &mut out, &mut |n| {
                let n = n.min(size - advanced);
                advanced += n;
                advance(n)
            })?;
            if let Some(Summary { packed, crc, sha256, .. }) = summary {
                advance(size - advanced)?;
                out.rewind()?;
                let payload = self.add(&mut out, compression.method(), crc, packed, size)?;
                return Ok(Some((payload, sha256)));
            }
        }
        advance(size - advanced)?;
        Ok(None)
    }

    /// Takes a delta.
    pub fn add_delta(&self, delta: &mut dyn DeltaFile) -> Result<Payload> {
        delta.rewind()?;
        let (mut crc, mut size, mut buffer) = (crc32fast::Hasher::new(), 0, vec![0; 64 << 10]);
        loop {
            match delta.read(&mut buffer)? {
                0 => break,
                n => {
                    crc.update(&buffer[..n]);
                    size += n as u64;
                }
            }
        }
        delta.rewind()?;
        self.add(delta, Method::Stored, crc.finalize(), size, size)
    }

    fn add(&self, mut bytes: impl Read, method: Method, crc: u32, packed: u64, size: u64) -> Result<Payload> {
        let in_spool = |e: std::io::Error| Error::from(e).in_file(&std::env::temp_dir());
        let mut file = self.0.lock().map_err(|_| Error::new(Status::Internal, "a thread panicked"))?;
        let offset = file.seek(SeekFrom::End(0)).map_err(in_spool)?;
        let copied = std::io::copy(&mut bytes, &mut *file).map_err(in_spool)?;
        match copied == packed {
            true => Ok(Payload { method, crc, packed, size, offset }),
            false => Err(Error::new(Status::Internal, "a packed file has another length than it had")),
        }
    }

    /// Writes the package of `patch` as `out`; `payload` gives the bytes of each of its entries that make one file, `joined`
    /// those of its joined deltas. Says how large it is.
    pub fn write<'a>(
        self,
        patch: &Patch,
        payload: impl Fn(&TreePath) -> Option<&'a Payload>,
        joined: &[Payload],
        out: &Path,
        output: OutputOptions,
        task: &mut Task<'_>,
    ) -> Result<u64> {
        let file = self.into_source()?;
        task.begin(Phase::Pack, file.size(), Unit::Bytes)?;
        let mut target = OutputFile::create(out, output)?;
        let mut writer = super::begin(&mut target, patch)?;
        let mut add = |name: &str, payload: Option<&Payload>, executable| {
            let missing = || Error::new(Status::Internal, format!("nothing was packed for {name}"));
            let payload = payload.ok_or_else(missing)?;
            writer.add(Packed {
                name,
                method: payload.method,
                crc: payload.crc,
                packed: payload.packed,
                size: payload.size,
                executable,
                is_link: false,
                bytes: &mut SourceReader::new(&Section::new(&*file, payload.offset, payload.packed)?),
            })?;
            task.advance(payload.packed)
        };
        for (number, delta) in patch.joined.iter().enumerate() {
            add(&delta.entry, joined.get(number), false)?;
        }
        for (path, change) in &patch.changes {
            match &change.content {
                Some(Content::Whole) => {
                    add(path.as_str(), payload(path), change.new_file().is_some_and(|file| file.executable))?;
                }
                Some(Content::Delta { entry, .. }) => add(entry, payload(path), false)?,
                Some(Content::Copy(_) | Content::Joined { .. }) | None => {}
            }
        }
        let (mut buffered, size) = writer.finish()?;
        buffered.flush()?;
        drop(buffered);
        task.finish()?;
        target.commit(task.commit_point())?;
        Ok(size)
    }
}

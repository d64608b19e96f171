//! From whatever version there is to whatever later one is wanted.
//!
//! The old file says by its digest which version it is. Several links are held in memory and applied in one pass; a
//! streaming apply does so only where that fits its memory, and else goes link by link through a nameless file.

use std::io::{self, Write};
use std::path::Path;

use super::{Chain, Link, write};
use crate::delta::{self, Header};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, OutputFile, OutputOptions, ReadAt, Section, hash};
use crate::limits::{DEFAULT_APPLY_MEMORY, Limits};
use crate::progress::{LogLevel, Phase, Task, Unit};

/// How a chain is applied.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplyOptions<'a> {
    /// What applying may use, with any number of threads.
    pub limits: Limits,
    /// Threads that work at a time, the caller's included; 1 unless given. More than 2 are not made use of.
    pub threads: usize,
    /// Bound the memory, by default to what a delta may ask an applier for, at the cost of intermediate files.
    pub streaming: bool,
    /// The folder for intermediate files; the system's unless given.
    pub scratch: Option<&'a Path>,
}

/// What applying a chain did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The ordinal of the version that the old file was.
    pub from: usize,
    /// The ordinal of the version that was made.
    pub to: usize,
    /// The links that were used, in order; none where the old file was at the target already.
    pub links: Vec<Link>,
    /// Whether the links were applied in one pass; otherwise each but the last made an intermediate file.
    pub one_pass: bool,
    /// The SHA-256 of the new file.
    pub new_digest: Digest,
    /// The size of the new file in bytes.
    pub new_size: u64,
}

impl Chain {
    /// Writes to `out` the version `target` (the last one unless given), made of `old`, which may be any version that
    /// leads there. Where it is at the target already, it is copied.
    pub fn apply(
        &self,
        old: &dyn ReadAt,
        out: &mut dyn Write,
        target: Option<usize>,
        options: &ApplyOptions<'_>,
        task: &mut Task<'_>,
    ) -> Result<Applied> {
        let to = target.unwrap_or(self.index.versions.len() - 1);
        let wanted = self.index.versions.get(to).ok_or_else(|| Error::invalid(format!("there is no version {to}")))?;
        task.begin(Phase::Hash, old.size(), Unit::Bytes)?;
        let digest = hash(old, task)?;
        let from = if digest == wanted.digest { to } else { self.start(&digest, to)? };
        let route = self.route(from, to)?;
        task.log(LogLevel::Info, || {
            let bytes: u64 = route.iter().map(|link| link.size).sum();
            format!("{}: {} links, {bytes} bytes", self.index.label(from, to), route.len())
        });
        let deltas = self.deltas(&route)?;
        let one_pass = if deltas.is_empty() {
            copy_checked(old, &digest, out, task)?;
            true
        } else {
            self.apply_route(old, &route, &deltas, out, options, task)?
        };
        let links = route.into_iter().cloned().collect();
        Ok(Applied { from, to, links, one_pass, new_digest: wanted.digest, new_size: wanted.size })
    }

    /// Like [`apply`](Self::apply) with files: `out` appears whole or not at all, and may be `old` itself.
    /// Intermediate files lie in the folder of `out` unless `options` name another.
    pub fn apply_file(
        &self,
        old: &Path,
        out: &Path,
        target: Option<usize>,
        options: &ApplyOptions<'_>,
        output: OutputOptions,
        task: &mut Task<'_>,
    ) -> Result<Applied> {
        self.apply_into_file(&FileSource::open(old)?, out, target, options, output, task)
    }

    /// [`apply_file`](Self::apply_file) for an old file wherever it is.
    pub fn apply_into_file(
        &self,
        old: &dyn ReadAt,
        out: &Path,
        target: Option<usize>,
        options: &ApplyOptions<'_>,
        output: OutputOptions,
        task: &mut Task<'_>,
    ) -> Result<Applied> {
        let mut file = OutputFile::create(out, output)?;
        let beside = if file.is_direct() { None } else { Some(folder_of(out)) };
        let options = ApplyOptions { scratch: options.scratch.or(beside), ..*options };
        let applied = self.apply(old, &mut file, target, &options, task).map_err(|e| delta::in_old(e, old))?;
        file.commit(task.commit_point())?;
        Ok(applied)
    }

    /// The version that an old file with this digest is: the latest that leads to `to`.
    fn start(&self, digest: &Digest, to: usize) -> Result<usize> {
        let latest = self.find_digest(digest).ok_or_else(|| self.index.mismatch("the old file", digest))?;
        let routes = self.index.routes_to(to);
        let versions = self.index.versions.iter().enumerate().rev();
        let mut same = versions.filter(|(_, version)| version.digest == *digest).map(|(ordinal, _)| ordinal);
        same.find(|&ordinal| routes.reach(ordinal)).ok_or_else(|| self.index.no_route(latest, to))
    }

    /// Applies the links of a route to the version that they start at; says whether one pass did it.
    fn apply_route(
        &self,
        old: &dyn ReadAt,
        route: &[&Link],
        deltas: &[(Header, Section<'_>)],
        out: &mut dyn Write,
        options: &ApplyOptions<'_>,
        task: &mut Task<'_>,
    ) -> Result<bool> {
        let limits = options.limits_in_force();
        let in_force = delta::ApplyOptions { limits, threads: options.threads };
        let sources: Vec<&dyn ReadAt> = deltas.iter().map(|(_, delta)| delta as _).collect();
        let may_split = options.streaming && deltas.len() > 1;
        if !may_split || may_fit(deltas, &limits) {
            let mut counted = Counted { out, written: 0 };
            match delta::apply_chain_to_known(old, &sources, &mut counted, &in_force, task) {
                Ok(_) => return Ok(true),
                Err(e) if may_split && e.status() == Status::Limit && counted.written == 0 => {}
                Err(e) => return Err(self.blame(e, route, &limits, task)),
            }
        }
        task.log(LogLevel::Info, || "one pass takes too much memory: going link by link".to_owned());
        apply_each(old, &sources, out, &in_force, options.scratch, task)
            .map_err(|e| self.blame(e, route, &limits, task))?;
        Ok(false)
    }
}

/// Whether it is worth the time to try one pass: operations seldom take less memory than the columns that they are
/// read from, and the last link is never held.
fn may_fit(deltas: &[(Header, Section<'_>)], limits: &Limits) -> bool {
    let held = deltas.split_last().map_or(&[][..], |(_, held)| held);
    let columns = held.iter().fold(0, |sum: u64, (header, _)| sum.saturating_add(header.stream_bytes));
    columns <= limits.memory()
}

impl ApplyOptions<'_> {
    fn limits_in_force(&self) -> Limits {
        let memory = match self.limits.memory {
            0 if self.streaming => DEFAULT_APPLY_MEMORY,
            given => given,
        };
        Limits { memory, ..self.limits }
    }
}

/// Applies one delta after the other; every intermediate file is verified and has no name, so that nothing is left
/// even of a process that is killed.
fn apply_each(
    old: &dyn ReadAt,
    deltas: &[&dyn ReadAt],
    out: &mut dyn Write,
    options: &delta::ApplyOptions,
    scratch: Option<&Path>,
    task: &mut Task<'_>,
) -> Result<()> {
    let folder = scratch.map_or_else(std::env::temp_dir, Path::to_owned);
    // Only the result is bound by what the caller allows a result to have.
    let unbound = Limits { output: u64::MAX, ..options.limits };
    let between = delta::ApplyOptions { limits: unbound, ..*options };
    let mut current: Option<FileSource> = None;
    for (i, delta) in deltas.iter().enumerate() {
        // Every source is known: the old file was hashed to find the route, the others when they were made.
        let source = current.as_ref().map_or(old, |file| file as _);
        if i + 1 == deltas.len() {
            delta::apply_chain_to_known(source, &[*delta], out, options, task)?;
        } else {
            let in_folder = |e: io::Error| Error::from(e).in_file(&folder);
            let mut file = tempfile::tempfile_in(&folder).map_err(in_folder)?;
            delta::apply_chain_to_known(source, &[*delta], &mut file, &between, task).map_err(|e| {
                match e.status() {
                    Status::NoSpace | Status::Io => e.in_file(&folder),
                    _ => e,
                }
            })?;
            current = Some(FileSource::from_file(file, &folder)?);
        }
    }
    Ok(())
}

/// Copies an old file that is at the target already, and makes sure that it still is.
fn copy_checked(old: &dyn ReadAt, digest: &Digest, out: &mut dyn Write, task: &mut Task<'_>) -> Result<()> {
    let mut hashed = Hashed { out, hasher: Hasher::new() };
    task.begin(Phase::Apply, old.size(), Unit::Bytes)?;
    write::copy(old, &mut hashed, task)?;
    hashed.flush()?;
    task.finish()?;
    if hashed.hasher.finish() != *digest {
        return Err(Error::new(Status::SourceMismatch, "the old file changed while it was read"));
    }
    Ok(())
}

/// Counts what is written, to know whether there is a way back.
struct Counted<'a> {
    out: &'a mut dyn Write,
    written: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.out.write(buf)?;
        self.written += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Hashes what is written.
struct Hashed<'a> {
    out: &'a mut dyn Write,
    hasher: Hasher,
}

impl Write for Hashed<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.out.write(buf)?;
        self.hasher.update(&buf[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

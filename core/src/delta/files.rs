//! The same operations on paths: open, work, verify, and put the result in place at once.

use std::io::Write;
use std::path::Path;

use super::apply::apply_provisionally;
use super::{ApplyOptions, ApplyStats, DiffOptions, EncodeOptions, Header, Inspection};
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, OutputFile, OutputOptions, ReadAt};
use crate::limits::Limits;
use crate::progress::Task;

/// Writes the delta from `old` to `new` as `out`, and applies it once for trial before `out` appears.
pub fn diff_files(
    old: &Path,
    new: &Path,
    out: &Path,
    options: &DiffOptions,
    output: OutputOptions,
    task: &mut Task<'_>,
) -> Result<Header> {
    diff_into_file(&FileSource::open(old)?, &FileSource::open(new)?, out, options, output, task)
}

/// [`diff_files`] for bytes wherever they are.
pub fn diff_into_file(
    old: &dyn ReadAt,
    new: &dyn ReadAt,
    out: &Path,
    options: &DiffOptions,
    output: OutputOptions,
    task: &mut Task<'_>,
) -> Result<Header> {
    write_delta(out, output, task, |file, task| super::diff(old, new, file, options, task))
}

/// Writes the delta that the deltas in `inputs` make together as `out`, from them alone.
pub fn compose_files(
    inputs: &[&Path],
    out: &Path,
    options: &EncodeOptions,
    limits: &Limits,
    output: OutputOptions,
    task: &mut Task<'_>,
) -> Result<Header> {
    let sources = inputs.iter().map(|path| FileSource::open(path)).collect::<Result<Vec<_>>>()?;
    let deltas: Vec<&dyn ReadAt> = sources.iter().map(|source| source as _).collect();
    compose_into_file(&deltas, out, options, limits, output, task)
}

/// [`compose_files`] for bytes wherever they are.
pub fn compose_into_file(
    deltas: &[&dyn ReadAt],
    out: &Path,
    options: &EncodeOptions,
    limits: &Limits,
    output: OutputOptions,
    task: &mut Task<'_>,
) -> Result<Header> {
    write_delta(out, output, task, |file, task| super::compose(deltas, file, options, limits, task))
}

/// Writes what `delta` makes of `old` as `out`. `delta` is read forward only, so it may be a pipe.
///
/// `old` is verified before `out` appears; where `out` is a pipe or a device, before the first byte is written. With a
/// second thread it is read, and in the former case hashed, while the new file is written.
pub fn apply_file(
    old: &Path,
    delta: &mut dyn std::io::Read,
    out: &Path,
    options: &ApplyOptions,
    output: OutputOptions,
    task: &mut Task<'_>,
) -> Result<ApplyStats> {
    apply_into_file(&FileSource::open(old)?, delta, out, options, output, task)
}

/// [`apply_file`] for an old file wherever it is.
pub fn apply_into_file(
    old: &dyn ReadAt,
    delta: &mut dyn std::io::Read,
    out: &Path,
    options: &ApplyOptions,
    output: OutputOptions,
    task: &mut Task<'_>,
) -> Result<ApplyStats> {
    let mut file = OutputFile::create(out, output)?;
    let apply = if file.is_direct() { super::apply } else { apply_provisionally };
    let stats = apply(old, delta, &mut file, options, task).map_err(|e| in_old(e, old))?;
    file.commit(task.commit_point())?;
    Ok(stats)
}

/// Names the old file of an error that is about it.
pub(crate) fn in_old(error: Error, old: &dyn ReadAt) -> Error {
    match (error.status(), old.path()) {
        (Status::SourceMismatch, Some(path)) => error.in_file(path),
        _ => error,
    }
}

/// Checks every part of the delta `path`; with `old`, also that it makes the promised file of it.
pub fn verify_file(path: &Path, old: Option<&Path>, limits: &Limits, task: &mut Task<'_>) -> Result<Inspection> {
    let delta = FileSource::open(path)?;
    let source = old.map(FileSource::open).transpose()?;
    super::verify(&delta, source.as_ref().map(|source| source as _), limits, task).map_err(|e| {
        match (e.status(), old) {
            (Status::SourceMismatch, Some(old)) => e.in_file(old),
            _ => e.in_file(path),
        }
    })
}

/// Runs `write` on a seekable file and puts what it wrote in place; a pipe gets the finished bytes.
pub(crate) fn write_delta(
    out: &Path,
    output: OutputOptions,
    task: &mut Task<'_>,
    write: impl FnOnce(&mut dyn super::encode::DeltaFile, &mut Task<'_>) -> Result<Header>,
) -> Result<Header> {
    let in_file = |e: std::io::Error| Error::from(e).in_file(out);
    let mut file = OutputFile::create(out, output)?;
    let header = if file.is_direct() {
        let mut spool = tempfile::tempfile().map_err(in_file)?;
        let header = write(&mut spool, task)?;
        std::io::Seek::rewind(&mut spool).map_err(in_file)?;
        std::io::copy(&mut spool, &mut file).map_err(in_file)?;
        file.flush().map_err(in_file)?;
        header
    } else {
        write(&mut file, task)?
    };
    file.commit(task.commit_point())?;
    Ok(header)
}

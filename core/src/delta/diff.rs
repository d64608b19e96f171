//! From two files to a delta: hash, match, encode, and apply once for trial.

use super::apply::apply_segments;
use super::decode::SegmentReader;
use super::encode::{DeltaFile, Encoder, Promise};
use super::format::Header;
use super::matching::{Cover, find_covers};
use super::ops::OperationSink;
use super::options::{DiffOptions, EncodeOptions};
use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::{ReadAt, hash};
use crate::limits::Limits;
use crate::progress::{Phase, Task, Unit};

/// Writes to `out` the delta that turns `old` into `new`, and applies it once for trial.
///
/// Takes at most 5 bytes of memory per byte of both files and 64 MiB up to level 6, and 8 bytes above. However large the
/// files are, at most 192 MiB of the old one and 64 MiB of the new one are searched at once, with tables of 5.5 bytes
/// for each of these old bytes: about 1.5 GiB with all that is beside them. What is equal in both costs nearly nothing.
pub fn diff(
    old: &dyn ReadAt,
    new: &dyn ReadAt,
    out: &mut dyn DeltaFile,
    options: &DiffOptions,
    task: &mut Task<'_>,
) -> Result<Header> {
    task.begin(Phase::Hash, old.size().saturating_add(new.size()), Unit::Bytes)?;
    let promise = Promise {
        old_size: old.size(),
        old_digest: hash(old, task)?,
        new_size: new.size(),
        new_digest: hash(new, task)?,
    };
    let header = diff_promised(old, new, promise, out, options, task)?;
    try_out(old, out, task)?;
    task.finish()?;
    Ok(header)
}

/// [`diff`] of files that are known to be what `promise` says, without a trial.
pub(super) fn diff_promised(
    old: &dyn ReadAt,
    new: &dyn ReadAt,
    promise: Promise,
    out: &mut dyn DeltaFile,
    options: &DiffOptions,
    task: &mut Task<'_>,
) -> Result<Header> {
    let encode = options.encode.resolve()?;
    let covers = if promise.old_digest == promise.new_digest && new.size() > 0 {
        vec![Cover { old: 0, new: 0, len: new.size() }]
    } else {
        find_covers(old, new, options.engine, encode.level, task)?
    };
    task.begin(Phase::Encode, new.size(), Unit::Bytes)?;
    Encoder::run(&mut *out, promise, &encode, Some(new), |encoder| replay_covers(old, new, &covers, encoder, task))
}

/// Writes to `out` the delta that leaves a file with `digest` and `size` as it is.
pub(crate) fn identity(digest: Digest, size: u64, out: &mut dyn DeltaFile, options: &EncodeOptions) -> Result<Header> {
    let promise = Promise { old_size: size, old_digest: digest, new_size: size, new_digest: digest };
    Encoder::run(out, promise, &options.resolve()?, None, |encoder| encoder.copy(0, size))
}

/// Hands the operations that `covers` stand for to `sink`.
fn replay_covers(
    old: &dyn ReadAt,
    new: &dyn ReadAt,
    covers: &[Cover],
    sink: &mut impl OperationSink,
    task: &mut Task<'_>,
) -> Result<()> {
    const CHUNK: usize = 64 << 10;
    let mut new_bytes = vec![0; CHUNK];
    let mut old_bytes = vec![0; CHUNK];
    let end = Cover { old: 0, new: new.size(), len: 0 };
    let mut position = 0;
    for cover in covers.iter().chain([&end]) {
        while position < cover.new {
            let n = (cover.new - position).min(CHUNK as u64) as usize;
            new.read_at(position, &mut new_bytes[..n])?;
            sink.insert(&new_bytes[..n])?;
            position += n as u64;
            task.advance(n as u64)?;
        }
        let cover_end = cover.new + cover.len;
        let mut from = cover.old;
        while position < cover_end {
            let n = (cover_end - position).min(CHUNK as u64) as usize;
            new.read_at(position, &mut new_bytes[..n])?;
            old.read_at(from, &mut old_bytes[..n])?;
            if new_bytes[..n] == old_bytes[..n] {
                sink.copy(from, n as u64)?;
            } else {
                new_bytes.iter_mut().zip(&old_bytes).take(n).for_each(|(new, old)| *new = new.wrapping_sub(*old));
                sink.copy_add(from, &new_bytes[..n])?;
            }
            position += n as u64;
            from += n as u64;
            task.advance(n as u64)?;
        }
    }
    Ok(())
}

/// Applies the finished delta, streaming, so that no delta is ever handed out that does not work.
fn try_out(old: &dyn ReadAt, delta: &mut dyn DeltaFile, task: &mut Task<'_>) -> Result<()> {
    delta.rewind()?;
    let mut delta = std::io::BufReader::new(delta);
    let limits = Limits { memory: u64::MAX, ..Limits::default() };
    let mut segments = SegmentReader::open(&mut delta, &limits)?;
    apply_segments(old, &mut segments, &mut std::io::sink(), &limits.into(), task).map_err(|e| match e.status() {
        Status::Cancelled | Status::Callback | Status::Io => e,
        _ => Error::new(
            Status::TargetMismatch,
            format!("the delta does not make the new file again ({e}); did a file change while it was read?"),
        ),
    })?;
    Ok(())
}

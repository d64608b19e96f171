//! Deltas.

use std::ffi::c_char;

use patchcore_ffi::delta;
use patchcore_ffi::digest::Digest;
use patchcore_ffi::options::{ApplyOptions, DiffOptions, Engine, Limits, SquashOptions};
use patchcore_ffi::results::{ApplyStats, DeltaContents, DeltaInfo};
use patchcore_ffi::status::Result;

use crate::boundary::boundary;
use crate::error::patchcore_error;
use crate::input::{self, patchcore_input};
use crate::job::{self, patchcore_job};
use crate::output::{Destination, patchcore_output};
use crate::status::patchcore_status;
use crate::structs::{self, Out, versioned};
use crate::text::{self, invalid};

/// Equal blocks, then a suffix array, matches kept by their cost.
pub const PATCHCORE_ENGINE_AUTO: i32 = 0;
/// The matches that bsdiff finds.
pub const PATCHCORE_ENGINE_BSDIFF: i32 = 1;

/// How two files are compared and their delta is encoded. Begin with PATCHCORE_DIFF_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_diff_options {
    /// sizeof(patchcore_diff_options).
    pub struct_size: usize,
    /// 1 (fastest) to 9 (smallest delta); 0 is 6.
    pub level: i32,
    /// One of PATCHCORE_ENGINE_*.
    pub engine: i32,
    /// Worker threads; 0 is 1. The delta is the same for any number.
    pub threads: u64,
    /// Bytes of memory that applying the delta may take; 0 is 12 MiB, at least 256 KiB.
    pub max_apply_memory: u64,
}

/// How several deltas become one. Begin with PATCHCORE_SQUASH_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_squash_options {
    /// sizeof(patchcore_squash_options).
    pub struct_size: usize,
    /// 1 (fastest) to 9 (smallest delta); 0 is 6.
    pub level: i32,
    /// Worker threads; 0 is 1. The delta is the same for any number.
    pub threads: u64,
    /// Bytes of memory that applying the delta may take; 0 is 12 MiB, at least 256 KiB.
    pub max_apply_memory: u64,
    /// Bytes of memory that squashing itself may take; 0 is 4 GiB, UINT64_MAX is no limit.
    pub max_memory: u64,
    /// Operations that squashing may produce; 0 grows with the deltas, UINT64_MAX is no limit.
    pub max_operations: u64,
}

/// How a delta or a chain is applied. Begin with PATCHCORE_APPLY_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_apply_options {
    /// sizeof(patchcore_apply_options).
    pub struct_size: usize,
    /// Threads that work at a time, the calling one included; 0 is 1, and more than 2 are not made use of.
    pub threads: u64,
    /// Bytes of memory that applying may take; 0 is 4 GiB, UINT64_MAX is no limit.
    pub max_memory: u64,
    /// Bytes that the new file may have; 0 and UINT64_MAX are no limit.
    pub max_output: u64,
    /// Not zero: `max_memory` is 12 MiB where it is 0, and a chain is applied by way of intermediate files where it takes
    /// more.
    pub streaming: i32,
    /// The folder for intermediate files; NULL and 0 for that of the output, or the system's where the output is no file.
    pub scratch: *const c_char,
    /// The bytes of `scratch`, or PATCHCORE_NUL_TERMINATED.
    pub scratch_len: usize,
}

/// What an operation that only reads may use. Begin with PATCHCORE_LIMITS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_limits {
    /// sizeof(patchcore_limits).
    pub struct_size: usize,
    /// Bytes of memory; 0 is 4 GiB, UINT64_MAX is no limit.
    pub max_memory: u64,
}

/// What a delta says about itself. Begin with PATCHCORE_DELTA_INFO_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_delta_info {
    /// sizeof(patchcore_delta_info).
    pub struct_size: usize,
    /// The size of the old file in bytes.
    pub old_size: u64,
    /// The size of the new file in bytes.
    pub new_size: u64,
    /// The SHA-256 of the old file.
    pub old_digest: [u8; 32],
    /// The SHA-256 of the new file.
    pub new_digest: [u8; 32],
    /// Bytes of memory that decoding the delta takes, on whatever device.
    pub apply_memory: u64,
    /// Bytes of all segments after decompression.
    pub stream_bytes: u64,
    /// The number of segments.
    pub segments: u64,
    /// The size of the delta in bytes.
    pub delta_size: u64,
}

/// What checking a whole delta counted. Begin with PATCHCORE_DELTA_CONTENTS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_delta_contents {
    /// sizeof(patchcore_delta_contents).
    pub struct_size: usize,
    /// Copies from the old file.
    pub copies: u64,
    /// Bytes of the new file that copies make.
    pub copied_bytes: u64,
    /// Bytes of those that differ from the old file.
    pub changed_bytes: u64,
    /// Bytes of the new file that the delta brings along.
    pub inserted_bytes: u64,
}

/// What applying a delta made. Begin with PATCHCORE_APPLY_STATS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_apply_stats {
    /// sizeof(patchcore_apply_stats).
    pub struct_size: usize,
    /// The SHA-256 of the new file.
    pub new_digest: [u8; 32],
    /// The size of the new file in bytes.
    pub new_size: u64,
}

versioned!(
    patchcore_diff_options,
    patchcore_squash_options,
    patchcore_apply_options,
    patchcore_limits,
    patchcore_delta_info,
    patchcore_delta_contents,
    patchcore_apply_stats,
);

/// Makes the delta that turns one file into another, and applies it once for trial before the output appears.
///
/// @param old_file The file as it was; borrowed for the call. A path must be a regular file, as for all inputs that are not
///                 said to be read forward only.
/// @param new_file The file as it is to become; borrowed for the call.
/// @param output Where the delta goes; borrowed for the call. A callback gets it when it is complete, by way of an unnamed
///               file in the system's folder for those.
/// @param options How to compare and encode, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_info Receives what the delta says about itself, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED in a library built to apply only.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread, `read_at` on `threads` threads.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_delta_diff(
    old_file: *const patchcore_input,
    new_file: *const patchcore_input,
    output: *const patchcore_output,
    options: *const patchcore_diff_options,
    job: *const patchcore_job,
    out_info: *mut patchcore_delta_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let old = input::one(old_file, "old_file")?;
            let new = input::one(new_file, "new_file")?;
            let (destination, output) = Destination::open(output)?;
            let options = diff_options(structs::read_or_default(options, "options")?)?;
            let mut job = job::read(job)?;
            let out_info = Out::new(out_info, "out_info")?;
            let (info, written) = delta::diff(old, new, output, &options, &mut job)?;
            destination.deliver(written);
            out_info.put(info_for_c(&info));
            Ok(())
        })
    }
}

/// Makes the new file of the old one and a delta, and verifies it before it appears.
///
/// @param old_file The old file; borrowed for the call. It is verified before anything is done that cannot be taken back.
/// @param delta The delta, read forward only, so a path may be a pipe; borrowed for the call.
/// @param output Where the new file goes, which may be the old file; borrowed for the call.
/// @param options Limits and threads, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL. Who waits for the other end of a pipe notices
///            a cancellation when bytes arrive.
/// @param out_stats Receives what was made, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_SOURCE_MISMATCH where the old file is another one.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread, `read_at` of `old_file` on `threads`
/// threads.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_delta_apply(
    old_file: *const patchcore_input,
    delta: *const patchcore_input,
    output: *const patchcore_output,
    options: *const patchcore_apply_options,
    job: *const patchcore_job,
    out_stats: *mut patchcore_apply_stats,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let old = input::one(old_file, "old_file")?;
            let delta = input::one(delta, "delta")?;
            let (destination, output) = Destination::open(output)?;
            let options = apply_options(options)?;
            let mut job = job::read(job)?;
            let out_stats = Out::new(out_stats, "out_stats")?;
            let (stats, written) = delta::apply(old, delta, output, &options, &mut job)?;
            destination.deliver(written);
            out_stats.put(stats_for_c(&stats));
            Ok(())
        })
    }
}

/// Makes one delta of several, each of which continues the one before; no version of the file is needed.
///
/// @param deltas The deltas in order; borrowed for the call.
/// @param count How many there are, at least one.
/// @param output Where the delta goes; borrowed for the call.
/// @param options How to encode, and limits; borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_info Receives what the new delta says about itself, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_SOURCE_MISMATCH where one does not continue the one before,
///         PATCHCORE_UNSUPPORTED in a library built to apply only.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_delta_squash(
    deltas: *const patchcore_input,
    count: usize,
    output: *const patchcore_output,
    options: *const patchcore_squash_options,
    job: *const patchcore_job,
    out_info: *mut patchcore_delta_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let deltas = input::several(deltas, count, "deltas")?;
            let (destination, output) = Destination::open(output)?;
            let options = squash_options(options)?;
            let mut job = job::read(job)?;
            let out_info = Out::new(out_info, "out_info")?;
            let (info, written) = delta::squash(deltas, output, &options, &mut job)?;
            destination.deliver(written);
            out_info.put(info_for_c(&info));
            Ok(())
        })
    }
}

/// Reads what a delta says about itself, its header, and nothing else of it.
///
/// @param delta The delta, read forward only; borrowed for the call.
/// @param out_info Receives what it says, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where it is no delta.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_delta_inspect(
    delta: *const patchcore_input,
    out_info: *mut patchcore_delta_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let delta = input::one(delta, "delta")?;
            let out_info = Out::new(out_info, "out_info")?;
            out_info.put(info_for_c(&delta::inspect(delta)?));
            Ok(())
        })
    }
}

/// Checks every part of a delta; with the old file, also that it makes the promised new one.
///
/// @param delta The delta; borrowed for the call.
/// @param old_file The old file, borrowed for the call, or NULL.
/// @param limits What checking may use, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_info Receives what the delta says about itself, or NULL.
/// @param out_contents Receives what was counted, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_delta_verify(
    delta: *const patchcore_input,
    old_file: *const patchcore_input,
    limits: *const patchcore_limits,
    job: *const patchcore_job,
    out_info: *mut patchcore_delta_info,
    out_contents: *mut patchcore_delta_contents,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let delta = input::one(delta, "delta")?;
            let old = input::optional(old_file, "old_file")?;
            let limits = read_limits(limits)?;
            let mut job = job::read(job)?;
            let out_info = Out::new(out_info, "out_info")?;
            let out_contents = Out::new(out_contents, "out_contents")?;
            let (info, contents) = delta::verify(delta, old, &limits, &mut job)?;
            out_info.put(info_for_c(&info));
            out_contents.put(contents_for_c(&contents));
            Ok(())
        })
    }
}

fn diff_options(given: patchcore_diff_options) -> Result<DiffOptions> {
    let engine = match given.engine {
        PATCHCORE_ENGINE_AUTO => Engine::Auto,
        PATCHCORE_ENGINE_BSDIFF => Engine::Bsdiff,
        other => return Err(invalid(format!("`options.engine` is {other}, which is none of PATCHCORE_ENGINE_*"))),
    };
    let patchcore_diff_options { level, threads, max_apply_memory, .. } = given;
    Ok(DiffOptions { level, engine, threads, max_apply_memory })
}

/// # Safety
/// `options` is NULL or points to options that keep what the header demands.
pub(crate) unsafe fn squash_options(options: *const patchcore_squash_options) -> Result<SquashOptions> {
    // SAFETY: the caller's promise.
    let given = unsafe { structs::read_or_default(options, "options") }?;
    let patchcore_squash_options { level, threads, max_apply_memory, max_memory, max_operations, .. } = given;
    Ok(SquashOptions { level, threads, max_apply_memory, max_memory, max_operations })
}

/// # Safety
/// `options` is NULL or points to options that keep what the header demands.
pub(crate) unsafe fn apply_options(options: *const patchcore_apply_options) -> Result<ApplyOptions> {
    // SAFETY: the caller's promise.
    let given = unsafe { structs::read_or_default(options, "options") }?;
    let patchcore_apply_options { threads, max_memory, max_output, .. } = given;
    // SAFETY: the caller's promise.
    let scratch = unsafe { text::optional_path(given.scratch, given.scratch_len, "options.scratch") }?;
    Ok(ApplyOptions { threads, max_memory, max_output, streaming: given.streaming != 0, scratch })
}

/// # Safety
/// `limits` is NULL or points to limits that keep what the header demands.
pub(crate) unsafe fn read_limits(limits: *const patchcore_limits) -> Result<Limits> {
    // SAFETY: the caller's promise.
    let given = unsafe { structs::read_or_default(limits, "limits") }?;
    Ok(Limits { max_memory: given.max_memory })
}

pub(crate) fn info_for_c(info: &DeltaInfo) -> patchcore_delta_info {
    let &DeltaInfo { old_size, new_size, apply_memory, stream_bytes, segments, delta_size, .. } = info;
    let (Digest(old_digest), Digest(new_digest)) = (info.old_digest, info.new_digest);
    patchcore_delta_info {
        struct_size: 0,
        old_size,
        new_size,
        old_digest,
        new_digest,
        apply_memory,
        stream_bytes,
        segments,
        delta_size,
    }
}

pub(crate) fn contents_for_c(contents: &DeltaContents) -> patchcore_delta_contents {
    let &DeltaContents { copies, copied_bytes, changed_bytes, inserted_bytes } = contents;
    patchcore_delta_contents { struct_size: 0, copies, copied_bytes, changed_bytes, inserted_bytes }
}

pub(crate) fn stats_for_c(stats: &ApplyStats) -> patchcore_apply_stats {
    patchcore_apply_stats { struct_size: 0, new_digest: stats.new_digest.0, new_size: stats.new_size }
}

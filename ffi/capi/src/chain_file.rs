//! Making and changing chain files.

use std::ffi::c_char;

use patchcore_ffi::chain;
use patchcore_ffi::options::CreateOptions;
use patchcore_ffi::status::Result;

use crate::boundary::boundary;
use crate::delta::{patchcore_limits, patchcore_squash_options, read_limits, squash_options};
use crate::error::patchcore_error;
use crate::input::{self, patchcore_input};
use crate::job::{self, patchcore_job};
use crate::output::{Destination, patchcore_output};
use crate::status::patchcore_status;
use crate::structs::{self, Out, versioned};
use crate::text;

/// What a new chain is called and whether it may replace another. Begin with PATCHCORE_CHAIN_CREATE_OPTIONS_INIT; NULL is all
/// defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_chain_create_options {
    /// sizeof(patchcore_chain_create_options).
    pub struct_size: usize,
    /// The name of the chain; NULL and 0 for that of the file without its extension, or "chain" where there is no file.
    pub chain_id: *const c_char,
    /// The bytes of `chain_id`, or PATCHCORE_NUL_TERMINATED.
    pub chain_id_len: usize,
    /// The names of the first versions in order; the others are called v1, v2, ... by their places.
    pub names: *const *const c_char,
    /// The bytes of each name; NULL where all end with a NUL.
    pub name_lens: *const usize,
    /// How many names there are.
    pub name_count: usize,
    /// Not zero: an existing chain is replaced, and its history with it.
    pub force: i32,
}

/// What pruning a chain did. Begin with PATCHCORE_PRUNE_STATS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_prune_stats {
    /// sizeof(patchcore_prune_stats).
    pub struct_size: usize,
    /// Links and shortcuts that are gone.
    pub removed_links: u64,
    /// Versions that are gone.
    pub removed_versions: u64,
    /// Shortcuts that were added.
    pub added_shortcuts: u64,
    /// The size of the chain file before, in bytes.
    pub size_before: u64,
    /// The size of the chain file now, in bytes.
    pub size_after: u64,
}

versioned!(patchcore_chain_create_options, patchcore_prune_stats);

/// Makes a chain of deltas, each of which must start at a version that those before it brought.
///
/// @param deltas The deltas in order; borrowed for the call. All are checked before anything is written.
/// @param count How many there are, at least one.
/// @param output Where the chain goes; borrowed for the call. A chain there is not replaced unless the options say so.
/// @param options Names, borrowed for the call, or NULL.
/// @param limits What checking the deltas may use, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED in a library built to apply only.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_create(
    deltas: *const patchcore_input,
    count: usize,
    output: *const patchcore_output,
    options: *const patchcore_chain_create_options,
    limits: *const patchcore_limits,
    job: *const patchcore_job,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let deltas = input::several(deltas, count, "deltas")?;
            let (destination, output) = Destination::open(output)?;
            let options = create_options(options)?;
            let limits = read_limits(limits)?;
            let mut job = job::read(job)?;
            destination.deliver(chain::create(deltas, output, &options, &limits, &mut job)?);
            Ok(())
        })
    }
}

/// Appends deltas to a chain file, all or none. One that leads between two versions that the chain holds, such as
/// patchcore_chain_squash() makes, becomes a shortcut; any other brings a new version.
///
/// @param path The chain file; borrowed for the call. It is locked meanwhile against other processes that change it; who
///             reads it sees it as it was, or as it is then.
/// @param path_len The bytes of `path`, or PATCHCORE_NUL_TERMINATED.
/// @param deltas The deltas in order; borrowed for the call. All are checked before anything is written.
/// @param count How many there are, at least one.
/// @param name The name of the version that the last delta leads to; borrowed for the call. NULL and 0 for the next of v1,
///             v2, ...
/// @param name_len The bytes of `name`, or PATCHCORE_NUL_TERMINATED.
/// @param limits What checking the deltas may use, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_BUSY while another process changes the chain,
///         PATCHCORE_UNSUPPORTED in a library built to apply only.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_append(
    path: *const c_char,
    path_len: usize,
    deltas: *const patchcore_input,
    count: usize,
    name: *const c_char,
    name_len: usize,
    limits: *const patchcore_limits,
    job: *const patchcore_job,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let path = text::path(path, path_len, "path")?;
            let deltas = input::several(deltas, count, "deltas")?;
            let name = text::optional(name, name_len, "name")?;
            let limits = read_limits(limits)?;
            let mut job = job::read(job)?;
            chain::append(&path, deltas, name.as_deref(), &limits, &mut job)
        })
    }
}

/// Removes the links that lead up to a version from a chain file. Each version before it keeps one link to it, so that no
/// device is lost, unless versions are dropped.
///
/// @param path The chain file; borrowed for the call. It is locked meanwhile against other processes that change it, and
///             replaced at once.
/// @param path_len The bytes of `path`, or PATCHCORE_NUL_TERMINATED.
/// @param before The version where the history then begins, as for patchcore_chain_resolve(); borrowed for the call.
/// @param before_len The bytes of `before`, or PATCHCORE_NUL_TERMINATED.
/// @param drop_versions Not zero: the versions before it and all links from them are gone.
/// @param options How to encode the links that are kept, and limits; borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_stats Receives what was done, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_BUSY while another process changes the chain,
///         PATCHCORE_UNSUPPORTED in a library built to apply only.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_prune(
    path: *const c_char,
    path_len: usize,
    before: *const c_char,
    before_len: usize,
    drop_versions: i32,
    options: *const patchcore_squash_options,
    job: *const patchcore_job,
    out_stats: *mut patchcore_prune_stats,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let path = text::path(path, path_len, "path")?;
            let before = text::required(before, before_len, "before")?;
            let options = squash_options(options)?;
            let mut job = job::read(job)?;
            let out_stats = Out::new(out_stats, "out_stats")?;
            let stats = chain::prune(&path, &before, drop_versions != 0, &options, &mut job)?;
            out_stats.put(patchcore_prune_stats {
                struct_size: 0,
                removed_links: stats.removed_links,
                removed_versions: stats.removed_versions,
                added_shortcuts: stats.added_shortcuts,
                size_before: stats.size_before,
                size_after: stats.size_after,
            });
            Ok(())
        })
    }
}

/// # Safety
/// `options` is NULL or points to options that keep what the header demands.
unsafe fn create_options(options: *const patchcore_chain_create_options) -> Result<CreateOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let given = structs::read_or_default(options, "options")?;
        let names = text::several(given.names, given.name_lens, given.name_count, "options.names")?;
        let chain_id = text::optional(given.chain_id, given.chain_id_len, "options.chain_id")?;
        Ok(CreateOptions { chain_id, names, force: given.force != 0 })
    }
}

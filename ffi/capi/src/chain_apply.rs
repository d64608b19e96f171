//! Using chains: apply, squash, extract, verify, explain.

use std::ffi::c_char;

use patchcore_ffi::results::ChainApplyStats;

use crate::boundary::boundary;
use crate::chain::patchcore_chain;
use crate::delta::{
    apply_options, info_for_c, patchcore_apply_options, patchcore_delta_info, patchcore_limits,
    patchcore_squash_options, read_limits, squash_options,
};
use crate::error::patchcore_error;
use crate::explanation::{most_listed, patchcore_explanation};
use crate::handle::{self, OutPointer};
use crate::input::{self, patchcore_input};
use crate::job::{self, patchcore_job};
use crate::output::{Destination, patchcore_output};
use crate::status::patchcore_status;
use crate::structs::{Out, versioned};
use crate::text;

/// What applying a chain did. Begin with PATCHCORE_CHAIN_APPLY_STATS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_chain_apply_stats {
    /// sizeof(patchcore_chain_apply_stats).
    pub struct_size: usize,
    /// The version that the old file was.
    pub from: u64,
    /// The version that was made.
    pub to: u64,
    /// How many links were used; 0 where the old file was at the target already.
    pub links: u64,
    /// The bytes of those links.
    pub delta_bytes: u64,
    /// 1 where no intermediate file was made, else 0.
    pub one_pass: i32,
    /// The SHA-256 of the new file.
    pub new_digest: [u8; 32],
    /// The size of the new file in bytes.
    pub new_size: u64,
}

versioned!(patchcore_chain_apply_stats);

/// Brings a file from whatever version it is to a later one, and verifies the result before it appears.
///
/// @param chain The chain, borrowed.
/// @param old_file The file as it is; borrowed for the call. Its digest says which version it is.
/// @param target The version that is wanted, as for patchcore_chain_resolve(); borrowed for the call. NULL and 0 for the
///               last one.
/// @param target_len The bytes of `target`, or PATCHCORE_NUL_TERMINATED.
/// @param output Where the new file goes, which may be the old file; borrowed for the call. A file that is at the target
///               already is copied.
/// @param options Limits and threads, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_stats Receives what was done, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_SOURCE_MISMATCH where the file is no version of the chain.
///
/// Thread-safety: a chain may be used from several threads at once; callbacks are called on the calling thread, `read_at` of
/// `old_file` on `threads` threads.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_apply(
    chain: *const patchcore_chain,
    old_file: *const patchcore_input,
    target: *const c_char,
    target_len: usize,
    output: *const patchcore_output,
    options: *const patchcore_apply_options,
    job: *const patchcore_job,
    out_stats: *mut patchcore_chain_apply_stats,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let chain = handle::share(chain, "chain")?;
            let old = input::one(old_file, "old_file")?;
            let target = text::optional(target, target_len, "target")?;
            let (destination, output) = Destination::open(output)?;
            let options = apply_options(options)?;
            let mut job = job::read(job)?;
            let out_stats = Out::new(out_stats, "out_stats")?;
            let (stats, written) = chain.chain.apply(old, target.as_deref(), output, &options, &mut job)?;
            destination.deliver(written);
            out_stats.put(stats_for_c(&stats));
            Ok(())
        })
    }
}

/// Makes one delta of the links between two versions; no version of the file is needed.
///
/// @param chain The chain, borrowed.
/// @param from The version to start at, as for patchcore_chain_resolve(); borrowed for the call. NULL and 0 for the first.
/// @param from_len The bytes of `from`, or PATCHCORE_NUL_TERMINATED.
/// @param to The version to lead to, likewise. NULL and 0 for the last.
/// @param to_len The bytes of `to`, or PATCHCORE_NUL_TERMINATED.
/// @param output Where the delta goes; borrowed for the call. A chain there is not replaced.
/// @param options How to encode where several links are used, and limits; borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_info Receives what the delta says about itself, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED in a library built to apply only, unless a single
///         link leads there.
///
/// Thread-safety: a chain may be used from several threads at once; callbacks are called on the calling thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_squash(
    chain: *const patchcore_chain,
    from: *const c_char,
    from_len: usize,
    to: *const c_char,
    to_len: usize,
    output: *const patchcore_output,
    options: *const patchcore_squash_options,
    job: *const patchcore_job,
    out_info: *mut patchcore_delta_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let chain = handle::share(chain, "chain")?;
            let from = text::optional(from, from_len, "from")?;
            let to = text::optional(to, to_len, "to")?;
            let (destination, output) = Destination::open(output)?;
            let options = squash_options(options)?;
            let mut job = job::read(job)?;
            let out_info = Out::new(out_info, "out_info")?;
            let (info, written) = chain.chain.squash(from.as_deref(), to.as_deref(), output, &options, &mut job)?;
            destination.deliver(written);
            out_info.put(info_for_c(&info));
            Ok(())
        })
    }
}

/// Writes one link as a delta of its own, after checking it.
///
/// @param chain The chain, borrowed.
/// @param link The link by its place, as for patchcore_chain_get_link().
/// @param output Where the delta goes; borrowed for the call. A chain there is not replaced.
/// @param limits What checking may use, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_info Receives what the delta says about itself, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: a chain may be used from several threads at once; callbacks are called on the calling thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_extract_link(
    chain: *const patchcore_chain,
    link: u64,
    output: *const patchcore_output,
    limits: *const patchcore_limits,
    job: *const patchcore_job,
    out_info: *mut patchcore_delta_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let chain = handle::share(chain, "chain")?;
            let (destination, output) = Destination::open(output)?;
            let limits = read_limits(limits)?;
            let mut job = job::read(job)?;
            let out_info = Out::new(out_info, "out_info")?;
            let (info, written) = chain.chain.extract_link(link, output, &limits, &mut job)?;
            destination.deliver(written);
            out_info.put(info_for_c(&info));
            Ok(())
        })
    }
}

/// Writes links as files such as 0000_v1_to_v2.delta: the whole history, or, where an end is given, the links that lead from
/// one version to the other. All are checked before the first is written, and on failure no file is left.
///
/// @param chain The chain, borrowed.
/// @param folder The folder, which is made where it is missing; borrowed for the call.
/// @param folder_len The bytes of `folder`, or PATCHCORE_NUL_TERMINATED.
/// @param from The version to start at, as for patchcore_chain_resolve(); borrowed for the call. NULL and 0 for the first.
/// @param from_len The bytes of `from`, or PATCHCORE_NUL_TERMINATED.
/// @param to The version to lead to, likewise. NULL and 0 for the last.
/// @param to_len The bytes of `to`, or PATCHCORE_NUL_TERMINATED.
/// @param no_clobber Not zero: an existing file is refused with PATCHCORE_INVALID_ARGUMENT.
/// @param limits What checking may use, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_count Receives how many files were written, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: a chain may be used from several threads at once; callbacks are called on the calling thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_extract(
    chain: *const patchcore_chain,
    folder: *const c_char,
    folder_len: usize,
    from: *const c_char,
    from_len: usize,
    to: *const c_char,
    to_len: usize,
    no_clobber: i32,
    limits: *const patchcore_limits,
    job: *const patchcore_job,
    out_count: *mut usize,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out_count = OutPointer::optional(out_count, 0);
            let chain = handle::share(chain, "chain")?;
            let folder = text::path(folder, folder_len, "folder")?;
            let from = text::optional(from, from_len, "from")?;
            let to = text::optional(to, to_len, "to")?;
            let limits = read_limits(limits)?;
            let mut job = job::read(job)?;
            let (from, to) = (from.as_deref(), to.as_deref());
            let files = chain.chain.extract(&folder, from, to, no_clobber != 0, &limits, &mut job)?;
            out_count.put(files.len());
            Ok(())
        })
    }
}

/// Checks every record of a chain and every delta in it.
///
/// @param chain The chain, borrowed.
/// @param limits What checking may use, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_ignored_tail Receives how many bytes an unfinished append left at the end, which do no harm; or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where something is damaged.
///
/// Thread-safety: a chain may be used from several threads at once; callbacks are called on the calling thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_verify(
    chain: *const patchcore_chain,
    limits: *const patchcore_limits,
    job: *const patchcore_job,
    out_ignored_tail: *mut u64,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::optional(out_ignored_tail, 0);
            let chain = handle::share(chain, "chain")?;
            let limits = read_limits(limits)?;
            let mut job = job::read(job)?;
            out.put(chain.chain.verify(&limits, &mut job)?);
            Ok(())
        })
    }
}

/// Checks the delta of one link and says where its bytes went.
///
/// @param chain The chain, borrowed.
/// @param link The link by its place, as for patchcore_chain_get_link().
/// @param most How many of its largest segments and of its longest insertions are listed.
/// @param limits What checking may use, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_explanation Receives the explanation, to be freed with patchcore_explanation_free(); NULL on failure.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: a chain may be used from several threads at once; callbacks are called on the calling thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_explain_link(
    chain: *const patchcore_chain,
    link: u64,
    most: u64,
    limits: *const patchcore_limits,
    job: *const patchcore_job,
    out_explanation: *mut *mut patchcore_explanation,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::handle(out_explanation, "out_explanation")?;
            let chain = handle::share(chain, "chain")?;
            let limits = read_limits(limits)?;
            let mut job = job::read(job)?;
            let explanation = chain.chain.explain_link(link, most_listed(most), &limits, &mut job)?;
            out.put(handle::create(patchcore_explanation::of(explanation)));
            Ok(())
        })
    }
}

fn stats_for_c(stats: &ChainApplyStats) -> patchcore_chain_apply_stats {
    patchcore_chain_apply_stats {
        struct_size: 0,
        from: stats.from,
        to: stats.to,
        links: stats.links.len() as u64,
        delta_bytes: stats.links.iter().map(|link| link.size).sum(),
        one_pass: stats.one_pass.into(),
        new_digest: stats.new_digest.0,
        new_size: stats.new_size,
    }
}

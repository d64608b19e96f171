//! Fetching files.

use std::ffi::c_char;

use patchcore_ffi::status::{Result, offered};
use patchcore_ffi::transfer::{self, FetchOptions, FetchStats};

use crate::boundary::boundary;
use crate::digest::{self, PATCHCORE_DIGEST_SIZE};
use crate::error::patchcore_error;
use crate::job::{self, patchcore_job};
use crate::status::patchcore_status;
use crate::structs::{self, Out, versioned};
use crate::text;

/// How files are fetched. Begin with PATCHCORE_FETCH_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_fetch_options {
    /// sizeof(patchcore_fetch_options).
    pub struct_size: usize,
    /// The SHA-256 that the file must have, 32 bytes; NULL where it is not known.
    pub digest: *const u8,
    /// The size in bytes that the file must have; it counts only where `has_size` is not zero.
    pub size: u64,
    /// More bytes than this are PATCHCORE_LIMIT; 0 is no limit.
    pub max_size: u64,
    /// At most so many bytes a second; 0 is as fast as it goes.
    pub max_bytes_per_second: u64,
    /// Milliseconds after which nothing arriving is PATCHCORE_TIMEOUT; 0 is 300,000.
    pub idle_timeout_ms: u64,
    /// How often a place is tried again in vain; 0 is 5, less is not at all.
    pub retries: i32,
    /// Not zero: `size` is given.
    pub has_size: i32,
    /// The proxy, or "none"; NULL and 0 for what the environment says.
    pub proxy: *const c_char,
    /// The bytes of `proxy`, or PATCHCORE_NUL_TERMINATED.
    pub proxy_len: usize,
    /// A PEM file of the authorities whose certificates servers may have; NULL and 0 for those of the web.
    pub authorities: *const c_char,
    /// The bytes of `authorities`, or PATCHCORE_NUL_TERMINATED.
    pub authorities_len: usize,
}

/// A file that was fetched. Begin with PATCHCORE_FETCH_STATS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_fetch_stats {
    /// sizeof(patchcore_fetch_stats).
    pub struct_size: usize,
    /// The SHA-256 of the file.
    pub digest: [u8; PATCHCORE_DIGEST_SIZE],
    /// Its size in bytes.
    pub size: u64,
    /// The bytes that came now; the others were there from an earlier try.
    pub transferred: u64,
    /// Which of the places it came from last, from 0 on; -1 where nothing had to come.
    pub source: i64,
}
versioned!(patchcore_fetch_options, patchcore_fetch_stats);

/// Fetches a file from the first of several places that works.
///
/// What came stays beside the file until that is complete or turns out to be wrong, and the next fetch goes on from there. The
/// file itself appears whole and verified, or not at all.
///
/// @param urls The places, at least one: URLs of http, https or file, or paths; borrowed for the call.
/// @param url_lens The bytes of each place; NULL where all end with a NUL.
/// @param url_count How many there are.
/// @param to The file; borrowed for the call.
/// @param to_len The bytes of `to`, or PATCHCORE_NUL_TERMINATED.
/// @param options How to fetch, and what is known of the file; borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_stats Receives what came, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED for http and https in a library built without.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_file_fetch(
    urls: *const *const c_char,
    url_lens: *const usize,
    url_count: usize,
    to: *const c_char,
    to_len: usize,
    options: *const patchcore_fetch_options,
    job: *const patchcore_job,
    out_stats: *mut patchcore_fetch_stats,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("downloads")?;
            let urls = text::several(urls, url_lens, url_count, "urls")?;
            let to = text::path(to, to_len, "to")?;
            let options = read_options(options, "options")?;
            let mut job = job::read(job)?;
            let out = Out::new(out_stats, "out_stats")?;
            out.put(stats_for_c(&transfer::fetch(&urls, &to, &options, &mut job)?));
            Ok(())
        })
    }
}

/// # Safety
/// `options` is NULL or points to options that keep what the header demands.
pub(crate) unsafe fn read_options(options: *const patchcore_fetch_options, name: &str) -> Result<FetchOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let given = structs::read_or_default(options, name)?;
        let digest =
            if given.digest.is_null() { None } else { Some(digest::read(given.digest, &format!("{name}.digest"))?) };
        Ok(FetchOptions {
            size: (given.has_size != 0).then_some(given.size),
            digest,
            max_size: given.max_size,
            max_bytes_per_second: given.max_bytes_per_second,
            idle_timeout_ms: given.idle_timeout_ms,
            retries: (given.retries != 0).then_some(u32::try_from(given.retries).unwrap_or(0)),
            proxy: text::optional(given.proxy, given.proxy_len, &format!("{name}.proxy"))?,
            authorities: text::optional_path(given.authorities, given.authorities_len, &format!("{name}.authorities"))?,
        })
    }
}

pub(crate) fn stats_for_c(stats: &FetchStats) -> patchcore_fetch_stats {
    patchcore_fetch_stats {
        struct_size: 0,
        digest: stats.digest.0,
        size: stats.size,
        transferred: stats.transferred,
        source: stats.source.and_then(|source| i64::try_from(source).ok()).unwrap_or(-1),
    }
}

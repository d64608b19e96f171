//! Chains.

use std::ffi::{CString, c_char};
use std::ptr;

use patchcore_ffi::chain::Chain;
use patchcore_ffi::results::{ChainInfo, LinkInfo, VersionInfo};
use patchcore_ffi::status::{Error, Result, Status};

use crate::boundary::{boundary, guarded};
use crate::digest;
use crate::error::patchcore_error;
use crate::handle::{self, OutPointer};
use crate::input::{self, patchcore_input};
use crate::status::patchcore_status;
use crate::structs::{Out, versioned};
use crate::text::{self, c_string, invalid, null};

/// An open chain as it was when it was opened: many versions of one file, and links that lead from each to later ones.
pub struct patchcore_chain {
    pub(crate) chain: Chain,
    info: ChainInfo,
    chain_id: CString,
    versions: Vec<(VersionInfo, CString)>,
    links: Vec<LinkInfo>,
}

/// What a chain holds as a whole. Begin with PATCHCORE_CHAIN_INFO_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_chain_info {
    /// sizeof(patchcore_chain_info).
    pub struct_size: usize,
    /// The name of the chain; UTF-8, NUL-terminated, borrowed from the chain.
    pub chain_id: *const c_char,
    /// The bytes of `chain_id`.
    pub chain_id_len: usize,
    /// How many versions it holds.
    pub versions: u64,
    /// How many links its history has.
    pub links: u64,
    /// How many links span others.
    pub shortcuts: u64,
    /// Bytes of the links of the history.
    pub total_size: u64,
    /// Bytes of the shortcuts.
    pub shortcut_size: u64,
    /// Bytes of the file that are no link.
    pub overhead: u64,
    /// Bytes that an unfinished append left at the end of the file; they do no harm, and the next append cuts them off.
    pub ignored_tail: u64,
}

/// One version of the file that a chain is about. Begin with PATCHCORE_VERSION_INFO_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_version_info {
    /// sizeof(patchcore_version_info).
    pub struct_size: usize,
    /// Its name; UTF-8, NUL-terminated, borrowed from the chain.
    pub name: *const c_char,
    /// The bytes of `name`.
    pub name_len: usize,
    /// The SHA-256 of the file.
    pub digest: [u8; 32],
    /// The size of the file in bytes.
    pub size: u64,
}

/// One delta in a chain. Begin with PATCHCORE_LINK_INFO_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_link_info {
    /// sizeof(patchcore_link_info).
    pub struct_size: usize,
    /// The version that it starts at.
    pub from: u64,
    /// The version that it leads to.
    pub to: u64,
    /// Its number in the history: the link that made the second version is number 0.
    pub number: u64,
    /// Where its delta starts in the chain file.
    pub offset: u64,
    /// The size of its delta in bytes.
    pub size: u64,
    /// 1 where it spans other links, 0 where it is part of the history.
    pub shortcut: i32,
}

versioned!(patchcore_chain_info, patchcore_version_info, patchcore_link_info);

/// Opens a chain. What others append later does not show.
///
/// @param input The chain; what it points to is borrowed until the chain is freed and no call uses it any more. With a
///              callback, the index is read in at most two calls, both near the end, and later only the links that are used,
///              so a chain on a server can be read by range requests.
/// @param out_chain Receives the chain, to be freed with patchcore_chain_free(); NULL on failure.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where it is no chain.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_open(
    input: *const patchcore_input,
    out_chain: *mut *mut patchcore_chain,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::handle(out_chain, "out_chain")?;
            let chain = Chain::open(input::one(input, "input")?)?;
            let info = chain.info();
            let named = |version: VersionInfo| {
                let name = c_string(&version.name);
                (version, name)
            };
            out.put(handle::create(patchcore_chain {
                chain_id: c_string(&info.chain_id),
                info,
                versions: chain.versions().into_iter().map(named).collect(),
                links: chain.links(),
                chain,
            }));
            Ok(())
        })
    }
}

/// Frees a chain, and the strings borrowed from it. A call that uses it goes on, and what the chain borrows is borrowed until
/// that call is done.
///
/// @param chain The chain, which must not be used any more, or NULL.
///
/// Thread-safety: may be called from any thread, also from a callback of a call that uses the chain.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_free(chain: *mut patchcore_chain) {
    // SAFETY: NULL, or a chain that is freed once.
    guarded((), || unsafe { handle::release(chain) });
}

/// Says what a chain holds as a whole.
///
/// @param chain The chain, borrowed.
/// @param out_info Receives it, or NULL; its string is borrowed from the chain.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: a chain may be used from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_get_info(
    chain: *const patchcore_chain,
    out_info: *mut patchcore_chain_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let chain = handle::share(chain, "chain")?;
            let info = &chain.info;
            Out::new(out_info, "out_info")?.put(patchcore_chain_info {
                struct_size: 0,
                chain_id: chain.chain_id.as_ptr(),
                chain_id_len: chain.chain_id.as_bytes().len(),
                versions: info.versions,
                links: info.links,
                shortcuts: info.shortcuts,
                total_size: info.total_size,
                shortcut_size: info.shortcut_size,
                overhead: info.overhead,
                ignored_tail: info.ignored_tail,
            });
            Ok(())
        })
    }
}

/// Says what one version is.
///
/// @param chain The chain, borrowed.
/// @param version The version by its place, from 0 on.
/// @param out_info Receives it, or NULL; its string is borrowed from the chain.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is no such version.
///
/// Thread-safety: a chain may be used from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_get_version(
    chain: *const patchcore_chain,
    version: u64,
    out_info: *mut patchcore_version_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let chain = handle::share(chain, "chain")?;
            let out = Out::new(out_info, "out_info")?;
            let (info, name) = item(&chain.versions, version, "version")?;
            out.put(patchcore_version_info {
                struct_size: 0,
                name: name.as_ptr(),
                name_len: name.as_bytes().len(),
                digest: info.digest.0,
                size: info.size,
            });
            Ok(())
        })
    }
}

/// Says what one link is.
///
/// @param chain The chain, borrowed.
/// @param link The link by its place: first those of the history in its order, then the shortcuts.
/// @param out_info Receives it, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where there is no such link.
///
/// Thread-safety: a chain may be used from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_get_link(
    chain: *const patchcore_chain,
    link: u64,
    out_info: *mut patchcore_link_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let chain = handle::share(chain, "chain")?;
            let out = Out::new(out_info, "out_info")?;
            let &LinkInfo { from, to, number, offset, size, shortcut } = item(&chain.links, link, "link")?;
            let shortcut = shortcut.into();
            out.put(patchcore_link_info { struct_size: 0, from, to, number, offset, size, shortcut });
            Ok(())
        })
    }
}

/// Finds the version that a text means: its exact name, or its digest or a prefix of that of at least 4 hex digits.
///
/// @param chain The chain, borrowed.
/// @param version The text; borrowed for the call.
/// @param version_len The bytes of `version`, or PATCHCORE_NUL_TERMINATED.
/// @param out_version Receives the version by its place.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNKNOWN_VERSION or PATCHCORE_AMBIGUOUS_VERSION where the text
///         does not mean one version.
///
/// Thread-safety: a chain may be used from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_resolve(
    chain: *const patchcore_chain,
    version: *const c_char,
    version_len: usize,
    out_version: *mut u64,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::required(out_version, 0, "out_version")?;
            let chain = handle::share(chain, "chain")?;
            let version = text::required(version, version_len, "version")?;
            out.put(chain.chain.resolve(&version)?);
            Ok(())
        })
    }
}

/// Finds the version that a file is; the latest where several have the same bytes.
///
/// @param chain The chain, borrowed.
/// @param digest The SHA-256 of the file, 32 bytes; borrowed for the call.
/// @param out_version Receives the version by its place.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_SOURCE_MISMATCH where the file is no version of the chain.
///
/// Thread-safety: a chain may be used from several threads at once.
/// @since 0.1.0
/// cbindgen:ptrs-as-arrays=[[digest; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_find(
    chain: *const patchcore_chain,
    digest: *const u8,
    out_version: *mut u64,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::required(out_version, 0, "out_version")?;
            let chain = handle::share(chain, "chain")?;
            let digest = digest::read(digest, "digest")?;
            out.put(chain.chain.find(&digest)?);
            Ok(())
        })
    }
}

/// Finds the links with the fewest bytes that lead from one version to another.
///
/// @param chain The chain, borrowed.
/// @param from The version to start at, by its place.
/// @param to The version to lead to, by its place.
/// @param out_links Receives the links by their places, in order; or NULL where `capacity` is 0.
/// @param capacity How many links `out_links` has room for; with 0 and NULL they are only counted, else fewer than there
///                 are is PATCHCORE_LIMIT.
/// @param out_count Receives how many there are, also with PATCHCORE_LIMIT; 0 where both versions are the same.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_NO_ROUTE where nothing leads there.
///
/// Thread-safety: a chain may be used from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_chain_route(
    chain: *const patchcore_chain,
    from: u64,
    to: u64,
    out_links: *mut u64,
    capacity: usize,
    out_count: *mut usize,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out_count = OutPointer::required(out_count, 0, "out_count")?;
            let chain = handle::share(chain, "chain")?;
            if out_links.is_null() && capacity > 0 {
                return Err(null("out_links"));
            }
            let route = chain.chain.route(from, to)?;
            out_count.put(route.len());
            if out_links.is_null() {
                return Ok(());
            }
            if capacity < route.len() {
                let message = format!("`out_links` has room for {capacity} links; the route has {}", route.len());
                return Err(Error::new(Status::Limit, message));
            }
            ptr::copy_nonoverlapping(route.as_ptr(), out_links, route.len());
            Ok(())
        })
    }
}

fn item<'a, T>(items: &'a [T], index: u64, what: &str) -> Result<&'a T> {
    let found = usize::try_from(index).ok().and_then(|index| items.get(index));
    found.ok_or_else(|| invalid(format!("there is no {what} {index}; this chain holds {}", items.len())))
}

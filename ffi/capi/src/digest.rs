//! Digests.

use std::ffi::c_char;
use std::ptr;

use patchcore_ffi::digest::{Digest, digest_of, parse_digest};
use patchcore_ffi::status::{Error, Result, Status};

use crate::boundary::boundary;
use crate::error::patchcore_error;
use crate::input::{self, patchcore_input};
use crate::job::{self, patchcore_job};
use crate::status::patchcore_status;
use crate::text::{self, null};

/// The bytes of a digest, which is a SHA-256.
pub const PATCHCORE_DIGEST_SIZE: usize = 32;
/// The bytes of a digest as text: 64 lower-case hex digits and the NUL.
pub const PATCHCORE_DIGEST_HEX_SIZE: usize = 65;

/// Reads the 32 bytes that a caller passes as a digest.
///
/// # Safety
/// `digest` is NULL or 32 bytes can be read there.
pub(crate) unsafe fn read(digest: *const u8, name: &str) -> Result<Digest> {
    if digest.is_null() {
        return Err(null(name));
    }
    // SAFETY: the caller's promise.
    Ok(Digest(unsafe { digest.cast::<[u8; PATCHCORE_DIGEST_SIZE]>().read_unaligned() }))
}

/// Where a digest is returned; it is left alone where the call fails.
struct OutDigest(*mut u8);

impl OutDigest {
    /// # Safety
    /// `pointer` is NULL or 32 bytes can be written there until [`put`](Self::put).
    unsafe fn new(pointer: *mut u8) -> Result<Self> {
        if pointer.is_null() { Err(null("out_digest")) } else { Ok(Self(pointer)) }
    }

    fn put(self, digest: Digest) {
        // SAFETY: the promise of `new`.
        unsafe { ptr::copy_nonoverlapping(digest.0.as_ptr(), self.0, PATCHCORE_DIGEST_SIZE) };
    }
}

/// Computes the SHA-256 of an input.
///
/// @param input The bytes; borrowed for the call.
/// @param job Cancellation, borrowed for the call, or NULL.
/// @param out_digest Receives 32 bytes.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
/// cbindgen:ptrs-as-arrays=[[out_digest; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_digest_of(
    input: *const patchcore_input,
    job: *const patchcore_job,
    out_digest: *mut u8,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let input = input::one(input, "input")?;
            let mut job = job::read(job)?;
            let out = OutDigest::new(out_digest)?;
            out.put(digest_of(input, &mut job)?);
            Ok(())
        })
    }
}

/// Writes a digest as text.
///
/// @param digest 32 bytes; borrowed for the call.
/// @param out_hex Receives 64 lower-case hex digits and a NUL.
/// @param capacity The bytes that `out_hex` has room for; fewer than PATCHCORE_DIGEST_HEX_SIZE are PATCHCORE_LIMIT.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
/// cbindgen:ptrs-as-arrays=[[digest; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_digest_to_hex(
    digest: *const u8,
    out_hex: *mut c_char,
    capacity: usize,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let hex = read(digest, "digest")?.to_string();
            if out_hex.is_null() {
                return Err(null("out_hex"));
            }
            if capacity < PATCHCORE_DIGEST_HEX_SIZE {
                let message =
                    format!("`out_hex` has room for {capacity} bytes; {PATCHCORE_DIGEST_HEX_SIZE} are needed");
                return Err(Error::new(Status::Limit, message));
            }
            ptr::copy_nonoverlapping(hex.as_ptr(), out_hex.cast(), hex.len());
            out_hex.add(hex.len()).write(0);
            Ok(())
        })
    }
}

/// Reads a digest from text: 64 hex digits in either case, with or without "sha256:" before them.
///
/// @param text The text; borrowed for the call.
/// @param text_len The bytes of `text`, or PATCHCORE_NUL_TERMINATED.
/// @param out_digest Receives 32 bytes.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
/// cbindgen:ptrs-as-arrays=[[out_digest; 32]]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_digest_from_hex(
    text: *const c_char,
    text_len: usize,
    out_digest: *mut u8,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let text = text::required(text, text_len, "text")?;
            let out = OutDigest::new(out_digest)?;
            out.put(parse_digest(&text)?);
            Ok(())
        })
    }
}

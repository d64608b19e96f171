//! Where Rust ends: no panic leaves, and every result becomes a status and an error to free.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use patchcore_ffi::job::panicked;
use patchcore_ffi::status::Result;

use crate::error::patchcore_error;
use crate::status::{PATCHCORE_OK, patchcore_status};

/// Runs the body of a function that can fail, and hands its error to `out_error`, which may be NULL.
///
/// # Safety
/// `out_error` is NULL or valid for writing.
pub(crate) unsafe fn boundary(
    out_error: *mut *mut patchcore_error,
    body: impl FnOnce() -> Result<()>,
) -> patchcore_status {
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(panicked(&*payload)));
    let (status, error) = match result {
        Ok(()) => (PATCHCORE_OK, ptr::null_mut()),
        Err(error) if out_error.is_null() => (error.status().code(), ptr::null_mut()),
        Err(error) => (error.status().code(), Box::into_raw(Box::new(patchcore_error::from(error)))),
    };
    if !out_error.is_null() {
        // SAFETY: the caller's promise.
        unsafe { out_error.write(error) };
    }
    status
}

/// Runs the body of a function that cannot fail; after a panic it returns `fallback`.
pub(crate) fn guarded<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{patchcore_error_free, patchcore_error_message, patchcore_error_status};
    use crate::status::{PATCHCORE_INTERNAL, PATCHCORE_INVALID_ARGUMENT};
    use crate::text::invalid;
    use std::ffi::CStr;

    #[test]
    fn a_panic_becomes_internal_and_its_message_is_kept() {
        let mut error = ptr::null_mut();
        // SAFETY: `error` is a local; what it points to afterwards comes from the boundary and is freed once.
        unsafe {
            assert_eq!(boundary(&mut error, || panic!("an odd {}", "thing")), PATCHCORE_INTERNAL);
            assert_eq!(patchcore_error_status(error), PATCHCORE_INTERNAL);
            assert!(CStr::from_ptr(patchcore_error_message(error)).to_str().unwrap().contains("an odd thing"));
            patchcore_error_free(error);
        }
        assert_eq!(guarded(7, || panic!("again")), 7);
    }

    #[test]
    fn success_clears_the_error_and_nobody_need_ask_for_one() {
        let mut error = ptr::dangling_mut();
        // SAFETY: `error` is a local that is written and not read through.
        unsafe {
            assert_eq!(boundary(&mut error, || Ok(())), PATCHCORE_OK);
            assert!(error.is_null());
            assert_eq!(boundary(ptr::null_mut(), || Err(invalid("no"))), PATCHCORE_INVALID_ARGUMENT);
        }
    }
}

//! Errors.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use patchcore_ffi::status::{Error, Outcome};

use crate::status::{PATCHCORE_OK, patchcore_status};
use crate::text::{c_path, c_string};

/// What went wrong, where, and what to do about it. Whoever receives one frees it with patchcore_error_free().
pub struct patchcore_error {
    status: patchcore_status,
    message: CString,
    path: Option<CString>,
    offset: Option<u64>,
    callback_value: Option<i64>,
    system_code: Option<i32>,
    outcome: Option<Outcome>,
}

impl From<Error> for patchcore_error {
    fn from(error: Error) -> Self {
        Self {
            status: error.status().code(),
            message: c_string(&error.to_string()),
            path: error.path().map(c_path),
            offset: error.offset(),
            callback_value: error.callback_value(),
            system_code: error.system_code(),
            outcome: error.outcome(),
        }
    }
}

/// The operation was not about a directory tree.
pub const PATCHCORE_OUTCOME_NONE: i32 = 0;
/// The tree is as it was.
pub const PATCHCORE_OUTCOME_UNCHANGED: i32 = 1;
/// The tree was changed and is as it was again.
pub const PATCHCORE_OUTCOME_ROLLED_BACK: i32 = 2;
/// The tree was changed and could not be brought back.
pub const PATCHCORE_OUTCOME_ROLLBACK_FAILED: i32 = 3;

const OUTCOMES: &[(i32, Outcome, &CStr)] = &[
    (PATCHCORE_OUTCOME_UNCHANGED, Outcome::Unchanged, c"unchanged"),
    (PATCHCORE_OUTCOME_ROLLED_BACK, Outcome::RolledBack, c"rolled_back"),
    (PATCHCORE_OUTCOME_ROLLBACK_FAILED, Outcome::RollbackFailed, c"rollback_failed"),
];

/// Says what a caller can act on.
///
/// @param error The error, borrowed, or NULL.
/// @return The status that the failed function returned as well; PATCHCORE_OK for NULL.
///
/// Thread-safety: an error may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_error_status(error: *const patchcore_error) -> patchcore_status {
    // SAFETY: NULL, or an error that was not freed.
    unsafe { error.as_ref() }.map_or(PATCHCORE_OK, |error| error.status)
}

/// Says in one line what happened and what to do, with file and offset.
///
/// @param error The error, borrowed, or NULL.
/// @return UTF-8, NUL-terminated, valid until the error is freed; "" for NULL.
///
/// Thread-safety: an error may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_error_message(error: *const patchcore_error) -> *const c_char {
    // SAFETY: NULL, or an error that was not freed.
    unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.message.as_ptr())
}

/// Says which file an error is about.
///
/// @param error The error, borrowed, or NULL.
/// @param out_len The length of the path in bytes, 0 where there is none; or NULL.
/// @return The path, NUL-terminated, valid until the error is freed; NULL where the error is about no file.
///
/// Thread-safety: an error may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_error_path(error: *const patchcore_error, out_len: *mut usize) -> *const c_char {
    // SAFETY: NULL, or an error that was not freed.
    let path = unsafe { error.as_ref() }.and_then(|error| error.path.as_ref());
    // SAFETY: NULL or valid for writing.
    if let Some(out_len) = unsafe { out_len.as_mut() } {
        *out_len = path.map_or(0, |path| path.as_bytes().len());
    }
    path.map_or(ptr::null(), |path| path.as_ptr())
}

/// Says at which byte of the file, or of the input where that has no path, something is wrong.
///
/// @param error The error, borrowed, or NULL.
/// @param out_offset The offset, left alone where there is none; or NULL.
/// @return 1 where there is an offset, else 0.
///
/// Thread-safety: an error may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_error_offset(error: *const patchcore_error, out_offset: *mut u64) -> i32 {
    // SAFETY: NULL, or an error that was not freed; NULL or valid for writing.
    unsafe { put(error.as_ref().and_then(|error| error.offset), out_offset) }
}

/// Says with which value a callback of the caller stopped the operation.
///
/// @param error The error, borrowed, or NULL.
/// @param out_value The value, left alone where there is none; or NULL.
/// @return 1 where there is a value, else 0.
///
/// Thread-safety: an error may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_error_callback_value(error: *const patchcore_error, out_value: *mut i64) -> i32 {
    // SAFETY: NULL, or an error that was not freed; NULL or valid for writing.
    unsafe { put(error.as_ref().and_then(|error| error.callback_value), out_value) }
}

/// Says which number the operating system gave for what failed: errno, or that of GetLastError().
///
/// @param error The error, borrowed, or NULL.
/// @param out_code The number, left alone where there is none; or NULL.
/// @return 1 where there is a number, else 0.
///
/// Thread-safety: an error may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_error_system_code(error: *const patchcore_error, out_code: *mut i32) -> i32 {
    // SAFETY: NULL, or an error that was not freed; NULL or valid for writing.
    unsafe { put(error.as_ref().and_then(|error| error.system_code), out_code) }
}

/// Says what became of the directory tree that an operation was about; operations on single files are about none.
///
/// @param error The error, borrowed, or NULL.
/// @return One of PATCHCORE_OUTCOME_*; PATCHCORE_OUTCOME_NONE for NULL.
///
/// Thread-safety: an error may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_error_outcome(error: *const patchcore_error) -> i32 {
    // SAFETY: NULL, or an error that was not freed.
    let outcome = unsafe { error.as_ref() }.and_then(|error| error.outcome);
    let known = OUTCOMES.iter().find(|(_, known, _)| Some(*known) == outcome);
    known.map_or(PATCHCORE_OUTCOME_NONE, |(number, ..)| *number)
}

/// Says what an outcome is called.
///
/// @param outcome Any number.
/// @return The name, such as "rolled_back", "none" for PATCHCORE_OUTCOME_NONE, or "unknown"; NUL-terminated, never freed.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn patchcore_outcome_name(outcome: i32) -> *const c_char {
    let known = OUTCOMES.iter().find(|(number, ..)| *number == outcome);
    let other = if outcome == PATCHCORE_OUTCOME_NONE { c"none" } else { c"unknown" };
    known.map_or(other, |(.., name)| name).as_ptr()
}

/// Frees an error.
///
/// @param error The error, which must not be used any more, or NULL.
///
/// Thread-safety: from one thread, when no other reads it any more.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_error_free(error: *mut patchcore_error) {
    if !error.is_null() {
        // SAFETY: it comes from `Box::into_raw` at the boundary, and is freed once.
        drop(unsafe { Box::from_raw(error) });
    }
}

/// # Safety
/// `out` is NULL or valid for writing.
unsafe fn put<T>(value: Option<T>, out: *mut T) -> i32 {
    let Some(value) = value else { return 0 };
    if !out.is_null() {
        // SAFETY: the caller's promise.
        unsafe { out.write(value) };
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_called_as_everywhere_else() {
        for (number, outcome, _) in OUTCOMES {
            // SAFETY: it is static and ends with a NUL.
            let name = unsafe { CStr::from_ptr(patchcore_outcome_name(*number)) };
            assert_eq!(name.to_str(), Ok(outcome.name()));
        }
        // SAFETY: as above.
        let others = [0, 9].map(|number| unsafe { CStr::from_ptr(patchcore_outcome_name(number)) });
        assert_eq!(others, [c"none", c"unknown"]);
    }
}

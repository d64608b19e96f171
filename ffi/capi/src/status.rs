//! Status.

use std::ffi::{CStr, c_char};

/// What a function that can fail returns: PATCHCORE_OK or what went wrong. The numbers are never reused; a newer library may
/// return some that this header does not know, so treat an unknown number as a failure.
pub type patchcore_status = i32;

/// Success.
pub const PATCHCORE_OK: patchcore_status = 0;
/// The call itself is wrong.
pub const PATCHCORE_INVALID_ARGUMENT: patchcore_status = 10;
/// A newer format, flag or option than this version of the library knows.
pub const PATCHCORE_UNSUPPORTED: patchcore_status = 11;
/// The caller cancelled.
pub const PATCHCORE_CANCELLED: patchcore_status = 12;
/// A callback of the caller failed; patchcore_error_callback_value() has its value.
pub const PATCHCORE_CALLBACK: patchcore_status = 13;
/// Another process or call is using it.
pub const PATCHCORE_BUSY: patchcore_status = 14;
/// A bug in patchcore.
pub const PATCHCORE_INTERNAL: patchcore_status = 15;
/// An allocation failed.
pub const PATCHCORE_NO_MEMORY: patchcore_status = 16;
/// The operating system reports an error; see patchcore_error_path() and patchcore_error_system_code().
pub const PATCHCORE_IO: patchcore_status = 20;
/// A file or folder is missing.
pub const PATCHCORE_NOT_FOUND: patchcore_status = 21;
/// No space is left on the device.
pub const PATCHCORE_NO_SPACE: patchcore_status = 22;
/// The network failed.
pub const PATCHCORE_NETWORK: patchcore_status = 23;
/// Nothing arrived for too long.
pub const PATCHCORE_TIMEOUT: patchcore_status = 24;
/// Not permitted.
pub const PATCHCORE_PERMISSION: patchcore_status = 25;
/// Malformed, truncated or failing its own check; see patchcore_error_offset().
pub const PATCHCORE_CORRUPT: patchcore_status = 30;
/// Larger than the limits in force allow.
pub const PATCHCORE_LIMIT: patchcore_status = 31;
/// A name that leaves the root or that the platform cannot hold.
pub const PATCHCORE_UNSAFE_PATH: patchcore_status = 32;
/// The old file is not the one that the delta or chain was made for.
pub const PATCHCORE_SOURCE_MISMATCH: patchcore_status = 40;
/// The result is not what was promised.
pub const PATCHCORE_TARGET_MISMATCH: patchcore_status = 41;
/// Both versions are known, and nothing leads from one to the other.
pub const PATCHCORE_NO_ROUTE: patchcore_status = 42;
/// No version fits what was asked for.
pub const PATCHCORE_UNKNOWN_VERSION: patchcore_status = 43;
/// A digest prefix that fits several versions; the message lists them.
pub const PATCHCORE_AMBIGUOUS_VERSION: patchcore_status = 44;
/// The tree holds changes that the patch would overwrite.
pub const PATCHCORE_CONFLICT: patchcore_status = 45;
/// Squashing these needs the old file.
pub const PATCHCORE_NOT_COMPOSABLE: patchcore_status = 46;
/// The signature does not verify.
pub const PATCHCORE_BAD_SIGNATURE: patchcore_status = 50;
/// Signed, but by another key than the trusted one.
pub const PATCHCORE_UNTRUSTED_KEY: patchcore_status = 51;
/// Older than what was already accepted, or expired.
pub const PATCHCORE_STALE: patchcore_status = 52;

const NAMES: &[(patchcore_status, &CStr)] = &[
    (PATCHCORE_OK, c"OK"),
    (PATCHCORE_INVALID_ARGUMENT, c"INVALID_ARGUMENT"),
    (PATCHCORE_UNSUPPORTED, c"UNSUPPORTED"),
    (PATCHCORE_CANCELLED, c"CANCELLED"),
    (PATCHCORE_CALLBACK, c"CALLBACK"),
    (PATCHCORE_BUSY, c"BUSY"),
    (PATCHCORE_INTERNAL, c"INTERNAL"),
    (PATCHCORE_NO_MEMORY, c"NO_MEMORY"),
    (PATCHCORE_IO, c"IO"),
    (PATCHCORE_NOT_FOUND, c"NOT_FOUND"),
    (PATCHCORE_NO_SPACE, c"NO_SPACE"),
    (PATCHCORE_NETWORK, c"NETWORK"),
    (PATCHCORE_TIMEOUT, c"TIMEOUT"),
    (PATCHCORE_PERMISSION, c"PERMISSION"),
    (PATCHCORE_CORRUPT, c"CORRUPT"),
    (PATCHCORE_LIMIT, c"LIMIT"),
    (PATCHCORE_UNSAFE_PATH, c"UNSAFE_PATH"),
    (PATCHCORE_SOURCE_MISMATCH, c"SOURCE_MISMATCH"),
    (PATCHCORE_TARGET_MISMATCH, c"TARGET_MISMATCH"),
    (PATCHCORE_NO_ROUTE, c"NO_ROUTE"),
    (PATCHCORE_UNKNOWN_VERSION, c"UNKNOWN_VERSION"),
    (PATCHCORE_AMBIGUOUS_VERSION, c"AMBIGUOUS_VERSION"),
    (PATCHCORE_CONFLICT, c"CONFLICT"),
    (PATCHCORE_NOT_COMPOSABLE, c"NOT_COMPOSABLE"),
    (PATCHCORE_BAD_SIGNATURE, c"BAD_SIGNATURE"),
    (PATCHCORE_UNTRUSTED_KEY, c"UNTRUSTED_KEY"),
    (PATCHCORE_STALE, c"STALE"),
];

/// Says what a status is called.
///
/// @param status Any number.
/// @return The name, such as "SOURCE_MISMATCH", or "UNKNOWN" for a number that this version does not know; NUL-terminated,
///         never freed.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn patchcore_status_name(status: patchcore_status) -> *const c_char {
    let known = NAMES.iter().find(|(number, _)| *number == status);
    known.map_or(c"UNKNOWN", |(_, name)| name).as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchcore_ffi::status::{Status, status_name};

    #[test]
    fn the_constants_are_the_table_of_every_face_and_nothing_is_missing() {
        let ours: Vec<_> = NAMES.iter().map(|(number, name)| (*number, name.to_str().unwrap())).collect();
        let table: Vec<_> = Status::ALL.iter().map(|status| (status.code(), status.name())).collect();
        assert_eq!(ours, table);
    }

    #[test]
    fn every_number_has_a_name() {
        for number in -1..=100 {
            // SAFETY: it is static and ends with a NUL.
            let name = unsafe { CStr::from_ptr(patchcore_status_name(number)) };
            assert_eq!(name.to_str(), Ok(status_name(number)));
        }
    }
}

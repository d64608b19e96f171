//! Files.

use patchcore_ffi::kind::{FileKind, file_kind};

use crate::boundary::boundary;
use crate::error::patchcore_error;
use crate::handle::OutPointer;
use crate::input::{self, patchcore_input};
use crate::status::patchcore_status;

/// A delta.
pub const PATCHCORE_FILE_DELTA: i32 = 1;
/// A chain.
pub const PATCHCORE_FILE_CHAIN: i32 = 2;
/// A tree patch: a ZIP file or a .tar.gz, of which only opening it shows whether it is one.
pub const PATCHCORE_FILE_TREE_PATCH: i32 = 3;

/// Says which of our files an input is, by its first bytes.
///
/// @param input The file; borrowed for the call.
/// @param out_kind Receives one of PATCHCORE_FILE_*; a newer library may know others.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_CORRUPT where it is none of ours.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_file_kind(
    input: *const patchcore_input,
    out_kind: *mut i32,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let out = OutPointer::required(out_kind, 0, "out_kind")?;
            let kind = file_kind(input::one(input, "input")?)?;
            out.put(match kind {
                FileKind::Delta => PATCHCORE_FILE_DELTA,
                FileKind::Chain => PATCHCORE_FILE_CHAIN,
                FileKind::TreePatch => PATCHCORE_FILE_TREE_PATCH,
            });
            Ok(())
        })
    }
}

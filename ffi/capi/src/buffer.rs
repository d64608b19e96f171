//! Buffers.

use std::ptr;

/// Bytes that the library allocated. Begin with PATCHCORE_BUFFER_INIT, end with patchcore_buffer_free().
#[repr(C)]
pub struct patchcore_buffer {
    /// The bytes; NULL where there are none.
    pub data: *mut u8,
    /// How many there are.
    pub len: usize,
}

impl patchcore_buffer {
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() {
            return Self { data: ptr::null_mut(), len: 0 };
        }
        let bytes = Box::leak(bytes.into_boxed_slice());
        Self { data: bytes.as_mut_ptr(), len: bytes.len() }
    }
}

/// Frees the bytes of a buffer and empties it, so that it can be used and freed again.
///
/// @param buffer A buffer that the library filled, an empty one, or NULL; the struct itself stays the caller's.
///
/// Thread-safety: from one thread at a time for one buffer.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_buffer_free(buffer: *mut patchcore_buffer) {
    // SAFETY: NULL, or a buffer of the caller that no other thread uses.
    let Some(buffer) = (unsafe { buffer.as_mut() }) else { return };
    let patchcore_buffer { data, len } = std::mem::replace(buffer, patchcore_buffer { data: ptr::null_mut(), len: 0 });
    if !data.is_null() {
        // SAFETY: both come from `of`, since only the library fills buffers, and they are forgotten here.
        drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(data, len)) });
    }
}

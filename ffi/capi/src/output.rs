//! Output.

use std::ffi::{c_char, c_int, c_void};
use std::io::{self, Write};
use std::ptr;

use patchcore_ffi::output::{Output, Written};
use patchcore_ffi::status::{Error, Result};

use crate::buffer::patchcore_buffer;
use crate::structs::{self, versioned};
use crate::text::{self, UserData, invalid, null};

/// Takes the next `len` bytes of a result; they are borrowed for the call.
///
/// Returns 0 when done; any other value stops the operation with PATCHCORE_CALLBACK and is kept in the error.
/// It is called on the thread that called the library. It must not throw or jump out. It may call the library.
pub type patchcore_write_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, data: *const u8, len: usize) -> c_int>;

/// The result becomes the file `path`, whole or not at all.
pub const PATCHCORE_OUTPUT_PATH: i32 = 1;
/// The result goes to `buffer`.
pub const PATCHCORE_OUTPUT_MEMORY: i32 = 2;
/// The result is handed to `write`.
pub const PATCHCORE_OUTPUT_CALLBACK: i32 = 3;

/// Where a result goes. Make one with patchcore_output_path(), patchcore_output_memory() or patchcore_output_callback(), or
/// begin with PATCHCORE_OUTPUT_INIT and set `kind` and the fields that it names.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_output {
    /// sizeof(patchcore_output).
    pub struct_size: usize,
    /// One of PATCHCORE_OUTPUT_*.
    pub kind: i32,
    /// Not zero: an existing file is refused with PATCHCORE_INVALID_ARGUMENT.
    pub no_clobber: i32,
    /// The file; borrowed for the call. It appears when the operation succeeds, and may be the old file itself. A pipe or a
    /// device is written directly.
    pub path: *const c_char,
    /// The bytes of `path`, or PATCHCORE_NUL_TERMINATED.
    pub path_len: usize,
    /// Filled when the operation succeeds, else left alone. What it held before is not freed.
    pub buffer: *mut patchcore_buffer,
    /// Takes the result from its first byte to its last. What it took before a failure is to be thrown away.
    pub write: patchcore_write_fn,
    /// Handed to `write`.
    pub user_data: *mut c_void,
}
versioned!(patchcore_output);

/// Where a result goes, and the buffer that memory is returned in.
pub(crate) struct Destination {
    buffer: *mut patchcore_buffer,
}

impl Destination {
    /// # Safety
    /// `output` is NULL or points to an output that keeps what the header demands until [`deliver`](Self::deliver).
    pub(crate) unsafe fn open(output: *const patchcore_output) -> Result<(Self, Output)> {
        // SAFETY: the caller's promise.
        let output = unsafe { structs::read(output, "output") }?;
        let mut buffer = ptr::null_mut();
        let opened = match output.kind {
            PATCHCORE_OUTPUT_PATH => {
                // SAFETY: the caller's promise.
                let path = unsafe { text::path(output.path, output.path_len, "output.path") }?;
                Output::Path { path, no_clobber: output.no_clobber != 0 }
            }
            PATCHCORE_OUTPUT_MEMORY if output.buffer.is_null() => return Err(null("output.buffer")),
            PATCHCORE_OUTPUT_MEMORY => {
                buffer = output.buffer;
                Output::Memory
            }
            PATCHCORE_OUTPUT_CALLBACK => {
                let write = output.write.ok_or_else(|| null("output.write"))?;
                Output::Writer(Box::new(Callback { write, user_data: UserData::new(output.user_data) }))
            }
            other => {
                return Err(invalid(format!("the kind of `output` is {other}, which is none of PATCHCORE_OUTPUT_*")));
            }
        };
        Ok((Self { buffer }, opened))
    }

    /// Returns what went to memory.
    pub(crate) fn deliver(self, written: Written) {
        if let Some(bytes) = written.filter(|_| !self.buffer.is_null()) {
            // SAFETY: the promise of `open`.
            unsafe { self.buffer.write(patchcore_buffer::of(bytes)) };
        }
    }
}

struct Callback {
    write: unsafe extern "C" fn(*mut c_void, *const u8, usize) -> c_int,
    user_data: UserData,
}

impl Write for Callback {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        // SAFETY: the header demands of the callback that it can be called from here and only reads `len` bytes.
        match unsafe { (self.write)(self.user_data.get(), buf.as_ptr(), buf.len()) } {
            0 => Ok(buf.len()),
            value => Err(Error::callback(value.into()).into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

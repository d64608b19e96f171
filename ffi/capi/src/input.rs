//! Input.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

use patchcore_ffi::input::{Input, ReadAt};
use patchcore_ffi::status::{Error, Result, Status};

use crate::structs::{self, versioned};
use crate::text::{self, UserData, invalid, null};

/// Reads `len` bytes from `offset` on into `buffer`, exactly that many; never asks beyond the size that was given.
///
/// Returns 0 when done; any other value stops the operation with PATCHCORE_CALLBACK and is kept in the error.
/// It must not throw or jump out. It may call the library.
pub type patchcore_read_at_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, offset: u64, buffer: *mut u8, len: usize) -> c_int>;

/// The input is the file `path`.
pub const PATCHCORE_INPUT_PATH: i32 = 1;
/// The input is `data_len` bytes at `data`.
pub const PATCHCORE_INPUT_MEMORY: i32 = 2;
/// The input is what `read_at` reads.
pub const PATCHCORE_INPUT_CALLBACK: i32 = 3;

/// Where bytes come from. Make one with patchcore_input_path(), patchcore_input_memory() or patchcore_input_callback(), or
/// begin with PATCHCORE_INPUT_INIT and set `kind` and the fields that it names.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_input {
    /// sizeof(patchcore_input).
    pub struct_size: usize,
    /// One of PATCHCORE_INPUT_*.
    pub kind: i32,
    /// The file; borrowed for the call.
    pub path: *const c_char,
    /// The bytes of `path`, or PATCHCORE_NUL_TERMINATED.
    pub path_len: usize,
    /// The bytes; borrowed for the call. Those of a chain that patchcore_chain_open() opened, or of a tree patch that
    /// patchcore_tree_patch_open() opened, are borrowed until that is freed and no call uses it any more.
    pub data: *const u8,
    /// How many bytes there are at `data`.
    pub data_len: usize,
    /// Reads the input. It is called on the thread that called the library, and with options that allow more than one
    /// thread on others as well, several at a time; for a chain or a tree patch on every thread that uses it.
    pub read_at: patchcore_read_at_fn,
    /// Handed to `read_at`.
    pub user_data: *mut c_void,
    /// How many bytes `read_at` can read.
    pub size: u64,
}
versioned!(patchcore_input);

/// Reads one input.
///
/// # Safety
/// `input` is NULL or points to an input that keeps what the header demands.
pub(crate) unsafe fn one(input: *const patchcore_input, name: &str) -> Result<Input> {
    // SAFETY: the caller's promise.
    unsafe { structs::read(input, name).and_then(|input| open(&input, name)) }
}

/// Reads an input that may be left out.
///
/// # Safety
/// As for [`one`].
pub(crate) unsafe fn optional(input: *const patchcore_input, name: &str) -> Result<Option<Input>> {
    // SAFETY: the caller's promise.
    if input.is_null() { Ok(None) } else { unsafe { one(input, name) }.map(Some) }
}

/// Reads an array of inputs, whose elements are as far apart as the first one says that it is large.
///
/// # Safety
/// `inputs` is NULL or points to `count` inputs that keep what the header demands.
pub(crate) unsafe fn several(inputs: *const patchcore_input, count: usize, name: &str) -> Result<Vec<Input>> {
    if inputs.is_null() && count > 0 {
        return Err(null(name));
    }
    let mut read = Vec::new();
    let mut stride = 0;
    for index in 0..count {
        let name = format!("{name}[{index}]");
        // SAFETY: the caller's promise; all elements were compiled with the same header.
        unsafe {
            let input = inputs.byte_add(index * stride);
            let found = structs::read(input, &name)?;
            if index > 0 && found.struct_size != stride {
                return Err(invalid(format!("the struct_size of `{name}` is not that of the element before")));
            }
            stride = found.struct_size;
            read.push(open(&found, &name)?);
        }
    }
    Ok(read)
}

/// # Safety
/// The pointers of `input` keep what the header demands.
unsafe fn open(input: &patchcore_input, name: &str) -> Result<Input> {
    match input.kind {
        PATCHCORE_INPUT_PATH => {
            // SAFETY: the caller's promise.
            let path = unsafe { text::path(input.path, input.path_len, &format!("{name}.path")) }?;
            Ok(Input::Path(path))
        }
        PATCHCORE_INPUT_MEMORY => {
            // SAFETY: the caller's promise: the bytes stay as long as whatever is made of them.
            let bytes: &'static [u8] = unsafe { text::bytes(input.data, input.data_len, &format!("{name}.data")) }?;
            Ok(Input::Bytes(Arc::new(bytes)))
        }
        PATCHCORE_INPUT_CALLBACK => {
            let read_at = input.read_at.ok_or_else(|| null(&format!("{name}.read_at")))?;
            let user_data = UserData::new(input.user_data);
            Ok(Input::Source(Box::new(Callback { read_at, user_data, size: input.size })))
        }
        other => Err(invalid(format!("the kind of `{name}` is {other}, which is none of PATCHCORE_INPUT_*"))),
    }
}

type ReadAtCallback = unsafe extern "C" fn(*mut c_void, u64, *mut u8, usize) -> c_int;

/// Bytes that a callback of the caller reads.
pub(crate) struct Callback {
    pub read_at: ReadAtCallback,
    pub user_data: UserData,
    pub size: u64,
}

impl ReadAt for Callback {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        if buf.is_empty() {
            return Ok(());
        }
        if offset.checked_add(buf.len() as u64).is_none_or(|end| end > self.size) {
            return Err(Error::new(Status::Corrupt, "the input ends early").at(self.size));
        }
        // SAFETY: the header demands of the callback that it can be called from here and writes `len` bytes at most.
        match unsafe { (self.read_at)(self.user_data.get(), offset, buf.as_mut_ptr(), buf.len()) } {
            0 => Ok(()),
            value => Err(Error::callback(value.into())),
        }
    }
}

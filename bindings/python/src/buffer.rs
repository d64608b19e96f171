//! Memory that Python owns, read and written while other Python threads run: all `unsafe` of this crate.
//!
//! No slice of such memory is ever made, since a careless program may change it at any time: bytes are copied out of it
//! or into it, a piece at a time.

#![allow(unsafe_code, reason = "the memory is Python's")]

use std::io::{self, Write};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use patchcore_ffi::input::ReadAt;
use patchcore_ffi::status::{Error, Result, Status};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Bytes of a buffer that Python keeps in place as long as this lives.
pub(crate) struct Borrowed(PyUntypedBuffer);

impl Borrowed {
    /// Borrows a buffer whose bytes lie one behind the other; the buffer itself otherwise.
    pub fn new(buffer: PyUntypedBuffer) -> std::result::Result<Self, PyUntypedBuffer> {
        if buffer.is_c_contiguous() { Ok(Self(buffer)) } else { Err(buffer) }
    }
}

impl ReadAt for Borrowed {
    fn size(&self) -> u64 {
        self.0.len_bytes() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let ends_early = || Error::new(Status::Corrupt, "the input ends early").at(self.size());
        let start = usize::try_from(offset).map_err(|_| ends_early())?;
        if start.checked_add(buf.len()).is_none_or(|end| end > self.0.len_bytes()) {
            return Err(ends_early());
        }
        if !buf.is_empty() {
            // SAFETY: the buffer is contiguous and exported, so its `len_bytes` bytes stay where they are until it is
            // released; the range was checked above; `buf` is ours alone and cannot overlap it.
            unsafe { ptr::copy_nonoverlapping(self.0.buf_ptr().cast::<u8>().add(start), buf.as_mut_ptr(), buf.len()) };
        }
        Ok(())
    }

    fn short_reads_are_cheap(&self) -> bool {
        true
    }
}

/// Memory of Python that a worker fills from its first byte on, until whoever lent it takes it back.
#[derive(Clone)]
pub(crate) struct Filling(Arc<Mutex<State>>);

struct State {
    memory: Option<Memory>,
    filled: usize,
}

struct Memory {
    start: *mut u8,
    len: usize,
    /// Keeps the memory in place.
    _owner: Owner,
}

enum Owner {
    Bytes { _object: Py<PyBytes> },
    Buffer { _exported: PyUntypedBuffer },
}

// SAFETY: `start` points to memory that `_owner` keeps in place; it is only written through with the lock of `Filling`
// held, and both owners may be dropped on any thread.
unsafe impl Send for Memory {}

impl Filling {
    /// A new bytes object to be filled. Nobody else may see it before it is full.
    pub fn new_bytes(py: Python<'_>, len: usize) -> PyResult<(Self, Py<PyBytes>)> {
        let ssize = ffi::Py_ssize_t::try_from(len).unwrap_or(ffi::Py_ssize_t::MAX);
        // SAFETY: a null source asks for a new object whose bytes are to be written before it is used; the result is a
        // new reference, or null with an exception set.
        let object = unsafe {
            let object = ffi::PyBytes_FromStringAndSize(ptr::null(), ssize);
            Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked::<PyBytes>()
        };
        // SAFETY: the object is a bytes object, which never moves its `len` bytes.
        let start = unsafe { ffi::PyBytes_AsString(object.as_ptr()) }.cast::<u8>();
        let object = object.unbind();
        let owner = Owner::Bytes { _object: object.clone_ref(py) };
        Ok((Self::of(Memory { start, len, _owner: owner }), object))
    }

    /// A buffer of the caller's to be filled.
    pub fn buffer(exported: PyUntypedBuffer) -> PyResult<Self> {
        if exported.readonly() || !exported.is_c_contiguous() {
            return Err(PyTypeError::new_err("a result can only go to a buffer that is writable and contiguous"));
        }
        let (start, len) = (exported.buf_ptr().cast(), exported.len_bytes());
        Ok(Self::of(Memory { start, len, _owner: Owner::Buffer { _exported: exported } }))
    }

    fn of(memory: Memory) -> Self {
        Self(Arc::new(Mutex::new(State { memory: Some(memory), filled: 0 })))
    }

    /// Takes the memory back, so that nothing is written to it any more; returns how many bytes were.
    pub fn end(&self) -> usize {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (memory, filled) = (state.memory.take(), state.filled);
        drop(state);
        drop(memory);
        filled
    }
}

impl Write for Filling {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = state.filled;
        let Some(memory) = &state.memory else {
            return Err(Error::new(Status::Cancelled, "nobody waits for the result any more").into());
        };
        if buf.len() > memory.len - filled {
            let message = format!("the result does not fit into the {} bytes of the buffer", memory.len);
            return Err(Error::new(Status::Limit, message).into());
        }
        if !buf.is_empty() {
            // SAFETY: `filled..filled + buf.len()` lies within the memory, which the owner keeps in place and which nobody
            // takes back while the lock is held; `buf` belongs to the worker and cannot overlap it.
            unsafe { ptr::copy_nonoverlapping(buf.as_ptr(), memory.start.add(filled), buf.len()) };
        }
        state.filled += buf.len();
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

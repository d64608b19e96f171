//! What an operation reads, as Python names it: a path, or anything with bytes in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use patchcore_ffi::input::{Input, ReadAt};
use patchcore_ffi::status::{Error, Result, Status};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyMemoryError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::buffer::Borrowed;
use crate::errors::Raise;

/// How much is copied before signals are looked at again.
const PIECE: usize = 16 << 20;

/// A path or a bytes-like object.
#[derive(Clone)]
pub(crate) enum Source {
    Path(PathBuf),
    Buffer(Arc<dyn ReadAt>),
}

type Borrow<'a, 'py> = pyo3::Borrowed<'a, 'py, PyAny>;

impl<'py> FromPyObject<'_, 'py> for Source {
    type Error = PyErr;

    fn extract(object: Borrow<'_, 'py>) -> PyResult<Self> {
        let object = object.to_owned();
        if let Some(path) = path(&object)? {
            return Ok(Self::Path(path));
        }
        let buffer = buffer(&object, "a path (str or os.PathLike) or a bytes-like object")?;
        in_memory(&object, buffer).map(Self::Buffer)
    }
}

impl Source {
    /// The path that it is.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Buffer(_) => None,
        }
    }

    /// How many bytes it has; `None` for what is no regular file and can be read only once.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Path(path) => std::fs::metadata(path).ok().filter(|file| file.is_file()).map(|file| file.len()),
            Self::Buffer(buffer) => Some(buffer.size()),
        }
    }
}

impl Source {
    /// All of it as text.
    pub fn into_text(self) -> Result<String> {
        let path = self.path().map(PathBuf::from);
        let source = Input::from(self).open()?;
        let mut bytes = Vec::new();
        let size = usize::try_from(source.size()).unwrap_or(usize::MAX);
        bytes
            .try_reserve_exact(size)
            .map_err(|_| Error::new(Status::NoMemory, "this text does not fit into memory"))?;
        bytes.resize(size, 0);
        source.read_at(0, &mut bytes)?;
        String::from_utf8(bytes).map_err(|e| {
            let error = Error::new(Status::Corrupt, "this is no text in UTF-8").at(e.utf8_error().valid_up_to() as u64);
            match path {
                Some(path) => error.in_file(&path),
                None => error,
            }
        })
    }
}

impl From<Source> for Input {
    fn from(source: Source) -> Self {
        match source {
            Source::Path(path) => Input::Path(path),
            Source::Buffer(buffer) => Input::Source(Box::new(Shared(buffer))),
        }
    }
}

/// A path where bytes would make no sense.
pub(crate) struct FilePath(pub PathBuf);

impl<'py> FromPyObject<'_, 'py> for FilePath {
    type Error = PyErr;

    fn extract(object: Borrow<'_, 'py>) -> PyResult<Self> {
        let object = object.to_owned();
        let kind = || object.get_type().name().map_or_else(|_| "this".to_owned(), |name| name.to_string());
        path(&object)?
            .map(Self)
            .ok_or_else(|| PyTypeError::new_err(format!("expected a path (str or os.PathLike), not {}", kind())))
    }
}

/// Any iterable of paths and bytes-like objects.
pub(crate) struct Sources(Vec<Source>);

impl<'py> FromPyObject<'_, 'py> for Sources {
    type Error = PyErr;

    fn extract(object: Borrow<'_, 'py>) -> PyResult<Self> {
        let object = object.to_owned();
        if path(&object)?.is_some() || PyUntypedBuffer::get(&object).is_ok() {
            return Err(PyTypeError::new_err("expected several deltas, such as a list, and not a single one"));
        }
        object.try_iter()?.map(|item| item?.extract()).collect::<PyResult<_>>().map(Self)
    }
}

impl From<Sources> for Vec<Input> {
    fn from(Sources(sources): Sources) -> Self {
        sources.into_iter().map(Input::from).collect()
    }
}

struct Shared(Arc<dyn ReadAt>);

impl ReadAt for Shared {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.0.read_at(offset, buf)
    }

    fn short_reads_are_cheap(&self) -> bool {
        self.0.short_reads_are_cheap()
    }
}

/// The path that a str or an `os.PathLike` is. Bytes are content, never a path.
pub(crate) fn path(object: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    let py = object.py();
    if !object.is_instance_of::<PyString>() && !object.hasattr(intern!(py, "__fspath__"))? {
        return Ok(None);
    }
    let text = py.import(intern!(py, "os"))?.call_method1(intern!(py, "fsdecode"), (object,))?;
    text.extract().map(Some)
}

/// The buffer of an object that is `wanted`.
pub(crate) fn buffer(object: &Bound<'_, PyAny>, wanted: &str) -> PyResult<PyUntypedBuffer> {
    PyUntypedBuffer::get(object).map_err(|e| {
        let kind = object.get_type();
        let name = kind.name().map_or_else(|_| "this".to_owned(), |name| name.to_string());
        match e.is_instance_of::<PyTypeError>(object.py()) {
            true => PyTypeError::new_err(format!("expected {wanted}, not {name}")),
            false => e,
        }
    })
}

/// Read-only buffers are borrowed while the operation runs. What the program may still write to is copied, and so is what
/// does not lie in one piece.
fn in_memory(object: &Bound<'_, PyAny>, exported: PyUntypedBuffer) -> PyResult<Arc<dyn ReadAt>> {
    let py = object.py();
    let read_only = exported.readonly();
    match Borrowed::new(exported) {
        Ok(borrowed) if read_only => Ok(Arc::new(borrowed)),
        Ok(borrowed) => Ok(Arc::new(copy(py, &borrowed)?)),
        Err(scattered) => {
            scattered.release(py);
            let bytes = py.import(intern!(py, "builtins"))?.call_method1(intern!(py, "memoryview"), (object,))?;
            let bytes = bytes.call_method0(intern!(py, "tobytes"))?;
            in_memory(&bytes, PyUntypedBuffer::get(&bytes)?)
        }
    }
}

fn copy(py: Python<'_>, from: &Borrowed) -> PyResult<Vec<u8>> {
    let size = usize::try_from(from.size()).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size).map_err(|_| PyMemoryError::new_err(Status::NoMemory.name()))?;
    while bytes.len() < size {
        let start = bytes.len();
        bytes.resize(start + (size - start).min(PIECE), 0);
        py.detach(|| from.read_at(start as u64, &mut bytes[start..])).or_raise(py)?;
        py.check_signals()?;
    }
    Ok(bytes)
}

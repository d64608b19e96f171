//! Where a result goes, as Python names it: a path, a writable buffer, or nothing for new bytes.

use std::path::PathBuf;

use patchcore_ffi::chain::Chain;
use patchcore_ffi::output::{Output, Written};
use patchcore_ffi::status::{Error, Status};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::Filling;
use crate::errors::raise;
use crate::source::{Source, buffer, path};

/// What a size that nobody checked may make us allocate at most, unless as many bytes were given to us.
const UNCHECKED: u64 = 1 << 20;

/// How many bytes may be allocated for each byte that was given to us, on the word of a header.
const EXPANSION: u64 = 64;

/// The argument `out`.
pub(crate) enum Target {
    Path(PathBuf),
    Buffer(Filling),
    Bytes,
}

impl<'py> FromPyObject<'_, 'py> for Target {
    type Error = PyErr;

    fn extract(object: pyo3::Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let object = object.to_owned();
        if let Some(path) = path(&object)? {
            return Ok(Self::Path(path));
        }
        Filling::buffer(buffer(&object, "a path (str or os.PathLike), a writable buffer or None")?).map(Self::Buffer)
    }
}

/// How large a result will be, as a file says about itself, and how many bytes were given to make it.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    pub size: u64,
    pub given: u64,
}

impl Expected {
    /// A version, as large as its chain says, unless that is more than is allowed.
    pub fn version(chain: &Chain, name: &str, max_output: Option<u64>, given: [&Source; 2]) -> Option<Self> {
        let given = given[0].size()?.saturating_add(given[1].size()?);
        let place = usize::try_from(chain.resolve(name).ok()?).ok()?;
        let size = chain.versions().get(place)?.size;
        let allowed = max_output.filter(|most| *most > 0).is_none_or(|most| size <= most);
        allowed.then_some(Self { size, given })
    }

    /// The size, where a lie would not cost much.
    fn trusted(self) -> Option<usize> {
        let most = UNCHECKED.max(self.given.saturating_mul(EXPANSION));
        usize::try_from(self.size).ok().filter(|_| self.size <= most)
    }
}

/// A target with an operation under way to it. Dropping it takes back what the worker might still write to.
pub(crate) enum Opened {
    File,
    Buffer(Filling),
    /// A bytes object as large as the result.
    Bytes(Filling, Py<PyBytes>, usize),
    /// The operation returns the bytes.
    Memory,
}

impl Target {
    /// What `out=None` means.
    pub fn or_bytes(given: Option<Self>) -> Self {
        given.unwrap_or(Self::Bytes)
    }

    /// Whether the result goes to memory that we allocate, whose size is therefore good to know beforehand.
    pub fn is_bytes(&self) -> bool {
        matches!(self, Self::Bytes)
    }

    /// Gets ready for a result of a size that nobody knows.
    pub fn open(self, no_clobber: bool) -> (Output, Opened) {
        match self {
            Self::Path(path) => (Output::Path { path, no_clobber }, Opened::File),
            Self::Buffer(filling) => (Output::Writer(Box::new(filling.clone())), Opened::Buffer(filling)),
            Self::Bytes => (Output::Memory, Opened::Memory),
        }
    }

    /// Gets ready for a result of a size that is known beforehand, unless a lie would cost too much: then it is copied
    /// once more than it need be.
    pub fn open_for(self, py: Python<'_>, no_clobber: bool, expected: Option<Expected>) -> PyResult<(Output, Opened)> {
        match (&self, expected.and_then(Expected::trusted)) {
            (Self::Bytes, Some(size)) => {
                let (filling, bytes) = Filling::new_bytes(py, size)?;
                Ok((Output::Writer(Box::new(filling.clone())), Opened::Bytes(filling, bytes, size)))
            }
            _ => Ok(self.open(no_clobber)),
        }
    }
}

impl Opened {
    /// What the caller gets: new bytes where it named no target, else what `stats` says.
    pub fn finish<'py>(
        mut self,
        py: Python<'py>,
        written: Written,
        stats: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match &mut self {
            Self::File | Self::Buffer(_) => stats(),
            Self::Memory => Ok(PyBytes::new(py, &written.unwrap_or_default()).into_any()),
            Self::Bytes(filling, bytes, size) => {
                if filling.end() != *size {
                    let message = "the file says another size now than when the operation began";
                    return Err(raise(py, &Error::new(Status::Corrupt, message)));
                }
                Ok(bytes.bind(py).clone().into_any())
            }
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Self::Buffer(filling) | Self::Bytes(filling, ..) = self {
            filling.end();
        }
    }
}

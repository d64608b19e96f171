//! How Python names a version of a chain: as the command line does, by its place, or by what `Chain.versions` holds.

use patchcore_ffi::chain::Chain;
use patchcore_ffi::status::{Error, Status};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};

use crate::errors::raise;

/// An argument that names a version.
pub(crate) enum Version {
    /// A name, a digest, or the first digits of one.
    Name(String),
    /// Counted from 0, or from the end where it is negative.
    Place(i64),
}

impl<'py> FromPyObject<'_, 'py> for Version {
    type Error = PyErr;

    fn extract(object: pyo3::Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyString>() {
            return object.extract().map(Self::Name);
        }
        if object.is_instance_of::<PyInt>() {
            // What does not fit is no place in any chain.
            return Ok(Self::Place(object.extract().unwrap_or(i64::MAX)));
        }
        let py = object.py();
        let class = py.import(intern!(py, "patchcore.results"))?.getattr(intern!(py, "Version"))?;
        if object.is_instance(&class)? {
            return object.getattr(intern!(py, "name"))?.extract().map(Self::Name);
        }
        let kind = object.get_type().name()?.to_string();
        Err(PyTypeError::new_err(format!("expected a version (str, int or patchcore.Version), not {kind}")))
    }
}

impl Version {
    /// What the library calls the version that was given, if any was.
    pub fn name_of(given: Option<Self>, py: Python<'_>, chain: &Chain) -> PyResult<Option<String>> {
        given.map(|version| version.name(py, chain)).transpose()
    }

    /// What the library calls it.
    pub fn name(self, py: Python<'_>, chain: &Chain) -> PyResult<String> {
        let place = match self {
            Self::Name(name) => return Ok(name),
            Self::Place(place) => place,
        };
        let versions = chain.versions();
        let counted = if place < 0 { place.saturating_add_unsigned(versions.len() as u64) } else { place };
        let version = usize::try_from(counted).ok().and_then(|place| versions.into_iter().nth(place));
        version.map(|version| version.name).ok_or_else(|| {
            let message = format!("there is no version {place}; this chain holds {}", chain.info().versions);
            raise(py, &Error::new(Status::UnknownVersion, message))
        })
    }
}

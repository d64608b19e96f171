//! Errors of the library as the exceptions of `errors.py`.

use patchcore_ffi::status::{Error, Result, Status};
use pyo3::intern;
use pyo3::prelude::*;

/// Turns what the library says into an exception.
pub(crate) trait Raise<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> Raise<T> for Result<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| raise(py, &error))
    }
}

/// The exception for an error, or what went wrong while it was made.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    exception(py, error).map_or_else(|instead| instead, PyErr::from_value)
}

fn exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let status = error.status();
    let path = error.path().map(|path| path.as_os_str());
    let from_status = py.import(intern!(py, "patchcore.errors"))?.getattr(intern!(py, "_from_status"))?;
    from_status.call1((status.code(), status.name(), error.message(), path, error.offset(), error.system_code()))
}

/// Every status of the library but success, as pairs of number and name.
#[pyfunction]
pub(crate) fn _statuses() -> Vec<(i32, &'static str)> {
    Status::ALL.iter().filter(|status| **status != Status::Ok).map(|status| (status.code(), status.name())).collect()
}

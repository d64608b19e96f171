//! Errors of the library as the exceptions of `errors.py`.

use patchcore_ffi::status::{Error, Outcome, Result, Status};
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
    raise_with(py, error, error.outcome())
}

/// The exception for an error of which is known what became of a tree.
pub(crate) fn raise_with(py: Python<'_>, error: &Error, outcome: Option<Outcome>) -> PyErr {
    exception(py, error, outcome).map_or_else(|instead| instead, PyErr::from_value)
}

fn exception<'py>(py: Python<'py>, error: &Error, outcome: Option<Outcome>) -> PyResult<Bound<'py, PyAny>> {
    let status = error.status();
    let path = error.path().map(|path| path.as_os_str());
    let from_status = py.import(intern!(py, "patchcore.errors"))?.getattr(intern!(py, "_from_status"))?;
    let outcome = outcome.map(Outcome::name);
    let (message, offset, system_code) = (error.message(), error.offset(), error.system_code());
    from_status.call1((status.code(), status.name(), message, path, offset, system_code, outcome))
}

/// Every status of the library but success, as pairs of number and name.
#[pyfunction]
pub(crate) fn _statuses() -> Vec<(i32, &'static str)> {
    Status::ALL.iter().filter(|status| **status != Status::Ok).map(|status| (status.code(), status.name())).collect()
}

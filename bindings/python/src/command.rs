//! The command line, run in this process.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs one command line, the name of the program first, and returns the exit status.
#[pyfunction]
pub(crate) fn _run_command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| patchcore_cli::run(arguments))
}

//! The flag that any thread may raise to stop an operation.

use patchcore_ffi::job;
use pyo3::prelude::*;

/// A flag that stops every operation it was given to, from any thread.
///
/// It goes up once and never down again. An operation that sees it raises :class:`~patchcore.CancelledError` and leaves
/// everything as it was; one that is putting its result in place already comes to its end and returns it. Ctrl-C needs no
/// token.
#[pyclass(frozen, module = "patchcore")]
pub(crate) struct CancelToken(pub job::CancelToken);

#[pymethods]
impl CancelToken {
    #[new]
    fn new() -> Self {
        Self(job::CancelToken::new())
    }

    /// Asks every operation that has this token to stop.
    fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether :meth:`cancel` was called.
    #[getter]
    fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    fn __repr__(&self) -> String {
        format!("<patchcore.CancelToken cancelled={}>", if self.0.is_cancelled() { "True" } else { "False" })
    }
}

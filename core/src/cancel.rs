//! One flag that any thread may raise to stop a running operation.
//!
//! A token only ever goes from "go on" to "cancelled": there is no reset, so a job that sees it raised can never
//! race with somebody lowering it again. An operation polls it between steps of at most a few milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A cancellation flag shared between the caller and a running operation. Clones share one flag.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that nobody has raised yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks every operation that holds a clone of this token to stop with `CANCELLED`.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`cancel`](Self::cancel) was called on any clone.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

//! One flag that any thread may raise to stop a running operation, and the point from which that is too late.
//!
//! A token only ever goes from "go on" to "cancelled": there is no reset, so a job that sees it raised can never
//! race with somebody lowering it again. An operation polls it between steps of at most a few milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result, Status};

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
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether [`cancel`](Self::cancel) was called on any clone.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The point from which on the result of one operation becomes visible. Clones share one point.
///
/// The flag alone cannot tell a caller who does not wait for the operation to end whether something will still appear: it
/// may be raised between the last look at it and the renaming of a file. Of raising the flag and passing the point each
/// looks at the other after it has happened itself, so one of the two always gives way.
#[derive(Clone, Debug, Default)]
pub struct CommitPoint {
    cancel: CancelToken,
    passed: Arc<AtomicBool>,
}

impl CommitPoint {
    /// The point of an operation that stops when `cancel` is raised.
    pub fn new(cancel: CancelToken) -> Self {
        Self { cancel, passed: Arc::default() }
    }

    /// The flag that stops the operation.
    pub fn token(&self) -> &CancelToken {
        &self.cancel
    }

    /// Passes the point; fails with CANCELLED where the flag was raised before.
    pub fn pass(&self) -> Result<()> {
        let before = self.passed.swap(true, Ordering::SeqCst);
        if !before && self.cancel.0.load(Ordering::SeqCst) {
            self.go_back();
            return Err(cancelled());
        }
        Ok(())
    }

    /// Says that more is to come which can still be stopped.
    pub fn go_back(&self) {
        self.passed.store(false, Ordering::SeqCst);
    }

    /// Raises the flag, and says whether that came in time: then nothing of the operation becomes visible any more. Else
    /// wait for how it ends.
    pub fn cancel(&self) -> bool {
        self.cancel.cancel();
        !self.passed.load(Ordering::SeqCst)
    }
}

pub(crate) fn cancelled() -> Error {
    Error::new(Status::Cancelled, "cancelled; nothing was changed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn nothing_becomes_visible_once_cancelling_came_in_time() {
        for _ in 0..2_000 {
            let point = CommitPoint::default();
            let in_time = thread::scope(|scope| {
                let passing = scope.spawn(|| point.pass().is_ok());
                (point.cancel(), passing.join().unwrap())
            });
            assert_ne!(in_time, (true, true));
        }
    }

    #[test]
    fn after_the_point_cancelling_is_too_late_and_before_it_nothing_passes() {
        let point = CommitPoint::default();
        point.pass().unwrap();
        assert!(!point.cancel());
        point.pass().unwrap();
        point.go_back();
        assert!(point.cancel());
        assert_eq!(point.pass().unwrap_err().status(), Status::Cancelled);
        assert!(point.cancel(), "a refused pass is none");
    }
}

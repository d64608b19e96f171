//! One running operation as its caller sees it: progress, log, cancellation, and the thread it runs on.
//!
//! An operation runs on the thread that calls it, and so do its callbacks. A language that must not block its own thread
//! moves the job to one of its own with [`Job::spawn`]; whoever asks for cancellation need not wait for that to end, since
//! the job owns all that it works on.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use patchcore::{CommitPoint, Task};

use crate::status::{Error, Result, Status};

pub use patchcore::{CancelToken, Event as Progress, LogLevel, Phase, Stop, Unit};

/// Called with each event, at most ten times a second; what it returns may stop the operation.
pub type ProgressCallback = Box<dyn FnMut(&Progress) -> std::result::Result<(), Stop> + Send>;

/// Called with what a user who wonders may want to know.
pub type LogCallback = Box<dyn FnMut(LogLevel, &str) + Send>;

/// What is to run on a thread of its own.
pub type Work = Box<dyn FnOnce(&mut Job) + Send>;

/// An operation's way to its caller.
pub struct Job {
    task: Task<'static>,
}

impl Default for Job {
    fn default() -> Self {
        Self::with_cancel(CancelToken::new())
    }
}

impl Job {
    /// A job that nobody watches and nobody cancels.
    pub fn new() -> Self {
        Self::default()
    }

    /// A job that stops when `cancel` is raised.
    pub fn with_cancel(cancel: CancelToken) -> Self {
        Self { task: Task::with_cancel(cancel) }
    }

    /// Reports progress to `callback`.
    #[must_use]
    pub fn on_progress(self, callback: ProgressCallback) -> Self {
        Self { task: self.task.observed(callback) }
    }

    /// Reports to `callback` what was decided and what it took.
    #[must_use]
    pub fn on_log(self, callback: LogCallback) -> Self {
        Self { task: self.task.logged(callback) }
    }

    /// The flag that stops this job.
    pub fn cancel_token(&self) -> &CancelToken {
        self.task.commit_point().token()
    }

    /// Runs `work` with this job on a thread of its own.
    pub fn spawn(mut self, work: Work) -> Result<Running> {
        let shared = Arc::new(Shared::default());
        let running = Running { shared: shared.clone(), commit: self.commit_point() };
        let run = move || {
            let ended = panic::catch_unwind(AssertUnwindSafe(|| work(&mut self)));
            // Callbacks and inputs are gone before anybody hears that the work has ended.
            drop(self);
            shared.end(ended.map_err(|payload| panic_message(&*payload)));
        };
        thread::Builder::new().name("patchcore".to_owned()).spawn(run)?;
        Ok(running)
    }

    /// The point from which on it cannot be stopped.
    pub(crate) fn commit_point(&self) -> CommitPoint {
        self.task.commit_point().clone()
    }

    pub(crate) fn task(&mut self) -> &mut Task<'static> {
        &mut self.task
    }

    pub(crate) fn warn(&mut self, message: impl FnOnce() -> String) {
        self.task.log(LogLevel::Warning, message);
    }
}

/// A job on a thread of its own. Dropping this leaves it running.
pub struct Running {
    shared: Arc<Shared>,
    commit: CommitPoint,
}

impl Running {
    /// Asks the job to stop, and says whether that came in time: then it puts nothing in place any more, and there is no
    /// need to wait for it. Else it is about to end, with its result or not.
    pub fn cancel(&self) -> bool {
        self.commit.cancel()
    }

    /// Whether the work has ended, in whatever way.
    pub fn is_finished(&self) -> bool {
        self.shared.ended().is_some()
    }

    /// Waits until the work has ended; INTERNAL where it panicked.
    pub fn wait(&self) -> Result<()> {
        let ended = self.shared.ended();
        let ended = self.shared.changed.wait_while(ended, |ended| ended.is_none());
        result(&ended.unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits at most so long; `None` where the work goes on.
    pub fn wait_timeout(&self, most: Duration) -> Option<Result<()>> {
        let ended = self.shared.ended();
        let waited = self.shared.changed.wait_timeout_while(ended, most, |ended| ended.is_none());
        let (ended, _) = waited.unwrap_or_else(PoisonError::into_inner);
        ended.is_some().then(|| result(&ended))
    }
}

/// How work ended: with nothing to say, or with what a panic said.
type Ended = Option<std::result::Result<(), String>>;

#[derive(Default)]
struct Shared {
    ended: Mutex<Ended>,
    changed: Condvar,
}

impl Shared {
    fn ended(&self) -> MutexGuard<'_, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, how: std::result::Result<(), String>) {
        *self.ended() = Some(how);
        self.changed.notify_all();
    }
}

fn result(ended: &Ended) -> Result<()> {
    match ended {
        Some(Err(message)) => Err(internal(message)),
        _ => Ok(()),
    }
}

/// The error that stands for a panic, which is a bug of ours.
pub fn panicked(payload: &(dyn Any + Send)) -> Error {
    internal(&panic_message(payload))
}

fn internal(message: &str) -> Error {
    Error::new(Status::Internal, format!("a bug in patchcore, please report it: {message}"))
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic that says nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_panic_on_another_thread_is_an_internal_error_that_says_what_it_said() {
        let running = Job::new().spawn(Box::new(|_| panic!("seven is no even number"))).unwrap();
        let error = running.wait().unwrap_err();
        assert_eq!(error.status(), Status::Internal);
        assert!(error.message().contains("seven is no even number"), "{error}");
        assert!(running.is_finished());
    }

    #[test]
    fn who_waits_with_a_timeout_comes_back_while_the_work_goes_on() {
        let (go_on, wait) = channel::<()>();
        let work = move |job: &mut Job| {
            let _ = wait.recv();
            assert!(job.cancel_token().is_cancelled());
        };
        let running = Job::new().spawn(Box::new(work)).unwrap();
        assert!(running.wait_timeout(Duration::from_millis(1)).is_none() && !running.is_finished());
        running.cancel();
        drop(go_on);
        running.wait().unwrap();
        assert!(running.wait_timeout(Duration::ZERO).is_some());
    }
}

//! One operation as the Python thread that calls it sees it.
//!
//! The work runs on a thread of its own and never needs the interpreter. The caller waits without holding it back, looks
//! for signals 40 times a second, and runs the callbacks: so those run where the program expects them, and none runs once
//! the call has returned. A caller that leaves early leaves a cancelled worker behind, which owns all that it works on;
//! but where that is putting its result in place already, the caller waits and says what came of it.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use patchcore_ffi::job::{self, Job, LogLevel, Running, Stop};
use patchcore_ffi::status::{Error, Outcome, Result, Status};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;

use crate::cancel::CancelToken;
use crate::errors::{Raise, raise, raise_with};
use crate::results;

/// How often the caller looks for signals and for its token.
const POLL: Duration = Duration::from_millis(25);

/// How long a caller that leaves waits for its worker, which usually has tidied up by then.
const GRACE: Duration = Duration::from_millis(25);

/// How long whoever changes a tree or a repository waits for workers that were left behind, since one of them may still hold
/// its lock.
const SETTLE: Duration = Duration::from_secs(10);

/// Workers whose callers have left.
static LEFT_BEHIND: Mutex<Vec<Left>> = Mutex::new(Vec::new());

struct Left {
    running: Running,
    holds_lock: bool,
}

/// What an operation changes in place, under a lock.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Changes {
    #[default]
    Nothing,
    Repository,
    Tree,
    /// A tree, by one delta after the other.
    TreeInSteps,
}

/// Who watches an operation: the arguments `progress` and `cancel`.
#[derive(Default)]
pub(crate) struct Watch<'py> {
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
    changes: Changes,
}

impl<'py> Watch<'py> {
    pub fn new(progress: Option<Bound<'py, PyAny>>, cancel: Option<Bound<'py, CancelToken>>) -> PyResult<Self> {
        match &progress {
            Some(callback) if !callback.is_callable() => {
                Err(PyTypeError::new_err("argument 'progress': expected a callable"))
            }
            _ => Ok(Self { progress, cancel, changes: Changes::Nothing }),
        }
    }

    /// The watch of an operation that changes a tree, so that its errors say what became of that.
    pub fn of_tree(self) -> Self {
        Self { changes: Changes::Tree, ..self }
    }

    /// [`of_tree`](Self::of_tree) for what may have changed the tree once when it is stopped.
    pub fn of_tree_in_steps(self) -> Self {
        Self { changes: Changes::TreeInSteps, ..self }
    }

    /// The watch of an operation that changes a repository.
    pub fn of_repository(self) -> Self {
        Self { changes: Changes::Repository, ..self }
    }

    fn cancelled(&self, py: Python<'_>) -> PyErr {
        let message = match self.changes {
            Changes::TreeInSteps => "cancelled; what was applied before stays, and nothing else was changed",
            _ => "cancelled; nothing was changed",
        };
        let of_tree = matches!(self.changes, Changes::Tree | Changes::TreeInSteps);
        raise_with(py, &Error::new(Status::Cancelled, message), of_tree.then_some(Outcome::Unchanged))
    }
}

enum Message<T> {
    Progress(job::Progress, SyncSender<Go>),
    Log(LogLevel, String),
    Done(Result<T>),
}

/// What the caller answers to progress.
struct Go;

/// Why a caller does not wait for the end of its operation.
enum Leaving {
    /// The token went up.
    Cancelled,
    /// A callback or a signal handler raised this.
    Raised(PyErr),
}

impl From<PyErr> for Leaving {
    fn from(raised: PyErr) -> Self {
        Self::Raised(raised)
    }
}

/// Runs `work` on a thread of its own until it ends, a callback raises, a signal handler raises, or the token goes up.
pub(crate) fn run<T: Send + 'static>(
    py: Python<'_>,
    watch: &Watch<'_>,
    work: impl FnOnce(&mut Job) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let token = watch.cancel.as_ref().map(|token| &token.get().0);
    if token.is_some_and(job::CancelToken::is_cancelled) {
        return Err(watch.cancelled(py));
    }
    let holds_lock = watch.changes != Changes::Nothing;
    if holds_lock {
        settle(py)?;
    }
    // The caller's token may serve other operations as well, so this one has its own.
    let (tell, mut hear) = mpsc::channel();
    let mut job = Job::new();
    if watch.progress.is_some() {
        let tell = tell.clone();
        job = job.on_progress(Box::new(move |event| {
            let (answer, wait) = mpsc::sync_channel(1);
            let told = tell.send(Message::Progress(*event, answer));
            told.ok().and_then(|()| wait.recv().ok()).map(|Go| ()).ok_or(Stop::Cancelled)
        }));
    }
    let log = tell.clone();
    job = job.on_log(Box::new(move |level, message| {
        let _ = log.send(Message::Log(level, message.to_owned()));
    }));
    let work = move |job: &mut Job| {
        let result = work(job);
        let _ = tell.send(Message::Done(result));
    };
    let running = job.spawn(Box::new(work)).map_err(|error| raise(py, &error))?;
    let leaving = match attend(py, watch, token, &mut hear, &running) {
        Ok(result) => return result.or_raise(py),
        Err(leaving) => leaving,
    };
    if running.cancel() {
        drop(hear);
        leave(py, Left { running, holds_lock });
        return Err(match leaving {
            Leaving::Cancelled => watch.cancelled(py),
            Leaving::Raised(raised) => raised,
        });
    }
    // The result is being put in place, which nobody should see happen after the call has returned.
    let result = py.detach(|| await_result(hear, &running));
    match leaving {
        Leaving::Cancelled => result.or_raise(py),
        Leaving::Raised(raised) => {
            note(py, &raised, result.err())?;
            Err(raised)
        }
    }
}

fn attend<T: Send>(
    py: Python<'_>,
    watch: &Watch<'_>,
    token: Option<&job::CancelToken>,
    hear: &mut Receiver<Message<T>>,
    running: &Running,
) -> std::result::Result<Result<T>, Leaving> {
    loop {
        let listener = &mut *hear;
        let message = py.detach(move || listener.recv_timeout(POLL));
        match message {
            Ok(Message::Done(result)) => return Ok(result),
            Ok(Message::Progress(event, answer)) => {
                if let Some(progress) = &watch.progress {
                    progress.call1((results::progress(py, &event)?,))?;
                }
                let _ = answer.send(Go);
            }
            Ok(Message::Log(level, message)) => log(py, level, &message)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(Err(py.detach(|| without_result(running)))),
        }
        py.check_signals()?;
        if token.is_some_and(job::CancelToken::is_cancelled) {
            return Err(Leaving::Cancelled);
        }
    }
}

/// What comes of work that nobody watches any more. Progress that is not answered asks it to stop where it still can.
fn await_result<T>(hear: Receiver<Message<T>>, running: &Running) -> Result<T> {
    let ended = hear.into_iter().find_map(|message| match message {
        Message::Done(result) => Some(result),
        Message::Progress(..) | Message::Log(..) => None,
    });
    ended.unwrap_or_else(|| Err(without_result(running)))
}

/// The error of work that ended without a word, as only a panic does.
fn without_result(running: &Running) -> Error {
    running.wait().err().unwrap_or_else(|| Error::new(Status::Internal, "the work ended without a result"))
}

/// Says in an exception of the caller's what came of an operation that it could not stop any more.
fn note(py: Python<'_>, raised: &PyErr, failed: Option<Error>) -> PyResult<()> {
    let note = match failed {
        None => "raised too late to stop the operation, which was completed".to_owned(),
        Some(error) if error.status() == Status::Cancelled => return Ok(()),
        Some(error) => {
            let outcome = error.outcome().map(|outcome| format!(" (the tree: {})", outcome.name()));
            format!("raised too late to stop the operation, which failed: {error}{}", outcome.unwrap_or_default())
        }
    };
    raised.value(py).call_method1(intern!(py, "add_note"), (note,)).map(drop)
}

fn log(py: Python<'_>, level: LogLevel, message: &str) -> PyResult<()> {
    let level = match level {
        LogLevel::Warning => 30,
        LogLevel::Info => 20,
        _ => 10,
    };
    let logger = py.import(intern!(py, "logging"))?.call_method1(intern!(py, "getLogger"), ("patchcore",))?;
    logger.call_method1(intern!(py, "log"), (level, "%s", message)).map(drop)
}

fn leave(py: Python<'_>, left: Left) {
    if py.detach(|| left.running.wait_timeout(GRACE)).is_none() {
        left_behind().push(left);
    }
}

/// The workers that are still left behind.
fn left_behind() -> MutexGuard<'static, Vec<Left>> {
    let mut left = LEFT_BEHIND.lock().unwrap_or_else(PoisonError::into_inner);
    left.retain(|left| !left.running.is_finished());
    left
}

/// Waits for the workers whose callers have left, so that what they locked is free again.
fn settle(py: Python<'_>) -> PyResult<()> {
    let until = Instant::now() + SETTLE;
    while Instant::now() < until && left_behind().iter().any(|left| left.holds_lock) {
        py.detach(|| thread::sleep(POLL / 5));
        py.check_signals()?;
    }
    Ok(())
}

/// Waits at most so many seconds for the workers whose callers have left, so that they remove their temporary files
/// before the process ends.
#[pyfunction]
pub(crate) fn _wait_for_workers(py: Python<'_>, seconds: f64) {
    let left = std::mem::take(&mut *left_behind());
    let until = Instant::now() + Duration::try_from_secs_f64(seconds).unwrap_or_default();
    py.detach(|| {
        for Left { running, .. } in left {
            let _ = running.wait_timeout(until.saturating_duration_since(Instant::now()));
        }
    });
}

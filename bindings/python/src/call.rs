//! One operation as the Python thread that calls it sees it.
//!
//! The work runs on a thread of its own and never needs the interpreter. The caller waits without holding it back, looks
//! for signals 40 times a second, and runs the callbacks: so those run where the program expects them, and none runs once
//! the call has returned. A caller that leaves early leaves a cancelled worker behind, which owns all that it works on.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use patchcore_ffi::job::{self, Job, LogLevel, Running, Stop};
use patchcore_ffi::status::{Error, Result, Status};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;

use crate::cancel::CancelToken;
use crate::errors::raise;
use crate::results;

/// How often the caller looks for signals and for its token.
const POLL: Duration = Duration::from_millis(25);

/// How long a caller that leaves waits for its worker, which usually has tidied up by then.
const GRACE: Duration = Duration::from_millis(25);

/// Workers whose callers have left.
static LEFT_BEHIND: Mutex<Vec<Running>> = Mutex::new(Vec::new());

/// Who watches an operation: the arguments `progress` and `cancel`.
#[derive(Default)]
pub(crate) struct Watch<'py> {
    progress: Option<Bound<'py, PyAny>>,
    cancel: Option<Bound<'py, CancelToken>>,
}

impl<'py> Watch<'py> {
    pub fn new(progress: Option<Bound<'py, PyAny>>, cancel: Option<Bound<'py, CancelToken>>) -> PyResult<Self> {
        match &progress {
            Some(callback) if !callback.is_callable() => {
                Err(PyTypeError::new_err("argument 'progress': expected a callable"))
            }
            _ => Ok(Self { progress, cancel }),
        }
    }
}

enum Message<T> {
    Progress(job::Progress, SyncSender<Go>),
    Log(LogLevel, String),
    Done(Result<T>),
}

/// What the caller answers to progress.
struct Go;

/// Runs `work` on a thread of its own until it ends, a callback raises, a signal handler raises, or the token goes up.
pub(crate) fn run<T: Send + 'static>(
    py: Python<'_>,
    watch: &Watch<'_>,
    work: impl FnOnce(&mut Job) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let token = watch.cancel.as_ref().map(|token| &token.get().0);
    if token.is_some_and(job::CancelToken::is_cancelled) {
        return Err(cancelled(py));
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
    let outcome = attend(py, watch, token, &mut hear, &running);
    if outcome.is_err() && !running.is_finished() {
        let came_in_time = running.cancel();
        drop(hear);
        if came_in_time {
            leave(py, running);
        } else {
            // The result is being put in place, which nobody should see happen after the call has returned.
            let _ = py.detach(|| running.wait());
        }
    }
    outcome
}

fn attend<T: Send>(
    py: Python<'_>,
    watch: &Watch<'_>,
    token: Option<&job::CancelToken>,
    hear: &mut Receiver<Message<T>>,
    running: &Running,
) -> PyResult<T> {
    loop {
        let listener = &mut *hear;
        let message = py.detach(move || listener.recv_timeout(POLL));
        match message {
            Ok(Message::Done(result)) => return result.map_err(|error| raise(py, &error)),
            Ok(Message::Progress(event, answer)) => {
                if let Some(progress) = &watch.progress {
                    progress.call1((results::progress(py, &event)?,))?;
                }
                let _ = answer.send(Go);
            }
            Ok(Message::Log(level, message)) => log(py, level, &message)?,
            Err(RecvTimeoutError::Timeout) => {}
            // Only a panic ends the work without a word.
            Err(RecvTimeoutError::Disconnected) => {
                let ended = py.detach(|| running.wait());
                let error =
                    ended.err().unwrap_or_else(|| Error::new(Status::Internal, "the work ended without a result"));
                return Err(raise(py, &error));
            }
        }
        py.check_signals()?;
        if token.is_some_and(job::CancelToken::is_cancelled) {
            return Err(cancelled(py));
        }
    }
}

fn cancelled(py: Python<'_>) -> PyErr {
    raise(py, &Error::new(Status::Cancelled, "cancelled; nothing was changed"))
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

fn leave(py: Python<'_>, running: Running) {
    if py.detach(|| running.wait_timeout(GRACE)).is_none() {
        let mut left = LEFT_BEHIND.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|running| !running.is_finished());
        left.push(running);
    }
}

/// Waits at most so many seconds for the workers whose callers have left, so that they remove their temporary files
/// before the process ends.
#[pyfunction]
pub(crate) fn _wait_for_workers(py: Python<'_>, seconds: f64) {
    let left = std::mem::take(&mut *LEFT_BEHIND.lock().unwrap_or_else(PoisonError::into_inner));
    let until = Instant::now() + Duration::try_from_secs_f64(seconds).unwrap_or_default();
    py.detach(|| {
        for running in left {
            let _ = running.wait_timeout(until.saturating_duration_since(Instant::now()));
        }
    });
}

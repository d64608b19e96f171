//! One operation on a thread of its own, and the one listener that hears everything of it in order.
//!
//! The thread is ours and not one of libuv's pool, which has four for all of a process: jobs that take seconds would keep
//! files and names from being looked up. The listener keeps the event loop alive until the job has ended, so that a
//! process does not leave while a temporary file is still there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Either4, FnArgs, Function, ToNapiValue};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use patchcore_ffi::job::{Job, Progress, Running, Stop, panicked};
use patchcore_ffi::status::Result;

use crate::failure::Failure;

/// How far a job is.
#[napi(object, object_from_js = false)]
pub struct ProgressEvent {
    /// What it is doing.
    pub phase: String,
    /// How much of that is done.
    pub done: f64,
    /// How much there is to do in this phase; infinity where that is not known.
    pub total: f64,
    /// What the two count.
    pub unit: String,
}

impl From<&Progress> for ProgressEvent {
    fn from(event: &Progress) -> Self {
        Self {
            phase: event.phase.name().to_owned(),
            done: event.done as f64,
            total: if event.total == u64::MAX { f64::INFINITY } else { event.total as f64 },
            unit: event.unit.name().to_owned(),
        }
    }
}

/// What a user who wonders may want to know.
#[napi(object, object_from_js = false)]
pub struct LogEvent {
    /// How much it matters.
    pub level: String,
    /// What was decided, or what it took.
    pub message: String,
}

/// What a listener is told: `progress` and `log` any number of times, then `done` or `failed` once.
type Told<T> = FnArgs<(&'static str, Either4<ProgressEvent, LogEvent, T, Failure>)>;

/// The function that hears of a job.
pub type Listener<'a, T> = Function<'a, Told<T>, ()>;

type Sender<T> = ThreadsafeFunction<Told<T>, (), Told<T>, napi::Status, false>;

/// A job that runs.
#[napi]
pub struct RunningJob(Option<Running>);

#[napi]
impl RunningJob {
    /// Asks it to stop, and says whether that came in time: then it puts nothing in place any more. The listener still
    /// hears how it ended.
    #[napi]
    pub fn cancel(&self) -> bool {
        self.0.as_ref().is_none_or(Running::cancel)
    }

    /// Waits until it has ended, at most so many milliseconds, and says whether it has.
    #[napi]
    pub fn wait(&self, milliseconds: f64) -> bool {
        let most = Duration::from_millis(milliseconds as u64);
        self.0.as_ref().is_none_or(|running| running.wait_timeout(most).is_some())
    }
}

/// Runs `work` on a thread of its own.
pub fn start<T, M>(
    listener: Listener<'_, T>,
    work: impl FnOnce(&mut Job) -> Result<M> + Send + 'static,
) -> napi::Result<RunningJob>
where
    T: ToNapiValue + From<M> + 'static,
    M: 'static,
{
    let sender: Arc<Sender<T>> = Arc::new(listener.build_threadsafe_function().build()?);
    let (progress, log, refused) = (sender.clone(), sender.clone(), sender.clone());
    let job = Job::new()
        .on_progress(Box::new(move |event| {
            // A worker thread of JavaScript that was terminated hears nothing more and wants nothing more.
            match tell(&progress, "progress", Either4::A(event.into())) {
                napi::Status::Closing => Err(Stop::Cancelled),
                _ => Ok(()),
            }
        }))
        .on_log(Box::new(move |level, message| {
            let event = LogEvent { level: level.name().to_owned(), message: message.to_owned() };
            tell(&log, "log", Either4::B(event));
        }));
    let run = move |job: &mut Job| {
        let ended = catch_unwind(AssertUnwindSafe(|| work(job)));
        match ended.unwrap_or_else(|payload| Err(panicked(&*payload))) {
            Ok(made) => tell(&sender, "done", Either4::C(made.into())),
            Err(error) => tell(&sender, "failed", Either4::D(error.into())),
        };
    };
    let running = job.spawn(Box::new(run)).map_err(|error| tell(&refused, "failed", Either4::D(error.into())));
    Ok(RunningJob(running.ok()))
}

fn tell<T: ToNapiValue + 'static>(
    sender: &Sender<T>,
    what: &'static str,
    value: Either4<ProgressEvent, LogEvent, T, Failure>,
) -> napi::Status {
    sender.call((what, value).into(), ThreadsafeFunctionCallMode::NonBlocking)
}

//! Independent pieces of work on as many threads as the caller grants; who does which makes no difference to what comes out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use crate::cancel::CancelToken;
use crate::error::{Error, Result, Status};
use crate::progress::{Event, Stop, Task};

/// How long a cancelled caller waits at most until the workers are told.
const POLL: Duration = Duration::from_millis(50);

/// What a piece of work sees of the caller: it may say how far it is, and learns that it should stop.
pub(super) struct Report<'a> {
    advance: &'a mut (dyn FnMut(u64) -> Result<()> + Send),
    cancel: CancelToken,
}

impl Report<'_> {
    /// Says that `amount` more units are done, and fails where the work should stop.
    pub fn advance(&mut self, amount: u64) -> Result<()> {
        (self.advance)(amount)
    }

    /// Runs an operation whose progress is none of the whole's.
    pub fn unnoticed<T>(&mut self, work: impl FnOnce(&mut Task<'_>) -> Result<T>) -> Result<T> {
        self.within(0, |_| 0.0, work)
    }

    /// Runs an operation that reports phases of its own as `units` of this one; `share` says of each event what part of
    /// the whole is done by then, from 0 to 1.
    pub fn within<T>(
        &mut self,
        units: u64,
        share: impl Fn(&Event) -> f64 + Send + Sync,
        work: impl FnOnce(&mut Task<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut reported = 0;
        let mut failed = None;
        let advance = &mut self.advance;
        let mut inner = Task::with_cancel(self.cancel.clone()).observed(|event| {
            let done = (share(event).clamp(0.0, 1.0) * units as f64) as u64;
            let more = done.saturating_sub(reported);
            reported += more;
            advance(more).map_err(|error| {
                failed = Some(error);
                Stop::Cancelled
            })
        });
        let result = work(&mut inner);
        drop(inner);
        match failed {
            Some(error) => Err(error),
            None => {
                let result = result?;
                self.advance(units.saturating_sub(reported))?;
                Ok(result)
            }
        }
    }
}

/// Runs `work` on each of `jobs`, each worker with what `prepare` makes for it. The results are in the order of the jobs.
pub(super) fn run<J: Sync, W, R: Send>(
    jobs: &[J],
    threads: usize,
    task: &mut Task<'_>,
    prepare: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, &J, &mut Report<'_>) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let threads = threads.clamp(1, jobs.len().max(1));
    if threads == 1 {
        let cancel = task.cancel_token().clone();
        let mut worker = prepare();
        let mut advance = |amount| task.advance(amount);
        let mut report = Report { advance: &mut advance, cancel };
        return jobs.iter().map(|job| work(&mut worker, job, &mut report)).collect();
    }
    let mut results: Vec<Option<R>> = jobs.iter().map(|_| None).collect();
    let next = AtomicUsize::new(0);
    let stop = CancelToken::new();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads {
            let (sender, next, stop, prepare, work) = (sender.clone(), &next, &stop, &prepare, &work);
            scope.spawn(move || {
                let failed = sender.clone();
                let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    work_on(jobs, next, stop, &sender, &mut prepare(), work);
                }));
                if caught.is_err() {
                    let error = Error::new(Status::Internal, "a worker thread panicked");
                    let _ = failed.send(Message::Done(usize::MAX, Err(error)));
                }
            });
        }
        drop(sender);
        let mut outcome = Ok(());
        loop {
            let advanced = match receiver.recv_timeout(POLL) {
                Ok(Message::Advance(amount)) => task.advance(amount),
                Ok(Message::Done(index, Ok(result))) => {
                    results[index] = Some(result);
                    Ok(())
                }
                Ok(Message::Done(_, Err(error))) => Err(error),
                Err(RecvTimeoutError::Timeout) => task.advance(0),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let (Err(error), true) = (advanced, outcome.is_ok()) {
                // What the other workers fail with from now on is only that they were told to stop.
                stop.cancel();
                outcome = Err(error);
            }
        }
        outcome
    })?;
    let missing = || Error::new(Status::Internal, "a piece of work was not done");
    results.into_iter().map(|result| result.ok_or_else(missing)).collect()
}

enum Message<R> {
    Advance(u64),
    Done(usize, Result<R>),
}

fn work_on<J, W, R: Send>(
    jobs: &[J],
    next: &AtomicUsize,
    stop: &CancelToken,
    sender: &Sender<Message<R>>,
    worker: &mut W,
    work: impl Fn(&mut W, &J, &mut Report<'_>) -> Result<R>,
) {
    let mut advance = |amount| match stop.is_cancelled() {
        true => Err(Error::new(Status::Cancelled, "cancelled")),
        false => {
            // Nobody listens any more only where the outcome is known already.
            let _ = sender.send(Message::Advance(amount));
            Ok(())
        }
    };
    let mut report = Report { advance: &mut advance, cancel: stop.clone() };
    while !stop.is_cancelled() {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(job) = jobs.get(index) else { return };
        let _ = sender.send(Message::Done(index, work(worker, job, &mut report)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{Phase, Unit};

    #[test]
    fn results_are_in_the_order_of_the_jobs_for_any_number_of_threads() {
        let jobs: Vec<u64> = (0..100).collect();
        for threads in [1, 2, 7] {
            let mut task = Task::new();
            task.begin(Phase::Hash, 100, Unit::Items).unwrap();
            let results = run(
                &jobs,
                threads,
                &mut task,
                || (),
                |(), job, report| {
                    report.advance(1)?;
                    Ok(job * 2)
                },
            );
            assert_eq!(results.unwrap(), jobs.iter().map(|job| job * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_failure_stops_the_others_and_is_what_the_caller_gets() {
        for threads in [1, 3] {
            let jobs: Vec<u64> = (0..1000).collect();
            let result = run(
                &jobs,
                threads,
                &mut Task::new(),
                || (),
                |(), job, report| match job {
                    5 => Err(Error::corrupt("five")),
                    _ => report.advance(1),
                },
            );
            assert_eq!(result.unwrap_err().status(), Status::Corrupt);
        }
    }

    #[test]
    fn a_cancelled_task_stops_all_workers() {
        let cancel = CancelToken::new();
        let mut task = Task::with_cancel(cancel.clone());
        let result = run(
            &[0, 1],
            2,
            &mut task,
            || (),
            |(), _, report| -> Result<()> {
                cancel.cancel();
                loop {
                    report.advance(0)?;
                    std::thread::yield_now();
                }
            },
        );
        assert_eq!(result.unwrap_err().status(), Status::Cancelled);
    }
}

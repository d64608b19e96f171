//! How an operation reports what it does and learns that it should stop.
//!
//! A [`Task`] travels by `&mut` through an operation, so events come from one thread at a time by construction. It
//! throttles them to ten a second, and the last event of a phase is always sent.

use std::time::{Duration, Instant};

use crate::cancel::{CancelToken, CommitPoint, cancelled};
use crate::error::{Error, Result};

/// What an operation is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Hashing an input to find out or check what it is.
    Hash,
    /// Looking for what two files have in common.
    Match,
    /// Writing a delta.
    Encode,
    /// Reading the operations of a delta.
    Read,
    /// Composing deltas.
    Compose,
    /// Writing a new file.
    Apply,
    /// Checking what was written.
    Verify,
    /// Looking through a directory.
    Scan,
    /// Writing a package.
    Pack,
    /// Fetching over a network.
    Download,
    /// Writing the new files of a tree beside the old ones.
    Stage,
    /// Putting the new files of a tree in place.
    Commit,
    /// Putting the old files of a tree back in place.
    Rollback,
}

impl Phase {
    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Hash => "hash",
            Phase::Match => "match",
            Phase::Encode => "encode",
            Phase::Read => "read",
            Phase::Compose => "compose",
            Phase::Apply => "apply",
            Phase::Verify => "verify",
            Phase::Scan => "scan",
            Phase::Pack => "pack",
            Phase::Download => "download",
            Phase::Stage => "stage",
            Phase::Commit => "commit",
            Phase::Rollback => "rollback",
        }
    }
}

/// What `done` and `total` of an [`Event`] count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things, such as links.
    Items,
}

impl Unit {
    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Bytes => "bytes",
            Unit::Items => "items",
        }
    }
}

/// One progress event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What is being done.
    pub phase: Phase,
    /// How much of it is done.
    pub done: u64,
    /// How much there is to do in this phase; `u64::MAX` as long as nobody knows.
    pub total: u64,
    /// What the two count.
    pub unit: Unit,
}

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LogLevel {
    /// Something is not as it should be, and the operation goes on.
    Warning,
    /// What was decided.
    Info,
    /// What it took.
    Debug,
}

impl LogLevel {
    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Warning => "warning",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
        }
    }
}

/// Why an observer asks an operation to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The user does not want the result any more: `CANCELLED`.
    Cancelled,
    /// The callback failed: `CALLBACK`, and the value is kept.
    Callback(i64),
}

type Observer<'a> = Box<dyn FnMut(&Event) -> Result<(), Stop> + Send + 'a>;

type Log<'a> = Box<dyn FnMut(LogLevel, &str) + Send + 'a>;

const EVENT_INTERVAL: Duration = Duration::from_millis(100);

/// One running operation as its caller sees it: a cancellation flag and an observer of its progress.
#[derive(Default)]
pub struct Task<'a> {
    commit: CommitPoint,
    observer: Option<Observer<'a>>,
    log: Option<Log<'a>>,
    began: Option<Instant>,
    current: Option<Event>,
    last_sent: Option<Instant>,
    unstoppable: bool,
}

impl<'a> Task<'a> {
    /// A task that nobody watches and nobody cancels.
    pub fn new() -> Self {
        Self::default()
    }

    /// A task that stops when `cancel` is raised.
    pub fn with_cancel(cancel: CancelToken) -> Self {
        Self { commit: CommitPoint::new(cancel), ..Self::default() }
    }

    /// Calls `observer` with each event, at most ten times a second.
    #[must_use]
    pub fn observed(mut self, observer: impl FnMut(&Event) -> Result<(), Stop> + Send + 'a) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Calls `log` with what a user who wonders may want to know.
    #[must_use]
    pub fn logged(mut self, log: impl FnMut(LogLevel, &str) + Send + 'a) -> Self {
        self.log = Some(Box::new(log));
        self
    }

    /// Says something to whoever listens; `message` is only made where somebody does.
    pub fn log(&mut self, level: LogLevel, message: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log(level, &message());
        }
    }

    /// The flag that worker threads of the operation poll.
    pub(crate) fn cancel_token(&self) -> &CancelToken {
        self.commit.token()
    }

    /// The point from which on what the operation makes becomes visible.
    pub fn commit_point(&self) -> &CommitPoint {
        &self.commit
    }

    /// Fails with `CANCELLED` once the flag is raised.
    pub fn check(&self) -> Result<()> {
        if self.cancel_token().is_cancelled() && !self.unstoppable { Err(cancelled()) } else { Ok(()) }
    }

    /// Runs what must be brought to its end once it began: it is reported, but nobody stops it.
    pub(crate) fn unstoppable<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.unstoppable, true);
        let result = work(self);
        self.unstoppable = before;
        result
    }

    /// Begins a phase of `total` units; the phase before it is reported as done.
    pub(crate) fn begin(&mut self, phase: Phase, total: u64, unit: Unit) -> Result<()> {
        self.finish()?;
        self.current = Some(Event { phase, done: 0, total, unit });
        self.began = self.log.is_some().then(Instant::now);
        self.last_sent = None;
        self.advance(0)
    }

    /// Reports `amount` more units done and checks the flag.
    pub(crate) fn advance(&mut self, amount: u64) -> Result<()> {
        self.check()?;
        if let Some(event) = &mut self.current {
            event.done = event.done.saturating_add(amount).min(event.total);
            if self.observer.is_some() && self.last_sent.is_none_or(|sent| sent.elapsed() >= EVENT_INTERVAL) {
                return self.send();
            }
        }
        Ok(())
    }

    /// Corrects what was said of the current phase, where it had to begin again or turned out to be more or less.
    pub(crate) fn set(&mut self, done: u64, total: u64) -> Result<()> {
        if let Some(event) = &mut self.current {
            (event.done, event.total) = (done.min(total), total);
        }
        self.advance(0)
    }

    /// Sends the last event of the current phase, with everything done.
    pub(crate) fn finish(&mut self) -> Result<()> {
        if let Some(event) = &mut self.current {
            event.done = event.total;
            self.send()?;
            self.log_phase();
            self.current = None;
        }
        Ok(())
    }

    fn log_phase(&mut self) {
        if let (Some(Event { phase, total, unit, .. }), Some(began)) = (self.current, self.began) {
            self.log(LogLevel::Debug, || {
                format!("{}: {total} {} in {:.3} s", phase.name(), unit.name(), began.elapsed().as_secs_f64())
            });
        }
    }

    fn send(&mut self) -> Result<()> {
        if let (Some(event), Some(observer)) = (&self.current, &mut self.observer) {
            self.last_sent = Some(Instant::now());
            match observer(event) {
                Err(_) if self.unstoppable => {}
                Err(Stop::Cancelled) => return Err(cancelled()),
                Err(Stop::Callback(value)) => return Err(Error::callback(value)),
                Ok(()) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    #[test]
    fn the_last_event_of_a_phase_is_always_sent_and_says_done() {
        let mut seen = Vec::new();
        let mut task = Task::new().observed(|event| {
            seen.push((event.done, event.total));
            Ok(())
        });
        task.begin(Phase::Hash, 10, Unit::Bytes).unwrap();
        task.advance(3).unwrap();
        task.finish().unwrap();
        drop(task);
        assert_eq!(seen, [(0, 10), (10, 10)]);
    }

    #[test]
    fn what_is_unstoppable_is_reported_and_goes_on() {
        let token = CancelToken::new();
        token.cancel();
        let mut events = 0;
        let mut task = Task::with_cancel(token).observed(|_| {
            events += 1;
            Err(Stop::Cancelled)
        });
        task.unstoppable(|task| task.begin(Phase::Commit, 1, Unit::Items).and_then(|()| task.finish())).unwrap();
        assert!(task.check().is_err());
        drop(task);
        assert_eq!(events, 2);
    }

    #[test]
    fn the_log_tells_what_every_phase_took() {
        let mut said = Vec::new();
        let mut task = Task::new().logged(|level, message| said.push((level, message.to_owned())));
        task.begin(Phase::Hash, 10, Unit::Bytes).unwrap();
        task.begin(Phase::Apply, 2, Unit::Items).unwrap();
        task.finish().unwrap();
        drop(task);
        assert!(said.iter().all(|(level, _)| *level == LogLevel::Debug));
        assert!(said[0].1.starts_with("hash: 10 bytes in ") && said[1].1.starts_with("apply: 2 items in "), "{said:?}");
    }

    #[test]
    fn a_failing_callback_keeps_its_value_and_a_raised_token_cancels() {
        let mut task = Task::new().observed(|_| Err(Stop::Callback(-7)));
        let error = task.begin(Phase::Hash, 1, Unit::Bytes).unwrap_err();
        assert_eq!((error.status(), error.callback_value()), (Status::Callback, Some(-7)));

        let token = CancelToken::new();
        let mut task = Task::with_cancel(token.clone());
        token.cancel();
        assert_eq!(task.advance(1).unwrap_err().status(), Status::Cancelled);
    }
}

//! SHA-256 beside applying: a second thread, where the caller allows one, takes hashing off the thread that decodes,
//! copies and writes.
//!
//! Where the output is provisional, the second thread begins with the old file, and until that is known the first
//! hashes what it makes itself; then the second goes on with the new bytes. A fixed number of buffers goes round between
//! the two. What the caller gave to read the delta, to write and to watch is only ever used on the caller's thread.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use super::format::Header;
use crate::cancel::CancelToken;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result, Status};
use crate::io::{ReadAt, hash_in};
use crate::progress::{Phase, Task, Unit};

/// How much of the old file is hashed at a time by the caller's thread, in bytes.
const HASH_BUFFER: usize = 128 << 10;

/// Buffers on their way to and from the second thread, beside the one that is being filled.
const BUFFERS_AWAY: usize = 2;

/// How often the first thread, when it waits for the second, looks whether it should stop.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Fails with SOURCE_MISMATCH where an old file has another size than the one that the delta was made for.
pub(super) fn check_old_size(old: &dyn ReadAt, header: &Header) -> Result<()> {
    if old.size() == header.old_size {
        return Ok(());
    }
    Err(mismatch(&format!("it has {} bytes instead of {}", old.size(), header.old_size)))
}

/// Fails with SOURCE_MISMATCH where the old file has another digest.
pub(super) fn check_old_digest(digest: Digest, promised: Digest) -> Result<()> {
    if digest == promised {
        return Ok(());
    }
    Err(mismatch(&format!("its SHA-256 is {digest} instead of {promised}")))
}

/// An old file that has the right size and is still to be hashed.
pub(super) struct OldCheck<'a> {
    old: &'a dyn ReadAt,
    digest: Digest,
}

impl<'a> OldCheck<'a> {
    /// Fails with SOURCE_MISMATCH where `old` has another size than the file that the delta was made for.
    pub(super) fn new(old: &'a dyn ReadAt, header: &Header) -> Result<Self> {
        check_old_size(old, header)?;
        Ok(Self { old, digest: header.old_digest })
    }

    /// Fails with SOURCE_MISMATCH unless the old file is the one that the delta was made for.
    pub(super) fn run(&self, task: &mut Task<'_>) -> Result<()> {
        self.run_in(HASH_BUFFER, task)
    }

    fn run_in(&self, buffer_len: usize, task: &mut Task<'_>) -> Result<()> {
        task.begin(Phase::Hash, self.old.size(), Unit::Bytes)?;
        check_old_digest(hash_in(self.old, buffer_len, task)?, self.digest)
    }
}

fn mismatch(what: &str) -> Error {
    Error::new(Status::SourceMismatch, format!("the old file is not the one that the delta was made for: {what}"))
}

/// The SHA-256 of the new file as it grows, here or on a second thread.
pub(super) struct Hashing {
    /// What was hashed so far; `None` while the second thread has it.
    hasher: Option<Hasher>,
    helper: Option<Helper>,
}

impl From<Hasher> for Hashing {
    /// Goes on without a second thread.
    fn from(hasher: Hasher) -> Self {
        Self { hasher: Some(hasher), helper: None }
    }
}

impl Hashing {
    /// Hashing without a second thread.
    pub(super) fn here() -> Self {
        Self::from(Hasher::new())
    }

    /// No hashing, for bytes that somebody else checks.
    pub(super) fn none() -> Self {
        Self { hasher: None, helper: None }
    }

    /// What hashing takes beside the buffer of the applier, in bytes.
    pub(super) fn memory(&self) -> usize {
        // The old file is hashed in a buffer of its own.
        self.helper.as_ref().map_or(0, |helper| (BUFFERS_AWAY + 1) * helper.buffer_len)
    }

    /// Takes in the first `len` bytes of `buffer`, and may leave another one of the same size in its place. Fails as
    /// soon as the old file turns out to be another one.
    pub(super) fn update(&mut self, buffer: &mut Vec<u8>, len: usize) -> Result<()> {
        if let Some(helper) = &mut self.helper
            && helper.knows_old()?
        {
            if let Some(hasher) = self.hasher.take() {
                helper.order(Order::Continue(hasher))?;
            }
            return helper.exchange(buffer, len);
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..len]);
        }
        Ok(())
    }

    /// What was hashed so far, where there is no second thread.
    pub(super) fn hasher(&self) -> Hasher {
        self.hasher.clone().unwrap_or_default()
    }

    /// The digest of everything taken in.
    pub(super) fn finish(&mut self) -> Result<Digest> {
        match (self.hasher.take(), &self.helper) {
            (None, Some(helper)) => helper.finish(),
            (hasher, _) => Ok(hasher.unwrap_or_default().finish()),
        }
    }
}

/// Runs `work` with a second thread that hashes for it in buffers of `buffer_len` bytes, after it has checked the old
/// file where that is still to be done.
///
/// Where the old file is another one, that is what the error says, whatever `work` made of it. Both threads have ended
/// on return.
pub(super) fn with_helper<T>(
    old: Option<OldCheck<'_>>,
    buffer_len: usize,
    task: &mut Task<'_>,
    work: impl FnOnce(&mut Hashing, &mut Task<'_>) -> Result<T>,
) -> Result<T> {
    let (orders, inbox) = channel();
    let (outbox, hashed) = channel();
    let (judge, verdict) = channel();
    let stop = CancelToken::new();
    let progress = Arc::new(AtomicU64::new(0));
    let old_pending =
        old.as_ref().map(|check| OldPending { size: check.old.size(), verdict, progress: Arc::clone(&progress) });
    let helper = Helper { orders, hashed, stop: stop.clone(), old_pending, buffer_len, unused: BUFFERS_AWAY };
    thread::scope(|scope| {
        // Dropped when `work` panics, too, so that the scope never waits for a thread that waits for orders.
        let mut hashing = Hashing { hasher: Some(Hasher::new()), helper: Some(helper) };
        let thread = thread::Builder::new().name("patchcore-hash".into()).spawn_scoped(scope, move || {
            if let Some(check) = old {
                let mut task = Task::with_cancel(stop).observed(|event| {
                    progress.store(event.done, Ordering::Relaxed);
                    Ok(())
                });
                let verdict = check.run_in(buffer_len, &mut task);
                let is_right = verdict.is_ok();
                if judge.send(verdict).is_err() || !is_right {
                    return;
                }
            }
            hash_new(&inbox, &outbox);
        })?;
        let mut result = work(&mut hashing, task);
        if result.as_ref().err().is_none_or(|e| is_about_content(e.status()))
            && let Some(helper) = &mut hashing.helper
            && let Err(e) = helper.wait_for_old(task)
        {
            result = Err(e);
        }
        drop(hashing);
        thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        result
    })
}

/// Whether an error speaks of what was read, of which an old file that is another one goes first.
fn is_about_content(status: Status) -> bool {
    matches!(status, Status::Corrupt | Status::TargetMismatch | Status::Unsupported | Status::Limit)
}

/// Hashes the new file until nobody has orders any more.
fn hash_new(orders: &Receiver<Order>, hashed: &Sender<Vec<u8>>) {
    let mut hasher = Hasher::new();
    for order in orders {
        // Whoever waits for no answer any more has ended already.
        let _ = match order {
            Order::Continue(before) => {
                hasher = before;
                Ok(())
            }
            Order::Hash(buffer, len) => {
                hasher.update(&buffer[..len]);
                hashed.send(buffer).map_err(drop)
            }
            Order::Finish(digest) => digest.send(hasher.clone().finish()).map_err(drop),
        };
    }
}

/// The first thread's end of the second one. Dropping it ends the second.
struct Helper {
    orders: Sender<Order>,
    /// Buffers that were hashed.
    hashed: Receiver<Vec<u8>>,
    stop: CancelToken,
    /// What is known about the old file as long as it may be another one.
    old_pending: Option<OldPending>,
    buffer_len: usize,
    /// Buffers that were not allocated yet.
    unused: usize,
}

struct OldPending {
    size: u64,
    verdict: Receiver<Result<()>>,
    /// Bytes hashed so far.
    progress: Arc<AtomicU64>,
}

enum Order {
    /// Go on from here.
    Continue(Hasher),
    /// Hash so many bytes at the start of this buffer and give it back.
    Hash(Vec<u8>, usize),
    /// Tell the digest.
    Finish(Sender<Digest>),
}

impl Helper {
    fn order(&self, order: Order) -> Result<()> {
        self.orders.send(order).map_err(|_| gone())
    }

    /// Whether the old file is known to be the right one; fails where it is another one.
    fn knows_old(&mut self) -> Result<bool> {
        let Some(pending) = &self.old_pending else { return Ok(true) };
        let verdict = match pending.verdict.try_recv() {
            Ok(verdict) => verdict,
            Err(TryRecvError::Empty) => return Ok(false),
            Err(TryRecvError::Disconnected) => Err(gone()),
        };
        self.old_pending = None;
        verdict.map(|()| true)
    }

    /// Waits until the old file is known to be the right one; fails where it is another one.
    fn wait_for_old(&mut self, task: &mut Task<'_>) -> Result<()> {
        let Some(pending) = self.old_pending.take() else { return Ok(()) };
        let mut shown = 0;
        task.begin(Phase::Hash, pending.size, Unit::Bytes)?;
        loop {
            match pending.verdict.recv_timeout(POLL_INTERVAL) {
                Ok(verdict) => return verdict.and_then(|()| task.finish()),
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
                Err(RecvTimeoutError::Timeout) => {
                    let hashed = pending.progress.load(Ordering::Relaxed);
                    task.advance(hashed - shown)?;
                    shown = hashed;
                }
            }
        }
    }

    /// Has `len` bytes of `buffer` hashed and puts another buffer in its place.
    fn exchange(&mut self, buffer: &mut Vec<u8>, len: usize) -> Result<()> {
        self.order(Order::Hash(std::mem::take(buffer), len))?;
        *buffer = if self.unused > 0 {
            self.unused -= 1;
            vec![0; self.buffer_len]
        } else {
            self.hashed.recv().map_err(|_| gone())?
        };
        Ok(())
    }

    fn finish(&self) -> Result<Digest> {
        let (digest, answer) = channel();
        self.order(Order::Finish(digest))?;
        answer.recv().map_err(|_| gone())
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Only seen until the panic of the other thread is passed on.
fn gone() -> Error {
    Error::new(Status::Internal, "the thread that hashes is gone")
}

//! Waiting: between tries, and so that no more bytes come than the caller wants.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::progress::Task;

/// How long a wait goes on before the task is polled again.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(50);

const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Waits, as long as nobody stops the task.
pub(super) fn wait(duration: Duration, task: &mut Task<'_>) -> Result<()> {
    let until = Instant::now() + duration;
    loop {
        // Progress is reported again, so that whoever watches can stop it.
        task.advance(0)?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(POLL_INTERVAL));
    }
}

/// The pause before the retry of this number, counted from 1.
pub(super) fn pause(first: Duration, retry: u32) -> Duration {
    first.saturating_mul(1 << (retry - 1).min(16)).min(LONGEST_PAUSE)
}

/// Keeps an average rate.
pub(super) struct Throttle {
    bytes_per_second: u64,
    /// When all bytes so far may have come.
    due: Instant,
}

impl Throttle {
    pub fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, due: Instant::now() }
    }

    /// Waits as long as `bytes` that came should have taken.
    pub fn after(&mut self, bytes: usize, task: &mut Task<'_>) -> Result<()> {
        if self.bytes_per_second == 0 {
            return Ok(());
        }
        // What was slower than wanted is not made up for by a burst.
        let now = Instant::now();
        self.due = self.due.max(now) + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        wait(self.due.saturating_duration_since(now), task)
    }
}

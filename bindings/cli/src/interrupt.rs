//! Ctrl-C, SIGTERM and SIGHUP raise the cancel token, so that an operation ends by returning an error and takes its
//! temporary files with it.
//!
//! A thread that waits inside the operating system (a pipe that nobody reads) cannot see the token. Where that can
//! happen nothing needs to be cleaned up, and the process is ended after a moment; a second signal that comes later
//! than a nervous double press ends it always.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use patchcore::CancelToken;

use crate::exit::INTERRUPTED;

const PATIENCE: Duration = Duration::from_secs(1);

static CURRENT: Mutex<Option<CancelToken>> = Mutex::new(None);
static MAY_BLOCK: AtomicBool = AtomicBool::new(false);

/// A new token that the next signal raises.
pub(crate) fn install() -> CancelToken {
    static HANDLER: Once = Once::new();
    let token = CancelToken::new();
    *current() = Some(token.clone());
    MAY_BLOCK.store(false, Ordering::Relaxed);
    HANDLER.call_once(|| {
        let mut first = None;
        // Without a handler a signal still ends the process; a temporary file may then stay behind.
        let _ = ctrlc::set_handler(move || on_signal(&mut first));
    });
    token
}

/// Says that the command writes to something that can make it wait, and that it has nothing to clean up.
pub(crate) fn may_block() {
    MAY_BLOCK.store(true, Ordering::Relaxed);
}

fn on_signal(first: &mut Option<Instant>) {
    let token = current().clone().unwrap_or_default();
    if !token.is_cancelled() {
        token.cancel();
        *first = Some(Instant::now());
        if !MAY_BLOCK.load(Ordering::Relaxed) {
            return;
        }
        std::thread::sleep(PATIENCE);
    }
    if first.is_some_and(|first| first.elapsed() >= PATIENCE) {
        std::process::exit(INTERRUPTED.into());
    }
}

fn current() -> MutexGuard<'static, Option<CancelToken>> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What every verb gets beside its own arguments: the printer, the cancel token, and a way to run an operation under
//! the eyes of both.

use std::time::{Duration, Instant};

use patchcore::{CancelToken, Result, Task};

use crate::options::{GlobalOptions, When};
use crate::printer::Printer;
use crate::progress::Progress;

pub(crate) struct Context {
    pub(crate) printer: Printer,
    pub(crate) cancel: CancelToken,
    progress: When,
    quiet: bool,
}

impl Context {
    pub(crate) fn new(options: &GlobalOptions, cancel: CancelToken) -> Self {
        Self { printer: Printer::new(options), cancel, progress: options.progress, quiet: options.quiet }
    }

    /// Whether people asked for nothing but errors.
    #[cfg(feature = "serve")]
    pub(crate) fn quiet(&self) -> bool {
        self.quiet
    }

    /// Runs one operation of the core with progress and Ctrl-C, and tells how long it took.
    pub(crate) fn run<T>(&self, operation: impl FnOnce(&mut Task<'_>) -> Result<T>) -> Result<(T, Duration)> {
        let started = Instant::now();
        let mut progress = Progress::start(self.progress, self.quiet);
        let mut task = Task::with_cancel(self.cancel.clone());
        if progress.is_shown() {
            task = task.observed(|event| {
                progress.show(event);
                Ok(())
            });
        }
        if self.printer.verbose() {
            task = task.logged(Printer::log);
        }
        let result = operation(&mut task)?;
        Ok((result, started.elapsed()))
    }
}

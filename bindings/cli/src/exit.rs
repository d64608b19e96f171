//! What becomes of a command: the one place where results, usage errors and panics turn into an exit status.

use std::error::Error as _;
use std::io;
use std::panic::{self, AssertUnwindSafe};

use patchcore::{Error, Result, Status};

use crate::printer::Printer;

pub(crate) const SUCCESS: u8 = 0;
pub(crate) const INTERRUPTED: u8 = 130;
const USAGE: u8 = 2;

/// Says what is wrong with the command line, or shows the help or version that was asked for.
pub(crate) fn usage(error: &clap::Error) -> u8 {
    // Nothing is left to tell where even this cannot be written.
    let _ = error.print();
    if error.use_stderr() { USAGE } else { SUCCESS }
}

/// Says what went wrong and gives it its number. A reader who has left, as `head` does, is no failure.
pub(crate) fn failure(error: &Error, printer: &Printer) -> u8 {
    if is_broken_pipe(error) {
        return SUCCESS;
    }
    printer.error(error);
    match error.status() {
        Status::Cancelled => INTERRUPTED,
        status => u8::try_from(status.code()).unwrap_or(u8::MAX),
    }
}

/// Runs `work`; a panic in it becomes INTERNAL, after the panic hook has shown where it happened.
pub(crate) fn catching_panics(work: impl FnOnce() -> Result<()>) -> Result<()> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let reason = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
            (Some(reason), _) => reason,
            (_, Some(reason)) => reason.as_str(),
            _ => "unknown",
        };
        Err(Error::new(
            Status::Internal,
            format!("a bug in patchcore, please report it with the lines above: {reason}"),
        ))
    })
}

fn is_broken_pipe(error: &Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_status_and_keeps_its_reason() {
        let error = catching_panics(|| panic!("seven is {}", 7)).unwrap_err();
        assert_eq!(error.status(), Status::Internal);
        assert!(error.message().ends_with("seven is 7"), "{error}");
    }

    #[test]
    fn every_status_is_an_exit_status_of_its_own() {
        for status in Status::ALL {
            assert!(u8::try_from(status.code()).is_ok_and(|code| code != USAGE && code != INTERRUPTED));
        }
    }
}

//! The one owner of all output: reports to standard output, errors to standard error, and with `--json` one object
//! on standard output and nothing else there.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Write};

use patchcore::{Error, LogLevel, Outcome, Result};
use serde_json::{Value, json};

use crate::options::GlobalOptions;

/// The version of the objects that `--json` prints. Fields are added without changing it, never taken away.
const FORMAT_VERSION: u32 = 1;

pub(crate) struct Printer {
    json: bool,
    quiet: bool,
    verbose: bool,
    data_on_stdout: Cell<bool>,
    reported: Cell<bool>,
}

impl Printer {
    pub(crate) fn new(options: &GlobalOptions) -> Self {
        Self {
            json: options.json,
            quiet: options.quiet,
            verbose: options.verbose,
            data_on_stdout: Cell::new(false),
            reported: Cell::new(false),
        }
    }

    /// Whether people asked for all there is to know.
    pub(crate) fn verbose(&self) -> bool {
        self.verbose
    }

    /// Whether one JSON object is expected on standard output.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Keeps standard output free of everything but the bytes that a verb writes there.
    pub(crate) fn reserve_stdout(&self) {
        self.data_on_stdout.set(true);
    }

    /// Says what a verb did: `fields` as one object called `kind`, or else `text` with its line ends.
    pub(crate) fn report(&self, kind: &str, fields: Value, text: impl fmt::Display) -> Result<()> {
        if self.data_on_stdout.get() {
            return Ok(());
        }
        if self.json {
            self.reported.set(true);
            return self.print(&object(kind, fields));
        }
        if self.quiet { Ok(()) } else { self.print(&text) }
    }

    /// Prints what was asked for and is no report, such as a completion script.
    pub(crate) fn print(&self, text: &dyn fmt::Display) -> Result<()> {
        let mut stdout = io::stdout().lock();
        write!(stdout, "{text}").and_then(|()| stdout.flush())?;
        Ok(())
    }

    /// Says, to whoever asked for all there is to know, what an operation tells about itself.
    pub(crate) fn log(level: LogLevel, message: &str) {
        let _ = writeln!(io::stderr(), "{}: {message}", level.name());
    }

    /// Says what went wrong. Nobody is left to tell where even that fails.
    pub(crate) fn error(&self, error: &Error) {
        let _ = writeln!(io::stderr(), "error: {error}");
        if let Some(outcome) = error.outcome() {
            let _ = writeln!(io::stderr(), "{}", what_became(outcome));
        }
        // A verb that reported what it found wrong has printed its one object.
        if self.json && !self.data_on_stdout.get() && !self.reported.get() {
            let status = error.status();
            let fields = json!({
                "status": status.code(),
                "code": status.name(),
                "message": error.message(),
                "path": error.path().map(|path| path.to_string_lossy()),
                "offset": error.offset(),
                "outcome": error.outcome().map(Outcome::name),
            });
            let _ = self.print(&object("error", fields));
        }
    }
}

/// What an error left of the tree that was to be changed.
fn what_became(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unchanged => "The tree is unchanged.",
        Outcome::RolledBack => "The tree was changed in part and is rolled back: it is as it was before.",
        Outcome::RollbackFailed => {
            "The tree is changed in part; `patchcore tree recover` brings it to a whole state again."
        }
        _ => "What became of the tree is not known; `patchcore tree recover` brings it to a whole state.",
    }
}

fn object(kind: &str, mut fields: Value) -> String {
    fields["type"] = kind.into();
    fields["format_version"] = FORMAT_VERSION.into();
    format!("{fields}\n")
}

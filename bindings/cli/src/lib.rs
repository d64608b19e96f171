//! The shell as a binding: `patchcore VERB …` over the path-level operations of the core.
//!
//! A verb translates its arguments into one call of the core and its result into one report; it decides nothing that
//! another face would have to decide again. The way of one command: [`run`] parses, `commands` dispatches to the
//! file named after the verb, `printer` says what came of it, and the status becomes the exit status.

#![forbid(unsafe_code)]

mod commands;
mod context;
mod deltas;
mod exit;
mod explanation;
mod input;
mod interrupt;
mod kind;
mod options;
mod output;
mod place;
mod printer;
mod progress;
mod report;
mod table;
mod text;

use std::ffi::OsString;

use clap::Parser;

use commands::Command;
use context::Context;
use options::GlobalOptions;

/// Make small deltas between versions of a file, chain them, and apply them.
#[derive(Parser)]
#[command(
    name = "patchcore",
    version,
    disable_help_subcommand = true,
    after_help = "Example: patchcore diff old.bin new.bin -o update.delta\n         \
                  patchcore apply old.bin update.delta -o new.bin\n\n\
                  Exit status: 0 for success, 2 for usage, 130 when interrupted, else the number of the error, such as \
                  10 invalid argument, 20 input or output, 30 corrupt, 31 limit, 40 wrong old file, 42 no route, \
                  43 unknown version, 44 ambiguous version; --json names them all."
)]
struct Cli {
    #[command(flatten)]
    global: GlobalOptions,
    #[command(subcommand)]
    command: Command,
}

/// Runs one command line, the name of the program first, and returns the exit status.
///
/// Everything it has to say goes to standard output and standard error. Ctrl-C, SIGTERM and SIGHUP are handled from
/// the first call on, for the whole process.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(options::with_levels_spelled_out(arguments)) {
        Ok(cli) => cli,
        Err(usage) => return exit::usage(&usage),
    };
    let context = Context::new(&cli.global, interrupt::install());
    match exit::catching_panics(|| cli.command.run(&context)) {
        Ok(()) => exit::SUCCESS,
        Err(error) => exit::failure(&error, &context.printer),
    }
}

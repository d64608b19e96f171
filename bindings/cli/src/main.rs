//! The program: everything it does is [`patchcore_cli::run`], so that other packages can offer the same command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(patchcore_cli::run(std::env::args_os()))
}

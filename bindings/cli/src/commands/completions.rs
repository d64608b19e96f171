//! `patchcore completions`: what makes the Tab key work.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use patchcore::Result;
use serde_json::json;

use crate::Cli;
use crate::context::Context;

/// Print the completion script of a shell
#[derive(Args)]
#[command(after_help = "Example: patchcore completions bash > ~/.local/share/bash-completion/completions/patchcore")]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "patchcore", &mut script);
    let script = String::from_utf8_lossy(&script);
    if context.printer.json() {
        let fields = json!({ "shell": arguments.shell.to_string(), "script": script });
        context.printer.report("completions", fields, "")
    } else {
        context.printer.print(&script)
    }
}

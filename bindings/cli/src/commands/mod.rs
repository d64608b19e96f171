//! One file per verb: its arguments, its help, the call of the core, and the report.

mod apply;
mod chain;
mod completions;
mod diff;
mod info;
mod keygen;
mod release;
#[cfg(feature = "serve")]
mod serve;
mod sign;
mod squash;
mod tree;
mod update;
mod update_file;
pub(crate) mod verify;

use clap::Subcommand;
use patchcore::Result;

use crate::context::Context;

#[derive(Subcommand)]
pub(crate) enum Command {
    Diff(diff::Arguments),
    Apply(apply::Arguments),
    Info(info::Arguments),
    Verify(verify::Arguments),
    Squash(squash::Arguments),
    Chain(chain::Arguments),
    Tree(Box<tree::Arguments>),
    Release(release::Arguments),
    Update(Box<update::Arguments>),
    #[cfg(feature = "serve")]
    Serve(Box<serve::Arguments>),
    Keygen(keygen::Arguments),
    Sign(sign::Arguments),
    Completions(completions::Arguments),
}

impl Command {
    pub(crate) fn run(&self, context: &Context) -> Result<()> {
        match self {
            Command::Diff(arguments) => diff::run(arguments, context),
            Command::Apply(arguments) => apply::run(arguments, context),
            Command::Info(arguments) => info::run(arguments, context),
            Command::Verify(arguments) => verify::run(arguments, context),
            Command::Squash(arguments) => squash::run(arguments, context),
            Command::Chain(arguments) => chain::run(arguments, context),
            Command::Tree(arguments) => tree::run(arguments, context),
            Command::Release(arguments) => release::run(arguments, context),
            Command::Update(arguments) => update::run(arguments, context),
            #[cfg(feature = "serve")]
            Command::Serve(arguments) => serve::run(arguments, context),
            Command::Keygen(arguments) => keygen::run(arguments, context),
            Command::Sign(arguments) => sign::run(arguments, context),
            Command::Completions(arguments) => completions::run(arguments, context),
        }
    }
}

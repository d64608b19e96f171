//! `patchcore chain`: many versions of one file in one file, one verb a file here too.

mod append;
mod apply;
mod create;
mod extract;
pub(super) mod info;
mod prune;
mod publish;
mod squash;
pub(super) mod verify;

use clap::{Args, Subcommand};
use patchcore::Result;

use crate::context::Context;

/// Keep many versions of a file in one chain of deltas
///
/// A chain leads from any version to any later one. Where a version is asked for, give its name (v3), its SHA-256, or
/// the first 4 or more digits of that.
#[derive(Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "Example: patchcore chain create v1_to_v2.delta -o updates.chain\n         \
                        patchcore chain append updates.chain v2_to_v3.delta\n         \
                        patchcore chain apply v1.bin updates.chain -o v3.bin"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Create(create::Arguments),
    Append(append::Arguments),
    Info(info::Arguments),
    Apply(apply::Arguments),
    Squash(squash::Arguments),
    Extract(extract::Arguments),
    Verify(verify::Arguments),
    Prune(prune::Arguments),
    Publish(Box<publish::Arguments>),
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    match &arguments.verb {
        Verb::Create(arguments) => create::run(arguments, context),
        Verb::Append(arguments) => append::run(arguments, context),
        Verb::Info(arguments) => info::run(arguments, context),
        Verb::Apply(arguments) => apply::run(arguments, context),
        Verb::Squash(arguments) => squash::run(arguments, context),
        Verb::Extract(arguments) => extract::run(arguments, context),
        Verb::Verify(arguments) => verify::run(arguments, context),
        Verb::Prune(arguments) => prune::run(arguments, context),
        Verb::Publish(arguments) => publish::run(arguments, context),
    }
}

//! `patchcore release new-base`: the newest version as one that new installations start from.

use std::path::PathBuf;

use clap::Args;
use patchcore::Result;

use super::ChangeOptions;
use super::rebuild::{fields, text};
use crate::context::Context;
use crate::place;

/// Make the newest version a base: a package of all of it, without anything out of use
#[derive(Args)]
#[command(after_help = "Example: patchcore release new-base site")]
pub(crate) struct Arguments {
    /// The repository
    repo: PathBuf,

    #[command(flatten)]
    change: ChangeOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let options = arguments.change.get()?;
    let repository = place::open(&arguments.repo)?;
    let (report, _) = context.run(|task| repository.new_base(&options, task))?;
    let text = text(&arguments.repo, &report, options.dry_run);
    context.printer.report("release_new_base", fields(&arguments.repo, &report, options.dry_run), text)
}

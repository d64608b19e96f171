//! `patchcore release init`: an empty repository.

use std::path::PathBuf;

use clap::Args;
use patchcore::Result;
use serde_json::json;

use crate::context::Context;
use crate::place;

/// Make an empty repository
#[derive(Args)]
#[command(after_help = "Example: patchcore release init /srv/www/game")]
pub(crate) struct Arguments {
    /// The folder, which is made where it is missing
    repo: PathBuf,

    /// Make packages of whole files only, for readers that just unzip
    #[arg(long)]
    plain: bool,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    place::init(&arguments.repo, arguments.plain)?;
    let fields = json!({ "repository": arguments.repo.to_string_lossy(), "plain": arguments.plain });
    let text = format!("{}: an empty repository\n", arguments.repo.display());
    context.printer.report("release_init", fields, text)
}

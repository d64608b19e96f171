//! `patchcore tree recover`: what a crash left of a change, finished.

use std::path::PathBuf;

use clap::Args;
use patchcore::{Result, tree};

use super::{installed_fields, installed_text};
use crate::context::Context;

/// Finish what a crash left half done
///
/// The other commands begin with this by themselves. It goes forward where everything was at hand, and back otherwise; doing
/// it twice is as good as once.
#[derive(Args)]
#[command(after_help = "Example: patchcore tree recover game")]
pub(crate) struct Arguments {
    /// The directory
    #[arg(value_name = "DIR")]
    root: PathBuf,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let root = &arguments.root;
    let (installed, took) = context.run(|task| tree::recover(root, task))?;
    let mut fields = installed_fields(root, installed.as_ref());
    fields["seconds"] = took.as_secs_f64().into();
    let text = format!("{}: whole, {}\n", root.display(), installed_text(installed.as_ref()));
    context.printer.report("tree_recover", fields, text)
}

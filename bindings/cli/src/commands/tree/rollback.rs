//! `patchcore tree rollback`: the last patch, taken back.

use std::path::PathBuf;

use clap::Args;
use patchcore::{Result, tree};

use super::{installed_fields, installed_text};
use crate::context::Context;
use crate::options;
use crate::text::Took;

/// Take back the last patch that was applied to a directory
///
/// What it created vanishes, what it replaced or deleted is there again; what was in no patch stays as it is. One patch can
/// be taken back, unless it was applied with --no-backup or its backup was cleaned away.
#[derive(Args)]
#[command(after_help = "Example: patchcore tree rollback game")]
pub(crate) struct Arguments {
    /// The directory
    #[arg(value_name = "DIR")]
    root: PathBuf,

    /// Give up what was changed in the files of the patch since
    #[arg(long)]
    overwrite_local: bool,

    /// Threads that hash files, 0 for all cores
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let root = &arguments.root;
    let threads = options::threads(arguments.threads);
    let (installed, took) = context.run(|task| tree::rollback(root, arguments.overwrite_local, threads, task))?;
    let mut fields = installed_fields(root, installed.as_ref());
    fields["seconds"] = took.as_secs_f64().into();
    let text =
        format!("{}: rolled back, {} again, in {}\n", root.display(), installed_text(installed.as_ref()), Took(took));
    context.printer.report("tree_rollback", fields, text)
}

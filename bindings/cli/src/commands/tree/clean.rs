//! `patchcore tree clean`: the backup, given up.

use std::path::PathBuf;

use clap::Args;
use patchcore::{Result, tree};
use serde_json::json;

use crate::context::Context;

/// Give up the backup of the state before the last patch
///
/// Its disk space is free again, and the last patch can no longer be taken back.
#[derive(Args)]
#[command(after_help = "Example: patchcore tree clean game")]
pub(crate) struct Arguments {
    /// The directory
    #[arg(value_name = "DIR")]
    root: PathBuf,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let root = &arguments.root;
    let (dropped, took) = context.run(|task| tree::clean(root, task))?;
    let fields = json!({
        "tree": root.to_string_lossy(),
        "backup_dropped": dropped,
        "seconds": took.as_secs_f64(),
    });
    let what = if dropped { "the backup is gone" } else { "there was no backup" };
    context.printer.report("tree_clean", fields, format_args!("{}: {what}\n", root.display()))
}

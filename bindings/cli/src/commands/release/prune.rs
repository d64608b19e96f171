//! `patchcore release prune`: old deltas go.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use patchcore::Result;
use serde_json::json;

use super::ChangeOptions;
use crate::context::Context;
use crate::place;
use crate::text::{Counted, Grouped};

/// Remove the deltas from old versions
///
/// Clients at those versions repair themselves or download everything. What is the last way from somewhere to the newest
/// version stays.
#[derive(Args)]
#[command(after_help = "Example: patchcore release prune site --keep 10 -n")]
pub(crate) struct Arguments {
    /// The repository
    repo: PathBuf,

    /// Keep the deltas from so many versions before the newest
    #[arg(long, value_name = "N", default_value_t = 5)]
    keep: usize,

    #[command(flatten)]
    change: ChangeOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let options = arguments.change.get()?;
    let repository = place::open(&arguments.repo)?;
    let (report, _) = context.run(|task| repository.prune(arguments.keep, &options, task))?;
    let fields = json!({
        "repository": arguments.repo.to_string_lossy(),
        "dry_run": options.dry_run,
        "removed": report.removed,
        "bytes": report.bytes,
        "needed": report.needed,
    });
    let would = if options.dry_run { "would be removed" } else { "removed" };
    let count = Counted(report.removed.len() as u64, "delta");
    let mut text = format!("{}: {count} {would}, {} bytes\n", arguments.repo.display(), Grouped(report.bytes));
    text.extend(report.removed.iter().map(|file| format!("  {file}\n")));
    if report.needed > 0 {
        let _ = writeln!(
            text,
            "{} stay, since nothing else leads on from where they start",
            Counted(report.needed, "old delta")
        );
    }
    context.printer.report("release_prune", fields, text)
}

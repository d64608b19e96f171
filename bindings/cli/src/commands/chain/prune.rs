//! `patchcore chain prune`: a chain without its early history.

use std::path::PathBuf;

use clap::Args;
use patchcore::chain::Chain;
use patchcore::delta::EncodeOptions;
use patchcore::{Limits, Result};
use serde_json::json;

use crate::context::Context;
use crate::text::{Counted, Grouped, Took};

/// Remove the links before a version
///
/// Whoever still has one of the versions before keeps a way forward: a shortcut to the version where the history then
/// begins, unless --drop is given.
#[derive(Args)]
#[command(after_help = "Example: patchcore chain prune updates.chain --before v3")]
pub(crate) struct Arguments {
    /// The chain
    chain: PathBuf,

    /// The version where the history begins from now on
    #[arg(long, value_name = "VERSION")]
    before: String,

    /// Keep no shortcuts from the versions before it
    #[arg(long)]
    drop: bool,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let Arguments { chain, before, drop } = arguments;
    let (pruned, took) =
        context.run(|task| Chain::prune(chain, before, *drop, &EncodeOptions::default(), &Limits::default(), task))?;
    let fields = json!({
        "chain": chain.to_string_lossy(),
        "removed_links": pruned.removed_links,
        "removed_versions": pruned.removed_versions,
        "added_shortcuts": pruned.added_shortcuts,
        "size_before": pruned.size_before,
        "size_after": pruned.size_after,
        "seconds": took.as_secs_f64(),
    });
    let removed = Counted(pruned.removed_links as u64, "link");
    let added = Counted(pruned.added_shortcuts as u64, "shortcut");
    let [before, after] = [pruned.size_before, pruned.size_after].map(Grouped);
    let text = format_args!(
        "{}: {removed} removed, {added} added, from {before} to {after} bytes in {}\n",
        chain.display(),
        Took(took)
    );
    context.printer.report("chain_prune", fields, text)
}

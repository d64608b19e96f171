//! `patchcore chain append`: more deltas behind those in a chain.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use patchcore::chain::Chain;
use patchcore::{Limits, Result};
use serde_json::json;

use super::info::link_fields;
use crate::context::Context;
use crate::deltas::Deltas;
use crate::text::{Counted, Grouped, Took};

/// Append one or more deltas to a chain, all or none
///
/// Only the new links and an index are written, whatever the size of the chain. A delta between two versions that the
/// chain holds becomes a shortcut.
#[derive(Args)]
#[command(after_help = "Example: patchcore chain append updates.chain v2_to_v3.delta --name 1.3.0")]
pub(crate) struct Arguments {
    /// The chain
    chain: PathBuf,

    /// The deltas in order
    #[arg(required = true, value_name = "DELTA")]
    deltas: Vec<PathBuf>,

    /// What to call the version that the last delta leads to [default: v and its number]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let deltas = Deltas::open(&arguments.deltas)?;
    let name = arguments.name.as_deref();
    let (appended, took) =
        context.run(|task| Chain::append(&arguments.chain, &deltas.sources(), name, &Limits::default(), task))?;
    let chain = &appended.chain;
    let fields = json!({
        "chain": arguments.chain.to_string_lossy(),
        "appended": appended.links.iter().map(|link| link_fields(chain, link)).collect::<Vec<_>>(),
        "links": chain.links().count(),
        "total_size": chain.total_size(),
        "seconds": took.as_secs_f64(),
    });
    let mut text = String::new();
    for link in &appended.links {
        let kind = if link.shortcut { "shortcut" } else { "link" };
        let _ = writeln!(text, "Appended the {kind} {} ({} bytes)", chain.label(link), Grouped(link.size));
    }
    let (path, took) = (arguments.chain.display(), Took(took));
    let (links, size) = (Counted(chain.links().count() as u64, "link"), Grouped(chain.total_size()));
    let _ = writeln!(text, "{path}: {links}, {size} bytes in {took}");
    context.printer.report("chain_append", fields, text)
}

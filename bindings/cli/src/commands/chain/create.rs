//! `patchcore chain create`: deltas into a new chain.

use std::path::PathBuf;

use clap::Args;
use patchcore::chain::{Chain, CreateOptions};
use patchcore::{Limits, Result};
use serde_json::json;

use crate::context::Context;
use crate::deltas::Deltas;
use crate::output::Output;
use crate::text::{Counted, Grouped, Took};

/// Make a chain of one or more deltas
///
/// Each delta starts at a version that those before it bring; their versions are called v1, v2, … An existing chain
/// is not replaced without --force, since it holds history.
#[derive(Args)]
#[command(after_help = "Example: patchcore chain create v1_to_v2.delta -o updates.chain --chain-id my-model")]
pub(crate) struct Arguments {
    /// The deltas in order
    #[arg(required = true, value_name = "DELTA")]
    deltas: Vec<PathBuf>,

    /// Where to write the chain; - is standard output
    #[arg(short, long, value_name = "CHAIN")]
    output: PathBuf,

    /// What the chain is called [default: the name of its file without the extension]
    #[arg(long, value_name = "ID")]
    chain_id: Option<String>,

    /// Replace an existing chain and its history
    #[arg(long)]
    force: bool,

    /// Refuse to replace any existing file
    #[arg(long, conflicts_with = "force")]
    no_clobber: bool,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let output = Output::new(&arguments.output, arguments.no_clobber, context)?;
    let deltas = Deltas::open(&arguments.deltas)?;
    let chain_id = arguments.chain_id.clone().or_else(|| output.is_stdout().then(|| "chain".to_owned()));
    let options = CreateOptions { chain_id, force: arguments.force, ..CreateOptions::default() };
    let ((), took) = context.run(|task| {
        output.deliver(|path, clobber| {
            Chain::create(path, &deltas.sources(), &options, &Limits::default(), clobber, task)
        })
    })?;
    let (links, size) = (deltas.len(), deltas.total_size());
    let fields = json!({
        "output": output.name(),
        "links": links,
        "total_size": size,
        "seconds": took.as_secs_f64(),
    });
    let (links, size, took) = (Counted(links as u64, "link"), Grouped(size), Took(took));
    context.printer.report("chain_create", fields, format_args!("{}: {links}, {size} bytes in {took}\n", output.name()))
}

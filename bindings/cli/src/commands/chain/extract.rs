//! `patchcore chain extract`: links of a chain as files of their own again.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use patchcore::chain::Chain;
use patchcore::io::OutputOptions;
use patchcore::{Limits, Result};
use serde_json::json;

use super::info::link_fields;
use crate::context::Context;
use crate::text::{Counted, Grouped, Took};

/// Write the links of a chain as delta files
///
/// The files are called 0000_v1_to_v2.delta and so on. Without --from and --to it is the whole history.
#[derive(Args)]
#[command(after_help = "Example: patchcore chain extract updates.chain -o patches/ --from v2 --to v4")]
pub(crate) struct Arguments {
    /// The chain
    chain: PathBuf,

    /// The folder to write to, which is made where it is missing
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// The version to start at [default: the first one]
    #[arg(long, value_name = "VERSION")]
    from: Option<String>,

    /// The version to lead to [default: the last one]
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,

    /// Refuse to replace an existing file
    #[arg(long)]
    no_clobber: bool,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let chain = Chain::open(&arguments.chain)?;
    let (from, to) = (arguments.from.as_deref(), arguments.to.as_deref());
    let output = OutputOptions { no_clobber: arguments.no_clobber };
    let (files, took) =
        context.run(|task| chain.extract(&arguments.output, from, to, &Limits::default(), output, task))?;

    let rows = files.iter().map(|(link, path)| {
        let mut fields = link_fields(&chain, link);
        fields["file"] = path.to_string_lossy().into();
        fields
    });
    let fields = json!({ "files": rows.collect::<Vec<_>>(), "seconds": took.as_secs_f64() });
    let mut text = String::new();
    for (link, path) in &files {
        let _ = writeln!(text, "{} ({} bytes)", path.display(), Grouped(link.size));
    }
    let _ = writeln!(text, "{} in {}", Counted(files.len() as u64, "file"), Took(took));
    context.printer.report("chain_extract", fields, text)
}

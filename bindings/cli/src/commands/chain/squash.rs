//! `patchcore chain squash`: links of a chain into one delta.

use std::path::PathBuf;

use clap::Args;
use patchcore::Result;
use patchcore::chain::{Chain, SquashOptions};
use patchcore::delta::EncodeOptions;

use super::info::link_fields;
use crate::context::Context;
use crate::options::LevelOption;
use crate::output::Output;
use crate::report::{Written, delta_fields};

/// Make one delta of the links between two versions
///
/// No version of the file is needed. A version is given by its name, its SHA-256, or the first digits of that.
#[derive(Args)]
#[command(after_help = "Example: patchcore chain squash updates.chain -o v1_to_v4.delta --from v1 --to v4")]
pub(crate) struct Arguments {
    /// The chain
    chain: PathBuf,

    /// Where to write the delta; - is standard output
    #[arg(short, long, value_name = "DELTA")]
    output: PathBuf,

    /// The version to start at [default: the first one]
    #[arg(long, value_name = "VERSION")]
    from: Option<String>,

    /// The version to lead to [default: the last one]
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,

    /// Also store the delta in the chain, as a shortcut beside the links that it spans
    #[arg(long)]
    shortcut: bool,

    #[command(flatten)]
    level: LevelOption,

    /// Refuse to replace an existing file
    #[arg(long)]
    no_clobber: bool,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let output = Output::new(&arguments.output, arguments.no_clobber, context)?;
    let options = SquashOptions {
        from: arguments.from.as_deref(),
        to: arguments.to.as_deref(),
        shortcut: arguments.shortcut,
        encode: EncodeOptions { level: arguments.level.get(), ..EncodeOptions::default() },
        ..SquashOptions::default()
    };
    let (squashed, took) = context.run(|task| {
        output.deliver(|path, clobber| Chain::squash_file(&arguments.chain, path, &options, clobber, task))
    })?;

    let chain = Chain::open(&arguments.chain)?;
    let labels: Vec<_> = squashed.links.iter().map(|link| chain.label(link)).collect();
    let mut fields = delta_fields(&squashed.header);
    fields["output"] = output.name().into();
    fields["links"] = squashed.links.iter().map(|link| link_fields(&chain, link)).collect();
    fields["shortcut_stored"] = squashed.stored.into();
    fields["seconds"] = took.as_secs_f64().into();
    let written = Written { name: &output.name(), header: &squashed.header, took, verbose: context.printer.verbose() };
    let links = if labels.is_empty() { "none, both versions are the same".to_owned() } else { labels.join(", ") };
    let stored = match (arguments.shortcut, squashed.stored) {
        (false, _) => "",
        (true, true) => "Stored in the chain as a shortcut\n",
        (true, false) => "The chain leads there in one link already\n",
    };
    context.printer.report("chain_squash", fields, format_args!("{written}Links used: {links}\n{stored}"))
}

//! `patchcore squash`: several deltas into one, without any version of the file.

use std::path::{Path, PathBuf};

use clap::Args;
use patchcore::delta::{EncodeOptions, compose_files};
use patchcore::{Limits, Result};

use crate::context::Context;
use crate::options::LevelOption;
use crate::output::Output;
use crate::report::{Written, delta_fields};

/// Make one delta of several that continue one another
///
/// No version of the file is needed. The deltas are given in order: each starts at the version that the one before
/// leads to.
#[derive(Args)]
#[command(after_help = "Example: patchcore squash v1_to_v2.delta v2_to_v3.delta -o v1_to_v3.delta")]
pub(crate) struct Arguments {
    /// The deltas in order
    #[arg(required = true, num_args = 2.., value_name = "DELTA")]
    deltas: Vec<PathBuf>,

    /// Where to write the delta; - is standard output
    #[arg(short, long, value_name = "DELTA")]
    output: PathBuf,

    #[command(flatten)]
    level: LevelOption,

    /// Refuse to replace an existing file
    #[arg(long)]
    no_clobber: bool,
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let output = Output::new(&arguments.output, arguments.no_clobber, context)?;
    let deltas: Vec<&Path> = arguments.deltas.iter().map(PathBuf::as_path).collect();
    let options = EncodeOptions { level: arguments.level.get(), ..EncodeOptions::default() };
    let (header, took) = context.run(|task| {
        output.deliver(|path, clobber| compose_files(&deltas, path, &options, &Limits::default(), clobber, task))
    })?;
    let mut fields = delta_fields(&header);
    fields["output"] = output.name().into();
    fields["deltas"] = arguments.deltas.iter().map(|path| path.to_string_lossy()).collect();
    fields["seconds"] = took.as_secs_f64().into();
    let verbose = context.printer.verbose();
    context.printer.report("squash", fields, Written { name: &output.name(), header: &header, took, verbose })
}

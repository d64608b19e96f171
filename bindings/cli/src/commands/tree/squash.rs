//! `patchcore tree squash`: several patches into one.

use std::path::PathBuf;

use clap::Args;
use patchcore::Result;
use patchcore::delta::EncodeOptions;
use patchcore::tree::{self, TreePackage, TreeSquashOptions};
use serde_json::json;

use super::package::{change_counts, change_fields};
use crate::context::Context;
use crate::options::{self, LevelOption};
use crate::output::Output;
use crate::text::{Grouped, Took};

/// Make one patch that does what several do one after the other
///
/// No directory is needed. Each patch must go on from what the one before makes.
#[derive(Args)]
#[command(after_help = "Example: patchcore tree squash 1.0-to-1.1.zip 1.1-to-1.2.zip -o 1.0-to-1.2.zip")]
pub(crate) struct Arguments {
    /// The patches in order
    #[arg(required = true, value_name = "PATCH")]
    patches: Vec<PathBuf>,

    /// Where to write the patch; - is standard output
    #[arg(short, long, value_name = "PATCH")]
    output: PathBuf,

    #[command(flatten)]
    level: LevelOption,

    /// Worker threads, 0 for all cores; the patch is the same for any number
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    /// Refuse to replace an existing file
    #[arg(long)]
    no_clobber: bool,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let output = Output::new(&arguments.output, arguments.no_clobber, context)?;
    let encode = EncodeOptions {
        level: arguments.level.get(),
        threads: options::threads(arguments.threads),
        ..EncodeOptions::default()
    };
    let (stats, took) = context.run(|task| {
        let opened = arguments.patches.iter().map(|path| TreePackage::open(path, None, task));
        let packages = opened.collect::<Result<Vec<_>>>()?;
        output.deliver(|path, clobber| {
            let options = TreeSquashOptions { encode, output: clobber, ..TreeSquashOptions::default() };
            tree::squash(&packages.iter().collect::<Vec<_>>(), path, &options, task)
        })
    })?;
    let fields = json!({
        "output": output.name(),
        "package_size": stats.package_size,
        "changes": change_fields(&stats.changes),
        "seconds": took.as_secs_f64(),
    });
    let (size, counts) = (Grouped(stats.package_size), change_counts(&stats.changes));
    let text = format_args!("{}: {size} bytes in {}\nChanges: {counts}\n", output.name(), Took(took));
    context.printer.report("tree_squash", fields, text)
}

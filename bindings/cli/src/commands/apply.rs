//! `patchcore apply`: an old file and a delta into the new file.

use std::io;
use std::path::PathBuf;

use clap::Args;
use patchcore::delta::{self, ApplyOptions};
use patchcore::io::FileSource;
use patchcore::{Limits, Result, Status};
use serde_json::json;

use crate::context::Context;
use crate::output::Output;
use crate::report::file_fields;
use crate::text::{Grouped, Took};
use crate::{input, interrupt, options};

/// Apply a delta to the old file, giving the new one
///
/// The old file and the new one are verified before the new one appears. The output may be the old file itself. Standard output (-o -) gets the bytes as they are made, once the old file is verified.
#[derive(Args)]
#[command(after_help = "Example: patchcore apply model_v1.tflite v1_to_v2.delta -o model_v2.tflite")]
pub(crate) struct Arguments {
    /// The file that the delta was made for
    old: PathBuf,

    /// The delta, which may be a pipe; - is standard input
    delta: PathBuf,

    /// Where to write the new file; - is standard output
    #[arg(short, long, value_name = "NEW")]
    output: PathBuf,

    /// Refuse deltas that take more than the default memory to apply, so that 16 MiB are enough
    #[arg(long)]
    streaming: bool,

    /// Worker threads, 0 for all cores; a second one hashes while the first one writes, more bring nothing
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    /// Refuse to replace an existing file
    #[arg(long)]
    no_clobber: bool,
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let output = Output::new(&arguments.output, arguments.no_clobber, context)?;
    let options = ApplyOptions {
        limits: if arguments.streaming { Limits::streaming() } else { Limits::default() },
        threads: options::threads(arguments.threads),
    };
    let mut reader = input::open(&arguments.delta, &context.cancel)?;
    let (stats, took) = context
        .run(|task| {
            if output.is_stdout() {
                interrupt::may_block();
                delta::apply(&FileSource::open(&arguments.old)?, &mut reader, &mut io::stdout().lock(), &options, task)
            } else {
                delta::apply_file(&arguments.old, &mut reader, output.path(), &options, output.options(), task)
            }
        })
        .map_err(|e| match e.status() {
            Status::SourceMismatch => e.in_file(&arguments.old),
            Status::Corrupt | Status::Unsupported | Status::Limit => e.in_file(input::name(&arguments.delta)),
            _ => e,
        })?;
    let fields = json!({
        "output": output.name(),
        "new": file_fields(stats.new_size, &stats.new_digest),
        "seconds": took.as_secs_f64(),
    });
    let text = format_args!("{}: {} bytes, verified, in {}\n", output.name(), Grouped(stats.new_size), Took(took));
    context.printer.report("apply", fields, text)
}

//! `patchcore chain apply`: from whatever version there is to whatever later one is wanted.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use patchcore::chain::{Applied, ApplyOptions, Chain};
use patchcore::io::FileSource;
use patchcore::{Result, Status, Task};
use serde_json::json;

use super::info::link_fields;
use crate::context::Context;
use crate::interrupt;
use crate::options;
use crate::output::Output;
use crate::report::file_fields;
use crate::text::{Grouped, Took};

/// Bring a file from any version to a later one
///
/// The old file says by its SHA-256 which version it is. Several links are applied in one pass, without intermediate
/// files. The output may be the old file itself.
#[derive(Args)]
#[command(after_help = "Example: patchcore chain apply model_v1.tflite updates.chain -o model_v3.tflite --target v3")]
pub(crate) struct Arguments {
    /// The file as it is, in any version of the chain
    old: PathBuf,

    /// The chain
    chain: PathBuf,

    /// Where to write the new file; - is standard output
    #[arg(short, long, value_name = "NEW")]
    output: PathBuf,

    /// The version that is wanted: a name, or a SHA-256 or its first digits [default: the last one]
    #[arg(long, value_name = "VERSION")]
    target: Option<String>,

    /// Stay within 16 MiB of memory, if need be with an intermediate file
    #[arg(long)]
    streaming: bool,

    /// Worker threads, 0 for all cores; a second one hashes while the first one writes, more bring nothing
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    /// Refuse to replace an existing file
    #[arg(long)]
    no_clobber: bool,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let output = Output::new(&arguments.output, arguments.no_clobber, context)?;
    let chain = Chain::open(&arguments.chain)?;
    let target = arguments.target.as_deref().map(|text| chain.resolve(text)).transpose()?;
    let threads = options::threads(arguments.threads);
    let options = ApplyOptions { streaming: arguments.streaming, threads, ..ApplyOptions::default() };
    let (applied, took) = context.run(|task| {
        if output.is_stdout() {
            to_stdout(&chain, &arguments.old, target, &options, task)
        } else {
            chain.apply_file(&arguments.old, output.path(), target, &options, output.options(), task)
        }
    })?;

    let [from, to] = [applied.from, applied.to].map(|ordinal| &chain.versions()[ordinal].name);
    let used: Vec<_> = applied.links.iter().map(|link| link_fields(&chain, link)).collect();
    let fields = json!({
        "output": output.name(),
        "from": from,
        "to": to,
        "new": file_fields(applied.new_size, &applied.new_digest),
        "links": used,
        "one_pass": applied.one_pass,
        "seconds": took.as_secs_f64(),
    });
    context.printer.report("chain_apply", fields, text(&chain, &applied, &output.name(), Took(took)))
}

fn to_stdout(
    chain: &Chain,
    old: &Path,
    target: Option<usize>,
    options: &ApplyOptions<'_>,
    task: &mut Task<'_>,
) -> Result<Applied> {
    let source = FileSource::open(old)?;
    // What is in flight has no name in any folder, so there is nothing to clean up.
    interrupt::may_block();
    chain.apply(&source, &mut io::stdout().lock(), target, options, task).map_err(|e| match e.status() {
        Status::SourceMismatch => e.in_file(old),
        _ => e,
    })
}

fn text(chain: &Chain, applied: &Applied, output: &str, took: Took) -> String {
    let size = Grouped(applied.new_size);
    let to = &chain.versions()[applied.to].name;
    let mut text = format!("{output}: {to}, {size} bytes, verified, in {took}\n");
    let labels: Vec<_> = applied.links.iter().map(|link| chain.label(link)).collect();
    let _ = if labels.is_empty() {
        writeln!(text, "The old file is already at {to}")
    } else {
        let read = Grouped(applied.links.iter().map(|link| link.size).sum());
        let passes = if applied.one_pass { "" } else { ", one after the other" };
        writeln!(text, "Links used: {} ({read} bytes){passes}", labels.join(", "))
    };
    text
}

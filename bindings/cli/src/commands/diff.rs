//! `patchcore diff`: two versions of a file into a delta.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use patchcore::Result;
use patchcore::delta::{DiffOptions, EncodeOptions, Engine, diff_files};

use crate::context::Context;
use crate::options::{self, LevelOption};
use crate::output::Output;
use crate::report::{Written, delta_fields};
use crate::text::parse_size;

/// Make a delta that turns one file into another
///
/// The delta is applied once for trial before it appears, so what is written is known to work. Where standard output
/// is the target (-o -), it gets the delta when it is complete.
#[derive(Args)]
#[command(after_help = "Example: patchcore diff model_v1.tflite model_v2.tflite -o v1_to_v2.delta")]
pub(crate) struct Arguments {
    /// The file as it was
    old: PathBuf,

    /// The file as it is to be
    new: PathBuf,

    /// Where to write the delta; - is standard output
    #[arg(short, long, value_name = "DELTA")]
    output: PathBuf,

    #[command(flatten)]
    level: LevelOption,

    /// What finds the matches
    #[arg(long, value_enum, default_value_t)]
    engine: EngineName,

    /// Worker threads, 0 for all cores; the delta is the same for any number
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    /// Memory that applying may take, such as 256K or 12M [default: 12M]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "0", hide_default_value = true)]
    max_apply_memory: u64,

    /// Refuse to replace an existing file
    #[arg(long)]
    no_clobber: bool,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum EngineName {
    #[default]
    Auto,
    Bsdiff,
}

impl From<EngineName> for Engine {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Auto => Engine::Auto,
            EngineName::Bsdiff => Engine::Bsdiff,
        }
    }
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let output = Output::new(&arguments.output, arguments.no_clobber, context)?;
    let options = DiffOptions {
        engine: arguments.engine.into(),
        encode: EncodeOptions {
            level: arguments.level.get(),
            threads: options::threads(arguments.threads),
            max_apply_memory: arguments.max_apply_memory,
        },
    };
    let (header, took) = context.run(|task| {
        output.deliver(|path, clobber| diff_files(&arguments.old, &arguments.new, path, &options, clobber, task))
    })?;
    let mut fields = delta_fields(&header);
    fields["output"] = output.name().into();
    fields["engine"] = options.engine.name().into();
    fields["seconds"] = took.as_secs_f64().into();
    let verbose = context.printer.verbose();
    context.printer.report("diff", fields, Written { name: &output.name(), header: &header, took, verbose })
}

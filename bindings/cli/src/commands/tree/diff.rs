//! `patchcore tree diff`: two directories into a package.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use patchcore::delta::{DiffOptions, EncodeOptions};
use patchcore::io::OutputOptions;
use patchcore::tree::{self, Compression, OperationOutputs, ScanOptions, TreeDiffOptions, TreeDiffStats, VersionRange};
use patchcore::{Result, Version};
use serde_json::json;

use super::package::{change_counts, change_fields};
use crate::context::Context;
use crate::options::{self, LevelOption};
use crate::output::Output;
use crate::text::{Counted, Grouped, Share, Took};

/// Make a patch that turns one directory into another
///
/// Each changed file goes as whatever is smallest: a delta, a copy of another old file, or itself. The patch is a ZIP file in
/// which whole files lie at their own paths. Patterns are those of .gitignore; a .patchcoreignore in a directory holds more.
#[derive(Args)]
#[command(after_help = "Example: patchcore tree diff game-1.0 game-1.1 -o update.zip --exclude '*.log'\n         \
                        patchcore tree diff game-1.0 game-1.1 -o update.tar.gz --operations operations.json")]
pub(crate) struct Arguments {
    /// The directory as it was
    #[arg(value_name = "OLD_DIR")]
    old: PathBuf,

    /// The directory as it is to be
    #[arg(value_name = "NEW_DIR")]
    new: PathBuf,

    /// Where to write the patch; - is standard output
    #[arg(short, long, value_name = "PATCH")]
    output: PathBuf,

    /// Leave out what this pattern means
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// Take what symbolic links point to in the place of the links
    #[arg(long)]
    dereference: bool,

    /// Install what this pattern means where it is missing, and never touch it where it is there
    #[arg(long, value_name = "GLOB")]
    keep_local: Vec<String>,

    /// Replace directories that this pattern means as a whole, with whatever no release listed in them
    #[arg(long, value_name = "GLOB")]
    replace_directory: Vec<String>,

    #[command(flatten)]
    level: LevelOption,

    /// How whole files are compressed
    #[arg(long, value_enum, default_value_t)]
    compression: CompressionName,

    /// Worker threads, 0 for all cores; the patch is the same for any number
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    /// The version that the patch applies to, or the first and the last: 1.0.0..1.0.9
    #[arg(long, value_name = "VERSION", value_parser = version_range)]
    from_version: Option<VersionRange>,

    /// The version that the patch makes
    #[arg(long, value_name = "VERSION")]
    to_version: Option<Version>,

    /// Write the patch as a .tar.gz of whole files, and its operations to this file
    #[arg(long, value_name = "FILE")]
    operations: Option<PathBuf>,

    /// With --operations: write what announces the patch to this file
    #[arg(long, value_name = "FILE", requires = "operations")]
    package_info: Option<PathBuf>,

    /// With --package-info: where the patch will be fetched from
    #[arg(long, value_name = "URL", requires = "package_info", default_value = "", hide_default_value = true)]
    url: String,

    /// Refuse to replace existing files
    #[arg(long)]
    no_clobber: bool,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum CompressionName {
    #[default]
    Deflate,
    Stored,
    Zstd,
}

impl From<CompressionName> for Compression {
    fn from(name: CompressionName) -> Self {
        match name {
            CompressionName::Deflate => Compression::Deflate,
            CompressionName::Stored => Compression::Stored,
            CompressionName::Zstd => Compression::Zstd,
        }
    }
}

/// Reads one version, or two with `..` between.
fn version_range(text: &str) -> Result<VersionRange> {
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    Ok(VersionRange { min: min.parse()?, max: max.parse()? })
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let output = Output::new(&arguments.output, arguments.no_clobber, context)?;
    let (stats, took) = context.run(|task| {
        output.deliver(|path, clobber| {
            let options = tree_diff_options(arguments, clobber);
            match &arguments.operations {
                None => tree::diff(&arguments.old, &arguments.new, path, &options, task),
                Some(operations) => {
                    let info = arguments.package_info.as_deref();
                    let outputs = OperationOutputs { package: path, operations, info, url: &arguments.url };
                    tree::diff_operations(&arguments.old, &arguments.new, &outputs, &options, task)
                }
            }
        })
    })?;
    let fields = json!({
        "output": output.name(),
        "old_tree": stats.old_tree.to_string(),
        "new_tree": stats.new_tree.to_string(),
        "new_tree_size": stats.new_tree_size,
        "package_size": stats.package_size,
        "new_size": stats.new_size,
        "changes": change_fields(&stats.changes),
        "unchanged": stats.unchanged,
        "seconds": took.as_secs_f64(),
    });
    context.printer.report("tree_diff", fields, text(&output.name(), &stats, Took(took)))
}

fn tree_diff_options(arguments: &Arguments, output: OutputOptions) -> TreeDiffOptions {
    let threads = options::threads(arguments.threads);
    TreeDiffOptions {
        scan: ScanOptions { exclude: arguments.exclude.clone(), dereference: arguments.dereference, threads },
        diff: DiffOptions {
            encode: EncodeOptions { level: arguments.level.get(), threads, ..EncodeOptions::default() },
            ..DiffOptions::default()
        },
        keep_local: arguments.keep_local.clone(),
        replace_directories: arguments.replace_directory.clone(),
        applies_to: arguments.from_version,
        version: arguments.to_version,
        compression: arguments.compression.into(),
        output,
    }
}

fn text(name: &str, stats: &TreeDiffStats, took: Took) -> String {
    let share = Share { part: stats.package_size, whole: stats.new_tree_size };
    format!(
        "{name}: {} bytes ({share} of the new tree) in {took}\nChanges: {}\nUnchanged: {}\n",
        Grouped(stats.package_size),
        change_counts(&stats.changes),
        Counted(stats.unchanged, "path"),
    )
}

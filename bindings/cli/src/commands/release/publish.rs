//! `patchcore release publish`: a new version.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use patchcore::delta::{DiffOptions, EncodeOptions};
use patchcore::repository::{PublishOptions, PublishReport};
use patchcore::tree::{ScanOptions, TreeDiffOptions};
use patchcore::{Result, Version};
use serde_json::json;

use super::{KeyOption, listed};
use crate::context::Context;
use crate::options::{self, LevelOption};
use crate::place;
use crate::text::{Grouped, Took};

/// Publish what a directory holds as a new version
///
/// Only what changed since the version before is packed, written, and read of the packages that are there. The same content
/// under the same version changes nothing; a version that is lower, or there with other content, is refused.
#[derive(Args)]
#[command(
    after_help = "Example: patchcore release publish site game-1.1 --version 1.1.0 --notes 'Faster' --key release.key"
)]
pub(crate) struct Arguments {
    /// The repository
    repo: PathBuf,

    /// The directory, or a ZIP file of one
    #[arg(value_name = "DIR|ZIP")]
    source: PathBuf,

    /// The version that it is
    #[arg(long, value_name = "V")]
    version: Version,

    /// The architecture that it is for [default: any]
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,

    /// What people should know of the version
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,

    /// When clients believe the manifest no longer, such as 2027-01-31T12:00:00Z, or `never` [default: as it was]
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,

    /// Make one package each from so many versions before the last one, for hosts that make none on demand
    #[arg(long, value_name = "N", default_value_t = 0)]
    squash_from: usize,

    /// Leave out what this pattern means
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// Install what this pattern means where it is missing, and never touch it where it is there
    #[arg(long, value_name = "GLOB")]
    keep_local: Vec<String>,

    /// Replace directories that this pattern means as a whole, with whatever no release listed in them
    #[arg(long, value_name = "GLOB")]
    replace_directory: Vec<String>,

    #[command(flatten)]
    level: LevelOption,

    /// Worker threads, 0 for all cores; the packages are the same for any number
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    /// Only say what would be written
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    key: KeyOption,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let encode = EncodeOptions { level: arguments.level.get(), ..EncodeOptions::default() };
    let options = PublishOptions {
        arch: arguments.arch.clone(),
        notes: arguments.notes.clone(),
        signer: arguments.key.signer()?,
        dry_run: arguments.dry_run,
        squash_from: arguments.squash_from,
        expires_at: arguments.expires_at.clone(),
        diff: TreeDiffOptions {
            scan: ScanOptions {
                exclude: arguments.exclude.clone(),
                threads: options::threads(arguments.threads),
                ..ScanOptions::default()
            },
            diff: DiffOptions { encode, ..DiffOptions::default() },
            keep_local: arguments.keep_local.clone(),
            replace_directories: arguments.replace_directory.clone(),
            ..TreeDiffOptions::default()
        },
    };
    let repository = place::open(&arguments.repo)?;
    let (report, took) =
        context.run(|task| repository.publish(&arguments.source, arguments.version, &options, task))?;
    let fields = json!({
        "repository": arguments.repo.to_string_lossy(),
        "version": arguments.version.to_string(),
        "previous": report.previous.map(|version| version.to_string()),
        "tree": report.tree.map(|tree| tree.to_string()),
        "changed": report.changed,
        "dry_run": arguments.dry_run,
        "packages": report.packages,
        "written_bytes": report.written_bytes,
        "dead_bytes": report.dead_bytes,
        "compacted": report.compacted,
        "removed": report.removed,
        "warnings": report.warnings,
        "seconds": took.as_secs_f64(),
    });
    context.printer.report("release_publish", fields, text(arguments, &report, Took(took)))
}

fn text(arguments: &Arguments, report: &PublishReport, took: Took) -> String {
    let (repo, version) = (arguments.repo.display(), arguments.version);
    if !report.changed {
        return format!("{repo}: version {version} is published already, and nothing changes\n");
    }
    let (would, tense) = if arguments.dry_run { ("would publish", "would be") } else { ("published", "were") };
    let mut text =
        format!("{repo}: {would} version {version}, {} bytes {tense} written", Grouped(report.written_bytes));
    let _ = match arguments.dry_run {
        true => writeln!(text),
        false => writeln!(text, " in {took}"),
    };
    let _ = write!(text, "{}", listed(report.packages.iter().filter(|package| package.size > 0)));
    if report.compacted {
        let _ = writeln!(text, "The archive of everything is written anew, since too much of it was out of use.");
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "Note: {warning}");
    }
    text
}

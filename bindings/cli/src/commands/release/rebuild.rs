//! `patchcore release rebuild`: manifest and archive out of the packages that are there.

use std::path::{Path, PathBuf};

use clap::Args;
use patchcore::Result;
use patchcore::repository::RebuildReport;
use serde_json::{Value, json};

use super::ChangeOptions;
use crate::context::Context;
use crate::place;
use crate::text::Counted;

/// Make the manifest and the archive again from the packages that are there
///
/// Packages that others made as plain ZIP files, and their manifest, are adopted. Of what says no version its name is believed.
#[derive(Args)]
#[command(after_help = "Example: patchcore release rebuild site")]
pub(crate) struct Arguments {
    /// The folder of the packages
    repo: PathBuf,

    #[command(flatten)]
    change: ChangeOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let options = arguments.change.get()?;
    let (report, _) = context.run(|task| place::rebuild(&arguments.repo, &options, task))?;
    let text = text(&arguments.repo, &report, options.dry_run);
    context.printer.report("release_rebuild", fields(&arguments.repo, &report, options.dry_run), text)
}

/// What was found and made, in JSON.
pub(super) fn fields(repo: &Path, report: &RebuildReport, dry_run: bool) -> Value {
    let left_out = report.left_out.iter().map(|(file, why)| json!({ "file": file, "reason": why }));
    json!({
        "repository": repo.to_string_lossy(),
        "dry_run": dry_run,
        "latest_version": report.latest.map(|version| version.to_string()),
        "packages": report.packages,
        "adopted": report.adopted,
        "left_out": left_out.collect::<Vec<_>>(),
        "missing": report.missing,
        "made": report.made,
    })
}

/// What was found and made, in words.
pub(super) fn text(repo: &Path, report: &RebuildReport, dry_run: bool) -> String {
    let latest = report.latest.map_or_else(|| "none".to_owned(), |version| version.to_string());
    let count = Counted(report.packages, "package");
    let mut text = format!("{}: {count}, the newest version is {latest}\n", repo.display());
    let made = if dry_run { "would be made" } else { "made" };
    for (files, what) in [(&report.adopted, "adopted"), (&report.missing, "missing"), (&report.made, made)] {
        text.extend(files.iter().map(|file| format!("  {file}: {what}\n")));
    }
    text.extend(report.left_out.iter().map(|(file, why)| format!("  {file}: left out: {why}\n")));
    text
}

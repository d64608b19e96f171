//! `patchcore release withdraw`: a bad version is taken back.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use patchcore::{Result, Version};
use serde_json::json;

use super::{ChangeOptions, listed};
use crate::context::Context;
use crate::place;

/// Take a bad version back
///
/// Nothing leads to it any more; the versions around it stay connected. Whoever has it already is helped by a higher version.
#[derive(Args)]
#[command(after_help = "Example: patchcore release withdraw site 1.1.0")]
pub(crate) struct Arguments {
    /// The repository
    repo: PathBuf,

    /// The version
    #[arg(value_name = "V")]
    version: Version,

    #[command(flatten)]
    change: ChangeOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let options = arguments.change.get()?;
    let repository = place::open(&arguments.repo)?;
    let (report, _) = context.run(|task| repository.withdraw(arguments.version, &options, task))?;
    let latest = report.latest.map(|version| version.to_string());
    let fields = json!({
        "repository": arguments.repo.to_string_lossy(),
        "version": arguments.version.to_string(),
        "dry_run": options.dry_run,
        "latest_version": latest,
        "removed": report.removed,
        "packages": report.packages,
        "warnings": report.warnings,
    });
    let would = if options.dry_run { "would be withdrawn" } else { "withdrawn" };
    let latest = latest.unwrap_or_else(|| "none".to_owned());
    let mut text = format!(
        "{}: version {} {would}, the newest version is {latest}\n",
        arguments.repo.display(),
        arguments.version
    );
    let gone = if options.dry_run { "would be removed" } else { "removed" };
    text.extend(report.removed.iter().map(|file| format!("  {file}: {gone}\n")));
    let _ = write!(text, "{}", listed(&report.packages));
    text.extend(report.warnings.iter().map(|warning| format!("Note: {warning}\n")));
    context.printer.report("release_withdraw", fields, text)
}

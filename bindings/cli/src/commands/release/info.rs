//! `patchcore release info`: what a repository holds.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use patchcore::Result;
use serde_json::json;

use crate::context::Context;
use crate::place;
use crate::report::Title;
use crate::table::{Align, Table};
use crate::text::{Counted, Grouped, printable};

/// Show the versions and packages of a repository
#[derive(Args)]
#[command(after_help = "Example: patchcore release info site")]
pub(crate) struct Arguments {
    /// The repository
    repo: PathBuf,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let manifest = place::open(&arguments.repo)?.manifest()?;
    let fields = json!({ "repository": arguments.repo.to_string_lossy(), "manifest": manifest });
    let mut text = Title(&format!("Repository: {}", arguments.repo.display())).to_string();
    let latest = manifest.latest_version.map_or_else(|| "none yet".to_owned(), |version| version.to_string());
    let _ = writeln!(text, "Latest version: {latest}");
    let total = manifest.patches.iter().map(|package| package.size).sum();
    let count = manifest.patches.len() as u64;
    let _ = writeln!(text, "{}, {} bytes", Counted(count, "package"), Grouped(total));
    if let Some(expires) = &manifest.expires_at {
        let _ = writeln!(text, "Expires: {expires}");
    }
    let rows = manifest.patches.iter().map(|package| {
        [
            package.kind().name().to_owned(),
            format!("{} → {}", package.from, package.to),
            format!("{} bytes", Grouped(package.size)),
            package.created_at.clone().unwrap_or_default(),
            printable(package.notes.as_deref().unwrap_or_default().lines().next().unwrap_or_default()),
        ]
    });
    let align = [Align::Left, Align::Left, Align::Right, Align::Left, Align::Left];
    let _ = write!(text, "{}", Table { align, rows: rows.collect() });
    context.printer.report("release_info", fields, text)
}

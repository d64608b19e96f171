//! `patchcore release plan`: what a client would download.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use patchcore::repository::plan;
use patchcore::{Result, Version};
use serde_json::json;

use super::listed;
use crate::context::Context;
use crate::place;
use crate::text::Grouped;

/// Say what a client at a version would download
#[derive(Args)]
#[command(after_help = "Example: patchcore release plan site --from 1.0.0")]
pub(crate) struct Arguments {
    /// The repository
    repo: PathBuf,

    /// The version that is installed; 0.0.0 is nothing [default: one that nobody knows]
    #[arg(long, value_name = "V")]
    from: Option<Version>,

    /// The version that is wanted [default: the newest]
    #[arg(long, value_name = "V")]
    to: Option<Version>,

    /// The architecture of the client [default: any]
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let manifest = place::open(&arguments.repo)?.manifest()?;
    let plan = plan(&manifest, arguments.from, arguments.to, arguments.arch.as_deref())?;
    let fields = json!({
        "repository": arguments.repo.to_string_lossy(),
        "from": plan.from.map(|version| version.to_string()),
        "to": plan.to.to_string(),
        "means": plan.means.name(),
        "reason": plan.reason.name(),
        "bytes": plan.bytes,
        "packages": plan.packages,
    });
    let from = plan.from.map_or_else(|| "an unknown version".to_owned(), |version| version.to_string());
    let reason = plan.reason.name().replace('_', " ");
    let mut text =
        format!("From {from} to {}: {} ({reason}), {} bytes\n", plan.to, plan.means.name(), Grouped(plan.bytes));
    let _ = write!(text, "{}", listed(plan.packages));
    context.printer.report("release_plan", fields, text)
}

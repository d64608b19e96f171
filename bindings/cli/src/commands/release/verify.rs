//! `patchcore release verify`: whether everything is as the manifest says.

use std::path::PathBuf;

use clap::Args;
use patchcore::{Error, Result, Status};
use serde_json::json;

use crate::context::Context;
use crate::options::TrustOptions;
use crate::place;
use crate::text::{Counted, Grouped, Took};

/// Read every package, check every hash and signature, and try every route
#[derive(Args)]
#[command(after_help = "Example: patchcore release verify site -p release.key.pub")]
pub(crate) struct Arguments {
    /// The repository
    repo: PathBuf,

    #[command(flatten)]
    trust: TrustOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let keys = arguments.trust.keys()?;
    let repository = place::open(&arguments.repo)?;
    let (found, took) = context.run(|task| repository.verify(keys.as_ref(), task))?;
    if !found.problems.is_empty() {
        let problems: Vec<String> = found.problems.iter().map(|(file, why)| format!("{file}: {why}")).collect();
        let count = Counted(problems.len() as u64, "problem");
        let message = format!("{count}; `release rebuild` mends what it can:\n  {}", problems.join("\n  "));
        return Err(Error::new(Status::Corrupt, message).in_file(&arguments.repo));
    }
    let signature = if found.signed_by.is_some() { "verified" } else { "not_checked" };
    let fields = json!({
        "repository": arguments.repo.to_string_lossy(),
        "packages": found.packages,
        "bytes": found.bytes,
        "signature": signature,
        "key_id": found.signed_by,
        "seconds": took.as_secs_f64(),
    });
    let signature = match &found.signed_by {
        Some(key) => format!("Signature: verified, by the key {key}"),
        None => "Signature: not checked, since no key was given".to_owned(),
    };
    let text = format!(
        "{}: {} verified, {} bytes, in {}\n{signature}\n",
        arguments.repo.display(),
        Counted(found.packages, "package"),
        Grouped(found.bytes),
        Took(took)
    );
    context.printer.report("release_verify", fields, text)
}

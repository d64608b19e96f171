//! `patchcore chain verify`: whether a chain is whole.

use std::path::{Path, PathBuf};

use clap::Args;
use patchcore::chain::{ApplyOptions, Chain, Verified};
use patchcore::io::FileSource;
use patchcore::{Limits, Result, Status};
use serde_json::{Value, json};

use crate::context::Context;
use crate::text::{Counted, Grouped, Took};

/// Check every link of a chain
#[derive(Args)]
#[command(after_help = "Example: patchcore chain verify updates.chain")]
pub(crate) struct Arguments {
    /// The chain
    chain: PathBuf,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let (fields, text) = check(&arguments.chain, None, context)?;
    context.printer.report("chain_verify", fields, text)
}

/// Checks a chain, and with `old` that it leads from there to the last version; `verify` does the same.
pub(crate) fn check(path: &Path, old: Option<&Path>, context: &Context) -> Result<(Value, String)> {
    let chain = Chain::open(path)?;
    let (Verified { links, ignored_tail }, took) = context.run(|task| {
        let verified = chain.verify(&Limits::default(), task)?;
        if let Some(old) = old {
            let source = FileSource::open(old)?;
            let options = ApplyOptions::default();
            chain.apply(&source, &mut std::io::sink(), None, &options, task).map_err(|e| match e.status() {
                Status::SourceMismatch => e.in_file(old),
                _ => e,
            })?;
        }
        Ok(verified)
    })?;
    let fields = json!({ "links": links, "ignored_tail": ignored_tail, "seconds": took.as_secs_f64() });
    let links = Counted(links as u64, "link");
    let mut text = format!("{}: an intact chain, {links} checked in {}\n", path.display(), Took(took));
    if ignored_tail > 0 {
        text += &format!("An append did not finish; the last {} bytes are ignored\n", Grouped(ignored_tail));
    }
    Ok((fields, text))
}

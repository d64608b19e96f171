//! `patchcore update FILE --url URL`: a file to the version that a channel offers.

use std::path::{Path, PathBuf};

use patchcore::Result;
use patchcore::transfer::FetchOptions;
use patchcore::trust::TrustedKeys;
use patchcore::update::{FileUpdateOptions, FileUpdateReport, UpdateAction, announces_file, update_file_from_channel};
use serde_json::json;

use crate::context::Context;
use crate::text::{Grouped, Took};

/// What of the command's arguments means something for a file.
pub(super) struct Arguments<'a> {
    pub(super) file: &'a Path,
    pub(super) url: &'a str,
    pub(super) keys: Option<TrustedKeys>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) full: bool,
    pub(super) cache: Option<PathBuf>,
    pub(super) dry_run: bool,
    pub(super) download_only: bool,
    pub(super) threads: usize,
    pub(super) fetch: FetchOptions,
}

/// Whether it is a file that is to be updated: what is there decides, or else what the URL offers.
pub(super) fn is_meant(target: &Path, url: &str, fetch: &FetchOptions, context: &Context) -> Result<bool> {
    match std::fs::metadata(target) {
        Ok(metadata) => Ok(!metadata.is_dir()),
        Err(_) => Ok(context.run(|task| announces_file(url, fetch, task))?.0),
    }
}

pub(super) fn run(arguments: Arguments<'_>, context: &Context) -> Result<()> {
    let Arguments { file, url, .. } = arguments;
    let options = FileUpdateOptions {
        keys: arguments.keys,
        from: arguments.from,
        to: arguments.to,
        force_full: arguments.full,
        cache: arguments.cache,
        download_only: arguments.download_only,
        dry_run: arguments.dry_run,
        fetch: arguments.fetch,
        threads: arguments.threads,
        ..FileUpdateOptions::default()
    };
    let (report, took) = context.run(|task| update_file_from_channel(file, url, &options, task))?;
    let fields = json!({
        "file": file.to_string_lossy(),
        "action": report.action.name(),
        "means": report.means.name(),
        "reason": report.reason.name(),
        "family": report.family,
        "from": report.from,
        "from_sha256": report.from_digest.map(|digest| digest.to_string()),
        "to": report.to,
        "to_sha256": report.to_digest.to_string(),
        "links": report.links,
        "planned_bytes": report.planned_bytes,
        "downloaded_bytes": report.transferred_bytes,
        "package": report.file.as_ref().map(|file| file.to_string_lossy()),
        "sequence": report.sequence,
        "signature": if report.signed_by.is_some() { "verified" } else { "not_checked" },
        "key_id": report.signed_by.as_ref().map(|key| key.id()),
        "seconds": took.as_secs_f64(),
    });
    context.printer.report("update", fields, text(file, &report, Took(took)))
}

fn text(file: &Path, report: &FileUpdateReport, took: Took) -> String {
    let file = file.display();
    let (means, reason) = (report.means.name(), report.reason.name().replace('_', " "));
    let to = &report.to;
    let from = match (&report.from, report.from_digest) {
        (Some(name), _) => format!("from version {name} "),
        (None, Some(digest)) => format!("from {} ", digest.short()),
        (None, None) => String::new(),
    };
    let signature = match &report.signed_by {
        Some(key) => format!("Signature: verified, by the key {}\n", key.id()),
        None => "Signature: not checked, since no key was given\n".to_owned(),
    };
    let came = Grouped(report.transferred_bytes);
    match report.action {
        UpdateAction::Nothing => format!("{file}: nothing to do ({reason}), version {to}\n"),
        UpdateAction::Decided => {
            let bytes = report.planned_bytes.map_or_else(|| "unknown".to_owned(), |bytes| Grouped(bytes).to_string());
            format!("{file}: would go {from}to version {to} ({means}: {reason})\nTo download: {bytes} bytes\n")
        }
        UpdateAction::Downloaded => {
            let place = report.file.as_deref().unwrap_or(Path::new("")).display();
            format!(
                "{place}: what leads to version {to} ({means}: {reason}), {came} bytes downloaded in {took}\n{signature}"
            )
        }
        _ => {
            format!(
                "{file}: {from}to version {to} ({means}: {reason}), {came} bytes downloaded, in {took}\n{signature}"
            )
        }
    }
}

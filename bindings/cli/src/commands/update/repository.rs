//! `patchcore update --url`: a directory from a release repository.

use std::fmt::Write as _;
use std::path::Path;

use patchcore::repository::UpdateMeans;
use patchcore::update::{RepositoryUpdateReport, UpdateAction, UpdateOptions, update_from_repository};
use patchcore::{Result, Version};
use serde_json::{Value, json};

use crate::context::Context;
use crate::text::{Counted, Grouped, Took, printable};

/// So many paths are named to people; JSON has all of them.
const MOST_NAMES: usize = 10;

pub(super) fn run(root: &Path, url: &str, options: &UpdateOptions, context: &Context) -> Result<()> {
    let (report, took) = context.run(|task| update_from_repository(root, url, options, task))?;
    let mut fields = fields(&report);
    fields["tree"] = root.to_string_lossy().into();
    fields["seconds"] = took.as_secs_f64().into();
    context.printer.report("update", fields, text(root, &report, Took(took)))
}

fn fields(report: &RepositoryUpdateReport) -> Value {
    let packages: Vec<_> = report
        .packages
        .iter()
        .map(|package| {
            let path = package.path.as_ref().map(|path| path.to_string_lossy());
            json!({ "file": package.file, "size": package.size, "path": path })
        })
        .collect();
    let notes: Vec<_> =
        report.notes.iter().map(|(version, text)| json!({ "version": version.to_string(), "text": text })).collect();
    let fallback = report
        .fallback
        .as_ref()
        .map(|fallback| json!({ "status": fallback.status.name(), "message": fallback.message }));
    let applied = report.applied.as_ref();
    json!({
        "action": report.action.name(),
        "means": report.means.name(),
        "reason": report.reason.name(),
        "from": report.from.map(|version| version.to_string()),
        "to": report.to.to_string(),
        "packages": packages,
        "downloaded_bytes": report.downloaded,
        "notes": notes,
        "fallback": fallback,
        "signature": if report.signed_by.is_some() { "verified" } else { "not_checked" },
        "key_id": report.signed_by.as_ref().map(|key| key.id()),
        "changed": applied.map(|applied| applied.changed),
        "bytes": applied.map(|applied| applied.bytes),
        "kept": applied.map(|applied| applied.kept.iter().map(|path| path.as_str()).collect::<Vec<_>>()),
        "unlisted": report.unlisted,
    })
}

fn text(root: &Path, report: &RepositoryUpdateReport, took: Took) -> String {
    let root = root.display();
    let from = report.from.map_or_else(|| "an unknown version".to_owned(), named);
    let to = named(report.to);
    let why = format!("{}: {}", report.means.name(), report.reason.name().replace('_', " "));
    let downloaded = Grouped(report.downloaded);
    let mut text = match report.action {
        UpdateAction::Nothing => {
            return format!("{root}: nothing to do ({}), {from}\n", report.reason.name().replace('_', " "));
        }
        UpdateAction::Decided => format!("{root}: would go from {from} to {to} ({why})\n"),
        UpdateAction::Downloaded => {
            format!(
                "{root}: what leads from {from} to {to} is there ({why}), {downloaded} bytes downloaded in {took}\n"
            )
        }
        _ => {
            let changed = Counted(report.applied.as_ref().map_or(0, |applied| applied.changed), "change");
            format!("{root}: from {from} to {to} ({why}), {changed}, {downloaded} bytes downloaded, in {took}\n")
        }
    };
    // A repair takes of its package what it needs, and only then is it known how much.
    let at_most = if report.means == UpdateMeans::Repair { "at most " } else { "" };
    if report.action != UpdateAction::Applied {
        for package in &report.packages {
            let _ = writeln!(text, "Package: {}, {at_most}{} bytes", package.file, Grouped(package.size));
        }
    }
    if let Some(fallback) = &report.fallback {
        let _ = writeln!(text, "Not as planned: {}", fallback.message);
    }
    for (version, notes) in &report.notes {
        let _ = writeln!(text, "Notes of {version}: {}", printable(notes.trim()).replace('\n', "\n    "));
    }
    let kept: Vec<_> = report.applied.iter().flat_map(|applied| &applied.kept).map(|path| path.as_str()).collect();
    text += &list("Kept as they are here", &kept);
    text += &list(&format!("No part of {}, left alone", report.to), &report.unlisted);
    match &report.signed_by {
        Some(key) => text + &format!("Signature: verified, by the key {}\n", key.id()),
        None => text + "Signature: not checked, since no key was given\n",
    }
}

/// 0.0.0 is what is installed where nothing is.
fn named(version: Version) -> String {
    if version == (Version { major: 0, minor: 0, patch: 0, build: None }) {
        return "nothing".to_owned();
    }
    format!("version {version}")
}

fn list(title: &str, names: &[impl AsRef<str>]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let shown: Vec<_> = names.iter().take(MOST_NAMES).map(AsRef::as_ref).collect();
    let more = match names.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{title}: {}{more}\n", shown.join(", "))
}

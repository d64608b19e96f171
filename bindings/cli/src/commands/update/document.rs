//! `patchcore update` by a document that names packages.

use std::path::Path;

use patchcore::update::{
    UpdateAction, UpdateOptions, UpdateReport, fetch_package_info, fetch_service_manifest, update_from_package_info,
    update_from_service_manifest,
};
use patchcore::{Result, Version};
use serde_json::json;

use crate::context::Context;
use crate::text::{Counted, Grouped, Took};

/// The one package that the info at `url` names.
pub(super) fn by_package_info(root: &Path, url: &str, options: &UpdateOptions, context: &Context) -> Result<()> {
    let (report, took) = context.run(|task| {
        let info = fetch_package_info(url, options, task)?;
        update_from_package_info(root, &info, url, options, task)
    })?;
    tell(root, &report, Took(took), context)
}

/// The best package of the service manifest at `url`.
pub(super) fn by_service_manifest(root: &Path, url: &str, options: &UpdateOptions, context: &Context) -> Result<()> {
    let (report, took) = context.run(|task| {
        let manifest = fetch_service_manifest(root, url, options, task)?;
        update_from_service_manifest(root, &manifest, url, options, task)
    })?;
    tell(root, &report, Took(took), context)
}

fn tell(root: &Path, report: &UpdateReport, took: Took, context: &Context) -> Result<()> {
    let signature = if report.signed_by.is_some() { "verified" } else { "not_checked" };
    let fields = json!({
        "tree": root.to_string_lossy(),
        "action": report.action.name(),
        "strategy": report.strategy,
        "reason": report.reason.name(),
        "from": report.from.map(|version| version.to_string()),
        "to": report.to.map(|version| version.to_string()),
        "url": report.url,
        "package": report.file.as_ref().map(|file| file.to_string_lossy()),
        "downloaded_bytes": report.fetched.as_ref().map(|fetched| fetched.transferred),
        "signature": signature,
        "key_id": report.signed_by.as_ref().map(|key| key.id()),
        "changed": report.applied.as_ref().map(|applied| applied.changed),
        "bytes": report.applied.as_ref().map(|applied| applied.bytes),
        "seconds": took.0.as_secs_f64(),
    });
    context.printer.report("update", fields, text(root, report, took))
}

fn text(root: &Path, report: &UpdateReport, took: Took) -> String {
    let root = root.display();
    let version =
        |version: Option<Version>| version.map_or_else(|| "unknown".to_owned(), |version| version.to_string());
    let (from, to) = (version(report.from), version(report.to));
    let reason = report.reason.name().replace('_', " ");
    let package = report.url.as_deref().unwrap_or_default();
    let signature = match &report.signed_by {
        Some(key) => format!("Signature: verified, by the key {}\n", key.id()),
        None => "Signature: not checked, since no key was given\n".to_owned(),
    };
    let fetched = report.fetched.as_ref().map_or(0, |fetched| fetched.transferred);
    match report.action {
        UpdateAction::Nothing => format!("{root}: nothing to do ({reason}), version {from}\n"),
        UpdateAction::Decided => {
            format!(
                "{root}: would go from version {from} to {to} ({}: {reason})\nPackage: {package}\n",
                report.strategy
            )
        }
        UpdateAction::Downloaded => {
            let file = report.file.as_deref().unwrap_or(Path::new("")).display();
            format!(
                "{file}: the package for version {to} ({}: {reason}), {} bytes downloaded in {took}\n{signature}",
                report.strategy,
                Grouped(fetched)
            )
        }
        _ => {
            let changed = report.applied.as_ref().map_or(0, |applied| applied.changed);
            format!(
                "{root}: from version {from} to {to} ({}: {reason}), {}, {} bytes downloaded, in {took}\n{signature}",
                report.strategy,
                Counted(changed, "change"),
                Grouped(fetched),
            )
        }
    }
}

//! What a tree patch says about itself, and whether it is whole: `info` and `verify` of one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use patchcore::tree::{Change, ChangeKind, TreePackage, TreePath, verify_package};
use patchcore::{Limits, Result};
use serde_json::{Value, json};

use crate::context::Context;
use crate::report::Title;
use crate::table::{Align, Table};
use crate::text::{Counted, Grouped, Took};

/// How many changes of which kind, in JSON.
pub(super) fn change_fields(changes: &BTreeMap<ChangeKind, u64>) -> Value {
    changes.iter().map(|(kind, count)| (kind.name().to_owned(), json!(count))).collect::<serde_json::Map<_, _>>().into()
}

/// How many changes of which kind, in words: `2 delta, 1 delete`.
pub(super) fn change_counts(changes: &BTreeMap<ChangeKind, u64>) -> String {
    let counts: Vec<_> = changes.iter().map(|(kind, count)| format!("{} {}", Grouped(*count), kind.name())).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

/// Shows what a tree patch says about itself; with `-v` every change.
pub(crate) fn show(path: &Path, operations: Option<&Path>, context: &Context) -> Result<()> {
    let (package, _) = context.run(|task| TreePackage::open(path, operations, task))?;
    let patch = package.patch();
    let mut counts = BTreeMap::new();
    patch.changes.values().for_each(|change| *counts.entry(change.kind()).or_default() += 1);
    let digest = |digest: &Option<patchcore::Digest>| digest.map(|digest| digest.to_string());
    let mut fields = json!({
        "package_size": package.size(),
        "old_tree": digest(&patch.old_tree),
        "new_tree": digest(&patch.new_tree),
        "applies_to": patch.applies_to.map(|range| json!({ "min": range.min.to_string(), "max": range.max.to_string() })),
        "version": patch.version.map(|version| version.to_string()),
        "changes": change_fields(&counts),
        "new_size": patch.new_size(),
    });
    let mut text = Title(&format!("Tree patch: {}", path.display())).to_string();
    let _ =
        writeln!(text, "Size: {} bytes, for {} bytes of new files", Grouped(package.size()), Grouped(patch.new_size()));
    if let Some(range) = patch.applies_to {
        let to = if range.min == range.max { String::new() } else { format!(" to {}", range.max) };
        let _ = writeln!(text, "Applies to: {}{to}", range.min);
    }
    if let Some(version) = patch.version {
        let _ = writeln!(text, "Makes: {version}");
    }
    for (name, digest) in [("Old", digest(&patch.old_tree)), ("New", digest(&patch.new_tree))] {
        let _ = writeln!(text, "{name} tree: {}", digest.as_deref().unwrap_or("not known"));
    }
    let _ = writeln!(text, "Changes: {}", change_counts(&counts));
    if context.printer.verbose() {
        fields["paths"] = patch.changes.iter().map(|(path, change)| one_change(path, change)).collect();
        let rows = patch.changes.iter().map(|(path, change)| {
            [change.kind().name().to_owned(), Grouped(new_size(change)).to_string(), path.to_string()]
        });
        let _ = write!(text, "{}", Table { align: [Align::Left, Align::Right, Align::Left], rows: rows.collect() });
    }
    context.printer.report("tree_patch_info", fields, text)
}

fn new_size(change: &Change) -> u64 {
    change.new_file().map_or(0, |file| file.size)
}

fn one_change(path: &TreePath, change: &Change) -> Value {
    json!({
        "path": path.as_str(),
        "kind": change.kind().name(),
        "size": new_size(change),
        "whole_directory": change.whole_directory,
        "keep_local": change.keep_local,
    })
}

/// Checks everything in a tree patch.
pub(crate) fn check(path: &Path, operations: Option<&Path>, context: &Context) -> Result<(Value, String)> {
    let (found, took) = context.run(|task| {
        let package = TreePackage::open(path, operations, task)?;
        verify_package(&package, &Limits::default(), task).map_err(|e| e.in_file(path))
    })?;
    let fields = json!({
        "files": found.files,
        "deltas": found.deltas,
        "bytes": found.bytes,
        "seconds": took.as_secs_f64(),
    });
    let text = format!(
        "{}: an intact tree patch, {} and {} checked in {}\n",
        path.display(),
        Counted(found.files, "whole file"),
        Counted(found.deltas, "delta"),
        Took(took),
    );
    Ok((fields, text))
}

//! `patchcore tree`: one directory to another, one verb a file here too.

mod apply;
mod clean;
mod diff;
pub(super) mod package;
mod recover;
mod rollback;
mod squash;
mod verify;

use std::path::Path;

use clap::{Args, Subcommand};
use patchcore::Result;
use patchcore::tree::Installed;
use serde_json::{Value, json};

use crate::context::Context;

/// Bring a directory from one version to another, whole or not at all
///
/// Whenever the process is killed or the power is cut, the directory becomes exactly new or stays exactly old: whatever is
/// left half done is finished by the next of these commands.
#[derive(Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "Example: patchcore tree diff game-1.0 game-1.1 -o update.zip\n         \
                        patchcore tree apply game update.zip\n         \
                        patchcore tree rollback game"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Diff(Box<diff::Arguments>),
    Apply(apply::Arguments),
    Rollback(rollback::Arguments),
    Recover(recover::Arguments),
    Verify(verify::Arguments),
    Squash(squash::Arguments),
    Clean(clean::Arguments),
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    match &arguments.verb {
        Verb::Diff(arguments) => diff::run(arguments, context),
        Verb::Apply(arguments) => apply::run(arguments, context),
        Verb::Rollback(arguments) => rollback::run(arguments, context),
        Verb::Recover(arguments) => recover::run(arguments, context),
        Verb::Verify(arguments) => verify::run(arguments, context),
        Verb::Squash(arguments) => squash::run(arguments, context),
        Verb::Clean(arguments) => clean::run(arguments, context),
    }
}

/// What a tree is known to be, in JSON.
fn installed_fields(root: &Path, installed: Option<&Installed>) -> Value {
    json!({
        "tree": root.to_string_lossy(),
        "version": installed.and_then(|installed| installed.version).map(|version| version.to_string()),
        "tree_digest": installed.and_then(|installed| installed.tree).map(|digest| digest.to_string()),
    })
}

/// What a tree is known to be, in words.
fn installed_text(installed: Option<&Installed>) -> String {
    match installed.map(|installed| (installed.version, installed.tree)) {
        Some((Some(version), _)) => format!("version {version}"),
        Some((None, Some(digest))) => format!("tree {}", digest.short()),
        Some((None, None)) | None => "of no known version".to_owned(),
    }
}

//! `patchcore tree verify`: whether a directory is what a patch makes of it.

use std::path::PathBuf;

use clap::Args;
use patchcore::tree::{self, TreePackage, TreePath, TreeVerification};
use patchcore::{Error, Result, Status};
use serde_json::json;

use crate::context::Context;
use crate::options;
use crate::table::{Align, Table};
use crate::text::{Counted, Took};

/// List what in a directory differs from what a patch makes of it
///
/// Nothing is written. Where something differs the exit status is 41; `tree apply` with the same patch brings it to rights.
#[derive(Args)]
#[command(after_help = "Example: patchcore tree verify game update.zip")]
pub(crate) struct Arguments {
    /// The directory
    #[arg(value_name = "DIR")]
    root: PathBuf,

    /// The patch: a package that `tree diff` made, or a .tar.gz with --operations
    patch: PathBuf,

    /// What the .tar.gz is for: the file of operations that belongs to it
    #[arg(long, value_name = "FILE")]
    operations: Option<PathBuf>,

    /// Threads that hash files, 0 for all cores
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let root = &arguments.root;
    let (found, took) = context.run(|task| {
        let package = TreePackage::open(&arguments.patch, arguments.operations.as_deref(), task)?;
        tree::verify(root, &package, options::threads(arguments.threads), task)
    })?;
    let names = |paths: &[TreePath]| paths.iter().map(TreePath::to_string).collect::<Vec<_>>();
    let fields = json!({
        "tree": root.to_string_lossy(),
        "clean": found.is_clean(),
        "matches": found.matches,
        "missing": names(&found.missing),
        "different": names(&found.different),
        "unexpected": names(&found.unexpected),
        "seconds": took.as_secs_f64(),
    });
    let matches = Counted(found.matches, "path");
    let summary = format_args!("{}: {matches} as the patch makes them, in {}\n", root.display(), Took(took));
    context.printer.report("tree_verify", fields, format_args!("{summary}{}", list(&found)))?;
    if found.is_clean() {
        return Ok(());
    }
    let count = (found.missing.len() + found.different.len() + found.unexpected.len()) as u64;
    let message =
        format!("{} not as the patch makes it; `tree apply` with it brings them to rights", Counted(count, "path"));
    Err(Error::new(Status::TargetMismatch, message).in_file(root))
}

fn list(found: &TreeVerification) -> Table<2> {
    let named = [("missing", &found.missing), ("different", &found.different), ("unexpected", &found.unexpected)];
    let rows = named.iter().flat_map(|(what, paths)| paths.iter().map(|path| [(*what).to_owned(), path.to_string()]));
    Table { align: [Align::Left; 2], rows: rows.collect() }
}

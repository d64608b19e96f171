//! `patchcore tree apply`: a package into a directory.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use patchcore::tree::{self, TreeApplyOptions, TreeApplyStats, TreePackage, TreePath, TreePlan};
use patchcore::trust::PublicKey;
use patchcore::{Result, Task};
use serde_json::{Value, json};

use crate::commands::verify;
use crate::context::Context;
use crate::options::{self, TrustOptions};
use crate::table::{Align, Table};
use crate::text::{Counted, Grouped, Took};

/// Bring a directory to the state that a patch promises
///
/// Files that no release listed stay. Where somebody changed what the patch changes, nothing is touched and all such files
/// are named. What is new already is not done again. With a key, one of the trusted keys must have signed the patch; the file of
/// operations beside a .tar.gz is no part of what was signed. If anything fails, the directory is as it was before.
#[derive(Args)]
#[command(after_help = "Example: patchcore tree apply game update.zip\n         \
                                 patchcore tree apply game update.tar.gz --operations operations.json")]
pub(crate) struct Arguments {
    /// The directory
    #[arg(value_name = "DIR")]
    root: PathBuf,

    /// The patch: a package that `tree diff` made, or a .tar.gz with --operations
    patch: PathBuf,

    /// What the .tar.gz is for: the file of operations that belongs to it
    #[arg(long, value_name = "FILE")]
    operations: Option<PathBuf>,

    #[command(flatten)]
    trust: TrustOptions,

    /// The signature of the patch, which a trusted key must have made; PATCH.minisig unless given
    #[arg(short = 'x', long, value_name = "SIG")]
    signature: Option<PathBuf>,

    /// Only say what would be done; fails as applying would where something stands in the way
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Keep nothing to take the patch back with later
    #[arg(long)]
    no_backup: bool,

    /// Take the patch's side wherever somebody changed the directory
    #[arg(long)]
    overwrite_local: bool,

    /// Threads that hash files, 0 for all cores
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let root = &arguments.root;
    let (package, key) = open(arguments, context)?;
    let signature = if key.is_some() { "verified" } else { "not_checked" };
    let said = key.as_ref().map_or_else(String::new, |key| format!("Signature: verified, by the key {key}\n"));
    let options = TreeApplyOptions {
        overwrite_local: arguments.overwrite_local,
        no_backup: arguments.no_backup,
        threads: options::threads(arguments.threads),
        ..TreeApplyOptions::default()
    };
    if arguments.dry_run {
        let (plan, _) = context.run(|task| tree::plan(root, &package, &options, task))?;
        let mut fields = plan_fields(&plan);
        fields["tree"] = root.to_string_lossy().into();
        fields["signature"] = signature.into();
        fields["key_id"] = key.into();
        context.printer.report("tree_plan", fields, plan_text(&plan) + &said)?;
        return plan.refusal().map_or(Ok(()), |refusal| Err(refusal.in_file(root)));
    }
    let (stats, took) = context.run(|task| tree::apply(root, &package, &options, task))?;
    let fields = json!({
        "tree": root.to_string_lossy(),
        "changed": stats.changed,
        "done_before": stats.done_before,
        "kept": names(&stats.kept),
        "bytes": stats.bytes,
        "signature": signature,
        "key_id": key,
        "seconds": took.as_secs_f64(),
    });
    context.printer.report("tree_apply", fields, text(&root.display().to_string(), &stats, Took(took)) + &said)
}

/// The package, and where a signature is required the key that signed it. Nothing of it is unpacked before that is known, and
/// nothing else than what was signed afterwards.
fn open(arguments: &Arguments, context: &Context) -> Result<(TreePackage, Option<String>)> {
    let Arguments { patch, operations, trust, signature, .. } = arguments;
    match (trust.keys()?, signature) {
        (Some(keys), signature) => {
            let (verified, _) = verify::verified(patch, &keys, signature.as_deref(), context)?;
            let key = verified.signed_by().map(PublicKey::id);
            let open = |task: &mut Task<'_>| TreePackage::open_source(verified, operations.as_deref(), task);
            Ok((context.run(open)?.0, key))
        }
        (None, Some(_)) => Err(verify::no_key()),
        (None, None) => {
            let open = |task: &mut Task<'_>| TreePackage::open(patch, operations.as_deref(), task);
            Ok((context.run(open)?.0, None))
        }
    }
}

fn names(paths: &[TreePath]) -> Vec<&str> {
    paths.iter().map(TreePath::as_str).collect()
}

fn text(root: &str, stats: &TreeApplyStats, took: Took) -> String {
    let mut text = match stats.changed {
        0 => format!("{root}: nothing to do, it is new already\n"),
        changed => {
            format!("{root}: {}, {} bytes, verified, in {took}\n", Counted(changed, "change"), Grouped(stats.bytes))
        }
    };
    if stats.changed > 0 && stats.done_before > 0 {
        let _ = writeln!(text, "Done already: {}", Counted(stats.done_before, "change"));
    }
    text + &kept_text(&stats.kept)
}

fn kept_text(kept: &[TreePath]) -> String {
    if kept.is_empty() { String::new() } else { format!("Kept as they are here: {}\n", names(kept).join(", ")) }
}

fn plan_fields(plan: &TreePlan) -> Value {
    let actions: Vec<_> = plan
        .actions
        .iter()
        .map(|action| json!({ "path": action.path.as_str(), "kind": action.kind.name(), "bytes": action.bytes }))
        .collect();
    let conflicts: Vec<_> = plan
        .conflicts
        .iter()
        .map(|conflict| json!({ "path": conflict.path.as_str(), "reason": conflict.reason.name() }))
        .collect();
    json!({
        "actions": actions,
        "conflicts": conflicts,
        "done_before": plan.done_before,
        "kept": names(&plan.kept),
        "bytes": plan.bytes,
    })
}

fn plan_text(plan: &TreePlan) -> String {
    let rows = plan
        .actions
        .iter()
        .map(|action| [action.kind.name().to_owned(), Grouped(action.bytes).to_string(), action.path.to_string()]);
    let table = Table { align: [Align::Left, Align::Right, Align::Left], rows: rows.collect() };
    let mut text = format!(
        "Would make {} and write {} bytes; done already: {}\n{table}",
        Counted(plan.actions.len() as u64, "change"),
        Grouped(plan.bytes),
        Grouped(plan.done_before),
    );
    if !plan.conflicts.is_empty() {
        text += "It would be refused, since something stands in the way:\n";
        let rows = plan.conflicts.iter().map(|conflict| [conflict.reason.name().to_owned(), conflict.path.to_string()]);
        let _ = write!(text, "{}", Table { align: [Align::Left; 2], rows: rows.collect() });
    }
    text + &kept_text(&plan.kept)
}

//! `patchcore verify`: whether any of our files is whole.

use std::path::{Path, PathBuf};

use clap::Args;
use patchcore::delta::verify_file;
use patchcore::{Limits, Result};
use serde_json::{Value, json};

use crate::commands::chain;
use crate::context::Context;
use crate::kind::Kind;
use crate::text::{Counted, Grouped, Took};

/// Check every part of a delta or a chain
///
/// With --old also that this file fits and becomes what was promised. The file is told by its content, whatever its
/// name.
#[derive(Args)]
#[command(after_help = "Example: patchcore verify v1_to_v2.delta --old model_v1.tflite")]
pub(crate) struct Arguments {
    /// A delta or a chain
    file: PathBuf,

    /// The file that it is to be applied to
    #[arg(long, value_name = "OLD")]
    old: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let Arguments { file, old } = arguments;
    let (kind, (mut fields, mut text)) = match Kind::of(file)? {
        Kind::Delta => ("delta", check_delta(file, old.as_deref(), context)?),
        Kind::Chain => ("chain", chain::verify::check(file, old.as_deref(), context)?),
    };
    fields["kind"] = kind.into();
    fields["old_checked"] = old.is_some().into();
    fields["signature"] = "not_checked".into();
    if let Some(old) = old {
        text += &format!("Old file: {} fits and becomes what was promised\n", old.display());
    }
    text += "Signature: not checked, since no key was given\n";
    context.printer.report("verify", fields, text)
}

fn check_delta(path: &Path, old: Option<&Path>, context: &Context) -> Result<(Value, String)> {
    let (inspection, took) = context.run(|task| verify_file(path, old, &Limits::default(), task))?;
    let fields = json!({
        "delta_size": inspection.header.delta_size,
        "copies": inspection.copies,
        "copied_bytes": inspection.copied_bytes,
        "changed_bytes": inspection.changed_bytes,
        "inserted_bytes": inspection.inserted_bytes,
        "seconds": took.as_secs_f64(),
    });
    let text = format!(
        "{}: an intact delta, {} bytes checked in {}\nCopied: {} bytes in {}, {} of them changed\nInserted: {} bytes\n",
        path.display(),
        Grouped(inspection.header.delta_size),
        Took(took),
        Grouped(inspection.copied_bytes),
        Counted(inspection.copies, "piece"),
        Grouped(inspection.changed_bytes),
        Grouped(inspection.inserted_bytes),
    );
    Ok((fields, text))
}

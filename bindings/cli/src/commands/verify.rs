//! `patchcore verify`: whether any of our files is whole.

use std::path::{Path, PathBuf};

use clap::Args;
use patchcore::delta::verify_file;
use patchcore::trust::{self, PublicKey, Signature, TrustedKeys, Verified, signature_path};
use patchcore::{Error, Limits, Result, Status};
use serde_json::{Value, json};

use crate::commands::{chain, tree};
use crate::context::Context;
use crate::kind::Kind;
use crate::options::TrustOptions;
use crate::text::{Counted, Grouped, Took};

/// Check every part of a delta, a chain or a tree patch, or the signature of any file
///
/// With --old also that this file fits and becomes what was promised. With a key, one of the trusted keys must have signed
/// the file, which then may be any. The file is told by its content, whatever its name.
#[derive(Args)]
#[command(after_help = "Example: patchcore verify v1_to_v2.delta --old model_v1.tflite\n         \
                  patchcore verify update.zip -p release.key.pub")]
pub(crate) struct Arguments {
    /// A delta, a chain or a tree patch; any file where a key is given
    file: PathBuf,

    #[command(flatten)]
    trust: TrustOptions,

    /// The signature; FILE.minisig unless given
    #[arg(short = 'x', long, value_name = "SIG")]
    signature: Option<PathBuf>,

    /// The operations that belong to a tree patch in a .tar.gz
    #[arg(long, value_name = "FILE")]
    operations: Option<PathBuf>,

    /// The file that it is to be applied to
    #[arg(long, value_name = "OLD")]
    old: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let Arguments { file, old, operations, trust, signature } = arguments;
    let signed = match (trust.keys()?, signature) {
        (Some(keys), signature) => Some(check_signature(file, &keys, signature.as_deref(), context)?),
        (None, Some(_)) => return Err(no_key()),
        (None, None) => None,
    };
    if let Some((mut fields, text)) = signed.clone()
        && old.is_none()
        && operations.is_none()
        && Kind::of(file).is_err_and(|e| e.status() == Status::Corrupt)
    {
        fields["kind"] = "file".into();
        return context.printer.report("verify", fields, text);
    }
    if old.is_some() && Kind::of(file)? == Kind::TreePatch {
        let message = "a tree patch is checked against a directory with `tree verify DIR PATCH`";
        return Err(Error::new(Status::InvalidArgument, message).in_file(file));
    }
    let (kind, (mut fields, mut text)) = match Kind::of(file)? {
        Kind::Delta => ("delta", check_delta(file, old.as_deref(), context)?),
        Kind::Chain => ("chain", chain::verify::check(file, old.as_deref(), context)?),
        Kind::TreePatch => ("tree_patch", tree::package::check(file, operations.as_deref(), context)?),
    };
    fields["kind"] = kind.into();
    fields["old_checked"] = old.is_some().into();
    if let Some(old) = old {
        text += &format!("Old file: {} fits and becomes what was promised\n", old.display());
    }
    match signed {
        Some((signed, said)) => {
            for name in ["signature", "key_id", "trusted_comment"] {
                fields[name] = signed[name].clone();
            }
            text += &said;
        }
        None => {
            fields["signature"] = "not_checked".into();
            text += "Signature: not checked, since no key was given\n";
        }
    }
    context.printer.report("verify", fields, text)
}

fn check_signature(
    path: &Path,
    keys: &TrustedKeys,
    signature: Option<&Path>,
    context: &Context,
) -> Result<(Value, String)> {
    let (verified, signature) = verified(path, keys, signature, context)?;
    let key = verified.signed_by().map(PublicKey::id);
    let comment = signature.trusted_comment();
    let fields = json!({
        "signature": "verified",
        "key_id": key,
        "trusted_comment": comment,
        "sha256": verified.digest().to_string(),
    });
    let shown = comment.replace(|c: char| c.is_control() && c != '\t', "�");
    let text = format!("Signature: verified, by the key {}\nSigned comment: {shown}\n", key.unwrap_or_default());
    Ok((fields, text))
}

/// The file at `path`, which one of `keys` must have signed: what is read of it later is what was verified.
pub(crate) fn verified(
    path: &Path,
    keys: &TrustedKeys,
    signature: Option<&Path>,
    context: &Context,
) -> Result<(Verified, Signature)> {
    let beside = signature_path(path);
    let signature = match Signature::read(signature.unwrap_or(&beside)) {
        Err(e) if e.status() == Status::NotFound => {
            let message = "a signature is required and there is none; name it with -x";
            return Err(Error::new(Status::BadSignature, message).in_file(signature.unwrap_or(&beside)));
        }
        result => result?,
    };
    let (verified, _) = context.run(|task| trust::verify_file(path, keys, Some(&signature), task))?;
    Ok((verified, signature))
}

/// The error that a signature is named and no key.
pub(crate) fn no_key() -> Error {
    Error::new(Status::InvalidArgument, "a signature is checked against a key; name one with -p or -P")
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

//! `patchcore sign`: a signature of a file.

use std::path::PathBuf;

use clap::Args;
use patchcore::Result;
use patchcore::io::OutputOptions;
use patchcore::trust::{SecretKey, SignOptions, sign_file};
use serde_json::json;

use crate::context::Context;
use crate::options::PasswordOption;

/// Sign a file
///
/// The signature is one of minisign, which can check it as well as `patchcore verify`.
#[derive(Args)]
#[command(after_help = "Example: patchcore sign update.zip --key release.key --trusted-comment \"version 1.4.0\"")]
pub(crate) struct Arguments {
    /// The file to sign
    file: PathBuf,

    /// The secret key, made by `patchcore keygen` or by minisign
    #[arg(short, long, value_name = "KEY")]
    key: PathBuf,

    #[command(flatten)]
    password: PasswordOption,

    /// What is signed together with the file [default: the time and the name of the file]
    #[arg(short, long, value_name = "TEXT")]
    trusted_comment: Option<String>,

    /// Where to write the signature [default: FILE.minisig]
    #[arg(short = 'x', long, value_name = "SIG")]
    signature: Option<PathBuf>,

    /// Refuse to replace an existing file
    #[arg(long)]
    no_clobber: bool,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let key = SecretKey::read(&arguments.key, arguments.password.read()?.as_deref())?;
    let options = SignOptions {
        trusted_comment: arguments.trusted_comment.as_deref(),
        output: arguments.signature.as_deref(),
        output_options: OutputOptions { no_clobber: arguments.no_clobber },
    };
    let ((path, signature), _) = context.run(|task| sign_file(&arguments.file, &key, &options, task))?;
    let id = key.public_key()?.id();
    let fields = json!({
        "file": arguments.file.to_string_lossy(),
        "signature_file": path.to_string_lossy(),
        "key_id": id,
        "trusted_comment": signature.trusted_comment(),
    });
    let text = format!("{}: signed by the key {id}\n", path.display());
    context.printer.report("sign", fields, text)
}

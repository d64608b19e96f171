//! `patchcore keygen`: a new key to sign with.

use std::path::PathBuf;

use clap::Args;
use patchcore::Result;
use patchcore::trust::create_key_files;
use serde_json::json;

use crate::context::Context;
use crate::options::PasswordOption;

/// Make a new key to sign with
///
/// The secret key is written for its owner alone; KEY.pub is the public key that others trust. Both are those of minisign.
#[derive(Args)]
#[command(after_help = "Example: patchcore keygen -o release.key --password-file password.txt")]
pub(crate) struct Arguments {
    /// Where to write the secret key
    #[arg(short, long, value_name = "KEY")]
    output: PathBuf,

    #[command(flatten)]
    password: PasswordOption,

    /// Replace keys that exist
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let Arguments { output, password, force } = arguments;
    let password = password.read()?;
    let key = create_key_files(output, password.as_deref(), *force)?;
    let name = output.display();
    let fields = json!({
        "secret_key_file": output.to_string_lossy(),
        "public_key_file": format!("{name}.pub"),
        "public_key": key.to_string(),
        "key_id": key.id(),
        "encrypted": password.is_some(),
    });
    let protection = if password.is_some() { "encrypted with the password" } else { "without a password" };
    let text = format!(
        "{name}: the secret key, {protection}; keep it to yourself\n{name}.pub: the public key {}\n{key}\n",
        key.id()
    );
    context.printer.report("keygen", fields, text)
}

//! `patchcore chain publish`: a chain and its newest version for everybody.

use std::path::PathBuf;

use clap::Args;
use patchcore::Result;
use patchcore::delta::EncodeOptions;
use patchcore::repository::Signer;
use patchcore::repository::channel::{ChannelPublishOptions, publish_channel};
use patchcore::trust::SecretKey;
use serde_json::json;

use crate::context::Context;
use crate::options::{LevelOption, PasswordOption};
use crate::text::{Counted, Grouped, Took};

/// Publish the newest version of a file, and its chain, as static files for any web host
///
/// Whoever has any version of the chain then gets to the newest with `patchcore update FILE --url URL`, by the fewest
/// bytes. The manifest is written last; publishing the same again changes nothing.
#[derive(Args)]
#[command(
    after_help = "Example: patchcore chain publish public updates.chain model-v4.safetensors --family my-model\n         \
                        patchcore update model.safetensors --url https://example.com/my-model/"
)]
pub(crate) struct Arguments {
    /// The folder that the web host serves
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The chain
    chain: PathBuf,

    /// The newest version of the chain, as a whole
    latest_file: PathBuf,

    /// The name of the file through all its versions [default: the published one, else that of the chain]
    #[arg(long, value_name = "NAME")]
    family: Option<String>,

    /// Where the files will be found [default: beside the manifest]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,

    /// When the manifest is to be believed no longer, such as 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,

    /// Sign the manifest with this secret key
    #[arg(short, long, value_name = "KEY")]
    key: Option<PathBuf>,

    #[command(flatten)]
    password: PasswordOption,

    #[command(flatten)]
    level: LevelOption,

    /// Publish also a chain that does not hold the version which is published
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let password = arguments.password.read()?;
    let key = arguments.key.as_deref().map(|path| SecretKey::read(path, password.as_deref())).transpose()?;
    let options = ChannelPublishOptions {
        family: arguments.family.clone(),
        base_url: arguments.base_url.clone(),
        expires_at: arguments.expires_at.clone(),
        signer: key.map(Signer::try_from).transpose()?,
        force: arguments.force,
        encode: EncodeOptions { level: arguments.level.get(), ..EncodeOptions::default() },
        ..ChannelPublishOptions::default()
    };
    let Arguments { folder, chain, latest_file, .. } = arguments;
    let (report, took) = context.run(|task| publish_channel(folder, chain, latest_file, &options, task))?;
    let manifest = &report.manifest;
    let fields = json!({
        "folder": folder.to_string_lossy(),
        "changed": report.changed,
        "family": manifest.model_family,
        "version": manifest.current_version,
        "sha256": manifest.current_hash.to_string(),
        "size": manifest.current_size,
        "sequence": manifest.sequence,
        "squashed": manifest.squashed_patches.len(),
        "written": report.written,
        "written_bytes": report.written_bytes,
        "removed": report.removed,
        "seconds": took.as_secs_f64(),
    });
    let (name, version, family) = (folder.display(), &manifest.current_version, &manifest.model_family);
    let text = match report.changed {
        false => format!("{name}: {version} of {family} is published already, nothing changed\n"),
        true => format!(
            "{name}: {version} of {family} published, {} for versions far behind, {} bytes written in {}\n",
            Counted(manifest.squashed_patches.len() as u64, "squashed delta"),
            Grouped(report.written_bytes),
            Took(took)
        ),
    };
    context.printer.report("chain_publish", fields, text)
}

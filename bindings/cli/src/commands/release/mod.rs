//! `patchcore release`: versions of a directory as static files, one verb a file here too.

mod base;
mod info;
mod init;
mod plan;
mod prune;
mod publish;
mod rebuild;
mod verify;
mod withdraw;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use patchcore::Result;
use patchcore::repository::{EditOptions, Package, Signer};
use patchcore::trust::SecretKey;

use crate::context::Context;
use crate::options::PasswordOption;
use crate::table::{Align, Table};
use crate::text::Grouped;

/// Publish versions of a directory as static files that any web host serves
///
/// A repository is a folder of packages and a manifest.json, written last, that names them. `patchcore update DIR --url URL`
/// fetches from it. Upload packages first, then manifest.json and its signature as the README says, where the host is another machine. In the place of the folder
/// s3://BUCKET/PREFIX, gs:// or az:// is a repository in an object store, with credentials from the environment.
#[derive(Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "Example: patchcore release init site\n         \
                  patchcore release publish site game-1.0 --version 1.0.0 --notes 'The first one'\n         \
                  patchcore release publish site game-1.1 --version 1.1.0"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Init(init::Arguments),
    Publish(Box<publish::Arguments>),
    Info(info::Arguments),
    Plan(plan::Arguments),
    Prune(prune::Arguments),
    Rebuild(rebuild::Arguments),
    NewBase(base::Arguments),
    Withdraw(withdraw::Arguments),
    Verify(verify::Arguments),
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    match &arguments.verb {
        Verb::Init(arguments) => init::run(arguments, context),
        Verb::Publish(arguments) => publish::run(arguments, context),
        Verb::Info(arguments) => info::run(arguments, context),
        Verb::Plan(arguments) => plan::run(arguments, context),
        Verb::Prune(arguments) => prune::run(arguments, context),
        Verb::Rebuild(arguments) => rebuild::run(arguments, context),
        Verb::NewBase(arguments) => base::run(arguments, context),
        Verb::Withdraw(arguments) => withdraw::run(arguments, context),
        Verb::Verify(arguments) => verify::run(arguments, context),
    }
}

#[derive(Args)]
struct KeyOption {
    /// Sign the manifest with this secret key; a signed repository is changed by nobody without one
    #[arg(short, long, value_name = "KEY")]
    key: Option<PathBuf>,

    #[command(flatten)]
    password: PasswordOption,
}

impl KeyOption {
    fn signer(&self) -> Result<Option<Signer>> {
        let Some(path) = &self.key else { return Ok(None) };
        Ok(Some(SecretKey::read(path, self.password.read()?.as_deref())?.try_into()?))
    }
}

#[derive(Args)]
struct ChangeOptions {
    /// The architecture whose packages are meant [default: those for all]
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,

    /// Only say what would be done
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    key: KeyOption,
}

impl ChangeOptions {
    fn get(&self) -> Result<EditOptions> {
        Ok(EditOptions { arch: self.arch.clone(), signer: self.key.signer()?, dry_run: self.dry_run })
    }
}

/// Packages and their sizes, a line each.
fn listed<'a>(packages: impl IntoIterator<Item = &'a Package>) -> Table<2> {
    let row = |package: &Package| [package.file.clone(), format!("{} bytes", Grouped(package.size))];
    Table { align: [Align::Left, Align::Right], rows: packages.into_iter().map(row).collect() }
}

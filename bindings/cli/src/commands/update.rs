//! `patchcore update`: a directory to the version that a server offers.

mod document;
mod repository;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use patchcore::transfer::{DEFAULT_IDLE_TIMEOUT, DEFAULT_RETRIES, FetchOptions, Proxy};
use patchcore::tree::TreeApplyOptions;
use patchcore::update::UpdateOptions;
use patchcore::{Error, Result, Status, Version};

use crate::commands::update_file;
use crate::context::Context;
use crate::options::{self, TrustOptions};
use crate::text::parse_size;

/// Update a directory or a file: decide, download, verify and apply
///
/// A release repository (--url) leads from any version of a directory to the newest for the fewest bytes, a channel (see
/// `chain publish`) does so for a file. Else the package is named by a document: the info of one package, or a service
/// manifest, of which the best package for this machine and the installed version is chosen. If anything fails, what was there
/// is as it was before, or the message says what became of it. What was downloaded of a package is never downloaded again.
#[derive(Args)]
#[command(
    override_usage = "patchcore update [OPTIONS] <DIR|FILE> <--url URL|--package-info FILE|--service-manifest FILE>",
    after_help = "Example: patchcore update game --url https://example.com/game -p release.key.pub\n         \
                                 patchcore update game --url https://example.com/game --repair --keep-local '*.cfg'\n         \
                                 patchcore update model.safetensors --url https://example.com/my-model/\n         \
                                 patchcore update game --service-manifest https://example.com/game.json\n         \
                                 patchcore update game --package-info info.json --download-only"
)]
pub(crate) struct Arguments {
    /// The directory, or with --url the file
    #[arg(value_name = "DIR|FILE")]
    root: PathBuf,

    #[command(flatten)]
    document: Document,

    #[command(flatten)]
    trust: TrustOptions,

    /// Take the full package, or the one that is named, whatever is installed
    #[arg(long, conflicts_with = "repair")]
    full: bool,

    /// Compare the directory with the release, fetch the files that differ, and replace them
    #[arg(long, conflicts_with_all = ["package_info", "service_manifest"])]
    repair: bool,

    /// Files that stay as they are where they are there, as in .gitignore; may be given several times
    #[arg(long, value_name = "GLOB", conflicts_with_all = ["package_info", "service_manifest"])]
    keep_local: Vec<String>,

    /// The version that is wanted, which for a file is one of its chain [default: the newest]
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["package_info", "service_manifest"])]
    to: Option<String>,

    /// The version that is installed [default: what the directory remembers, or is recognised as]
    #[arg(long, value_name = "VERSION")]
    from: Option<String>,

    /// The architecture that packages must be for [default: that of this machine]
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,

    /// A path that every installation has; where it is missing, all of it is made whole
    #[arg(long, value_name = "PATH")]
    require: Vec<String>,

    /// Only say what would be done
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Download and verify; the same command without this applies it, also without a network
    #[arg(long)]
    download_only: bool,

    /// Where to keep packages [default: in the directory, until they are applied]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,

    /// Keep nothing to take the update back with later
    #[arg(long)]
    no_backup: bool,

    /// Take the package's side wherever somebody changed the directory
    #[arg(long)]
    overwrite_local: bool,

    /// Threads that hash files, 0 for all cores
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,

    #[command(flatten)]
    network: NetworkOptions,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Document {
    /// The release repository, or for a file its channel: the folder or its manifest.json, on a web host or this machine
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// The info of one package: a file or a URL
    #[arg(long, value_name = "FILE|URL")]
    package_info: Option<String>,

    /// The service manifest: a file or a URL
    #[arg(long, value_name = "FILE|URL")]
    service_manifest: Option<String>,
}

#[derive(Args)]
#[command(next_help_heading = "Network options")]
struct NetworkOptions {
    /// Bytes a second at most, such as 500K
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    limit_rate: Option<u64>,

    /// Refuse packages of more bytes, such as 2G
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_download: Option<u64>,

    /// Give up when nothing comes for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_IDLE_TIMEOUT.as_secs())]
    idle_timeout: u64,

    /// Try again so many times in vain
    #[arg(long, value_name = "N", default_value_t = DEFAULT_RETRIES)]
    retries: u32,

    /// The proxy, or `none` [default: what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say]
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,

    /// Trust servers certified by the authorities in this PEM file, instead of those of the web
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl NetworkOptions {
    fn fetch_options(&self) -> FetchOptions {
        FetchOptions {
            max_size: self.max_download.unwrap_or(u64::MAX),
            bytes_per_second: self.limit_rate.unwrap_or(0),
            idle_timeout: Duration::from_secs(self.idle_timeout),
            retries: self.retries,
            proxy: match self.proxy.as_deref() {
                None => Proxy::Environment,
                Some("none") => Proxy::Direct,
                Some(url) => Proxy::Url(url.to_owned()),
            },
            authorities: self.ca_file.clone(),
            ..FetchOptions::default()
        }
    }
}

/// What a file has no use for is not passed over in silence.
fn refuse_what_is_for_directories(arguments: &Arguments) -> Result<()> {
    let given = [
        ("--repair", arguments.repair),
        ("--keep-local", !arguments.keep_local.is_empty()),
        ("--require", !arguments.require.is_empty()),
        ("--arch", arguments.arch.is_some()),
        ("--overwrite-local", arguments.overwrite_local),
        ("--no-backup", arguments.no_backup),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Error::new(
            Status::InvalidArgument,
            format!(
                "{option} is for directories, and this is a file: that is checked by its digest and replaced as a whole"
            ),
        )),
        None => Ok(()),
    }
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let root = &arguments.root;
    let fetch = arguments.network.fetch_options();
    if let Some(url) = &arguments.document.url
        && update_file::is_meant(root, url, &fetch, context)?
    {
        refuse_what_is_for_directories(arguments)?;
        let file = update_file::Arguments {
            file: root,
            url,
            keys: arguments.trust.keys()?,
            from: arguments.from.clone(),
            to: arguments.to.clone(),
            full: arguments.full,
            cache: arguments.cache.clone(),
            dry_run: arguments.dry_run,
            download_only: arguments.download_only,
            threads: options::threads(arguments.threads),
            fetch,
        };
        return update_file::run(file, context);
    }
    let update = UpdateOptions {
        keys: arguments.trust.keys()?,
        installed: arguments.from.as_deref().map(str::parse::<Version>).transpose()?,
        to: arguments.to.as_deref().map(str::parse::<Version>).transpose()?,
        repair: arguments.repair,
        keep_local: arguments.keep_local.clone(),
        required: arguments.require.clone(),
        force_full: arguments.full,
        architecture: arguments.arch.clone(),
        cache: arguments.cache.clone(),
        download_only: arguments.download_only,
        dry_run: arguments.dry_run,
        fetch: arguments.network.fetch_options(),
        apply: TreeApplyOptions {
            overwrite_local: arguments.overwrite_local,
            no_backup: arguments.no_backup,
            threads: options::threads(arguments.threads),
            ..TreeApplyOptions::default()
        },
    };
    match &arguments.document {
        Document { package_info: Some(url), .. } => document::by_package_info(root, url, &update, context),
        Document { service_manifest: Some(url), .. } => document::by_service_manifest(root, url, &update, context),
        Document { url: Some(url), .. } => repository::run(root, url, &update, context),
        Document { url: None, .. } => Err(Error::new(
            Status::InvalidArgument,
            "name a repository with --url, or a document with --package-info or --service-manifest",
        )),
    }
}

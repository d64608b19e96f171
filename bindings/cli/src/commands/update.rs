//! `patchcore update`: a directory to the version that a server offers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use patchcore::transfer::{DEFAULT_IDLE_TIMEOUT, DEFAULT_RETRIES, FetchOptions, Proxy};
use patchcore::tree::TreeApplyOptions;
use patchcore::update::{
    UpdateAction, UpdateOptions, UpdateReport, fetch_package_info, fetch_service_manifest, update_from_package_info,
    update_from_service_manifest,
};
use patchcore::{Error, Result, Status, Version};
use serde_json::json;

use crate::context::Context;
use crate::options::{self, TrustOptions};
use crate::text::{Counted, Grouped, Took, parse_size};

/// Update a directory: decide, download, verify and apply
///
/// The package is named by a document: the info of one package, or a service manifest, of which the best package for this
/// machine and the installed version is chosen. If anything fails, the directory is as it was before, or the message says
/// what became of it. What was downloaded of a package is never downloaded again.
#[derive(Args)]
#[command(
    after_help = "Example: patchcore update game --service-manifest https://example.com/game.json -p release.key.pub\n         \
                                 patchcore update game --package-info info.json --download-only"
)]
pub(crate) struct Arguments {
    /// The directory
    #[arg(value_name = "DIR")]
    root: PathBuf,

    #[command(flatten)]
    document: Document,

    #[command(flatten)]
    trust: TrustOptions,

    /// Take the full package, or the one that is named, whatever is installed
    #[arg(long)]
    full: bool,

    /// The version that is installed [default: what the directory remembers]
    #[arg(long, value_name = "VERSION")]
    from: Option<String>,

    /// The architecture that packages must be for [default: that of this machine]
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,

    /// A path that every installation has; where it is missing, the full package is taken
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

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let root = &arguments.root;
    let update = UpdateOptions {
        keys: arguments.trust.keys()?,
        installed: arguments.from.as_deref().map(str::parse::<Version>).transpose()?,
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
        ..UpdateOptions::default()
    };
    let (report, took) = context.run(|task| match &arguments.document {
        Document { package_info: Some(url), .. } => {
            let info = fetch_package_info(url, &update, task)?;
            update_from_package_info(root, &info, url, &update, task)
        }
        Document { service_manifest: Some(url), .. } => {
            let manifest = fetch_service_manifest(root, url, &update, task)?;
            update_from_service_manifest(root, &manifest, url, &update, task)
        }
        _ => Err(Error::new(Status::InvalidArgument, "name a document with --package-info or --service-manifest")),
    })?;
    let signature = if report.signed_by.is_some() { "verified" } else { "not_checked" };
    let fields = json!({
        "tree": root.to_string_lossy(),
        "action": report.action.name(),
        "strategy": report.strategy,
        "reason": report.reason.name(),
        "from": report.from.map(|version| version.to_string()),
        "to": report.to.map(|version| version.to_string()),
        "url": report.url,
        "package": report.file.as_ref().map(|file| file.to_string_lossy()),
        "downloaded_bytes": report.fetched.as_ref().map(|fetched| fetched.transferred),
        "signature": signature,
        "key_id": report.signed_by.as_ref().map(|key| key.id()),
        "changed": report.applied.as_ref().map(|applied| applied.changed),
        "bytes": report.applied.as_ref().map(|applied| applied.bytes),
        "seconds": took.as_secs_f64(),
    });
    context.printer.report("update", fields, text(root, &report, Took(took)))
}

fn text(root: &Path, report: &UpdateReport, took: Took) -> String {
    let root = root.display();
    let version =
        |version: Option<Version>| version.map_or_else(|| "unknown".to_owned(), |version| version.to_string());
    let (from, to) = (version(report.from), version(report.to));
    let reason = report.reason.name().replace('_', " ");
    let package = report.url.as_deref().unwrap_or_default();
    let signature = match &report.signed_by {
        Some(key) => format!("Signature: verified, by the key {}\n", key.id()),
        None => "Signature: not checked, since no key was given\n".to_owned(),
    };
    let fetched = report.fetched.as_ref().map_or(0, |fetched| fetched.transferred);
    match report.action {
        UpdateAction::Nothing => format!("{root}: nothing to do ({reason}), version {from}\n"),
        UpdateAction::Decided => {
            format!(
                "{root}: would go from version {from} to {to} ({}: {reason})\nPackage: {package}\n",
                report.strategy
            )
        }
        UpdateAction::Downloaded => {
            let file = report.file.as_deref().unwrap_or(Path::new("")).display();
            format!(
                "{file}: the package for version {to} ({}: {reason}), {} bytes downloaded in {took}\n{signature}",
                report.strategy,
                Grouped(fetched)
            )
        }
        _ => {
            let changed = report.applied.as_ref().map_or(0, |applied| applied.changed);
            format!(
                "{root}: from version {from} to {to} ({}: {reason}), {}, {} bytes downloaded, in {took}\n{signature}",
                report.strategy,
                Counted(changed, "change"),
                Grouped(fetched),
            )
        }
    }
}

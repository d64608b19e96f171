//! From a document that names packages to a tree of the version that it promises.

use std::fs;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::error::{Error, Outcome, Result, Status};
use crate::io::{FileSource, Folder};
use crate::progress::{LogLevel, Task};
use crate::transfer::{FetchOptions, Fetched, clear, fetch, fetch_text, resolve};
use crate::tree::{self, TreeApplyOptions, TreeApplyStats, TreePackage, TreePath, WORK_FOLDER};
use crate::trust::{Promise, PublicKey, Signature, TrustedKeys, Verified};
use crate::update::manifest::{PackageInfo, ServiceManifest};
use crate::update::strategy::{Decision, Installation, Reason, Strategy, decide};
use crate::version::Version;

/// Where packages wait in a tree's work folder.
const DOWNLOADS: &str = "downloads";

/// How a tree is updated. The default of every field is what most callers want.
#[derive(Clone, Debug, Default)]
pub struct UpdateOptions {
    /// One of these must have signed the package; without any, only its hash is checked.
    pub keys: Option<TrustedKeys>,
    /// The version that is installed; what the tree itself remembers unless given.
    pub installed: Option<Version>,
    /// Paths that every installation has.
    pub required: Vec<String>,
    /// The version that is wanted of a repository; the newest unless given.
    pub to: Option<Version>,
    /// Compare the tree with the release and replace what differs, from a repository.
    pub repair: bool,
    /// Patterns of what is never changed or deleted where it is there, written as in `.gitignore`; from a repository.
    pub keep_local: Vec<String>,
    /// Take the full package whatever is installed.
    pub force_full: bool,
    /// The architecture that packages must be for; that of this machine unless given.
    pub architecture: Option<String>,
    /// Where packages are kept; the tree's own work folder, and only until they are applied, unless given.
    pub cache: Option<PathBuf>,
    /// Download and verify, and leave the tree as it is.
    pub download_only: bool,
    /// Decide, and do nothing.
    pub dry_run: bool,
    /// How packages are fetched; size and digest come from the document.
    pub fetch: FetchOptions,
    /// How packages are applied.
    pub apply: TreeApplyOptions,
}

/// What an update did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpdateAction {
    /// Nothing is to be done.
    Nothing,
    /// Nothing was done, since only the decision was asked for.
    Decided,
    /// The package is there, verified.
    Downloaded,
    /// The tree is of the new version.
    Applied,
}

impl UpdateAction {
    /// The name shown to people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Decided => "decided",
            Self::Downloaded => "downloaded",
            Self::Applied => "applied",
        }
    }
}

/// What an update did, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateReport {
    /// What was done.
    pub action: UpdateAction,
    /// Which kind of package was chosen: `none`, `patch` or `full`.
    pub strategy: &'static str,
    /// Why.
    pub reason: Reason,
    /// The version that was installed, where that is known.
    pub from: Option<Version>,
    /// The version that the document leads to, where it says so.
    pub to: Option<Version>,
    /// Where the package is.
    pub url: Option<String>,
    /// Where it was downloaded to.
    pub file: Option<PathBuf>,
    /// What came over the network.
    pub fetched: Option<Fetched>,
    /// The trusted key that signed the package, where one was required.
    pub signed_by: Option<PublicKey>,
    /// What applying it did.
    pub applied: Option<TreeApplyStats>,
}

/// Applies the one package that `info` names to the tree at `root`. A relative URL lies beside `base`, where `info` came from.
///
/// Nothing is done where its version is installed already; an older one is STALE. Both are applied nevertheless where
/// something required is missing, or where `force_full` says so.
pub fn update_from_package_info(
    root: &Path,
    info: &PackageInfo,
    base: &str,
    options: &UpdateOptions,
    task: &mut Task<'_>,
) -> Result<UpdateReport> {
    let installation = look(root, options, task).map_err(unchanged)?;
    let whole = installation.missing.is_empty() && !options.force_full;
    let decision = match (installation.version, info.version) {
        (Some(installed), Some(offered)) if whole && installed == offered => {
            Decision { strategy: Strategy::None, reason: Reason::UpToDate }
        }
        (Some(installed), Some(offered)) if whole && installed > offered => {
            let message =
                format!("{installed} is installed and the package leads back to {offered}; --full insists on it");
            return Err(unchanged(Error::new(Status::Stale, message)));
        }
        _ => Decision { strategy: Strategy::Patch(info), reason: Reason::NamedPackage },
    };
    carry_out(root, decision, &installation, info.version, base, options, task)
}

/// Brings the tree at `root` to the release of `manifest`, by whichever package [`decide`] chooses. A relative URL lies beside
/// `base`, where `manifest` came from.
pub fn update_from_service_manifest(
    root: &Path,
    manifest: &ServiceManifest,
    base: &str,
    options: &UpdateOptions,
    task: &mut Task<'_>,
) -> Result<UpdateReport> {
    let installation = look(root, options, task).map_err(unchanged)?;
    let architecture = options.architecture.as_deref().unwrap_or(std::env::consts::ARCH);
    let decision = decide(manifest, &installation, canonical(architecture)).map_err(unchanged)?;
    carry_out(root, decision, &installation, Some(manifest.version), base, options, task)
}

/// Fetches what announces one package, at `url` or a path.
pub fn fetch_package_info(url: &str, options: &UpdateOptions, task: &mut Task<'_>) -> Result<PackageInfo> {
    let text = fetch_text(url, &options.fetch, task);
    text.and_then(|text| PackageInfo::from_json(text.as_bytes())).map_err(unchanged)
}

/// Fetches the service manifest at `url`, for the tree at `root`.
///
/// An update that only downloads keeps it beside the package, and where the network fails that one is taken.
pub fn fetch_service_manifest(
    root: &Path,
    url: &str,
    options: &UpdateOptions,
    task: &mut Task<'_>,
) -> Result<ServiceManifest> {
    let name = format!("manifest-{}", Digest::of(url.as_bytes()));
    match fetch_text(url, &options.fetch, task) {
        Ok(text) => {
            let manifest = ServiceManifest::from_json(text.as_bytes()).map_err(unchanged)?;
            if options.download_only && !options.dry_run {
                let path = store(root, options).map_err(unchanged)?.join(name);
                fs::write(&path, text).map_err(|e| unchanged(Error::from(e).in_file(&path)))?;
            }
            Ok(manifest)
        }
        Err(error) if matches!(error.status(), Status::Network | Status::Timeout) => {
            match fs::read(place(root, options).join(name)) {
                Ok(text) => {
                    task.log(LogLevel::Warning, || {
                        format!("{error}; going by the manifest that was downloaded before")
                    });
                    ServiceManifest::from_json(&text).map_err(unchanged)
                }
                Err(_) => Err(unchanged(error)),
            }
        }
        Err(error) => Err(unchanged(error)),
    }
}

/// The name of an architecture that manifests use.
pub(super) fn canonical(architecture: &str) -> &str {
    match architecture {
        "amd64" | "x64" | "x86-64" => "x86_64",
        "arm64" => "aarch64",
        other => other,
    }
}

/// What is installed. A change that a crash interrupted is finished first.
pub(super) fn look(root: &Path, options: &UpdateOptions, task: &mut Task<'_>) -> Result<Installation> {
    let known = if options.dry_run { tree::installed(root)? } else { tree::recover(root, task)? };
    let mut missing = Vec::new();
    for text in &options.required {
        let path = TreePath::parse(text.trim_start_matches("./").trim_end_matches('/'))?;
        if fs::symlink_metadata(path.below(root)).is_err() {
            missing.push(path.to_string());
        }
    }
    let version = options.installed.or(known.and_then(|known| known.version));
    Ok(Installation { version, missing, force_full: options.force_full })
}

fn carry_out(
    root: &Path,
    decision: Decision<'_>,
    installation: &Installation,
    to: Option<Version>,
    base: &str,
    options: &UpdateOptions,
    task: &mut Task<'_>,
) -> Result<UpdateReport> {
    let mut report = UpdateReport {
        action: UpdateAction::Nothing,
        strategy: decision.strategy.name(),
        reason: decision.reason,
        from: installation.version,
        to,
        url: None,
        file: None,
        fetched: None,
        signed_by: None,
        applied: None,
    };
    task.log(LogLevel::Info, || format!("{}: {}", decision.strategy.name(), decision.reason.name()));
    let Some(info) = decision.strategy.package() else { return Ok(report) };
    let url = resolve(base, &info.url).map_err(unchanged)?;
    report.url = Some(url.clone());
    if options.dry_run {
        report.action = UpdateAction::Decided;
        return Ok(report);
    }
    let (file, verified) = download(root, info, &url, to, options, &mut report, task).map_err(unchanged)?;
    report.file = Some(file.clone());
    if options.download_only {
        report.action = UpdateAction::Downloaded;
        return Ok(report);
    }
    let package = open(decision.strategy, verified, to, task).map_err(|e| unchanged(e.in_file(&file)))?;
    // A full package is the whole of its files, whatever stands there now.
    let overwrite_local = options.apply.overwrite_local || matches!(decision.strategy, Strategy::Full(_));
    let apply = TreeApplyOptions { overwrite_local, ..options.apply };
    report.applied = Some(tree::apply(root, &package, &apply, task)?);
    report.to = package.patch().version.or(to);
    report.action = UpdateAction::Applied;
    drop(package);
    if options.cache.is_none() {
        report.file = None;
        // What was fetched for earlier versions has no purpose any more either.
        if let Err(left) = clear(&place(root, options)) {
            task.log(LogLevel::Warning, || format!("what was downloaded stays: {left}"));
        }
    }
    Ok(report)
}

/// Gets the package and checks all that vouches for it.
fn download(
    root: &Path,
    info: &PackageInfo,
    url: &str,
    to: Option<Version>,
    options: &UpdateOptions,
    report: &mut UpdateReport,
    task: &mut Task<'_>,
) -> Result<(PathBuf, Verified)> {
    let keys = options.keys.as_ref();
    // Whatever can be refused is refused before anything is fetched.
    let signature = match (keys, info.signature()) {
        (Some(_), Some(text)) => Some(Signature::parse(text)?),
        (Some(_), None) => {
            return Err(Error::new(
                Status::BadSignature,
                "the package must be signed, and the document gives no signature",
            ));
        }
        (None, _) => None,
    };
    if info.hash.is_none() && keys.is_none() {
        let message = "nothing says which bytes are right: the document gives no hash of the package, and no key is trusted \
                       that could have signed it; name one with -p";
        return Err(Error::corrupt(message));
    }
    // One name for one content: what was downloaded for another version is never taken for this one.
    let identity = match info.hash {
        Some(hash) => hash,
        None => Digest::of(format!("{url}\n{}", to.map(|to| to.to_string()).unwrap_or_default()).as_bytes()),
    };
    let file = store(root, options)?.join(format!("package-{identity}"));
    let promise = Promise { size: info.size, digest: info.hash };
    let check = |task: &mut Task<'_>| {
        let source = FileSource::open(&file)?;
        Verified::check(source, &promise, keys, signature.as_ref(), task)
    };
    if info.hash.is_none()
        && let Ok(verified) = check(task)
    {
        report.signed_by = verified.signed_by().cloned();
        return Ok((file, verified));
    }
    let fetching = FetchOptions { size: info.size, digest: info.hash, ..options.fetch.clone() };
    report.fetched = Some(fetch(&[url], &file, &fetching, task)?);
    // The package is in place, the tree is not touched yet.
    task.commit_point().go_back();
    match check(task) {
        Ok(verified) => {
            report.signed_by = verified.signed_by().cloned();
            Ok((file, verified))
        }
        Err(error) => {
            // What has the right hash stays, whoever signed it. The error is what matters; what stays is refused again.
            if info.hash.is_none() && matches!(error.status(), Status::BadSignature | Status::UntrustedKey) {
                let _ = fs::remove_file(&file);
            }
            Err(error)
        }
    }
}

fn open(strategy: Strategy<'_>, verified: Verified, to: Option<Version>, task: &mut Task<'_>) -> Result<TreePackage> {
    let source = Box::new(verified);
    let operations =
        strategy.package().and_then(|info| info.operations.as_ref()).map(|operations| operations.to_json());
    let package = match (strategy, operations) {
        (Strategy::Full(_), None) => TreePackage::read_whole(source, task)?,
        (_, operations) => TreePackage::read(source, operations.as_deref().map(str::as_bytes), task)?,
    };
    match to {
        Some(to) => package.making(to),
        None => Ok(package),
    }
}

/// Where packages are kept.
pub(super) fn place(root: &Path, options: &UpdateOptions) -> PathBuf {
    match &options.cache {
        Some(cache) => cache.clone(),
        None => root.join(WORK_FOLDER).join(DOWNLOADS),
    }
}

/// [`place`], made where it is missing.
pub(super) fn store(root: &Path, options: &UpdateOptions) -> Result<PathBuf> {
    match &options.cache {
        Some(cache) => fs::create_dir_all(cache).map_err(|e| Error::from(e).in_file(cache))?,
        None => {
            // Step by step, since a link in the place of either would lead out of the tree.
            let work = enter(&Folder::open(root)?, WORK_FOLDER)?;
            enter(&work, DOWNLOADS)?;
        }
    }
    Ok(place(root, options))
}

fn enter(folder: &Folder, name: &str) -> Result<Folder> {
    if folder.entry(name)?.is_none() {
        match folder.create_folder(name) {
            Err(_) if folder.entry(name)?.is_some() => {}
            result => result?,
        }
        folder.sync()?;
    }
    folder.open_folder(name)
}

pub(super) fn unchanged(error: Error) -> Error {
    error.with_outcome(Outcome::Unchanged)
}

//! Updates of directories as jobs.

use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;
use patchcore_ffi::status::Result;
use patchcore_ffi::update as facade;

use crate::job::{Listener, RunningJob, start};
use crate::output::{PathArgument, path, path_to_js};
use crate::transfer::{FetchOptions, FetchStats};
use crate::tree::TreeApplyOptions;
use crate::tree::results::TreeApplyStats;

/// The document that says what there is to install: at a place, or as a text that came from there.
#[napi(object, object_to_js = false)]
pub struct DocumentArgument {
    /// The URL or path, which relative URLs in the document lie beside.
    pub url: String,
    /// The text, where it is here already.
    pub json: Option<String>,
}

impl From<DocumentArgument> for facade::Document {
    fn from(document: DocumentArgument) -> Self {
        match document {
            DocumentArgument { url, json: None } => Self::Url(url),
            DocumentArgument { url, json: Some(json) } => Self::Text { json, base: url },
        }
    }
}

/// How a tree is updated.
#[napi(object, object_to_js = false)]
pub struct UpdateOptions {
    /// Texts of public keys, one of which must have signed the package.
    pub public_keys: Option<Vec<String>>,
    /// The version that is installed.
    pub installed: Option<String>,
    /// Paths that every installation has.
    pub required: Option<Vec<String>>,
    /// From a repository: the version that is wanted.
    pub to: Option<String>,
    /// From a repository: compare the tree with the release and replace what differs.
    pub repair: Option<bool>,
    /// From a repository: patterns of what is never changed or deleted where it is there.
    pub keep_local: Option<Vec<String>>,
    /// Take the full package whatever is installed.
    pub force_full: Option<bool>,
    /// The architecture that packages must be for.
    pub architecture: Option<String>,
    /// Where packages are kept.
    pub cache: Option<PathArgument>,
    /// Download and verify, and leave the tree as it is.
    pub download_only: Option<bool>,
    /// Decide, and do nothing.
    pub dry_run: Option<bool>,
    /// How packages are fetched.
    pub fetch: FetchOptions,
    /// How packages are applied.
    pub apply: TreeApplyOptions,
}

impl UpdateOptions {
    fn facade(self) -> Result<facade::UpdateOptions> {
        Ok(facade::UpdateOptions {
            public_keys: self.public_keys.unwrap_or_default(),
            installed: self.installed,
            required: self.required.unwrap_or_default(),
            to: self.to,
            repair: self.repair.unwrap_or_default(),
            keep_local: self.keep_local.unwrap_or_default(),
            force_full: self.force_full.unwrap_or_default(),
            architecture: self.architecture,
            cache: self.cache.map(path),
            download_only: self.download_only.unwrap_or_default(),
            dry_run: self.dry_run.unwrap_or_default(),
            fetch: self.fetch.facade()?,
            apply: self.apply.into(),
        })
    }
}

/// What an update did, and why.
#[napi(object, object_from_js = false)]
pub struct UpdateReport {
    /// What was done.
    #[napi(ts_type = "UpdateAction")]
    pub action: String,
    /// Which kind of package was chosen.
    #[napi(ts_type = "UpdateStrategy")]
    pub strategy: String,
    /// Why.
    #[napi(ts_type = "UpdateReason")]
    pub reason: String,
    /// The version that was installed, where that is known.
    pub from: Option<String>,
    /// The version that the document leads to, where it says so.
    pub to: Option<String>,
    /// Where the package is.
    pub url: Option<String>,
    /// Where it was downloaded to, and still is; bytes where that is no UTF-8.
    pub file: Option<Either<String, Buffer>>,
    /// What came from elsewhere.
    pub fetched: Option<FetchStats>,
    /// The identifier of the trusted key that signed the package, where one was required.
    pub key_id: Option<String>,
    /// What applying it did.
    pub applied: Option<TreeApplyStats>,
}

impl From<facade::UpdateReport> for UpdateReport {
    fn from(report: facade::UpdateReport) -> Self {
        Self {
            action: report.action.name().to_owned(),
            strategy: report.strategy.to_owned(),
            reason: report.reason.to_owned(),
            from: report.from,
            to: report.to,
            url: report.url,
            file: report.file.as_deref().map(path_to_js),
            fetched: report.fetched.map(FetchStats::from),
            key_id: report.key_id,
            applied: report.applied.map(TreeApplyStats::from),
        }
    }
}

/// Applies the one package that a document announces.
#[napi]
pub fn update_from_package_info(
    root: PathArgument,
    document: DocumentArgument,
    options: UpdateOptions,
    listener: Listener<UpdateReport>,
) -> napi::Result<RunningJob> {
    let root = path(root);
    let update = move |job: &mut _| facade::update_from_package_info(&root, &document.into(), &options.facade()?, job);
    start(listener, update)
}

/// Brings a tree to the release of a service manifest.
#[napi]
pub fn update_from_service_manifest(
    root: PathArgument,
    document: DocumentArgument,
    options: UpdateOptions,
    listener: Listener<UpdateReport>,
) -> napi::Result<RunningJob> {
    let root = path(root);
    let update =
        move |job: &mut _| facade::update_from_service_manifest(&root, &document.into(), &options.facade()?, job);
    start(listener, update)
}

/// Brings a tree to the newest version in a repository, and says what it did as a JSON text.
#[napi]
pub fn update_from_repository(
    root: PathArgument,
    url: String,
    options: UpdateOptions,
    listener: Listener<String>,
) -> napi::Result<RunningJob> {
    let root = path(root);
    start(listener, move |job| facade::update_from_repository(&root, &url, &options.facade()?, job))
}

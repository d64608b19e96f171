//! Channels as jobs.

use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;
use patchcore_ffi::channel as facade;
use patchcore_ffi::status::Result;

use crate::job::{Listener, RunningJob, start};
use crate::options::{ApplyOptions, SquashOptions};
use crate::output::{PathArgument, path, path_to_js};
use crate::transfer::FetchOptions;

/// How a channel is published.
#[napi(object, object_to_js = false)]
pub struct ChannelPublishOptions {
    /// The name of the file through all its versions.
    pub family: Option<String>,
    /// Where the files will be found.
    pub base_url: Option<String>,
    /// When clients are to believe the manifest no longer.
    pub expires_at: Option<String>,
    /// The file of the secret key that signs the manifest.
    pub key: Option<PathArgument>,
    /// The password of the key.
    pub password: Option<String>,
    /// Publish also what does not follow from what is published.
    pub force: Option<bool>,
    /// How squashed deltas are made.
    pub squash: SquashOptions,
}

impl From<ChannelPublishOptions> for facade::ChannelPublishOptions {
    fn from(options: ChannelPublishOptions) -> Self {
        Self {
            family: options.family,
            base_url: options.base_url,
            expires_at: options.expires_at,
            key: options.key.map(path),
            password: options.password,
            force: options.force.unwrap_or_default(),
            squash: options.squash.into(),
        }
    }
}

/// What a publish did.
#[napi(object, object_from_js = false)]
pub struct ChannelPublishStats {
    /// Whether anything had to be written.
    pub changed: bool,
    /// The name of the file through all its versions.
    pub family: String,
    /// The name of the newest version.
    pub version: String,
    /// The SHA-256 of the newest version, in hex.
    pub digest: String,
    /// The number of the manifest, which grows.
    pub sequence: f64,
    /// How many squashed deltas there are.
    pub squashed: f64,
    /// The files that were written.
    pub written: Vec<String>,
    /// The bytes that were written, those of the manifest apart.
    pub written_bytes: f64,
    /// The files that are gone.
    pub removed: Vec<String>,
}

impl From<facade::ChannelPublishStats> for ChannelPublishStats {
    fn from(stats: facade::ChannelPublishStats) -> Self {
        Self {
            changed: stats.changed,
            family: stats.family,
            version: stats.version,
            digest: stats.digest.to_string(),
            sequence: stats.sequence as f64,
            squashed: stats.squashed as f64,
            written: stats.written,
            written_bytes: stats.written_bytes as f64,
            removed: stats.removed,
        }
    }
}

/// How a file is updated.
#[napi(object, object_to_js = false)]
pub struct FileUpdateOptions {
    /// Texts of public keys, one of which must have signed the manifest.
    pub public_keys: Option<Vec<String>>,
    /// The version that the file must be.
    pub from: Option<String>,
    /// The version that is wanted.
    pub to: Option<String>,
    /// Take the file as a whole whatever is there.
    pub force_full: Option<bool>,
    /// Where downloads and what is remembered are kept.
    pub cache: Option<PathArgument>,
    /// Download and verify, and leave the file as it is.
    pub download_only: Option<bool>,
    /// Plan, and do nothing.
    pub dry_run: Option<bool>,
    /// How everything is fetched.
    pub fetch: FetchOptions,
    /// How deltas are applied.
    pub apply: ApplyOptions,
}

impl FileUpdateOptions {
    fn facade(self) -> Result<facade::FileUpdateOptions> {
        Ok(facade::FileUpdateOptions {
            public_keys: self.public_keys.unwrap_or_default(),
            from: self.from,
            to: self.to,
            force_full: self.force_full.unwrap_or_default(),
            cache: self.cache.map(path),
            download_only: self.download_only.unwrap_or_default(),
            dry_run: self.dry_run.unwrap_or_default(),
            fetch: self.fetch.facade()?,
            apply: self.apply.into(),
        })
    }
}

/// What an update of a file did, and why.
#[napi(object, object_from_js = false)]
pub struct FileUpdateReport {
    /// What was done.
    #[napi(ts_type = "UpdateAction")]
    pub action: String,
    /// How.
    #[napi(ts_type = "FileUpdateMeans")]
    pub means: String,
    /// Why.
    #[napi(ts_type = "FileUpdateReason")]
    pub reason: String,
    /// The name of the file through all its versions.
    pub family: String,
    /// The version that the file was, where its name is known.
    pub from: Option<String>,
    /// The SHA-256 of the file before, in hex, where there was one.
    pub from_digest: Option<String>,
    /// The version that it is brought to.
    pub to: String,
    /// The SHA-256 of that version, in hex.
    pub to_digest: String,
    /// How many links of the chain are needed.
    pub links: f64,
    /// The bytes that have to come, the manifest apart, where that is known.
    pub planned_bytes: Option<f64>,
    /// The bytes that came now, the manifest apart.
    pub transferred_bytes: f64,
    /// Where it was downloaded to, and still is; bytes where that is no UTF-8.
    pub file: Option<Either<String, Buffer>>,
    /// The number of the manifest.
    pub sequence: f64,
    /// The identifier of the trusted key that signed the manifest, where one was required.
    pub key_id: Option<String>,
}

impl From<facade::FileUpdateReport> for FileUpdateReport {
    fn from(report: facade::FileUpdateReport) -> Self {
        Self {
            action: report.action.name().to_owned(),
            means: report.means.to_owned(),
            reason: report.reason.to_owned(),
            family: report.family,
            from: report.from,
            from_digest: report.from_digest.map(|digest| digest.to_string()),
            to: report.to,
            to_digest: report.to_digest.to_string(),
            links: report.links as f64,
            planned_bytes: report.planned_bytes.map(|bytes| bytes as f64),
            transferred_bytes: report.transferred_bytes as f64,
            file: report.file.as_deref().map(path_to_js),
            sequence: report.sequence as f64,
            key_id: report.key_id,
        }
    }
}

/// Publishes the newest version of a chain in a folder.
#[napi]
pub fn publish_channel(
    folder: PathArgument,
    chain: PathArgument,
    latest: PathArgument,
    options: ChannelPublishOptions,
    listener: Listener<ChannelPublishStats>,
) -> napi::Result<RunningJob> {
    let (folder, chain, latest) = (path(folder), path(chain), path(latest));
    start(listener, move |job| facade::publish(&folder, &chain, &latest, &options.into(), job))
}

/// Brings a file to the newest version of a channel.
#[napi]
pub fn update_file(
    file: PathArgument,
    url: String,
    options: FileUpdateOptions,
    listener: Listener<FileUpdateReport>,
) -> napi::Result<RunningJob> {
    let file = path(file);
    start(listener, move |job| facade::update_file(&file, &url, &options.facade()?, job))
}

//! Channels: the newest version of one file as static files, and the fewest bytes to it from any version.

use std::path::PathBuf;

use crate::digest::Digest;
use crate::options::{ApplyOptions, SquashOptions};
use crate::transfer::FetchOptions;
use crate::update::UpdateAction;

#[cfg(not(feature = "tree"))]
pub use absent::update_file;
#[cfg(feature = "publish")]
pub use making::publish;
#[cfg(not(feature = "publish"))]
pub use silent::publish;
#[cfg(feature = "tree")]
pub use updating::update_file;

/// How a channel is published. The default of every field is what most callers want.
#[derive(Clone, Debug, Default)]
pub struct ChannelPublishOptions {
    /// The name of the file through all its versions; what the channel is called already, or else the chain, unless given.
    pub family: Option<String>,
    /// Where the files will be found; beside the manifest unless given.
    pub base_url: Option<String>,
    /// When clients are to believe the manifest no longer: RFC 3339, in UTC.
    pub expires_at: Option<String>,
    /// The file of the secret key that signs the manifest.
    pub key: Option<PathBuf>,
    /// The password of the key, where it has one.
    pub password: Option<String>,
    /// Publish also what does not follow from what is published.
    pub force: bool,
    /// How squashed deltas are made.
    pub squash: SquashOptions,
}

/// What a publish did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelPublishStats {
    /// Whether anything had to be written.
    pub changed: bool,
    /// The name of the file through all its versions.
    pub family: String,
    /// The name of the newest version.
    pub version: String,
    /// The SHA-256 of the newest version.
    pub digest: Digest,
    /// The sequence of the manifest.
    pub sequence: u64,
    /// How many squashed deltas there are.
    pub squashed: u64,
    /// The files that were written.
    pub written: Vec<String>,
    /// The bytes that were written, those of the manifest apart.
    pub written_bytes: u64,
    /// The files that are gone.
    pub removed: Vec<String>,
}

/// How a file is updated. The default of every field is what most callers want.
#[derive(Clone, Debug, Default)]
pub struct FileUpdateOptions {
    /// Public keys, one of which must have signed the manifest; without any, only digests are checked.
    pub public_keys: Vec<String>,
    /// The version that the file must be: a name, or a digest or the beginning of one.
    pub from: Option<String>,
    /// The version that is wanted, named in the same way; the newest unless given.
    pub to: Option<String>,
    /// Take the file as a whole whatever is there.
    pub force_full: bool,
    /// The folder for what is downloaded and remembered; that of the file unless given.
    pub cache: Option<PathBuf>,
    /// Download and verify, and leave the file as it is.
    pub download_only: bool,
    /// Plan, and do nothing.
    pub dry_run: bool,
    /// How everything is fetched; sizes and digests come from the manifest.
    pub fetch: FetchOptions,
    /// How deltas are applied.
    pub apply: ApplyOptions,
}

/// What an update of a file did, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileUpdateReport {
    /// What was done.
    pub action: UpdateAction,
    /// How: `none`, `squashed`, `links` or `full`.
    pub means: &'static str,
    /// Why, as a name such as `up_to_date`.
    pub reason: &'static str,
    /// The name of the file through all its versions.
    pub family: String,
    /// The name of the version that the file was, where that is known.
    pub from: Option<String>,
    /// The SHA-256 of the file before, where there was one.
    pub from_digest: Option<Digest>,
    /// The name of the version that it is brought to.
    pub to: String,
    /// The SHA-256 of that version.
    pub to_digest: Digest,
    /// How many links of the chain are needed.
    pub links: u64,
    /// The bytes that have to come, the manifest apart, where that is known.
    pub planned_bytes: Option<u64>,
    /// The bytes that came now, the manifest apart.
    pub transferred_bytes: u64,
    /// Where it was downloaded to.
    pub file: Option<PathBuf>,
    /// The sequence of the manifest.
    pub sequence: u64,
    /// The identifier of the trusted key that signed the manifest, where one was required.
    pub key_id: Option<String>,
}

#[cfg(feature = "tree")]
mod updating {
    //! Acting on what a channel offers.

    use std::path::Path;

    use patchcore::trust::PublicKey;
    use patchcore::update;

    use super::{FileUpdateOptions, FileUpdateReport};
    use crate::job::Job;
    use crate::status::Result;
    use crate::trust::Trust;

    /// Brings `file` to the newest version of the channel at `url`, that of its manifest or of the folder that this is in, or to
    /// the version that `options` name. Where there is no file, it is made; whatever fails, it is as it was.
    pub fn update_file(file: &Path, url: &str, options: &FileUpdateOptions, job: &mut Job) -> Result<FileUpdateReport> {
        let trust = Trust { public_keys: options.public_keys.clone(), signature: None };
        let core = update::FileUpdateOptions {
            keys: trust.keys()?,
            from: options.from.clone(),
            to: options.to.clone(),
            force_full: options.force_full,
            cache: options.cache.clone(),
            download_only: options.download_only,
            dry_run: options.dry_run,
            fetch: options.fetch.for_core(),
            limits: options.apply.limits(),
            threads: options.apply.threads(),
            streaming: options.apply.streaming,
        };
        let report = update::update_file_from_channel(file, url, &core, job.task())?;
        Ok(FileUpdateReport {
            action: report.action,
            means: report.means.name(),
            reason: report.reason.name(),
            family: report.family,
            from: report.from,
            from_digest: report.from_digest,
            to: report.to,
            to_digest: report.to_digest,
            links: report.links as u64,
            planned_bytes: report.planned_bytes,
            transferred_bytes: report.transferred_bytes,
            file: report.file,
            sequence: report.sequence,
            key_id: report.signed_by.as_ref().map(PublicKey::id),
        })
    }
}

#[cfg(feature = "publish")]
mod making {
    //! Publishing.

    use std::path::Path;

    use patchcore::repository::{Signer, channel};
    use patchcore::trust::SecretKey;

    use super::{ChannelPublishOptions, ChannelPublishStats};
    use crate::job::Job;
    use crate::status::Result;

    /// Publishes `latest`, the newest version of `chain`, in `folder`. Publishing the same again changes nothing.
    pub fn publish(
        folder: &Path,
        chain: &Path,
        latest: &Path,
        options: &ChannelPublishOptions,
        job: &mut Job,
    ) -> Result<ChannelPublishStats> {
        let key = options.key.as_deref().map(|path| SecretKey::read(path, options.password.as_deref())).transpose()?;
        let core = channel::ChannelPublishOptions {
            family: options.family.clone(),
            base_url: options.base_url.clone(),
            expires_at: options.expires_at.clone(),
            signer: key.map(Signer::try_from).transpose()?,
            force: options.force,
            encode: options.squash.encode()?,
            limits: options.squash.limits(),
        };
        let report = channel::publish_channel(folder, chain, latest, &core, job.task())?;
        let manifest = report.manifest;
        Ok(ChannelPublishStats {
            changed: report.changed,
            family: manifest.model_family,
            version: manifest.current_version,
            digest: manifest.current_hash,
            sequence: manifest.sequence,
            squashed: manifest.squashed_patches.len() as u64,
            written: report.written,
            written_bytes: report.written_bytes,
            removed: report.removed,
        })
    }
}

#[cfg(not(feature = "tree"))]
mod absent {
    //! The update of a build without downloads.

    use std::path::Path;

    use super::{FileUpdateOptions, FileUpdateReport};
    use crate::job::Job;
    use crate::status::{Result, absent};

    /// Fails with UNSUPPORTED: this build has no downloads.
    pub fn update_file(_: &Path, _: &str, _: &FileUpdateOptions, _: &mut Job) -> Result<FileUpdateReport> {
        Err(absent("downloads"))
    }
}

#[cfg(not(feature = "publish"))]
mod silent {
    //! The publishing of a build that has none.

    use std::path::Path;

    use super::{ChannelPublishOptions, ChannelPublishStats};
    use crate::job::Job;
    use crate::status::{Result, no_publishing};

    /// Fails with UNSUPPORTED: this build publishes nothing.
    pub fn publish(
        _: &Path,
        _: &Path,
        _: &Path,
        _: &ChannelPublishOptions,
        _: &mut Job,
    ) -> Result<ChannelPublishStats> {
        Err(no_publishing())
    }
}

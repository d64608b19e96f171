//! The whole way of an update: decide, download, verify, apply, and remember what is installed.

use std::path::PathBuf;

use patchcore::trust::PublicKey;
use patchcore::update;

use crate::transfer::{FetchOptions, FetchStats};
use crate::tree::{TreeApplyOptions, TreeApplyStats};

pub use patchcore::update::UpdateAction;

#[cfg(not(feature = "tree"))]
pub use absent::{update_from_package_info, update_from_repository, update_from_service_manifest};
#[cfg(feature = "tree")]
pub use updating::{update_from_package_info, update_from_repository, update_from_service_manifest};

/// The document that says what there is to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// It is at this URL or path.
    Url(String),
    /// Its JSON text is here already.
    Text {
        /// The text.
        json: String,
        /// Where it came from: the URL or path that relative URLs in it lie beside.
        base: String,
    },
}

/// How a tree is updated. The default of every field is what most callers want.
#[derive(Clone, Debug, Default)]
pub struct UpdateOptions {
    /// Public keys, one of which must have signed the package; without any, only its hash is checked.
    pub public_keys: Vec<String>,
    /// The version that is installed; what the tree itself remembers unless given.
    pub installed: Option<String>,
    /// Paths that every installation has.
    pub required: Vec<String>,
    /// From a repository: the version that is wanted; the newest unless given.
    pub to: Option<String>,
    /// From a repository: compare the tree with the release and replace what differs.
    pub repair: bool,
    /// From a repository: patterns of what is never changed or deleted where it is there, as in `.gitignore`.
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

/// What an update did, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateReport {
    /// What was done.
    pub action: UpdateAction,
    /// Which kind of package was chosen: `none`, `patch` or `full`.
    pub strategy: &'static str,
    /// Why, as a name such as `up_to_date`.
    pub reason: &'static str,
    /// The version that was installed, where that is known.
    pub from: Option<String>,
    /// The version that the document leads to, where it says so.
    pub to: Option<String>,
    /// Where the package is.
    pub url: Option<String>,
    /// Where it was downloaded to.
    pub file: Option<PathBuf>,
    /// What came over the network.
    pub fetched: Option<FetchStats>,
    /// The identifier of the trusted key that signed the package, where one was required.
    pub key_id: Option<String>,
    /// What applying it did.
    pub applied: Option<TreeApplyStats>,
}

impl From<update::UpdateReport> for UpdateReport {
    fn from(report: update::UpdateReport) -> Self {
        Self {
            action: report.action,
            strategy: report.strategy,
            reason: report.reason.name(),
            from: report.from.map(|version| version.to_string()),
            to: report.to.map(|version| version.to_string()),
            url: report.url,
            file: report.file,
            fetched: report.fetched.map(FetchStats::from),
            key_id: report.signed_by.as_ref().map(PublicKey::id),
            applied: report.applied.as_ref().map(TreeApplyStats::from),
        }
    }
}

#[cfg(feature = "tree")]
mod updating {
    //! Acting on a document.

    use std::path::Path;

    use patchcore::update::{self, PackageInfo, ServiceManifest};
    use serde_json::{Value, json};

    use patchcore::Version;
    use patchcore::trust::PublicKey;

    use super::{Document, UpdateOptions, UpdateReport};
    use crate::job::Job;
    use crate::options::parsed;
    use crate::status::Result;
    use crate::tree::TreeApplyStats;
    use crate::trust::Trust;

    impl UpdateOptions {
        fn for_core(&self) -> Result<update::UpdateOptions> {
            let trust = Trust { public_keys: self.public_keys.clone(), signature: None };
            Ok(update::UpdateOptions {
                keys: trust.keys()?,
                installed: parsed(self.installed.as_deref())?,
                required: self.required.clone(),
                to: parsed(self.to.as_deref())?,
                repair: self.repair,
                keep_local: self.keep_local.clone(),
                force_full: self.force_full,
                architecture: self.architecture.clone(),
                cache: self.cache.clone(),
                download_only: self.download_only,
                dry_run: self.dry_run,
                fetch: self.fetch.for_core(),
                apply: self.apply.for_core(),
            })
        }
    }

    /// Applies the one package that `document` announces to the tree at `root`.
    ///
    /// Nothing is done where its version is installed already; an older one is STALE.
    pub fn update_from_package_info(
        root: &Path,
        document: &Document,
        options: &UpdateOptions,
        job: &mut Job,
    ) -> Result<UpdateReport> {
        let options = options.for_core()?;
        let (info, base) = match document {
            Document::Url(url) => (update::fetch_package_info(url, &options, job.task())?, url),
            Document::Text { json, base } => (PackageInfo::from_json(json.as_bytes())?, base),
        };
        update::update_from_package_info(root, &info, base, &options, job.task()).map(UpdateReport::from)
    }

    /// Brings the tree at `root` to the release of the service manifest `document`, by a patch or by the full package.
    ///
    /// NO_ROUTE where the full package is needed and the manifest has none for the architecture.
    pub fn update_from_service_manifest(
        root: &Path,
        document: &Document,
        options: &UpdateOptions,
        job: &mut Job,
    ) -> Result<UpdateReport> {
        let options = options.for_core()?;
        let (manifest, base) = match document {
            Document::Url(url) => (update::fetch_service_manifest(root, url, &options, job.task())?, url),
            Document::Text { json, base } => (ServiceManifest::from_json(json.as_bytes())?, base),
        };
        update::update_from_service_manifest(root, &manifest, base, &options, job.task()).map(UpdateReport::from)
    }

    /// Brings the tree at `root` to the newest version in the repository at `url`, or to `options.to`, for the fewest bytes. What
    /// was done, and why, is a JSON text with the names of the command line's `--json`.
    ///
    /// `url` is the folder of the repository or its `manifest.json`. With keys, one of them must have signed the manifest. STALE
    /// where that is older than one which the tree has seen, or expired.
    pub fn update_from_repository(root: &Path, url: &str, options: &UpdateOptions, job: &mut Job) -> Result<String> {
        let report = update::update_from_repository(root, url, &options.for_core()?, job.task())?;
        let package = |package: &update::UpdatePackage| {
            let path = package.path.as_ref().map(|path| path.to_string_lossy());
            json!({ "file": package.file, "size": package.size, "path": path })
        };
        let fallback = report.fallback.as_ref();
        let fallback =
            fallback.map(|fallback| json!({ "status": fallback.status.name(), "message": fallback.message }));
        let note = |(version, text): &(Version, String)| json!({ "version": version, "text": text });
        let applied = report.applied.as_ref().map(TreeApplyStats::from);
        let said = json!({
            "action": report.action.name(),
            "means": report.means.name(),
            "reason": report.reason.name(),
            "from": report.from,
            "to": report.to,
            "packages": report.packages.iter().map(package).collect::<Value>(),
            "downloaded_bytes": report.downloaded,
            "notes": report.notes.iter().map(note).collect::<Value>(),
            "fallback": fallback,
            "key_id": report.signed_by.as_ref().map(PublicKey::id),
            "changed": applied.as_ref().map(|applied| applied.changed),
            "bytes": applied.as_ref().map(|applied| applied.bytes),
            "kept": applied.map(|applied| applied.kept),
            "unlisted": report.unlisted,
        });
        Ok(said.to_string())
    }
}

#[cfg(not(feature = "tree"))]
mod absent {
    //! The updates of a build without directories.

    use std::path::Path;

    use super::{Document, UpdateOptions, UpdateReport};
    use crate::job::Job;
    use crate::status::{Result, absent};

    /// Fails with UNSUPPORTED: this build has no directories.
    pub fn update_from_package_info(_: &Path, _: &Document, _: &UpdateOptions, _: &mut Job) -> Result<UpdateReport> {
        Err(absent("directories"))
    }

    /// Fails with UNSUPPORTED: this build has no directories.
    pub fn update_from_service_manifest(
        _: &Path,
        _: &Document,
        _: &UpdateOptions,
        _: &mut Job,
    ) -> Result<UpdateReport> {
        Err(absent("directories"))
    }

    /// Fails with UNSUPPORTED: this build has no directories.
    pub fn update_from_repository(_: &Path, _: &str, _: &UpdateOptions, _: &mut Job) -> Result<String> {
        Err(absent("directories"))
    }
}

//! Release repositories: versions of a directory as static files. What an operation did is one JSON text, with the names of
//! the command line's `--json`, so that a face needs no words of its own for it.
//!
//! A build without publishing has the same words, and says UNSUPPORTED.

use std::path::PathBuf;

use crate::tree::TreeDiffOptions;

#[cfg(not(feature = "publish"))]
pub use absent::{init, manifest, new_base, plan, prune, publish, rebuild, verify, withdraw};
#[cfg(feature = "publish")]
pub use keeping::{init, manifest, new_base, plan, prune, publish, rebuild, verify, withdraw};

/// How a repository is changed. The default of every field is what most callers want.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryOptions {
    /// The architecture whose packages are meant; those for all unless given.
    pub architecture: Option<String>,
    /// The file of the secret key that signs the manifest. A repository that is signed is changed by nobody without one.
    pub key: Option<PathBuf>,
    /// The password of the key, where it has one.
    pub password: Option<String>,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
}

/// How a version is published. The default of every field is what most callers want.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishOptions {
    /// How the repository is changed; the architecture is the one that the version is for.
    pub change: RepositoryOptions,
    /// What people should know of the version.
    pub notes: Option<String>,
    /// When clients believe the manifest no longer: RFC 3339, in UTC, or `never`. Unless it is given that stays as it was.
    pub expires_at: Option<String>,
    /// Make a package from each of so many versions before the one before, for hosts that make none on demand.
    pub squash_from: u64,
    /// How directories are compared and packed. The versions that packages are for come of the repository.
    pub diff: TreeDiffOptions,
}

#[cfg(feature = "publish")]
mod keeping {
    //! Keeping a repository.

    use std::path::Path;

    use patchcore::repository::{self as core, RebuildReport, Repository, Signer};
    use patchcore::trust::SecretKey;
    use serde_json::{Value, json};

    use super::{PublishOptions, RepositoryOptions};
    use crate::job::Job;
    use crate::options::parsed;
    use crate::status::{Result, invalid};
    use crate::trust::Trust;

    impl RepositoryOptions {
        fn signer(&self) -> Result<Option<Signer>> {
            let Some(path) = &self.key else { return Ok(None) };
            SecretKey::read(path, self.password.as_deref())?.try_into().map(Some)
        }

        fn for_core(&self) -> Result<core::EditOptions> {
            let (arch, dry_run) = (self.architecture.clone(), self.dry_run);
            Ok(core::EditOptions { arch, signer: self.signer()?, dry_run })
        }
    }

    impl PublishOptions {
        fn for_core(&self) -> Result<core::PublishOptions> {
            let diff = &self.diff;
            if diff.version.is_some() || diff.min_version.is_some() || diff.max_version.is_some() {
                return Err(invalid("which versions the packages are for is what the repository knows"));
            }
            let core::EditOptions { arch, signer, dry_run } = self.change.for_core()?;
            Ok(core::PublishOptions {
                arch,
                notes: self.notes.clone(),
                signer,
                dry_run,
                squash_from: usize::try_from(self.squash_from).unwrap_or(usize::MAX),
                expires_at: self.expires_at.clone(),
                diff: diff.for_core()?,
            })
        }
    }

    /// Makes an empty repository in the folder `repository`, which is made where it is missing. INVALID_ARGUMENT where there is
    /// one. The packages of a `plain` one are ZIP files of whole files, for readers that only unzip.
    pub fn init(repository: &Path, plain: bool) -> Result<()> {
        Repository::init(repository, plain).map(drop)
    }

    /// The manifest as it is now. NOT_FOUND where there is no repository.
    pub fn manifest(repository: &Path) -> Result<String> {
        Ok(Repository::open(repository)?.manifest()?.to_json())
    }

    /// Publishes what `source` holds, a directory or a ZIP file of one, as `version`.
    ///
    /// A version that is there with the same content already changes nothing; with other content, or lower than the newest, it
    /// is INVALID_ARGUMENT. BUSY where another process changes the repository.
    pub fn publish(
        repository: &Path,
        source: &Path,
        version: &str,
        options: &PublishOptions,
        job: &mut Job,
    ) -> Result<String> {
        let (version, options) = (version.parse()?, options.for_core()?);
        let report = Repository::open(repository)?.publish(source, version, &options, job.task())?;
        Ok(text(json!({
            "version": version,
            "previous": report.previous,
            "tree": report.tree,
            "changed": report.changed,
            "dry_run": options.dry_run,
            "packages": report.packages,
            "written_bytes": report.written_bytes,
            "dead_bytes": report.dead_bytes,
            "compacted": report.compacted,
            "removed": report.removed,
            "warnings": report.warnings,
        })))
    }

    /// Plans the way from the version `from` (`0.0.0` is nothing at all, none one that nobody knows) to the version `to`, the
    /// newest unless given.
    ///
    /// UNKNOWN_VERSION where there is no version `to`, NO_ROUTE where nothing leads to it.
    pub fn plan(repository: &Path, from: Option<&str>, to: Option<&str>, architecture: Option<&str>) -> Result<String> {
        let manifest = Repository::open(repository)?.manifest()?;
        let plan = core::plan(&manifest, parsed(from)?, parsed(to)?, architecture)?;
        Ok(text(json!({
            "from": plan.from,
            "to": plan.to,
            "means": plan.means.name(),
            "reason": plan.reason.name(),
            "bytes": plan.bytes,
            "packages": plan.packages,
        })))
    }

    /// Removes the deltas from versions that are more than `keep` versions behind the newest, but none that is the last way from
    /// somewhere to the newest version.
    pub fn prune(repository: &Path, keep: u64, options: &RepositoryOptions, job: &mut Job) -> Result<String> {
        let keep = usize::try_from(keep).unwrap_or(usize::MAX - 1).min(usize::MAX - 1);
        let report = Repository::open(repository)?.prune(keep, &options.for_core()?, job.task())?;
        Ok(text(json!({
            "dry_run": options.dry_run,
            "removed": report.removed,
            "bytes": report.bytes,
            "needed": report.needed,
        })))
    }

    /// Takes a bad version back. UNKNOWN_VERSION where there is none of that name.
    pub fn withdraw(repository: &Path, version: &str, options: &RepositoryOptions, job: &mut Job) -> Result<String> {
        let version = version.parse()?;
        let report = Repository::open(repository)?.withdraw(version, &options.for_core()?, job.task())?;
        Ok(text(json!({
            "version": version,
            "dry_run": options.dry_run,
            "latest_version": report.latest,
            "removed": report.removed,
            "packages": report.packages,
            "warnings": report.warnings,
        })))
    }

    /// Makes manifest and archives of the folder `repository` again from the packages that are there, whoever made them.
    pub fn rebuild(repository: &Path, options: &RepositoryOptions, job: &mut Job) -> Result<String> {
        Ok(rebuilt(&Repository::rebuild(repository, &options.for_core()?, job.task())?, options))
    }

    /// Makes the newest version one that new installations start from: a package of all of it without anything dead.
    pub fn new_base(repository: &Path, options: &RepositoryOptions, job: &mut Job) -> Result<String> {
        Ok(rebuilt(&Repository::open(repository)?.new_base(&options.for_core()?, job.task())?, options))
    }

    fn rebuilt(report: &RebuildReport, options: &RepositoryOptions) -> String {
        text(json!({
            "dry_run": options.dry_run,
            "latest_version": report.latest,
            "packages": report.packages,
            "adopted": report.adopted,
            "left_out": reasons(&report.left_out),
            "missing": report.missing,
            "made": report.made,
        }))
    }

    /// Reads every package, checks the signature of the manifest by `public_keys` where there are any, and tries every route.
    /// What is wrong is in the report and is no error.
    pub fn verify(repository: &Path, public_keys: &[String], job: &mut Job) -> Result<String> {
        let trust = Trust { public_keys: public_keys.to_vec(), signature: None };
        let found = Repository::open(repository)?.verify(trust.keys()?.as_ref(), job.task())?;
        Ok(text(json!({
            "packages": found.packages,
            "bytes": found.bytes,
            "key_id": found.signed_by,
            "problems": reasons(&found.problems),
        })))
    }

    fn reasons(files: &[(String, String)]) -> Value {
        files.iter().map(|(file, why)| json!({ "file": file, "reason": why })).collect()
    }

    fn text(value: Value) -> String {
        value.to_string()
    }
}

#[cfg(not(feature = "publish"))]
mod absent {
    //! The functions of a build that keeps no repositories: all of them are there and say so.

    use std::path::Path;

    use super::{PublishOptions, RepositoryOptions};
    use crate::job::Job;
    use crate::status::{Result, no_publishing};

    /// Fails with UNSUPPORTED.
    pub fn init(_: &Path, _: bool) -> Result<()> {
        Err(no_publishing())
    }

    /// Fails with UNSUPPORTED.
    pub fn manifest(_: &Path) -> Result<String> {
        Err(no_publishing())
    }

    /// Fails with UNSUPPORTED.
    pub fn publish(_: &Path, _: &Path, _: &str, _: &PublishOptions, _: &mut Job) -> Result<String> {
        Err(no_publishing())
    }

    /// Fails with UNSUPPORTED.
    pub fn plan(_: &Path, _: Option<&str>, _: Option<&str>, _: Option<&str>) -> Result<String> {
        Err(no_publishing())
    }

    /// Fails with UNSUPPORTED.
    pub fn prune(_: &Path, _: u64, _: &RepositoryOptions, _: &mut Job) -> Result<String> {
        Err(no_publishing())
    }

    /// Fails with UNSUPPORTED.
    pub fn withdraw(_: &Path, _: &str, _: &RepositoryOptions, _: &mut Job) -> Result<String> {
        Err(no_publishing())
    }

    /// Fails with UNSUPPORTED.
    pub fn rebuild(_: &Path, _: &RepositoryOptions, _: &mut Job) -> Result<String> {
        Err(no_publishing())
    }

    /// Fails with UNSUPPORTED.
    pub fn new_base(_: &Path, _: &RepositoryOptions, _: &mut Job) -> Result<String> {
        Err(no_publishing())
    }

    /// Fails with UNSUPPORTED.
    pub fn verify(_: &Path, _: &[String], _: &mut Job) -> Result<String> {
        Err(no_publishing())
    }
}

//! Release repositories as jobs. What an operation is to do comes as one object and what it did goes as one JSON text, for which
//! the TypeScript half has the names.

use napi_derive::napi;
use patchcore_ffi::job::Job;
use patchcore_ffi::repository as facade;
use patchcore_ffi::status::{Error, Result, Status};

use crate::job::{Listener, RunningJob, start};
use crate::options::amount;
use crate::output::{PathArgument, path};
use crate::tree::TreeDiffOptions;

/// What is to be done with a repository, and how.
#[napi(object, object_to_js = false)]
pub struct RepositoryRequest {
    /// `init`, `manifest`, `publish`, `plan`, `prune`, `withdraw`, `rebuild`, `newBase` or `verify`.
    pub verb: String,
    /// The architecture whose packages are meant.
    pub architecture: Option<String>,
    /// The file of the secret key that signs the manifest.
    pub key: Option<PathArgument>,
    /// The password of the key.
    pub password: Option<String>,
    /// Say what would be done, and do nothing.
    pub dry_run: Option<bool>,
    /// For `init`: packages of whole files only.
    pub plain: Option<bool>,
    /// For `publish`: the directory or the ZIP file.
    pub source: Option<PathArgument>,
    /// For `publish` and `withdraw`: the version.
    pub version: Option<String>,
    /// For `publish`: what people should know.
    pub notes: Option<String>,
    /// For `publish`: when the manifest expires.
    pub expires_at: Option<String>,
    /// For `publish`: how many squashed packages are made.
    pub squash_from: Option<f64>,
    /// For `publish`: how directories are compared and packed.
    pub diff: Option<TreeDiffOptions>,
    /// For `plan`: the version that is installed.
    pub from: Option<String>,
    /// For `plan`: the version that is wanted.
    pub to: Option<String>,
    /// For `prune`: how many deltas stay.
    pub keep: Option<f64>,
    /// For `verify`: the keys that are trusted.
    pub public_keys: Option<Vec<String>>,
}

impl RepositoryRequest {
    fn run(self, repository: PathArgument, job: &mut Job) -> Result<String> {
        let repository = &path(repository);
        let change = facade::RepositoryOptions {
            architecture: self.architecture,
            key: self.key.map(path),
            password: self.password,
            dry_run: self.dry_run.unwrap_or_default(),
        };
        let (version, from, to) = (self.version.unwrap_or_default(), self.from.as_deref(), self.to.as_deref());
        match &*self.verb {
            "init" => facade::init(repository, self.plain.unwrap_or_default()).map(|()| "{}".to_owned()),
            "manifest" => facade::manifest(repository),
            "publish" => {
                let options = facade::PublishOptions {
                    change,
                    notes: self.notes,
                    expires_at: self.expires_at,
                    squash_from: amount(self.squash_from),
                    diff: self.diff.map(TreeDiffOptions::facade).transpose()?.unwrap_or_default(),
                };
                let source = self.source.map(path).unwrap_or_default();
                facade::publish(repository, &source, &version, &options, job)
            }
            "plan" => facade::plan(repository, from, to, change.architecture.as_deref()),
            "prune" => facade::prune(repository, amount(self.keep), &change, job),
            "withdraw" => facade::withdraw(repository, &version, &change, job),
            "rebuild" => facade::rebuild(repository, &change, job),
            "newBase" => facade::new_base(repository, &change, job),
            "verify" => facade::verify(repository, &self.public_keys.unwrap_or_default(), job),
            other => Err(Error::new(Status::InvalidArgument, format!("nothing is called {other:?}"))),
        }
    }
}

/// Does something with the repository in a folder.
#[napi]
pub fn use_repository(
    repository: PathArgument,
    request: RepositoryRequest,
    listener: Listener<String>,
) -> napi::Result<RunningJob> {
    start(listener, move |job| request.run(repository, job))
}

//! Release repositories through the facade: kept, and updated from.

#![cfg(all(feature = "encode", feature = "tree"))]

use std::fs;
use std::path::{Path, PathBuf};

use patchcore_ffi::job::{CancelToken, Job};
use patchcore_ffi::repository::{self, PublishOptions, RepositoryOptions};
use patchcore_ffi::status::{Outcome, Status};
use patchcore_ffi::tree::{self, ScanOptions, TreeDiffOptions};
use patchcore_ffi::trust;
use patchcore_ffi::update::{UpdateOptions, update_from_repository};
use serde_json::Value;

#[test]
fn what_is_published_is_what_an_update_installs() {
    let site = Site::new();
    let first = site.publish("1.0.0", &PublishOptions::default());
    assert_eq!(
        (&first["changed"], &first["previous"], &first["version"]),
        (&true.into(), &Value::Null, &"1.0.0".into())
    );
    let installed = site.update(&UpdateOptions::default());
    assert_eq!((&installed["action"], &installed["reason"]), (&"applied".into(), &"new_installation".into()));

    let options = PublishOptions { notes: Some("Faster".to_owned()), ..PublishOptions::default() };
    let second = site.publish("1.1.0", &options);
    let files: Vec<_> = second["packages"].as_array().unwrap().iter().map(|package| &package["file"]).collect();
    assert_eq!(files, ["delta_1.0.0_1.1.0.zip", "combined_0.0.0_1.1.0.zip"]);
    assert_eq!(site.publish("1.1.0", &options)["changed"], false);

    let planned = json(repository::plan(&site.repository(), Some("1.0.0"), None, None));
    assert_eq!((&planned["means"], &planned["reason"]), (&"deltas".into(), &"fewest_bytes".into()));
    let dry = site.update(&UpdateOptions { dry_run: true, ..UpdateOptions::default() });
    assert_eq!((&dry["action"], &dry["means"]), (&"decided".into(), &"deltas".into()));
    let updated = site.update(&UpdateOptions::default());
    assert_eq!(
        (&updated["action"], &updated["from"], &updated["to"]),
        (&"applied".into(), &"1.0.0".into(), &"1.1.0".into())
    );
    assert_eq!(updated["downloaded_bytes"], planned["bytes"]);
    assert_eq!(updated["notes"], serde_json::json!([{ "version": "1.1.0", "text": "Faster" }]));
    assert_eq!(digest(&site.path("installed")), digest(&site.path("1.1.0")));
    assert_eq!(site.update(&UpdateOptions::default())["action"], "nothing");
}

#[test]
fn a_repaired_directory_is_the_release_again_apart_from_what_is_kept() {
    let site = Site::new();
    site.publish("1.0.0", &PublishOptions::default());
    site.update(&UpdateOptions::default());
    fs::write(site.path("installed/big"), "spoilt").unwrap();
    fs::write(site.path("installed/settings"), "mine").unwrap();
    let options = UpdateOptions { repair: true, keep_local: vec!["settings".to_owned()], ..UpdateOptions::default() };
    let repaired = site.update(&options);
    assert_eq!((&repaired["means"], &repaired["reason"]), (&"repair".into(), &"repair_asked".into()));
    assert_eq!(repaired["kept"], serde_json::json!(["settings"]));
    assert_eq!(fs::read(site.path("installed/big")).unwrap(), fs::read(site.path("1.0.0/big")).unwrap());
    assert_eq!(fs::read(site.path("installed/settings")).unwrap(), b"mine");
}

#[test]
fn old_deltas_and_bad_versions_go_and_all_can_be_made_again() {
    let site = Site::new();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        site.publish(version, &PublishOptions::default());
    }
    let (repository, options, job) = (site.repository(), RepositoryOptions::default(), &mut Job::new());
    let dry = RepositoryOptions { dry_run: true, ..options.clone() };
    assert_eq!(json(repository::withdraw(&repository, "1.2.0", &options, job))["latest_version"], "1.1.0");
    let gone = repository::withdraw(&repository, "1.2.0", &options, job).unwrap_err();
    assert_eq!(gone.status(), Status::UnknownVersion);
    site.publish("1.2.0", &PublishOptions::default());
    let would = json(repository::prune(&repository, 1, &dry, job));
    assert_eq!(would["removed"], serde_json::json!(["delta_1.0.0_1.1.0.zip"]));
    assert_eq!(json(repository::prune(&repository, 1, &options, job))["removed"], would["removed"]);
    assert!(!repository.join("delta_1.0.0_1.1.0.zip").exists());
    assert!(json(repository::new_base(&repository, &options, job))["made"][0].is_string());
    fs::remove_file(repository.join("manifest.json")).unwrap();
    assert_eq!(repository::manifest(&repository).unwrap_err().status(), Status::NotFound);
    assert_eq!(json(repository::rebuild(&repository, &options, job))["latest_version"], "1.2.0");
    let verified = json(repository::verify(&repository, &[], job));
    assert_eq!((&verified["problems"], &verified["key_id"]), (&serde_json::json!([]), &Value::Null));
    let package = json(repository::manifest(&repository))["patches"][0]["file"].as_str().unwrap().to_owned();
    fs::write(repository.join(&package), "spoilt").unwrap();
    assert_eq!(json(repository::verify(&repository, &[], job))["problems"][0]["file"], *package);
}

#[test]
fn a_signed_repository_is_changed_with_its_key_and_believed_with_its_signature() {
    let site = Site::new();
    let key = site.path("release.key");
    let public = trust::create_key_files(&key, Some("secret"), false).unwrap();
    let change =
        RepositoryOptions { key: Some(key), password: Some("secret".to_owned()), ..RepositoryOptions::default() };
    site.publish("1.0.0", &PublishOptions { change, ..PublishOptions::default() });
    let unsigned = repository::publish(
        &site.repository(),
        &site.path("1.1.0"),
        "1.1.0",
        &PublishOptions::default(),
        &mut Job::new(),
    );
    assert_eq!(unsigned.unwrap_err().status(), Status::InvalidArgument);
    let options = UpdateOptions { public_keys: vec![public.clone()], ..UpdateOptions::default() };
    assert_eq!(site.update(&options)["key_id"], *trust::key_id(&public).unwrap());
    let verified = json(repository::verify(&site.repository(), &[public], &mut Job::new()));
    assert_eq!(verified["problems"], serde_json::json!([]));
    let other = trust::create_key_files(&site.path("other.key"), None, false).unwrap();
    let refused = update_from_repository(
        &site.path("elsewhere"),
        &site.url(),
        &UpdateOptions { public_keys: vec![other], ..UpdateOptions::default() },
        &mut Job::new(),
    );
    assert_eq!(refused.unwrap_err().status(), Status::UntrustedKey);
}

#[test]
fn what_cannot_be_done_is_said_and_changes_nothing() {
    let site = Site::new();
    site.publish("1.1.0", &PublishOptions::default());
    let before = repository::manifest(&site.repository()).unwrap();
    let publish = |version: &str, options: &PublishOptions, job: &mut Job| {
        repository::publish(&site.repository(), &site.path("1.2.0"), version, options, job).unwrap_err().status()
    };
    let options = PublishOptions::default();
    let job = &mut Job::new();
    assert_eq!(publish("1.0.0", &options, job), Status::InvalidArgument);
    assert_eq!(publish("1.1.0", &options, job), Status::InvalidArgument);
    assert_eq!(publish("next", &options, job), Status::InvalidArgument);
    let named = TreeDiffOptions { version: Some("1.2.0".to_owned()), ..TreeDiffOptions::default() };
    assert_eq!(publish("1.2.0", &PublishOptions { diff: named, ..options.clone() }, job), Status::InvalidArgument);
    let cancel = CancelToken::new();
    cancel.cancel();
    assert_eq!(publish("1.2.0", &options, &mut Job::with_cancel(cancel)), Status::Cancelled);
    let lock = fs::File::options().write(true).open(site.path("site/.patchcore/lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(publish("1.2.0", &options, job), Status::Busy);
    drop(lock);
    assert_eq!(repository::manifest(&site.repository()).unwrap(), before);
    assert_eq!(repository::init(&site.repository(), false).unwrap_err().status(), Status::InvalidArgument);
    let unknown = repository::plan(&site.repository(), None, Some("9.0.0"), None).unwrap_err();
    assert_eq!(unknown.status(), Status::UnknownVersion);

    site.update(&UpdateOptions::default());
    fs::remove_dir_all(site.repository()).unwrap();
    repository::init(&site.repository(), false).unwrap();
    site.publish("1.2.0", &options);
    let older =
        fs::read_to_string(site.path("site/manifest.json")).unwrap().replace("\"sequence\": 1", "\"sequence\": 0");
    fs::write(site.path("site/manifest.json"), older).unwrap();
    let stale =
        update_from_repository(&site.path("installed"), &site.url(), &UpdateOptions::default(), job).unwrap_err();
    assert_eq!((stale.status(), stale.outcome()), (Status::Stale, Some(Outcome::Unchanged)));
}

/// A repository, and directories that are versions: in each one file is another.
struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        let big: String = (0..20_000).map(|number| format!("{:x} ", number * number)).collect();
        for version in ["1.0.0", "1.1.0", "1.2.0"] {
            fs::create_dir(site.path(version)).unwrap();
            fs::write(site.path(version).join("big"), format!("{big}{version}")).unwrap();
            fs::write(site.path(version).join("settings"), "theirs").unwrap();
        }
        repository::init(&site.repository(), false).unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn repository(&self) -> PathBuf {
        self.path("site")
    }

    fn url(&self) -> String {
        self.repository().to_str().unwrap().to_owned()
    }

    fn publish(&self, version: &str, options: &PublishOptions) -> Value {
        json(repository::publish(&self.repository(), &self.path(version), version, options, &mut Job::new()))
    }

    fn update(&self, options: &UpdateOptions) -> Value {
        json(update_from_repository(&self.path("installed"), &self.url(), options, &mut Job::new()))
    }
}

fn json(text: patchcore_ffi::status::Result<String>) -> Value {
    serde_json::from_str(&text.unwrap()).unwrap()
}

fn digest(root: &Path) -> String {
    tree::scan(root, &ScanOptions::default(), &mut Job::new()).unwrap().digest.to_string()
}

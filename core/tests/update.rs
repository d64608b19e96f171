//! The whole way of an update: what is decided, fetched, verified, applied and remembered.

#![allow(missing_docs, reason = "a test binary")]

#[path = "support/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patchcore::transfer::{FetchOptions, Proxy};
use patchcore::tree::{self, OperationOutputs, TreeDiffOptions};
use patchcore::trust::{KeyPair, SecretKey, TrustedKeys};
use patchcore::update::{
    PackageInfo, Reason, ServiceManifest, UpdateAction, UpdateOptions, UpdateReport, fetch_service_manifest,
    update_from_package_info, update_from_service_manifest,
};
use patchcore::{Digest, Outcome, Result, Status, Task, Version};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Server, serve};

const OLD: &[(&str, &str)] = &[("app/bin", "program of version 1"), ("app/data", "data"), ("gone", "gone")];
const NEW: &[(&str, &str)] = &[("app/bin", "program of version 2"), ("app/data", "data"), ("more/new", "new")];

/// An installation of the old version, with a save game in it, and the packages that lead to the new one.
struct Lab {
    folder: TempDir,
    signer: KeyPair,
}

impl Lab {
    fn new() -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap(), signer: KeyPair::generate(None).unwrap() };
        for (name, files) in [("old", OLD), ("new", NEW), ("empty", &[]), ("installed", OLD)] {
            fs::create_dir(lab.path(name)).unwrap();
            for (path, content) in files {
                let path = lab.path(name).join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
        }
        fs::write(lab.path("installed/save"), "mine").unwrap();
        let version = |version: &str| TreeDiffOptions { version: Some(version.parse().unwrap()), ..Default::default() };
        for (from, out, options) in [
            ("old", "patch.zip", version("1.0.0.2")),
            ("empty", "full.zip", version("1.0.0.2")),
            ("old", "other.zip", version("1.0.0.1")),
        ] {
            tree::diff(&lab.path(from), &lab.path("new"), &lab.path(out), &options, &mut Task::new()).unwrap();
        }
        let (package, operations) = (lab.path("patch.tar.gz"), lab.path("operations.json"));
        let outputs = OperationOutputs { package: &package, operations: &operations, info: None, url: "" };
        let options = TreeDiffOptions::default();
        tree::diff_operations(&lab.path("old"), &lab.path("new"), &outputs, &options, &mut Task::new()).unwrap();
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// A server of all packages.
    fn server(&self) -> Server {
        let names = ["patch.zip", "full.zip", "other.zip", "patch.tar.gz"];
        let files: BTreeMap<String, Vec<u8>> =
            names.into_iter().map(|name| (format!("/{name}"), self.read(name))).collect();
        Server::start(move |asked, stream| match files.get(&asked.path) {
            Some(bytes) => serve(asked, stream, bytes, "\"one\""),
            None => server::head(stream, "404 Not Found", &[("Content-Length", "0")]),
        })
    }

    fn signature(&self, name: &str) -> String {
        let key = SecretKey::parse(&self.signer.secret, None).unwrap();
        key.sign(&mut self.read(name).as_slice(), "an update").unwrap()
    }

    fn keys(&self) -> Option<TrustedKeys> {
        Some(TrustedKeys::new([self.signer.public.clone()]).unwrap())
    }

    fn info(&self, name: &str) -> Value {
        json!({ "url": name, "hash": format!("SHA256:{}", Digest::of(&self.read(name)).to_string().to_uppercase()) })
    }

    fn operations(&self) -> Value {
        let mut info = self.info("patch.tar.gz");
        info["operations"] = serde_json::from_slice(&self.read("operations.json")).unwrap();
        info["version"] = "1.0.0.2".into();
        info
    }

    fn manifest(&self) -> Value {
        json!({
            "version": "v1.0.0.2",
            "release_date": "2026-11-21T00:00:00Z",
            "release_notes": "better",
            "platforms": { "x86_64": self.info("full.zip") },
            "patch": { "x86_64": self.info("patch.zip"), "aarch64": self.operations() },
        })
    }

    fn by_info(&self, info: &Value, base: &str, options: &UpdateOptions) -> Result<UpdateReport> {
        let info = PackageInfo::from_json(info.to_string().as_bytes())?;
        update_from_package_info(&self.path("installed"), &info, base, options, &mut Task::new())
    }

    fn by_manifest(&self, manifest: &Value, base: &str, options: &UpdateOptions) -> Result<UpdateReport> {
        let manifest = ServiceManifest::from_json(manifest.to_string().as_bytes())?;
        update_from_service_manifest(&self.path("installed"), &manifest, base, options, &mut Task::new())
    }

    /// What a user sees of the installation.
    fn installed(&self) -> BTreeMap<String, String> {
        fn walk(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                match path.is_dir() {
                    true if name == ".patchcore" => {}
                    true => walk(root, &path, files),
                    false => drop(files.insert(name, fs::read_to_string(&path).unwrap())),
                }
            }
        }
        let mut files = BTreeMap::new();
        walk(&self.path("installed"), &self.path("installed"), &mut files);
        files
    }

    fn version(&self) -> Option<Version> {
        tree::installed(&self.path("installed")).unwrap().and_then(|installed| installed.version)
    }

    fn is_new(&self) -> bool {
        self.installed() == files(NEW) && self.version() == Some(version("1.0.0.2"))
    }

    /// An update that must fail with this status and leave the installation as it was.
    fn fails(&self, status: Status, info: &Value, base: &str, options: &UpdateOptions) -> patchcore::Error {
        let error = self.by_info(info, base, options).unwrap_err();
        assert_eq!((error.status(), error.outcome()), (status, Some(Outcome::Unchanged)), "{error}");
        assert_eq!((self.installed(), self.version()), (files(OLD), None));
        error
    }
}

fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().chain(&[("save", "mine")]).map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn options() -> UpdateOptions {
    UpdateOptions {
        installed: Some(version("1.0.0.1")),
        architecture: Some("x86_64".to_owned()),
        fetch: FetchOptions {
            first_pause: Duration::from_millis(1),
            retries: 1,
            proxy: Proxy::Direct,
            ..FetchOptions::default()
        },
        ..UpdateOptions::default()
    }
}

#[test]
fn a_patch_is_fetched_applied_and_remembered() {
    for (architecture, file) in [("x86_64", "patch.zip"), ("aarch64", "patch.tar.gz"), ("arm64", "patch.tar.gz")] {
        let lab = Lab::new();
        let server = lab.server();
        // What an earlier update left behind.
        fs::create_dir_all(lab.path("installed/.patchcore/downloads")).unwrap();
        fs::write(lab.path("installed/.patchcore/downloads/package-x.partial"), "x").unwrap();
        fs::write(lab.path("installed/.patchcore/downloads/package-x.partial.json"), "{}").unwrap();
        let options = UpdateOptions { architecture: Some(architecture.to_owned()), ..options() };
        let report = lab.by_manifest(&lab.manifest(), &server.url("manifest.json"), &options).unwrap();
        assert_eq!(
            (report.action, report.strategy, report.reason),
            (UpdateAction::Applied, "patch", Reason::PatchAvailable)
        );
        assert_eq!((report.from, report.to), (Some(version("1.0.0.1")), Some(version("1.0.0.2"))));
        assert_eq!(report.url, Some(server.url(file)));
        assert!(lab.is_new() && report.applied.unwrap().changed > 0);
        // The package has served its purpose.
        assert_eq!(fs::read_dir(lab.path("installed/.patchcore/downloads")).unwrap().count(), 0);
        // What is remembered is enough to know that nothing is to be done.
        let options = UpdateOptions { installed: None, ..options };
        let report = lab.by_manifest(&lab.manifest(), &server.url("manifest.json"), &options).unwrap();
        assert_eq!((report.action, report.reason), (UpdateAction::Nothing, Reason::UpToDate));
        assert_eq!(server.asked().len(), 1);
    }
}

#[test]
fn a_named_package_is_applied_from_the_folder_that_holds_its_info() {
    let lab = Lab::new();
    let base = lab.path("info.json");
    let report = lab.by_info(&lab.operations(), base.to_str().unwrap(), &options()).unwrap();
    assert_eq!((report.action, report.reason), (UpdateAction::Applied, Reason::NamedPackage));
    assert!(lab.is_new());
    let report =
        lab.by_info(&lab.operations(), base.to_str().unwrap(), &UpdateOptions { installed: None, ..options() });
    assert_eq!(report.unwrap().reason, Reason::UpToDate);
}

#[test]
fn a_full_package_makes_whole_what_is_incomplete() {
    let lab = Lab::new();
    let server = lab.server();
    fs::remove_file(lab.path("installed/app/data")).unwrap();
    fs::write(lab.path("installed/app/bin"), "damaged").unwrap();
    let options = UpdateOptions { required: vec!["app/bin".into(), "./app/data".into()], ..options() };
    let report = lab.by_manifest(&lab.manifest(), &server.url("m"), &options).unwrap();
    assert_eq!((report.strategy, report.reason), ("full", Reason::IncompleteInstallation));
    // A full package knows nothing of files that it does not bring.
    let mut expected = files(NEW);
    expected.insert("gone".to_owned(), "gone".to_owned());
    assert_eq!((lab.installed(), lab.version()), (expected, Some(version("1.0.0.2"))));
    let outside = UpdateOptions { required: vec!["../x".into()], ..options };
    assert_eq!(lab.by_manifest(&lab.manifest(), "m", &outside).unwrap_err().status(), Status::UnsafePath);
}

#[test]
fn a_full_package_may_be_any_archive_of_files() {
    let pack = |command: &str, arguments: &[&str]| {
        let lab = Lab::new();
        let made = std::process::Command::new(command).args(arguments).current_dir(lab.path("new")).status();
        assert!(made.unwrap().success());
        let name = arguments[arguments.iter().position(|argument| argument.starts_with("../")).unwrap()];
        let mut manifest = lab.manifest();
        manifest["platforms"]["x86_64"] = lab.info(name.trim_start_matches("../"));
        (lab, manifest)
    };
    for (lab, manifest) in [
        pack("tar", &["-czf", "../full.tar.gz", "."]),
        pack("python3", &["-m", "zipfile", "-c", "../plain.zip", "app", "more"]),
    ] {
        let options = UpdateOptions { force_full: true, ..options() };
        let base = lab.path("manifest.json").to_str().unwrap().to_owned();
        let report = lab.by_manifest(&manifest, &base, &options).unwrap();
        assert_eq!((report.strategy, report.reason), ("full", Reason::ForcedFull));
        let mut expected = files(NEW);
        expected.insert("gone".to_owned(), "gone".to_owned());
        assert_eq!((lab.installed(), lab.version()), (expected, Some(version("1.0.0.2"))));
    }
}

#[test]
fn a_decision_alone_touches_and_fetches_nothing() {
    let lab = Lab::new();
    let server = lab.server();
    let options = UpdateOptions { dry_run: true, ..options() };
    let report = lab.by_manifest(&lab.manifest(), &server.url("m"), &options).unwrap();
    assert_eq!(
        (report.action, report.strategy, report.url),
        (UpdateAction::Decided, "patch", Some(server.url("patch.zip")))
    );
    assert!(server.asked().is_empty() && !lab.path("installed/.patchcore").exists());
}

#[test]
fn what_was_downloaded_is_applied_later_without_a_network() {
    for cached in [false, true] {
        let lab = Lab::new();
        let manifest_text = lab.manifest().to_string();
        let (manifest, url) = {
            let package = lab.read("patch.zip");
            let server = Server::start(move |asked, stream| match asked.path.as_str() {
                "/manifest.json" => serve(asked, stream, manifest_text.as_bytes(), "\"m\""),
                _ => serve(asked, stream, &package, "\"p\""),
            });
            let url = server.url("manifest.json");
            let cache = cached.then(|| lab.path("cache"));
            let options = UpdateOptions { download_only: true, cache, ..options() };
            let root = lab.path("installed");
            let manifest = fetch_service_manifest(&root, &url, &options, &mut Task::new()).unwrap();
            let report = update_from_service_manifest(&root, &manifest, &url, &options, &mut Task::new()).unwrap();
            assert_eq!(report.action, UpdateAction::Downloaded);
            assert!(report.file.unwrap().is_file());
            assert_eq!((lab.installed(), lab.version()), (files(OLD), None));
            (manifest, url)
        };
        let options = UpdateOptions { cache: cached.then(|| lab.path("cache")), ..options() };
        let root = lab.path("installed");
        // The port is closed; both documents and package are there.
        assert_eq!(fetch_service_manifest(&root, &url, &options, &mut Task::new()).unwrap(), manifest);
        let report = update_from_service_manifest(&root, &manifest, &url, &options, &mut Task::new()).unwrap();
        assert_eq!(report.fetched.unwrap().transferred, 0);
        assert!(lab.is_new());
    }
}

#[test]
fn the_wrong_bytes_never_reach_the_tree() {
    let lab = Lab::new();
    let server = lab.server();
    let mut info = lab.info("patch.zip");
    info["url"] = server.url("full.zip").into();
    lab.fails(Status::TargetMismatch, &info, "", &options());
    info["url"] = server.url("missing").into();
    lab.fails(Status::NotFound, &info, "", &options());
    info["url"] = server.url("patch.zip").into();
    info["size"] = 7.into();
    lab.fails(Status::TargetMismatch, &info, "", &options());
    let limited = UpdateOptions { fetch: FetchOptions { max_size: 10, ..options().fetch }, ..options() };
    lab.fails(Status::Limit, &lab.info("patch.zip"), &server.url(""), &limited);
}

#[test]
fn a_required_signature_is_required() {
    let lab = Lab::new();
    let server = lab.server();
    let url = server.url("");
    let options = UpdateOptions { keys: lab.keys(), ..options() };
    let mut info = lab.info("patch.zip");
    lab.fails(Status::BadSignature, &info, &url, &options);
    for bad in ["", "AAAA", "patch_signature_x86_64"] {
        info["signature"] = bad.into();
        lab.fails(Status::BadSignature, &info, &url, &options);
    }
    assert!(server.asked().is_empty(), "fetched although it could only be refused");
    info["signature"] = lab.signature("full.zip").into();
    lab.fails(Status::BadSignature, &info, &url, &options);
    info["signature"] = Lab { folder: tempfile::tempdir().unwrap(), signer: KeyPair::generate(None).unwrap() }
        .sign_for(&lab.read("patch.zip"))
        .into();
    lab.fails(Status::UntrustedKey, &info, &url, &options);
    info["signature"] = lab.signature("patch.zip").into();
    let report = lab.by_info(&info, &url, &options).unwrap();
    assert_eq!(report.signed_by, Some(lab.signer.public.clone()));
    assert!(lab.is_new());
}

impl Lab {
    fn sign_for(&self, bytes: &[u8]) -> String {
        SecretKey::parse(&self.signer.secret, None).unwrap().sign(&mut &bytes[..], "").unwrap()
    }
}

#[test]
fn a_package_without_a_hash_needs_a_signature() {
    let lab = Lab::new();
    let server = lab.server();
    let url = server.url("");
    let mut info = json!({ "url": "patch.zip", "signature": lab.signature("patch.zip") });
    let error = lab.fails(Status::Corrupt, &info, &url, &options());
    assert!(error.message().contains("no hash"), "{error}");
    let options = UpdateOptions { keys: lab.keys(), ..options() };
    info["signature"] = lab.signature("full.zip").into();
    lab.fails(Status::BadSignature, &info, &url, &options);
    // What was refused does not stand in the way of what is right.
    info["signature"] = lab.signature("patch.zip").into();
    lab.by_info(&info, &url, &options).unwrap();
    assert!(lab.is_new());
}

#[test]
fn an_older_package_is_never_taken_for_a_newer_one() {
    let lab = Lab::new();
    let server = lab.server();
    let url = server.url("");
    let mut info = lab.info("other.zip");
    info["version"] = "1.0.0.2".into();
    lab.fails(Status::TargetMismatch, &info, &url, &options());
    let newer = UpdateOptions { installed: Some(version("1.0.0.3")), ..options() };
    lab.fails(Status::Stale, &lab.operations(), &url, &newer);
    lab.by_info(&lab.operations(), &url, &UpdateOptions { force_full: true, ..newer }).unwrap();
    assert!(lab.is_new());
}

#[test]
fn a_conflict_leaves_the_tree_and_says_so() {
    let lab = Lab::new();
    let server = lab.server();
    fs::write(lab.path("installed/app/bin"), "changed by hand").unwrap();
    let error = lab.by_info(&lab.info("patch.zip"), &server.url(""), &options()).unwrap_err();
    assert_eq!((error.status(), error.outcome()), (Status::Conflict, Some(Outcome::Unchanged)));
    let mut options = options();
    options.apply.overwrite_local = true;
    // The package was kept: nothing is fetched again.
    let report = lab.by_info(&lab.info("patch.zip"), &server.url(""), &options).unwrap();
    assert_eq!((report.action, server.asked().len()), (UpdateAction::Applied, 1));
}

#[test]
fn a_document_from_a_network_names_no_files_of_this_machine() {
    let lab = Lab::new();
    let mut info = lab.info("patch.zip");
    info["url"] = format!("file://{}", lab.path("patch.zip").display()).into();
    lab.fails(Status::InvalidArgument, &info, "https://example.invalid/info.json", &options());
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_the_work_folder_leads_nowhere() {
    let lab = Lab::new();
    let server = lab.server();
    fs::create_dir(lab.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(lab.path("elsewhere"), lab.path("installed/.patchcore")).unwrap();
    lab.by_info(&lab.info("patch.zip"), &server.url(""), &options()).unwrap_err();
    assert_eq!(fs::read_dir(lab.path("elsewhere")).unwrap().count(), 0);
}

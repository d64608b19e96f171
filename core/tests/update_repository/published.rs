//! Clients of repositories as publishing leaves them: archives that have grown, whole files alone, versions that are gone.

use std::fs;
use std::path::PathBuf;

use patchcore::repository::{EditOptions, PlanReason, PublishOptions, Repository, UpdateMeans, plan};
use patchcore::tree;
use patchcore::update::{RepositoryUpdateReport, UpdateAction, UpdateOptions, update_from_repository};
use patchcore::{Result, Task};
use tempfile::TempDir;

use crate::server::{Server, head, serve_at_most};
use crate::trees::{self, Nodes, file, link, nodes, noise, program};
use crate::{options, version};

/// Version `number` of a release of which a part changes every time.
fn release(number: u64) -> Nodes {
    let mut large = noise(300_000, 1);
    large[2_000..2_100].copy_from_slice(&noise(100, 100 + number));
    nodes(&[
        ("bin/tool", program(noise(5_000, 7 + number / 3))),
        ("data/large", file(large)),
        ("data/same", file(noise(300_000, 2))),
        ("data/text", file(format!("version {number}\n").repeat(50))),
        (&format!("only/{number}"), file(noise(300, number))),
        ("current", link("data/text")),
        ("empty", trees::Node::Folder),
    ])
}

/// A repository of versions 1.0.1 to 1.0.`versions`, and its web host, which breaks off again and again.
struct Lab {
    folder: TempDir,
    host: Server,
    repository: Repository,
}

impl Lab {
    fn new(versions: u64, plain: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("repo");
        let repository = Repository::init(&path, plain).unwrap();
        for number in 1..=versions {
            publish(&repository, number, &release(number));
        }
        Self { folder, host: host(path), repository }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("installed")
    }

    /// An installation of a version by hand, in the place of any other.
    fn install(&self, number: u64) {
        let _ = fs::remove_dir_all(self.root());
        fs::create_dir(self.root()).unwrap();
        trees::write(&self.root(), &release(number));
    }

    fn update(&self, options: &UpdateOptions) -> Result<RepositoryUpdateReport> {
        update_from_repository(&self.root(), &self.host.url("repo/"), options, &mut Task::new())
    }

    fn installed(&self) -> Nodes {
        trees::read(&self.root())
    }
}

fn publish(repository: &Repository, number: u64, release: &Nodes) {
    let source = trees::folder(release);
    let options = PublishOptions { notes: Some(format!("notes of {number}")), ..PublishOptions::default() };
    repository.publish(source.path(), version(&format!("1.0.{number}")), &options, &mut Task::new()).unwrap();
}

fn host(folder: PathBuf) -> Server {
    Server::start(move |asked, stream| {
        let name = asked.path.trim_start_matches("/repo/");
        match fs::read(folder.join(name)) {
            Ok(bytes) if name.ends_with(".zip") => serve_at_most(asked, stream, &bytes, "\"one\"", 70_000),
            Ok(bytes) => crate::serve(asked, stream, &bytes, "\"one\""),
            Err(_) => head(stream, "404 Not Found", &[("Content-Length", "0")]),
        }
    })
}

#[test]
fn every_version_is_led_to_every_later_one_for_the_bytes_of_the_plan() {
    for plain in [false, true] {
        let lab = Lab::new(6, plain);
        let manifest = lab.repository.manifest().unwrap();
        for from in 0..6 {
            for to in from + 1..=6 {
                if from == 0 {
                    let _ = fs::remove_dir_all(lab.root());
                } else {
                    lab.install(from);
                }
                let to_version = version(&format!("1.0.{to}"));
                // Packages of whole files do not say of which tree they are, and then a repair would overwrite.
                let given = Some(version(&format!("1.0.{from}"))).filter(|_| from > 0);
                let options = UpdateOptions { to: Some(to_version), installed: given, ..options() };
                let start = given.unwrap_or(version("0.0.0"));
                // The first version alone is not offered any more once the archive of the newest one has overtaken it.
                let Ok(planned) = plan(&manifest, Some(start), Some(to_version), None) else { continue };
                let report = lab.update(&options).unwrap();
                assert_eq!((report.action, report.reason), (UpdateAction::Applied, planned.reason), "{from} {to}");
                assert!(report.downloaded <= planned.bytes + (70 << 10), "{from} {to}: {}", report.downloaded);
                if planned.means == UpdateMeans::Deltas || from == 0 {
                    assert_eq!(report.downloaded, planned.bytes, "{from} {to}");
                    assert_eq!(lab.installed(), release(to), "{from} {to} {plain}");
                }
                let known = tree::installed(&lab.root()).unwrap().unwrap();
                assert_eq!(known.version, Some(to_version));
            }
        }
    }
}

#[test]
fn every_version_that_a_delta_leads_on_from_is_recognised() {
    let lab = Lab::new(4, false);
    for from in 1..4 {
        lab.install(from);
        let report = lab.update(&options()).unwrap();
        assert_eq!((report.from, report.means), (Some(version(&format!("1.0.{from}"))), UpdateMeans::Deltas));
        assert_eq!(lab.installed(), release(4));
    }
}

#[test]
fn an_archive_that_has_grown_repairs_for_what_differs() {
    let lab = Lab::new(6, false);
    lab.install(6);
    trees::set_executable(&lab.root().join("bin/tool"), false);
    fs::write(lab.root().join("data/text"), "changed").unwrap();
    fs::remove_file(lab.root().join("current")).unwrap();
    let report = lab.update(&UpdateOptions { repair: true, ..options() }).unwrap();
    assert_eq!((report.means, report.fallback), (UpdateMeans::Repair, None));
    assert_eq!((lab.installed(), report.unlisted), (release(6), Vec::<String>::new()));
    assert!(report.downloaded < 80 << 10, "{}", report.downloaded);
    assert_eq!(report.applied.unwrap().changed, 3);
}

#[test]
fn what_a_release_installs_only_once_is_known_from_the_whole_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("repo");
    let repository = Repository::init(&path, false).unwrap();
    let source = trees::folder(&release(1));
    let mut publishing = PublishOptions::default();
    publishing.diff.keep_local = vec!["data/text".to_owned()];
    repository.publish(source.path(), version("1.0.1"), &publishing, &mut Task::new()).unwrap();
    let (host, root) = (host(path), folder.path().join("installed"));
    let update =
        |options: &UpdateOptions| update_from_repository(&root, &host.url("repo"), options, &mut Task::new()).unwrap();
    update(&options());
    fs::write(root.join("data/text"), "mine").unwrap();
    fs::remove_file(root.join("data/same")).unwrap();
    let report = update(&UpdateOptions { repair: true, ..options() });
    // Nothing that is signed says that it is so, but for the digest of all of the package.
    assert_eq!(report.means, UpdateMeans::Full);
    assert_eq!(report.fallback.unwrap().status, patchcore::Status::Unsupported);
    let mut expected = release(1);
    expected.insert("data/text".to_owned(), file("mine"));
    assert_eq!(trees::read(&root), expected);
}

#[test]
fn a_plain_repository_repairs_by_the_whole() {
    let lab = Lab::new(3, true);
    lab.install(2);
    fs::write(lab.root().join("data/text"), "changed").unwrap();
    fs::write(lab.root().join("mine"), "mine").unwrap();
    let report = lab.update(&options()).unwrap();
    assert_eq!((report.means, report.reason), (UpdateMeans::Full, PlanReason::UnknownVersion));
    assert_eq!(report.fallback.unwrap().status, patchcore::Status::Unsupported);
    assert_eq!(report.unlisted, ["mine", "only/2"]);
    assert_eq!(lab.installed()["data/text"], release(3)["data/text"]);
    // It is remembered like any other.
    publish(&lab.repository, 4, &release(4));
    let report = lab.update(&options()).unwrap();
    assert_eq!(report.means, UpdateMeans::Deltas);
    assert!(!lab.root().join("only/3").exists() && lab.root().join("only/4").exists());
}

#[test]
fn versions_that_are_gone_from_the_repository_are_repaired() {
    let lab = Lab::new(6, false);
    lab.install(1);
    lab.update(&UpdateOptions { to: Some(version("1.0.2")), ..options() }).unwrap();
    lab.repository.prune(2, &EditOptions::default(), &mut Task::new()).unwrap();
    let report = lab.update(&options()).unwrap();
    assert_eq!((report.means, report.from), (UpdateMeans::Repair, Some(version("1.0.2"))));
    assert!(matches!(report.reason, PlanReason::UnknownVersion | PlanReason::NoDeltas), "{:?}", report.reason);
    let mut expected = release(6);
    expected.extend(release(2).into_iter().filter(|(path, _)| path == "only/2"));
    assert_eq!((lab.installed(), report.unlisted), (expected, vec!["only/2".to_owned()]));
}

#[test]
fn a_version_that_was_withdrawn_stays_until_another_one_is_named() {
    let lab = Lab::new(3, false);
    lab.install(3);
    lab.update(&options()).unwrap();
    lab.repository.withdraw(version("1.0.3"), &EditOptions::default(), &mut Task::new()).unwrap();
    let report = lab.update(&options()).unwrap();
    assert_eq!((report.action, report.reason), (UpdateAction::Nothing, PlanReason::NewerInstalled));
    assert_eq!(
        lab.update(&UpdateOptions { repair: true, ..options() }).unwrap_err().status(),
        patchcore::Status::Stale
    );
    let report = lab.update(&UpdateOptions { to: Some(version("1.0.2")), ..options() }).unwrap();
    assert_eq!((report.means, report.to), (UpdateMeans::Repair, version("1.0.2")));
    assert_eq!(lab.installed()["data/text"], release(2)["data/text"]);
}

#[test]
fn each_architecture_has_its_own_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("repo");
    let repository = Repository::init(&path, false).unwrap();
    for (arch, number) in [("x86_64", 1), ("aarch64", 2)] {
        let source = trees::folder(&release(number));
        let options = PublishOptions { arch: Some(arch.to_owned()), ..PublishOptions::default() };
        repository.publish(source.path(), version("1.0.0"), &options, &mut Task::new()).unwrap();
    }
    let host = host(path);
    for (arch, number) in [("amd64", 1), ("arm64", 2)] {
        let root = folder.path().join(arch);
        let options = UpdateOptions { architecture: Some(arch.to_owned()), ..options() };
        update_from_repository(&root, &host.url("repo"), &options, &mut Task::new()).unwrap();
        assert_eq!(trees::read(&root), release(number));
    }
}

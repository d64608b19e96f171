//! Publishing: what it writes, what it refuses, and what readers see.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use patchcore::io::ReadAt as _;
use patchcore::repository::{Manifest, Package, PublishOptions, PublishReport, Repository};
use patchcore::tree::{self, TreeApplyOptions, TreePackage};
use patchcore::{Digest, Status, Task, Version};

use crate::trees::{self, Nodes, file, folder, link, nodes, noise, program};

pub fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// A release of some files that change in part from one version to the next.
pub fn release(number: u64) -> Nodes {
    let mut large = noise(10_000, 1);
    large[2_000..2_100].copy_from_slice(&noise(100, 100 + number));
    nodes(&[
        ("bin", trees::Node::Folder),
        ("bin/tool", program(noise(5_000, 7 + number / 3))),
        ("data", trees::Node::Folder),
        ("data/large", file(large)),
        ("data/same", file(noise(300_000, 2))),
        ("data/text", file(format!("version {number}\n").repeat(50))),
        (&format!("data/only{number}"), file(noise(300, number))),
        ("current", link("data/text")),
        ("empty", trees::Node::Folder),
        ("nothing", file("")),
    ])
}

pub fn publish(repository: &Repository, number: u64, options: &PublishOptions) -> patchcore::Result<PublishReport> {
    let source = folder(&release(number));
    repository.publish(source.path(), version(&format!("1.0.{number}")), options, &mut Task::new())
}

pub fn repository(versions: u64, plain: bool) -> (tempfile::TempDir, Repository) {
    let place = tempfile::tempdir().unwrap();
    let repository = Repository::init(place.path(), plain).unwrap();
    for number in 1..=versions {
        publish(&repository, number, &PublishOptions::default()).unwrap();
    }
    (place, repository)
}

fn bytes(repository: &Repository, package: &Package) -> Vec<u8> {
    let source = repository.open_package(package).unwrap();
    let mut bytes = vec![0; source.size() as usize];
    source.read_at(0, &mut bytes).unwrap();
    bytes
}

/// What applying packages to an empty directory makes.
pub fn installed(repository: &Repository, packages: &[&Package]) -> Nodes {
    let place = tempfile::tempdir().unwrap();
    for package in packages {
        let source = repository.open_package(package).unwrap();
        let opened = TreePackage::read_whole(source, &mut Task::new()).unwrap();
        let deleted = package.deleted.iter().map(|path| tree::TreePath::parse(path).unwrap());
        let opened = opened.deleting(deleted).unwrap();
        let options = TreeApplyOptions { overwrite_local: true, no_backup: true, ..TreeApplyOptions::default() };
        tree::apply(place.path(), &opened, &options, &mut Task::new()).unwrap();
    }
    trees::read(place.path())
}

pub fn check(repository: &Repository) {
    let manifest = repository.manifest().unwrap();
    for package in &manifest.patches {
        assert_eq!(package.sha256, Some(Digest::of(&bytes(repository, package))), "{}", package.file);
    }
}

#[test]
fn every_version_is_reached_by_its_packages() {
    for plain in [false, true] {
        let (_place, repository) = repository(5, plain);
        check(&repository);
        let manifest = repository.manifest().unwrap();
        assert_eq!(manifest.latest_version, Some(version("1.0.5")));
        assert_eq!(manifest.sequence, 5);
        let line = manifest.line(None);
        let of = |file: &str| manifest.package(file).unwrap_or_else(|| panic!("{file}"));
        assert_eq!(installed(&repository, &[of("combined_0.0.0_1.0.5.zip")]), release(5), "plain {plain}");
        let base = of("base_1.0.1.zip");
        assert!(base.is_base);
        assert_eq!(installed(&repository, &[base]), release(1));
        let deltas = ["delta_1.0.1_1.0.2.zip", "delta_1.0.2_1.0.3.zip", "delta_1.0.3_1.0.4.zip"].map(of);
        let way: Vec<&Package> = [base].into_iter().chain(deltas).collect();
        assert_eq!(installed(&repository, &way), release(4), "plain {plain}");
        assert_eq!(line.versions().len(), 5);
    }
}

#[test]
fn the_archive_grows_by_what_is_new() {
    let (place, repository) = repository(1, false);
    let size = || fs::metadata(place.path().join("base_1.0.1.zip")).unwrap().len();
    let first = size();
    let report = publish(&repository, 2, &PublishOptions::default()).unwrap();
    let delta = &report.packages[0];
    assert!(report.written_bytes < delta.size + 20_000, "{report:?}");
    // On a file system that shares no blocks the two are one file.
    assert!(size() == first || size() == first + report.written_bytes - delta.size);
    let archive = fs::File::open(place.path().join("combined_0.0.0_1.0.2.zip")).unwrap();
    let mut head = Vec::new();
    archive.take(4).read_to_end(&mut head).unwrap();
    assert_eq!(head, b"PK\x03\x04");
}

#[test]
fn dead_bytes_never_pass_a_quarter() {
    let (place, repository) = repository(1, false);
    let mut compacted = 0;
    for number in 2..=12 {
        let report = publish(&repository, number, &PublishOptions::default()).unwrap();
        compacted += u64::from(report.compacted);
        let manifest = repository.manifest().unwrap();
        let combined = manifest.line(None).combined().unwrap();
        assert!(report.dead_bytes <= combined.size / 4, "{report:?}");
        check(&repository);
        assert_eq!(installed(&repository, &[combined]), release(number));
    }
    assert!(compacted > 0);
    let archives = names(place.path()).into_iter().filter(|name| name.starts_with("combined_")).count();
    assert_eq!(archives, 2);
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_same_again_changes_nothing_and_other_content_is_refused() {
    let (place, repository) = repository(2, false);
    let before = (names(place.path()), repository.manifest().unwrap());
    let report = publish(&repository, 2, &PublishOptions::default()).unwrap();
    assert!(!report.changed && report.packages.is_empty());
    let source = folder(&release(9));
    for lower in ["1.0.2", "1.0.1", "0.9.0", "0.0.0"] {
        let error = repository.publish(source.path(), version(lower), &PublishOptions::default(), &mut Task::new());
        assert_eq!(error.unwrap_err().status(), Status::InvalidArgument, "{lower}");
    }
    assert_eq!((names(place.path()), repository.manifest().unwrap()), before);
}

#[test]
fn a_dry_run_says_what_comes_and_writes_nothing() {
    let (place, repository) = repository(2, false);
    let before = (names(place.path()), names(&place.path().join(".patchcore")));
    let dry = PublishOptions { dry_run: true, ..PublishOptions::default() };
    let told = publish(&repository, 3, &dry).unwrap();
    assert_eq!((names(place.path()), names(&place.path().join(".patchcore"))), before);
    let done = publish(&repository, 3, &PublishOptions::default()).unwrap();
    assert_eq!(told.packages[0].sha256, done.packages[0].sha256);
    assert_eq!((told.written_bytes, told.dead_bytes), (done.written_bytes, done.dead_bytes));
}

#[test]
fn what_a_killed_publish_left_is_cut_off_and_cleared_away() {
    let (place, repository) = repository(2, false);
    let combined = place.path().join("combined_0.0.0_1.0.2.zip");
    let mut bytes = fs::read(&combined).unwrap();
    bytes.extend(noise(100_000, 3));
    fs::write(&combined, bytes).unwrap();
    check(&repository);
    fs::write(place.path().join("combined_0.0.0_1.0.3.zip"), "junk").unwrap();
    publish(&repository, 3, &PublishOptions::default()).unwrap();
    check(&repository);
    let manifest = repository.manifest().unwrap();
    assert_eq!(installed(&repository, &[manifest.line(None).combined().unwrap()]), release(3));
}

#[test]
fn architectures_have_versions_of_their_own() {
    let (_place, repository) = repository(2, false);
    let arm = PublishOptions { arch: Some("aarch64".into()), ..PublishOptions::default() };
    publish(&repository, 1, &arm).unwrap();
    publish(&repository, 3, &arm).unwrap();
    let manifest = repository.manifest().unwrap();
    assert_eq!(manifest.line(Some("aarch64")).latest(), Some(version("1.0.3")));
    assert_eq!(manifest.line(Some("x86_64")).latest(), Some(version("1.0.2")));
    assert!(manifest.package("delta_1.0.1_1.0.3_aarch64.zip").is_some());
    check(&repository);
}

#[test]
fn squashed_packages_lead_in_one_step() {
    let (_place, repository) = repository(4, false);
    let squash = PublishOptions { squash_from: 3, ..PublishOptions::default() };
    publish(&repository, 5, &squash).unwrap();
    let manifest = repository.manifest().unwrap();
    let squashed = manifest.package("delta_1.0.1_1.0.5.zip").unwrap();
    assert!(squashed.is_squashed);
    check(&repository);
    let way = [manifest.package("base_1.0.1.zip").unwrap(), squashed];
    assert_eq!(installed(&repository, &way), release(5));
    publish(&repository, 6, &PublishOptions::default()).unwrap();
    assert!(repository.manifest().unwrap().package("delta_1.0.1_1.0.5.zip").is_none());
}

#[test]
fn unknown_fields_of_a_manifest_are_kept() {
    let (place, repository) = repository(2, false);
    let path = place.path().join("manifest.json");
    let text = fs::read_to_string(&path).unwrap().replacen('{', "{\n  \"channel\": \"stable\",", 1);
    fs::write(&path, text).unwrap();
    publish(&repository, 3, &PublishOptions::default()).unwrap();
    let manifest: Manifest = repository.manifest().unwrap();
    assert_eq!(manifest.other["channel"], "stable");
}

//! Pruning, withdrawing, rebuilding, new bases, packages on demand, and the check of all of it.

use std::fs;

use patchcore::repository::{EditOptions, PlanReason, PublishOptions, Repository, Signer, UpdateMeans, plan};
use patchcore::trust::{KeyPair, SecretKey, TrustedKeys};
use patchcore::{Status, Task};

use crate::publish::{check, installed, publish, release, repository, version};
use crate::trees;

fn verified(repository: &Repository) {
    let found = repository.verify(None, &mut Task::new()).unwrap();
    assert_eq!(found.problems, []);
}

#[test]
fn pruning_leaves_a_way_from_everywhere() {
    let (place, repository) = repository(8, false);
    let dry = EditOptions { dry_run: true, ..EditOptions::default() };
    let told = repository.prune(2, &dry, &mut Task::new()).unwrap();
    let done = repository.prune(2, &EditOptions::default(), &mut Task::new()).unwrap();
    assert_eq!(told, done);
    assert_eq!(done.removed.len(), 5);
    assert!(!place.path().join("delta_1.0.1_1.0.2.zip").exists());
    let manifest = repository.manifest().unwrap();
    let planned = plan(&manifest, Some(version("1.0.2")), None, None).unwrap();
    assert_eq!((planned.means, planned.reason), (UpdateMeans::Full, PlanReason::UnknownVersion));
    assert_eq!(plan(&manifest, Some(version("1.0.6")), None, None).unwrap().means, UpdateMeans::Deltas);
    verified(&repository);
}

#[test]
fn pruning_never_takes_the_last_way() {
    let (place, repository) = repository(6, false);
    // Without the archive only the base and all deltas lead to the newest version.
    let text = fs::read_to_string(place.path().join("manifest.json")).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    manifest["patches"].as_array_mut().unwrap().retain(|package| package["is_combined"] == false);
    fs::write(place.path().join("manifest.json"), manifest.to_string()).unwrap();
    let report = repository.prune(1, &EditOptions::default(), &mut Task::new()).unwrap();
    assert_eq!((report.removed.len(), report.needed), (0, 4));
    verified(&repository);
}

#[test]
fn a_withdrawn_version_leaves_the_ones_around_it_connected() {
    let (place, repository) = repository(4, false);
    let report = repository.withdraw(version("1.0.3"), &EditOptions::default(), &mut Task::new()).unwrap();
    assert_eq!(report.latest, Some(version("1.0.4")));
    let manifest = repository.manifest().unwrap();
    let bridge = manifest.package("delta_1.0.2_1.0.4.zip").unwrap();
    assert!(!place.path().join("delta_1.0.2_1.0.3.zip").exists());
    let way = [manifest.package("base_1.0.1.zip").unwrap(), manifest.package("delta_1.0.1_1.0.2.zip").unwrap(), bridge];
    assert_eq!(installed(&repository, &way), release(4));
    check(&repository);
    verified(&repository);
}

#[test]
fn the_newest_version_is_withdrawn_and_the_next_one_follows_the_one_before() {
    let (_place, repository) = repository(3, false);
    let report = repository.withdraw(version("1.0.3"), &EditOptions::default(), &mut Task::new()).unwrap();
    assert_eq!((report.latest, report.warnings), (Some(version("1.0.2")), vec![]));
    let manifest = repository.manifest().unwrap();
    assert_eq!(manifest.latest_version, Some(version("1.0.2")));
    let combined = manifest.line(None).combined().unwrap();
    assert_eq!(installed(&repository, &[combined]), release(2));
    verified(&repository);
    publish(&repository, 4, &PublishOptions::default()).unwrap();
    check(&repository);
    verified(&repository);
    let manifest = repository.manifest().unwrap();
    assert!(manifest.package("delta_1.0.2_1.0.4.zip").is_some());
    let unknown = repository.withdraw(version("1.0.3"), &EditOptions::default(), &mut Task::new());
    assert_eq!(unknown.unwrap_err().status(), Status::UnknownVersion);
}

#[test]
fn versions_are_withdrawn_one_after_the_other_back_to_where_the_archive_began() {
    let (_place, repository) = repository(1, false);
    let mut newest = 1;
    loop {
        newest += 1;
        if publish(&repository, newest, &PublishOptions::default()).unwrap().compacted {
            break;
        }
    }
    let began = newest;
    for _ in 0..3 {
        newest += 1;
        assert!(!publish(&repository, newest, &PublishOptions::default()).unwrap().compacted);
    }
    while newest > began {
        let of = version(&format!("1.0.{newest}"));
        let report = repository.withdraw(of, &EditOptions::default(), &mut Task::new()).unwrap();
        newest -= 1;
        assert_eq!((report.latest, report.warnings), (Some(version(&format!("1.0.{newest}"))), vec![]));
        let manifest = repository.manifest().unwrap();
        assert_eq!(installed(&repository, &[manifest.line(None).combined().unwrap()]), release(newest));
        check(&repository);
        verified(&repository);
    }
    // The archive before it had another file, which went long ago.
    let of = version(&format!("1.0.{newest}"));
    let report = repository.withdraw(of, &EditOptions::default(), &mut Task::new()).unwrap();
    assert_eq!(report.warnings.len(), 1);
    let report = publish(&repository, newest + 1, &PublishOptions::default()).unwrap();
    assert_eq!(report.warnings.len(), 1);
    let manifest = repository.manifest().unwrap();
    let planned = plan(&manifest, Some(version(&format!("1.0.{}", newest - 1))), None, None).unwrap();
    assert_eq!(planned.means, UpdateMeans::Full);
    assert_eq!(installed(&repository, &planned.packages), release(newest + 1));
}

#[test]
fn a_version_that_was_made_a_base_is_withdrawn() {
    let (_place, repository) = repository(4, false);
    repository.new_base(&EditOptions::default(), &mut Task::new()).unwrap();
    let report = repository.withdraw(version("1.0.4"), &EditOptions::default(), &mut Task::new()).unwrap();
    assert_eq!((report.latest, report.warnings), (Some(version("1.0.3")), vec![]));
    let manifest = repository.manifest().unwrap();
    assert_eq!(installed(&repository, &[manifest.line(None).full(version("1.0.3")).unwrap()]), release(3));
    check(&repository);
    verified(&repository);
    publish(&repository, 5, &PublishOptions::default()).unwrap();
    verified(&repository);
}

#[test]
fn clients_take_a_manifest_that_was_made_again_from_nothing() {
    let (place, repository) = repository(3, false);
    let before = repository.manifest().unwrap().sequence;
    fs::remove_file(place.path().join("manifest.json")).unwrap();
    Repository::rebuild(place.path(), &EditOptions::default(), &mut Task::new()).unwrap();
    assert!(repository.manifest().unwrap().sequence > before + 1000);
}

#[test]
fn what_others_keep_beside_the_packages_stays() {
    let (place, repository) = repository(1, false);
    for name in ["staging-site/index.html", "staging-notes.txt", "notes"] {
        let path = place.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "ours").unwrap();
    }
    publish(&repository, 2, &PublishOptions::default()).unwrap();
    assert!(place.path().join("staging-site/index.html").exists() && place.path().join("staging-notes.txt").exists());
}

#[test]
fn an_expiry_stays_until_it_is_renewed_or_taken_away() {
    let (_place, repository) = repository(1, false);
    let expires = |at: &str| PublishOptions { expires_at: Some(at.to_owned()), ..PublishOptions::default() };
    let now = || repository.manifest().unwrap().expires_at;
    publish(&repository, 2, &expires("2100-01-01T00:00:00Z")).unwrap();
    publish(&repository, 3, &PublishOptions::default()).unwrap();
    assert_eq!(now().as_deref(), Some("2100-01-01T00:00:00Z"));
    let renewed = publish(&repository, 3, &expires("2101-01-01T00:00:00Z")).unwrap();
    assert!(renewed.changed && renewed.packages.is_empty());
    assert_eq!(now().as_deref(), Some("2101-01-01T00:00:00Z"));
    assert!(!publish(&repository, 3, &expires("2101-01-01T00:00:00Z")).unwrap().changed);
    publish(&repository, 4, &expires("never")).unwrap();
    assert_eq!(now(), None);
    assert_eq!(publish(&repository, 5, &expires("soon")).unwrap_err().status(), Status::InvalidArgument);
    verified(&repository);
}

#[test]
fn folders_of_something_else_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let channel = r#"{"model_family": "m", "current_version": "v1", "current_hash": "00", "patches": []}"#;
    fs::write(place.path().join("manifest.json"), channel).unwrap();
    assert_eq!(Repository::open(place.path()).err().unwrap().status(), Status::InvalidArgument);
    for error in [Repository::init("s3://bucket/x".as_ref(), false), Repository::open("s3://bucket/x".as_ref())] {
        assert_eq!(error.err().unwrap().status(), Status::Unsupported);
    }
    assert!(!std::path::Path::new("s3:").exists());
}

#[test]
fn pruning_keeps_as_much_as_one_says() {
    let (_place, repository) = repository(3, false);
    assert_eq!(repository.prune(usize::MAX, &EditOptions::default(), &mut Task::new()).unwrap().removed.len(), 0);
}

#[test]
fn a_lost_manifest_and_archive_are_made_again_from_the_packages() {
    for plain in [false, true] {
        let (place, repository) = repository(4, plain);
        let before = repository.manifest().unwrap();
        fs::remove_file(place.path().join("combined_0.0.0_1.0.4.zip")).unwrap();
        fs::remove_file(place.path().join("combined_0.0.0_1.0.3.zip")).unwrap();
        if !plain {
            // The base is a name of the file that the archive was; what it was is its beginning.
            let base = fs::OpenOptions::new().write(true).open(place.path().join("base_1.0.1.zip")).unwrap();
            base.set_len(before.package("base_1.0.1.zip").unwrap().size).unwrap();
            fs::remove_file(place.path().join("manifest.json")).unwrap();
        }
        let report = Repository::rebuild(place.path(), &EditOptions::default(), &mut Task::new()).unwrap();
        assert_eq!(report.made, ["combined_0.0.0_1.0.4.zip"]);
        let repository = Repository::open(place.path()).unwrap();
        let manifest = repository.manifest().unwrap();
        assert_eq!(installed(&repository, &[manifest.line(None).combined().unwrap()]), release(4), "plain {plain}");
        check(&repository);
        publish(&repository, 5, &PublishOptions::default()).unwrap();
        verified(&repository);
    }
}

#[test]
fn a_folder_of_packages_that_others_made_is_adopted() {
    let (place, first) = repository(3, true);
    let manifest = first.manifest().unwrap();
    let other = tempfile::tempdir().unwrap();
    for package in manifest.patches.iter().filter(|package| !package.is_combined) {
        let bytes = fs::read(place.path().join(&package.file)).unwrap();
        fs::write(other.path().join(&package.file), &bytes[..package.size as usize]).unwrap();
    }
    let patches: Vec<_> = manifest
        .patches
        .iter()
        .filter(|package| !package.is_combined)
        .map(|package| {
            serde_json::json!({"from": package.from.to_string(), "to": package.to.to_string(), "file": package.file,
                "size": package.size, "file_count": package.file_count, "is_base": package.is_base, "is_combined": false,
                "created_at": "2025-01-01 10:00:00", "deleted": package.deleted})
        })
        .collect();
    let text =
        serde_json::json!({"latest_version": "1.0.3", "generated_at": "2025-01-01 10:00:00", "patches": patches});
    fs::write(other.path().join("manifest.json"), text.to_string()).unwrap();
    fs::write(other.path().join("notes.txt"), "not ours").unwrap();
    let report = Repository::rebuild(other.path(), &EditOptions::default(), &mut Task::new()).unwrap();
    assert_eq!(report.left_out, []);
    let adopted = Repository::open(other.path()).unwrap();
    assert!(adopted.manifest().unwrap().plain);
    publish(&adopted, 4, &PublishOptions::default()).unwrap();
    let manifest = adopted.manifest().unwrap();
    assert_eq!(installed(&adopted, &[manifest.line(None).combined().unwrap()]), release(4));
    assert!(other.path().join("notes.txt").exists());
}

#[test]
fn a_new_base_holds_nothing_dead_and_grows_from_there() {
    let (place, repository) = repository(3, false);
    repository.new_base(&EditOptions::default(), &mut Task::new()).unwrap();
    let manifest = repository.manifest().unwrap();
    let base = manifest.package("base_1.0.3.zip").unwrap();
    assert_eq!(installed(&repository, &[base]), release(3));
    publish(&repository, 4, &PublishOptions::default()).unwrap();
    publish(&repository, 5, &PublishOptions::default()).unwrap();
    assert!(!place.path().join("base_1.0.1.zip").exists());
    check(&repository);
    verified(&repository);
}

#[test]
fn packages_on_demand_are_made_once() {
    let (place, repository) = repository(5, false);
    let made = repository.squashed(version("1.0.1"), version("1.0.5"), None, &mut Task::new()).unwrap().unwrap();
    let path = place.path().join(".patchcore/cache/delta_1.0.1_1.0.5.zip");
    let first = fs::metadata(&path).unwrap().modified().unwrap();
    let again = repository.squashed(version("1.0.1"), version("1.0.5"), None, &mut Task::new()).unwrap().unwrap();
    let reopened = Repository::open(place.path()).unwrap();
    let later = reopened.squashed(version("1.0.1"), version("1.0.5"), None, &mut Task::new()).unwrap().unwrap();
    assert_eq!((&made, &made), (&again, &later));
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), first);
    let manifest = repository.manifest().unwrap();
    assert_eq!(installed(&repository, &[manifest.package("base_1.0.1.zip").unwrap(), &made]), release(5));
    assert!(repository.squashed(version("1.0.4"), version("1.0.5"), None, &mut Task::new()).unwrap().is_none());
}

#[test]
fn packages_on_demand_are_made_again_for_a_version_with_other_content() {
    let (place, repository) = repository(5, false);
    let squashed = |repository: &Repository| {
        repository.squashed(version("1.0.1"), version("1.0.5"), None, &mut Task::new()).unwrap().unwrap()
    };
    let reopened = Repository::open(place.path()).unwrap();
    let before = [squashed(&repository), squashed(&reopened)];
    repository.withdraw(version("1.0.5"), &EditOptions::default(), &mut Task::new()).unwrap();
    let other = trees::folder(&release(6));
    repository.publish(other.path(), version("1.0.5"), &PublishOptions::default(), &mut Task::new()).unwrap();
    // One that knows what it made, one that made nothing yet.
    for repository in [reopened, Repository::open(place.path()).unwrap()] {
        let made = squashed(&repository);
        assert!(!before.contains(&made));
        let manifest = repository.manifest().unwrap();
        assert_eq!(installed(&repository, &[manifest.package("base_1.0.1.zip").unwrap(), &made]), release(6));
    }
}

#[test]
fn a_missing_archive_is_put_together_when_it_is_asked_for() {
    let (place, repository) = repository(4, false);
    fs::remove_file(place.path().join("combined_0.0.0_1.0.4.zip")).unwrap();
    let made = repository.ensure_combined(None, &mut Task::new()).unwrap();
    assert_eq!(installed(&repository, &[&made]), release(4));
    assert!(place.path().join(".patchcore/cache/combined_0.0.0_1.0.4.zip").exists());
}

#[test]
fn damage_is_found() {
    let (place, repository) = repository(3, false);
    let path = place.path().join("delta_1.0.2_1.0.3.zip");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let found = repository.verify(None, &mut Task::new()).unwrap();
    assert_eq!(found.problems.len(), 1);
    assert_eq!(found.problems[0].0, "delta_1.0.2_1.0.3.zip");
}

#[test]
fn a_signed_repository_is_changed_by_nobody_without_the_key() {
    let (place, repository) = repository(0, false);
    let pair = KeyPair::generate(None).unwrap();
    let signer = Some(Signer::try_from(SecretKey::parse(&pair.secret, None).unwrap()).unwrap());
    let signed = PublishOptions { signer: signer.clone(), ..PublishOptions::default() };
    publish(&repository, 1, &signed).unwrap();
    publish(&repository, 2, &signed).unwrap();
    let refused = publish(&repository, 3, &PublishOptions::default()).unwrap_err();
    assert_eq!(refused.status(), Status::InvalidArgument);
    let keys = TrustedKeys::new([pair.public.clone()]).unwrap();
    let found = repository.verify(Some(&keys), &mut Task::new()).unwrap();
    assert_eq!((found.problems, found.signed_by), (vec![], Some(pair.public.id())));
    // A publisher that was killed between the manifest and its signature leaves both signatures.
    let signature = fs::read(place.path().join("manifest.json.minisig")).unwrap();
    fs::write(place.path().join("manifest.json.minisig.next"), signature).unwrap();
    fs::write(place.path().join("manifest.json.minisig"), "untrusted comment: x\nold").unwrap();
    assert_eq!(repository.verify(Some(&keys), &mut Task::new()).unwrap().problems, []);
    publish(&repository, 3, &signed).unwrap();
    assert!(!place.path().join("manifest.json.minisig.next").exists());
    assert_eq!(repository.verify(Some(&keys), &mut Task::new()).unwrap().problems, []);
    let other = TrustedKeys::new([KeyPair::generate(None).unwrap().public]).unwrap();
    assert_eq!(repository.verify(Some(&other), &mut Task::new()).unwrap().problems.len(), 1);
}

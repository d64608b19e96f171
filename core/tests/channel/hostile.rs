//! Channels that lie, are damaged, or change under the reader.

use std::fs;

use patchcore::update::{FileMeans, FileReason, FileUpdateOptions, update_file_from_channel};
use patchcore::{Digest, Status, Task};

use crate::{Lab, assert_status, create, diff, noise};

#[test]
fn what_is_no_manifest_is_corrupt_and_changes_nothing() {
    let lab = Lab::published(3);
    let host = lab.server();
    lab.device(0);
    for text in ["", "{}", "[]", "nonsense", r#"{"model_family": "m", "current_version": "v", "current_hash": "xyz"}"#]
    {
        fs::write(lab.channel("manifest.json"), text).unwrap();
        assert_status(lab.update(&host.url()), Status::Corrupt);
    }
    let releases = r#"{"patches": [{"from": "0.0.0", "to": "1.0.0", "file": "b.zip", "size": 7, "is_base": true}]}"#;
    fs::write(lab.channel("manifest.json"), releases).unwrap();
    assert_status(lab.update(&host.url()), Status::InvalidArgument);
    fs::remove_file(lab.channel("manifest.json")).unwrap();
    assert_status(lab.update(&host.url()), Status::NotFound);
    lab.assert_device(0);
}

#[test]
fn a_promise_that_nothing_keeps_changes_nothing() {
    let lab = Lab::published(4);
    let host = lab.server();
    lab.edit(|manifest| manifest.current_hash = Digest::of(b"another"));
    for version in 0..4 {
        lab.device(version);
        let error = assert_status(lab.update(&host.url()), Status::TargetMismatch);
        assert!(error.message().contains("promised"), "{error}");
        lab.assert_device(version);
    }
    lab.edit(|manifest| manifest.current_url = None);
    lab.device(0);
    lab.update(&host.url()).unwrap_err();
    lab.assert_device(0);
}

/// Does something to the files of a host.
type Spoil<'a> = Box<dyn Fn() + 'a>;

#[test]
fn a_wrong_squashed_delta_is_passed_over_for_the_links_and_those_for_the_whole() {
    let lab = Lab::published(5);
    let host = lab.server();
    let wrong: [(&str, Spoil<'_>); 4] = [
        ("gone", Box::new(|| fs::remove_file(lab.channel("v1_to_latest.delta")).unwrap())),
        (
            "of another version",
            Box::new(|| {
                fs::copy(lab.channel("v2_to_latest.delta"), lab.channel("v1_to_latest.delta")).map(drop).unwrap();
            }),
        ),
        (
            "of another version, promised",
            Box::new(|| {
                fs::copy(lab.channel("v2_to_latest.delta"), lab.channel("v1_to_latest.delta")).unwrap();
                let bytes = fs::read(lab.channel("v1_to_latest.delta")).unwrap();
                lab.edit(|manifest| {
                    let prefix = Digest::of(&lab.versions[0]).short();
                    manifest.squashed_sizes.insert(prefix.clone(), bytes.len() as u64);
                    manifest.squashed_hashes.insert(prefix, Digest::of(&bytes));
                });
            }),
        ),
        (
            "damaged",
            Box::new(|| {
                let mut bytes = fs::read(lab.channel("v1_to_latest.delta")).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(lab.channel("v1_to_latest.delta"), &bytes).unwrap();
                lab.edit(|manifest| {
                    manifest.squashed_sizes.clear();
                    manifest.squashed_hashes.clear();
                });
            }),
        ),
    ];
    for (name, spoil) in &wrong {
        lab.publish();
        spoil();
        lab.device(0);
        let report = lab.update(&host.url()).unwrap();
        assert_eq!((report.means, report.reason), (FileMeans::Links, FileReason::OtherWayFailed), "{name}");
        lab.assert_device(4);
        let mut chain = fs::read(lab.channel("updates.chain")).unwrap();
        chain[200..1000].fill(7);
        fs::write(lab.channel("updates.chain"), chain).unwrap();
        lab.device(0);
        let report = lab.update(&host.url()).unwrap();
        assert_eq!((report.means, report.reason), (FileMeans::Full, FileReason::OtherWayFailed), "{name}");
        lab.assert_device(4);
        fs::remove_dir_all(lab.path("channel")).unwrap();
        fs::remove_file(lab.path("device/.model.bin.patchcore.json")).unwrap();
    }
}

#[test]
fn a_chain_that_is_another_one_than_the_manifest_says_is_not_believed() {
    let lab = Lab::published(4);
    let host = lab.server();
    let whole = fs::read(lab.channel("updates.chain")).unwrap();
    // Of other versions; of the same versions by other deltas; shorter; torn; empty; something else.
    create(&lab.path("other.chain"), &[diff(&lab.versions[2], &noise(9, 1000))]);
    let other = fs::read(lab.path("other.chain")).unwrap();
    create(&lab.path("same.chain"), &[diff(&lab.versions[2], &lab.versions[3])]);
    let same = fs::read(lab.path("same.chain")).unwrap();
    for bytes in
        [other.clone(), same, whole[..whole.len() - 1].to_vec(), whole[..500].to_vec(), Vec::new(), noise(1, 9000)]
    {
        fs::write(lab.channel("updates.chain"), &bytes).unwrap();
        lab.device(2);
        let report = lab.update(&host.url()).unwrap();
        assert_eq!((report.means, report.reason), (FileMeans::Full, FileReason::OtherWayFailed), "{}", bytes.len());
        lab.assert_device(3);
    }
    // Without what the manifest says of the index, a torn end is passed over by the chain itself.
    let manifest = fs::read(lab.channel("manifest.json")).unwrap();
    for tail in [&b"torn"[..], &noise(3, 70_000)] {
        fs::write(lab.channel("updates.chain"), [&whole[..], tail].concat()).unwrap();
        for knows in [true, false] {
            fs::write(lab.channel("manifest.json"), &manifest).unwrap();
            if !knows {
                lab.edit(|manifest| {
                    (manifest.chain_size, manifest.chain_index_size, manifest.chain_index_hash) = (None, None, None);
                });
            }
            lab.device(2);
            assert_eq!(lab.update(&host.url()).unwrap().means, FileMeans::Links, "{knows} {}", tail.len());
            lab.assert_device(3);
        }
    }
}

#[test]
fn sizes_that_are_lies_allocate_nothing_and_lead_nowhere() {
    let lab = Lab::published(4);
    let host = lab.server();
    for lie in 0..4 {
        lab.publish();
        lab.edit(|manifest| match lie {
            0 => manifest.chain_size = Some(u64::MAX),
            1 => (manifest.chain_size, manifest.chain_index_size) = (Some(u64::MAX), Some(u64::MAX)),
            2 => (manifest.chain_size, manifest.chain_index_size) = (Some(100), None),
            _ => manifest.chain_index_size = manifest.chain_size,
        });
        lab.device(2);
        let report = lab.update(&host.url()).unwrap();
        assert!(matches!(report.means, FileMeans::Full | FileMeans::Links), "{lie}");
        lab.assert_device(3);
    }
    lab.publish();
    lab.edit(|manifest| manifest.current_size = Some(u64::MAX));
    fs::remove_file(lab.path("device/model.bin")).unwrap();
    assert_status(lab.update(&host.url()), Status::TargetMismatch);
}

#[test]
fn a_manifest_from_a_network_names_no_files_of_this_machine() {
    let lab = Lab::published(4);
    let host = lab.server();
    let secret = format!("file://{}", lab.path("newest.bin").display());
    lab.edit(|manifest| {
        manifest.squashed_patches.clear();
        manifest.current_url = Some(secret.clone());
        manifest.chain_url = Some(secret.clone());
    });
    for version in [0, 2] {
        lab.device(version);
        assert_status(lab.update(&host.url()), Status::InvalidArgument);
        lab.assert_device(version);
    }
}

#[test]
fn versions_whose_digits_clash_are_told_apart() {
    let lab = Lab::published(5);
    let host = lab.server();
    // As if the first version's digits were those of another one: its delta starts elsewhere.
    lab.edit(|manifest| {
        let [first, second] = [0, 1].map(|version: usize| Digest::of(&lab.versions[version]));
        let url = manifest.squashed_patches.remove(&second.short()).unwrap();
        manifest.squashed_patches.insert(second.to_string()[..20].to_owned(), url.clone());
        manifest.squashed_patches.remove(&first.short());
        manifest.squashed_patches.insert(first.to_string()[..5].to_uppercase(), url);
        manifest.squashed_hashes.clear();
        manifest.squashed_sizes.clear();
    });
    lab.device(1);
    assert_eq!(lab.update(&host.url()).unwrap().means, FileMeans::Squashed);
    lab.assert_device(4);
    lab.device(0);
    let report = lab.update(&host.url()).unwrap();
    assert_eq!((report.means, report.reason), (FileMeans::Links, FileReason::OtherWayFailed));
    lab.assert_device(4);
}

#[test]
fn what_is_remembered_and_damaged_is_told_and_not_passed_over() {
    let lab = Lab::published(3);
    let host = lab.server();
    lab.device(0);
    fs::write(lab.path("device/.model.bin.patchcore.json"), "nonsense").unwrap();
    assert_status(lab.update(&host.url()), Status::Corrupt);
    lab.assert_device(0);
}

#[test]
fn a_directory_is_no_file_to_update() {
    let lab = Lab::published(2);
    let host = lab.server();
    let error =
        update_file_from_channel(&lab.path("device"), &host.url(), &FileUpdateOptions::default(), &mut Task::new());
    assert_status(error, Status::InvalidArgument);
}

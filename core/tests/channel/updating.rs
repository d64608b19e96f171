//! From any version to the newest, and exactly the bytes that were planned.

use std::fs;

use patchcore::repository::Signer;
use patchcore::repository::channel::ChannelPublishOptions;
use patchcore::trust::{KeyPair, SecretKey, TrustedKeys};
use patchcore::update::{FileMeans, FileReason, FileUpdateOptions, UpdateAction, update_file_from_channel};
use patchcore::{Digest, Status, Task};

use crate::server::{Server, head, send, serve, serve_at_most};
use crate::{Lab, assert_status, quick};

#[test]
fn every_version_gets_to_the_newest_by_exactly_the_bytes_of_the_plan() {
    let lab = Lab::published(6);
    let host = lab.server();
    for version in 0..6 {
        let file = lab.device(version);
        let plan = update_file_from_channel(
            &file,
            &host.url(),
            &FileUpdateOptions { dry_run: true, ..quick() },
            &mut Task::new(),
        );
        let plan = plan.unwrap();
        host.sent();
        let report = lab.update(&host.url()).unwrap();
        let sent = host.bytes();
        let (means, reason) = match version {
            5 => (FileMeans::Nothing, FileReason::UpToDate),
            4 => (FileMeans::Links, FileReason::FewestBytes),
            _ => (FileMeans::Squashed, FileReason::FewestBytes),
        };
        assert_eq!((report.means, report.reason), (means, reason), "v{}", version + 1);
        assert_eq!((plan.means, plan.planned_bytes), (report.means, report.planned_bytes));
        assert_eq!((report.planned_bytes, report.transferred_bytes), (Some(sent), sent), "v{}", version + 1);
        assert!(sent < 10_000);
        assert_eq!((report.to.as_str(), report.to_digest), ("v6", Digest::of(&lab.versions[5])));
        lab.assert_device(5);
    }
}

#[test]
fn where_there_is_no_file_or_an_unknown_one_the_whole_comes() {
    let lab = Lab::published(4);
    let host = lab.server();
    let report = lab.update(&host.url()).unwrap();
    assert_eq!(
        (report.means, report.reason, report.action),
        (FileMeans::Full, FileReason::NoFile, UpdateAction::Applied)
    );
    lab.assert_device(3);
    let whole = lab.versions[3].len() as u64;
    assert_eq!((host.bytes(), report.transferred_bytes, report.planned_bytes), (whole, whole, Some(whole)));
    fs::write(lab.path("device/model.bin"), b"what is this").unwrap();
    let report = lab.update(&host.url()).unwrap();
    assert_eq!((report.means, report.reason), (FileMeans::Full, FileReason::UnknownVersion));
    lab.assert_device(3);
}

#[test]
fn without_squashed_deltas_the_links_come_and_no_other_byte_of_the_chain() {
    let lab = Lab::published(6);
    let host = lab.server();
    for stranger in [false, true] {
        lab.edit(|manifest| {
            manifest.squashed_patches.clear();
            manifest.squashed_sizes.clear();
            manifest.squashed_hashes.clear();
            if stranger {
                (manifest.chain_size, manifest.chain_index_size, manifest.chain_index_hash) = (None, None, None);
                (manifest.current_size, manifest.sequence) = (None, manifest.sequence + 1);
            }
        });
        for version in 0..5 {
            lab.device(version);
            host.sent();
            let report = lab.update(&host.url()).unwrap();
            assert_eq!((report.means, report.links), (FileMeans::Links, 5 - version), "{report:?}");
            assert_eq!(report.from, Some(format!("v{}", version + 1)));
            let sent = host.sent();
            assert!(sent.iter().all(|(name, _)| name == "updates.chain") && sent.len() <= 2, "{sent:?}");
            let bytes = sent.iter().map(|(_, bytes)| bytes).sum();
            assert_eq!((report.planned_bytes, report.transferred_bytes), (Some(bytes), bytes), "{stranger} {version}");
            lab.assert_device(5);
        }
    }
}

#[test]
fn the_whole_file_comes_where_it_is_fewer_bytes() {
    // Nothing in common, and a small newest version.
    let lab = Lab::of(vec![crate::noise(1, 50_000), crate::noise(2, 100_000), crate::noise(3, 90_000)]);
    lab.publish();
    let host = lab.server();
    for version in 0..2 {
        lab.device(version);
        let report = lab.update(&host.url()).unwrap();
        assert_eq!((report.means, report.reason), (FileMeans::Full, FileReason::FullIsSmaller), "{version}");
        lab.assert_device(2);
    }
}

#[test]
fn any_version_can_be_asked_for_as_far_as_links_lead_there() {
    let lab = Lab::published(5);
    let host = lab.server();
    let file = lab.device(0);
    let to = |to: &str| {
        let options = FileUpdateOptions { to: Some(to.to_owned()), ..quick() };
        update_file_from_channel(&file, &host.url(), &options, &mut Task::new())
    };
    let report = to("v3").unwrap();
    assert_eq!((report.means, report.to.as_str(), report.links), (FileMeans::Links, "v3", 2));
    lab.assert_device(2);
    assert_eq!(to(&Digest::of(&lab.versions[2]).short()).unwrap().means, FileMeans::Nothing);
    assert_status(to("v1"), Status::NoRoute);
    assert_status(to("v9"), Status::UnknownVersion);
    lab.assert_device(2);
    assert_eq!(to("v5").unwrap().means, FileMeans::Squashed);
    lab.assert_device(4);
    fs::remove_file(&file).unwrap();
    assert_status(to("v2"), Status::NoRoute);
}

#[test]
fn what_the_file_must_be_can_be_said_and_planned_without_one() {
    let lab = Lab::published(5);
    let host = lab.server();
    let file = lab.device(1);
    let from = |from: &str, dry_run| {
        let options = FileUpdateOptions { from: Some(from.to_owned()), dry_run, ..quick() };
        update_file_from_channel(&file, &host.url(), &options, &mut Task::new())
    };
    assert_status(from("v1", false), Status::SourceMismatch);
    assert_status(from("v9", false), Status::UnknownVersion);
    lab.assert_device(1);
    let report = from("v4", true).unwrap();
    assert_eq!(
        (report.action, report.means, report.from.as_deref()),
        (UpdateAction::Decided, FileMeans::Links, Some("v4"))
    );
    lab.assert_device(1);
    assert_eq!(from(&Digest::of(&lab.versions[1]).short(), false).unwrap().means, FileMeans::Squashed);
    lab.assert_device(4);
    fs::remove_file(&file).unwrap();
    assert_status(from("v1", false), Status::NotFound);
}

#[test]
fn a_plan_writes_nothing() {
    let lab = Lab::published(3);
    let host = lab.server();
    let file = lab.device(0);
    let options = FileUpdateOptions { dry_run: true, ..quick() };
    update_file_from_channel(&file, &host.url(), &options, &mut Task::new()).unwrap();
    assert_eq!(crate::names(&lab.path("device")), ["model.bin"]);
}

#[test]
fn what_was_downloaded_is_applied_later_without_a_network() {
    let lab = Lab::published(5);
    for (version, means) in [(0, FileMeans::Squashed), (3, FileMeans::Links), (5, FileMeans::Full)] {
        let host = lab.server();
        let file = lab.device(version.min(4));
        if version == 5 {
            fs::remove_file(&file).unwrap();
        }
        let options = FileUpdateOptions { download_only: true, ..quick() };
        let report = update_file_from_channel(&file, &host.url(), &options, &mut Task::new()).unwrap();
        assert_eq!((report.action, report.means), (UpdateAction::Downloaded, means));
        assert!(report.file.unwrap().is_file());
        assert!(version == 5 || fs::read(&file).unwrap() == lab.versions[version]);
        let url = host.url();
        drop(host);
        let report = lab.update(&url).unwrap();
        assert_eq!((report.action, report.transferred_bytes), (UpdateAction::Applied, 0));
        lab.assert_device(4);
    }
}

#[test]
fn a_download_goes_on_where_it_broke() {
    let lab = Lab::published(5);
    let folder = lab.path("channel");
    let server = Server::start(move |asked, stream| {
        let Ok(bytes) = fs::read(folder.join(&asked.path[1..])) else {
            return head(stream, "404 Not Found", &[("Content-Length", "0")]);
        };
        let most = if asked.path == "/manifest.json" { usize::MAX } else { 1000 };
        serve_at_most(asked, stream, &bytes, "\"one\"", most);
    });
    lab.device(0);
    let report = lab.update(&server.url("manifest.json")).unwrap();
    assert_eq!(report.planned_bytes, Some(report.transferred_bytes));
    lab.assert_device(4);
    lab.device(3);
    let report = lab.update(&server.url("manifest.json")).unwrap();
    assert_eq!((report.means, report.planned_bytes), (FileMeans::Links, Some(report.transferred_bytes)));
    lab.assert_device(4);
}

#[test]
fn a_server_without_ranges_gives_squashed_deltas_and_whole_files() {
    let lab = Lab::published(4);
    let folder = lab.path("channel");
    let server = Server::start(move |asked, stream| match fs::read(folder.join(&asked.path[1..])) {
        Ok(bytes) => {
            head(stream, "200 OK", &[("Content-Length", &bytes.len().to_string())]);
            send(stream, &bytes);
        }
        Err(_) => head(stream, "404 Not Found", &[("Content-Length", "0")]),
    });
    lab.device(0);
    assert_eq!(lab.update(&server.url("")).unwrap().means, FileMeans::Squashed);
    lab.device(2);
    let report = lab.update(&server.url("")).unwrap();
    assert_eq!((report.means, report.reason), (FileMeans::Full, FileReason::NoRanges));
    lab.assert_device(3);
}

#[test]
fn a_channel_on_this_machine_is_read_like_any_other() {
    let lab = Lab::published(4);
    for (version, means) in [(0, FileMeans::Squashed), (2, FileMeans::Links), (3, FileMeans::Nothing)] {
        lab.device(version);
        let report = lab.update(lab.path("channel").to_str().unwrap()).unwrap();
        assert_eq!(report.means, means);
        lab.assert_device(3);
    }
}

#[test]
fn files_on_another_host_are_found() {
    let lab = Lab::new(4);
    fs::create_dir(lab.path("channel")).unwrap();
    let files = lab.server();
    let base_url = Some(files.url());
    lab.try_publish(&ChannelPublishOptions { base_url, ..Default::default() }).unwrap();
    fs::create_dir(lab.path("front")).unwrap();
    fs::rename(lab.channel("manifest.json"), lab.path("front/manifest.json")).unwrap();
    let front = crate::Host::of(&lab.path("front"));
    for version in [0, 2] {
        lab.device(version);
        lab.update(&front.url()).unwrap();
        lab.assert_device(3);
    }
    assert!(front.sent().is_empty() && !files.sent().is_empty());
}

#[test]
fn a_manifest_that_was_replaced_by_an_older_or_an_expired_one_is_stale() {
    let mut lab = Lab::published(3);
    let host = lab.server();
    let old = fs::read(lab.channel("manifest.json")).unwrap();
    lab.grow();
    lab.publish();
    lab.device(0);
    lab.update(&host.url()).unwrap();
    lab.assert_device(3);
    fs::write(lab.channel("manifest.json"), &old).unwrap();
    assert_status(lab.update(&host.url()), Status::Stale);
    fs::remove_file(lab.path("device/.model.bin.patchcore.json")).unwrap();
    lab.edit(|manifest| manifest.expires_at = Some("2020-01-01T00:00:00Z".into()));
    assert_status(lab.update(&host.url()), Status::Stale);
    lab.edit(|manifest| manifest.expires_at = Some("whenever".into()));
    assert_status(lab.update(&host.url()), Status::Corrupt);
    lab.assert_device(3);
}

#[test]
fn a_required_signature_must_be_there_and_fit_and_may_be_on_its_way() {
    let lab = Lab::new(4);
    let pair = KeyPair::generate(None).unwrap();
    let keys = TrustedKeys::new([pair.public.clone()]).unwrap();
    let options = FileUpdateOptions { keys: Some(keys), ..quick() };
    fs::create_dir(lab.path("channel")).unwrap();
    let host = lab.server();
    let file = lab.device(0);
    let update = || update_file_from_channel(&file, &host.url(), &options, &mut Task::new());
    lab.publish();
    assert_status(update(), Status::BadSignature);
    let signer = Signer::try_from(SecretKey::parse(&pair.secret, None).unwrap()).unwrap();
    lab.try_publish(&ChannelPublishOptions { signer: Some(signer), ..Default::default() }).unwrap();
    // As a publisher leaves it between the manifest and its signature.
    let (signature, next) = (lab.channel("manifest.json.minisig"), lab.channel("manifest.json.minisig.next"));
    fs::rename(&signature, &next).unwrap();
    let other = SecretKey::parse(&KeyPair::generate(None).unwrap().secret, None).unwrap();
    fs::write(&signature, other.sign(&mut &b"older"[..], "").unwrap()).unwrap();
    let report = update().unwrap();
    assert_eq!(report.signed_by.unwrap().id(), pair.public.id());
    lab.assert_device(3);
    fs::remove_file(&next).unwrap();
    assert_status(update(), Status::UntrustedKey);
    let text = fs::read_to_string(lab.channel("manifest.json")).unwrap().replace("v4", "v5");
    fs::write(lab.channel("manifest.json"), text).unwrap();
    fs::write(&signature, SecretKey::parse(&pair.secret, None).unwrap().sign(&mut &b"x"[..], "").unwrap()).unwrap();
    assert_status(update(), Status::BadSignature);
}

#[test]
fn a_publish_in_the_middle_of_an_update_leads_to_the_newer_version() {
    let mut lab = Lab::published(3);
    let folder = lab.path("channel");
    let before = lab.path("before");
    fs::create_dir(&before).unwrap();
    fs::copy(lab.channel("manifest.json"), before.join("manifest.json")).unwrap();
    lab.grow();
    lab.publish();
    // The first answer is the manifest of before, everything else is of now.
    let server = Server::start(move |asked, stream| {
        let folder = if asked.number == 0 { &before } else { &folder };
        match fs::read(folder.join(&asked.path[1..])) {
            Ok(bytes) => serve(asked, stream, &bytes, &format!("\"{}\"", Digest::of(&bytes))),
            Err(_) => head(stream, "404 Not Found", &[("Content-Length", "0")]),
        }
    });
    let report = lab.update(&server.url("")).unwrap();
    assert_eq!((report.means, report.reason, report.to.as_str()), (FileMeans::Full, FileReason::NoFile, "v4"));
    lab.assert_device(3);
}

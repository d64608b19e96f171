//! What publishing writes, and what it leaves alone.

use std::fs;

use patchcore::repository::Signer;
use patchcore::repository::channel::{ChannelManifest, ChannelPublishOptions, publish_channel};
use patchcore::trust::{KeyPair, SecretKey, Signature};
use patchcore::{Digest, Status, Task};

use crate::{Lab, assert_status, create, diff, names, noise};

#[test]
fn a_channel_is_its_newest_version_its_chain_and_the_ways_from_far_behind() {
    let lab = Lab::published(5);
    let newest = Digest::of(&lab.versions[4]);
    let current = format!("latest_{}.bin", newest.short());
    let mut expected = [
        ".patchcore",
        &current,
        "latest.bin",
        "manifest.json",
        "updates.chain",
        "v1_to_latest.delta",
        "v2_to_latest.delta",
        "v3_to_latest.delta",
    ];
    expected.sort_unstable();
    assert_eq!(names(&lab.path("channel")), expected);
    assert!(fs::read(lab.channel("latest.bin")).unwrap() == lab.versions[4]);
    assert!(fs::read(lab.channel(&current)).unwrap() == lab.versions[4]);
    assert!(fs::read(lab.channel("updates.chain")).unwrap() == fs::read(lab.path("updates.chain")).unwrap());
    let manifest = lab.manifest();
    assert_eq!((manifest.model_family.as_str(), manifest.current_version.as_str()), ("model", "v5"));
    assert_eq!((manifest.current_hash, manifest.current_size), (newest, Some(lab.versions[4].len() as u64)));
    assert_eq!(manifest.chain_url.as_deref(), Some("updates.chain"));
    assert_eq!(manifest.sequence, 1);
    for (number, version) in lab.versions[..3].iter().enumerate() {
        let digest = Digest::of(version);
        let patch = manifest.squashed_from(&digest).unwrap();
        assert_eq!((patch.prefix, patch.url), (digest.short().as_str(), &*format!("v{}_to_latest.delta", number + 1)));
        let bytes = fs::read(lab.channel(patch.url)).unwrap();
        assert_eq!((patch.size, patch.hash), (Some(bytes.len() as u64), Some(Digest::of(&bytes))));
    }
    // The version before the newest needs one link, which is in the chain.
    assert!(manifest.squashed_from(&Digest::of(&lab.versions[3])).is_none());
}

#[test]
fn publishing_the_same_again_changes_nothing() {
    let lab = Lab::published(4);
    let state = || -> Vec<_> {
        let names = names(&lab.path("channel"));
        let written = |name: &String| (name.clone(), fs::metadata(lab.channel(name)).unwrap().modified().unwrap());
        names.iter().filter(|name| *name != ".patchcore").map(written).collect()
    };
    let before = state();
    let report = lab.publish();
    assert!(!report.changed && report.written.is_empty() && report.written_bytes == 0, "{report:?}");
    assert_eq!(report.manifest.sequence, 1);
    assert_eq!(state(), before);
    // What is missing is made again, and only that.
    fs::remove_file(lab.channel("v1_to_latest.delta")).unwrap();
    fs::remove_file(lab.channel("latest.bin")).unwrap();
    let report = lab.publish();
    assert!(report.changed);
    assert_eq!(names(&lab.path("channel")).len(), before.len() + 1);
    assert_eq!(lab.manifest().current_hash, report.manifest.current_hash);
}

#[test]
fn a_new_version_appends_to_the_published_chain_and_takes_the_old_one_away() {
    let mut lab = Lab::published(4);
    let before = fs::read(lab.channel("updates.chain")).unwrap();
    let old = lab.manifest();
    // Behind the end that counts anything may lie.
    fs::write(lab.channel("updates.chain"), [&before[..], b"half of an unfinished link"].concat()).unwrap();
    #[cfg(unix)]
    let file = std::os::unix::fs::MetadataExt::ino(&fs::metadata(lab.channel("updates.chain")).unwrap());
    lab.grow();
    let report = lab.publish();
    let after = fs::read(lab.channel("updates.chain")).unwrap();
    assert!(after.starts_with(&before) && after == fs::read(lab.path("updates.chain")).unwrap());
    #[cfg(unix)]
    assert_eq!(file, std::os::unix::fs::MetadataExt::ino(&fs::metadata(lab.channel("updates.chain")).unwrap()));
    let whole = lab.versions[4].len() as u64;
    let squashed: u64 = report.manifest.squashed_sizes.values().sum();
    assert_eq!(report.written_bytes, whole + squashed + (after.len() - before.len()) as u64);
    assert_eq!(report.removed, [old.current_url.unwrap()]);
    assert_eq!((report.manifest.sequence, report.manifest.squashed_patches.len()), (2, 3));
    assert!(fs::read(lab.channel("latest.bin")).unwrap() == lab.versions[4]);
}

#[test]
fn a_chain_that_is_not_the_published_one_grown_replaces_it() {
    let lab = Lab::published(4);
    // The same versions, otherwise put together.
    let deltas = [diff(&lab.versions[0], &lab.versions[3]), diff(&lab.versions[0], &lab.versions[2])];
    create(&lab.path("updates.chain"), &deltas);
    let chain = lab.path("updates.chain");
    // The newest version of that chain is another one.
    assert_status(lab.try_publish(&ChannelPublishOptions::default()), Status::TargetMismatch);
    create(&chain, &[diff(&lab.versions[0], &lab.versions[3])]);
    let report = lab.publish();
    assert!(fs::read(lab.channel("updates.chain")).unwrap() == fs::read(&chain).unwrap());
    assert!(report.manifest.squashed_patches.is_empty());
    assert_eq!(report.removed, ["v1_to_latest.delta", "v2_to_latest.delta"]);
}

#[test]
fn only_the_newest_version_of_the_chain_is_published_and_never_one_that_the_channel_is_past() {
    let lab = Lab::published(4);
    let (chain, file) = (lab.path("updates.chain"), lab.path("other.bin"));
    let publish = || publish_channel(&lab.path("channel"), &chain, &file, &Default::default(), &mut Task::new());
    fs::write(&file, &lab.versions[1]).unwrap();
    let error = assert_status(publish(), Status::TargetMismatch);
    assert!(error.message().contains("this is v2") && error.message().contains("v4"), "{error}");
    fs::write(&file, b"something else").unwrap();
    let error = assert_status(publish(), Status::SourceMismatch);
    assert!(error.message().contains("chain append"), "{error}");
    // A chain that does not know what is published.
    create(&chain, &[diff(&lab.versions[0], &lab.versions[1])]);
    fs::write(&file, &lab.versions[1]).unwrap();
    let error = assert_status(publish(), Status::Stale);
    assert!(error.message().contains("v4"), "{error}");
    assert_eq!(lab.manifest().current_version, "v4");
    let forced = ChannelPublishOptions { force: true, ..Default::default() };
    publish_channel(&lab.path("channel"), &chain, &file, &forced, &mut Task::new()).unwrap();
    assert_eq!((lab.manifest().current_version.as_str(), lab.manifest().sequence), ("v2", 2));
}

#[test]
fn names_and_urls_are_as_they_are_wanted() {
    let lab = Lab::new(4);
    let options = ChannelPublishOptions {
        family: Some("A model".into()),
        base_url: Some("https://cdn.example.com/models/".into()),
        expires_at: Some("2100-01-01T00:00:00Z".into()),
        ..Default::default()
    };
    let manifest = lab.try_publish(&options).unwrap().manifest;
    assert_eq!(manifest.model_family, "A model");
    assert_eq!(manifest.chain_url.as_deref(), Some("https://cdn.example.com/models/updates.chain"));
    assert!(manifest.squashed_patches.values().all(|url| url.starts_with("https://cdn.example.com/models/v")));
    // What is not known is kept, and so is the family; other wishes are a new manifest of the same files.
    let text = fs::read_to_string(lab.channel("manifest.json")).unwrap().replacen('{', "{\"colour\": \"red\",", 1);
    fs::write(lab.channel("manifest.json"), text).unwrap();
    let report = lab.publish();
    assert_eq!((report.manifest.model_family.as_str(), report.manifest.sequence), ("A model", 2));
    assert_eq!((&report.manifest.other["colour"], report.manifest.expires_at.as_deref()), (&"red".into(), None));
    assert_eq!(report.manifest.current_url.as_deref().unwrap().split('_').next(), Some("latest"));
    for options in [
        ChannelPublishOptions { expires_at: Some("tomorrow".into()), ..Default::default() },
        ChannelPublishOptions { base_url: Some("https://h/?x".into()), ..Default::default() },
        ChannelPublishOptions { family: Some(String::new()), ..Default::default() },
    ] {
        assert_status(lab.try_publish(&options), Status::InvalidArgument);
    }
    assert_eq!(lab.manifest().sequence, 2);
}

#[test]
fn a_chain_that_lies_in_the_channel_is_left_where_it_is() {
    let lab = Lab::new(3);
    fs::create_dir(lab.path("channel")).unwrap();
    fs::rename(lab.path("updates.chain"), lab.channel("updates.chain")).unwrap();
    fs::write(lab.channel("m.bin"), &lab.versions[2]).unwrap();
    let publish = || {
        let (chain, file) = (lab.channel("updates.chain"), lab.channel("m.bin"));
        publish_channel(&lab.path("channel"), &chain, &file, &Default::default(), &mut Task::new()).unwrap()
    };
    assert!(!publish().written.contains(&"updates.chain".to_owned()));
    assert!(!publish().changed);
    assert!(lab.channel("m.bin").exists() && lab.channel("updates.chain").exists());
}

#[test]
fn a_signed_channel_stays_signed() {
    let mut lab = Lab::new(3);
    let pair = KeyPair::generate(None).unwrap();
    let signer = Signer::try_from(SecretKey::parse(&pair.secret, None).unwrap()).unwrap();
    let options = ChannelPublishOptions { signer: Some(signer), ..Default::default() };
    lab.try_publish(&options).unwrap();
    let fits = |signature: &str| {
        let signature = Signature::read(&lab.channel(signature)).unwrap();
        let manifest = fs::read(lab.channel("manifest.json")).unwrap();
        pair.public.verify(&signature, &mut &manifest[..]).is_ok()
    };
    assert!(fits("manifest.json.minisig") && !lab.channel("manifest.json.minisig.next").exists());
    assert!(!lab.try_publish(&options).unwrap().changed);
    // Killed between the manifest and its signature: the new one is in its place with the next publish, whatever that does.
    fs::rename(lab.channel("manifest.json.minisig"), lab.channel("manifest.json.minisig.next")).unwrap();
    fs::write(lab.channel("manifest.json.minisig"), "an older one").unwrap();
    assert!(!lab.try_publish(&options).unwrap().changed);
    assert!(fits("manifest.json.minisig") && !lab.channel("manifest.json.minisig.next").exists());
    // Another key signs anew; without one nobody publishes.
    let other = KeyPair::generate(None).unwrap();
    let signer = Signer::try_from(SecretKey::parse(&other.secret, None).unwrap()).unwrap();
    assert!(lab.try_publish(&ChannelPublishOptions { signer: Some(signer), ..Default::default() }).unwrap().changed);
    lab.grow();
    assert_status(lab.try_publish(&ChannelPublishOptions::default()), Status::InvalidArgument);
}

#[test]
fn names_that_no_file_can_have_and_versions_that_clash_get_names_of_their_own() {
    let lab = Lab::new(2);
    let mut versions = lab.versions.clone();
    for (number, name) in ["../../x", "..?..?x", "größe 4"].into_iter().enumerate() {
        let next = crate::step(versions.last().unwrap(), number + 2);
        let delta = diff(versions.last().unwrap(), &next);
        let chain = lab.path("updates.chain");
        patchcore::chain::Chain::append(&chain, &[&delta], Some(name), &Default::default(), &mut Task::new()).unwrap();
        versions.push(next);
    }
    fs::write(lab.path("newest.bin"), versions.last().unwrap()).unwrap();
    let mut last = crate::step(versions.last().unwrap(), 9);
    for _ in 0..2 {
        let delta = diff(versions.last().unwrap(), &last);
        let chain = lab.path("updates.chain");
        patchcore::chain::Chain::append(&chain, &[&delta], None, &Default::default(), &mut Task::new()).unwrap();
        versions.push(last.clone());
        last.extend(noise(7, 10));
    }
    let lab = Lab { versions, ..lab };
    let manifest = lab.publish().manifest;
    let mut urls: Vec<&String> = manifest.squashed_patches.values().collect();
    urls.sort();
    let digits = Digest::of(&lab.versions[3]).short();
    assert!(urls.contains(&&format!("_._.._x_{digits}_to_latest.delta")), "{urls:?}");
    assert!(urls.contains(&&"_._.._x_to_latest.delta".to_owned()), "{urls:?}");
    assert!(urls.contains(&&"gr__e_4_to_latest.delta".to_owned()), "{urls:?}");
    assert!(urls.iter().all(|url| lab.channel(url).is_file()));
    let _ = ChannelManifest::from_json(manifest.to_json().as_bytes()).unwrap();
}

#[test]
fn a_folder_of_releases_is_none_of_a_channel() {
    let lab = Lab::new(2);
    fs::create_dir(lab.path("channel")).unwrap();
    let text =
        r#"{"patches": [{"from": "0.0.0", "to": "1.0.0", "file": "base_1.0.0.zip", "size": 7, "is_base": true}]}"#;
    fs::write(lab.channel("manifest.json"), text).unwrap();
    assert_status(lab.try_publish(&ChannelPublishOptions::default()), Status::InvalidArgument);
    fs::write(lab.channel("manifest.json"), "nonsense").unwrap();
    assert_status(lab.try_publish(&ChannelPublishOptions::default()), Status::Corrupt);
    assert_eq!(names(&lab.path("channel")), [".patchcore", "manifest.json"]);
}

#[test]
fn one_publisher_works_at_a_time() {
    let lab = Lab::published(2);
    let lock = fs::File::open(lab.channel(".patchcore/lock")).unwrap();
    lock.lock().unwrap();
    assert_status(lab.try_publish(&ChannelPublishOptions::default()), Status::Busy);
}

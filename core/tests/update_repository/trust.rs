//! Which manifests are believed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use patchcore::Status;
use patchcore::repository::PlanReason;
use patchcore::trust::KeyPair;
use patchcore::update::UpdateOptions;

use crate::server::serve;
use crate::{Lab, options, packages, release, sign};

fn trusting(lab: &Lab) -> UpdateOptions {
    UpdateOptions { keys: lab.keys(), ..options() }
}

fn put(lab: &Lab, name: &str, text: &str) {
    lab.files.lock().unwrap().insert(name.to_owned(), text.as_bytes().to_vec());
}

#[test]
fn a_trusted_key_must_have_signed_the_manifest() {
    let lab = Lab::new();
    let host = lab.host();
    let manifest = lab.file("manifest.json");
    let stranger = KeyPair::generate(None).unwrap();
    for (signature, status) in [
        (sign(&stranger, &manifest), Status::UntrustedKey),
        (sign(&lab.signer, b"other bytes"), Status::BadSignature),
        ("<html>no such page</html>".to_owned(), Status::BadSignature),
        (String::new(), Status::BadSignature),
    ] {
        put(&lab, "manifest.json.minisig", &signature);
        lab.fails(status, &host, &trusting(&lab));
    }
    lab.files.lock().unwrap().remove("manifest.json.minisig");
    let error = lab.fails(Status::BadSignature, &host, &trusting(&lab));
    assert!(error.message().contains("manifest.json.minisig"), "{error}");
    assert!(packages(&host).is_empty() && !lab.root().exists());
    put(&lab, "manifest.json.minisig", &sign(&lab.signer, &manifest));
    let report = lab.update(&host, &trusting(&lab)).unwrap();
    assert_eq!((report.signed_by, lab.installed()), (Some(lab.signer.public.clone()), release(3)));
}

#[test]
fn a_manifest_that_is_being_replaced_is_found_signed_at_every_moment() {
    let mut lab = Lab::new();
    let old = (lab.file("manifest.json"), lab.file("manifest.json.minisig"));
    lab.manifest["sequence"] = 8.into();
    lab.publish();
    let new = (lab.file("manifest.json"), lab.file("manifest.json.minisig"));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    // The new signature waits under its other name, before and after the manifest is replaced.
    for manifest in [&old.0, &new.0] {
        let host = lab.host();
        put(&lab, "manifest.json", &text(manifest));
        put(&lab, "manifest.json.minisig", &text(&old.1));
        put(&lab, "manifest.json.minisig.next", &text(&new.1));
        lab.update(&host, &trusting(&lab)).unwrap();
    }
    // The manifest was read before it was replaced, and its signature after.
    lab.files.lock().unwrap().remove("manifest.json.minisig.next");
    put(&lab, "manifest.json", &text(&new.0));
    put(&lab, "manifest.json.minisig", &text(&new.1));
    let first = Arc::new(AtomicUsize::new(0));
    let host = lab.host_with(Arc::new(move |asked, stream, bytes| {
        let early = asked.path.ends_with("/manifest.json") && first.fetch_add(1, Ordering::Relaxed) == 0;
        serve(asked, stream, if early { &old.0 } else { bytes }, "\"one\"");
    }));
    lab.update(&host, &trusting(&lab)).unwrap();
}

#[test]
fn an_older_manifest_than_one_that_was_accepted_is_stale() {
    let mut lab = Lab::new();
    let host = lab.host();
    let at = |lab: &mut Lab, sequence: u64| {
        lab.manifest["sequence"] = sequence.into();
        lab.publish();
    };
    lab.install(1);
    at(&mut lab, 7);
    lab.update(&host, &trusting(&lab)).unwrap();
    at(&mut lab, 6);
    for options in [
        trusting(&lab),
        UpdateOptions { dry_run: true, ..options() },
        UpdateOptions { download_only: true, ..options() },
        UpdateOptions { repair: true, ..options() },
    ] {
        let error = lab.fails(Status::Stale, &host, &options);
        assert!(error.message().contains("number 7 was accepted"), "{error}");
    }
    at(&mut lab, 7);
    assert_eq!(lab.update(&host, &trusting(&lab)).unwrap().reason, PlanReason::UpToDate);
    // What is up to date has seen a manifest, too.
    at(&mut lab, 9);
    lab.update(&host, &trusting(&lab)).unwrap();
    at(&mut lab, 8);
    lab.fails(Status::Stale, &host, &trusting(&lab));
    // A look is no acceptance.
    at(&mut lab, 20);
    lab.update(&host, &UpdateOptions { dry_run: true, ..options() }).unwrap();
    at(&mut lab, 9);
    lab.update(&host, &trusting(&lab)).unwrap();
}

#[test]
fn what_was_accepted_is_remembered_whole_or_not_believed_at_all() {
    let lab = Lab::new();
    let host = lab.host();
    lab.update(&host, &options()).unwrap();
    let path = lab.root().join(".patchcore/repositories.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(&host.url("repo/manifest.json")) && text.contains('7'), "{text}");
    std::fs::write(&path, text.replace('7', "1")).unwrap();
    lab.fails(Status::Corrupt, &host, &options());
}

#[test]
fn an_expired_manifest_is_stale() {
    let mut lab = Lab::new();
    let host = lab.host();
    for (time, status) in [("2020-01-01T00:00:00Z", Status::Stale), ("tomorrow", Status::Corrupt)] {
        lab.manifest["expires_at"] = time.into();
        lab.publish();
        lab.fails(status, &host, &trusting(&lab));
    }
    lab.manifest["expires_at"] = "2999-01-01T00:00:00Z".into();
    lab.publish();
    lab.update(&host, &trusting(&lab)).unwrap();
}

#[test]
fn a_manifest_that_makes_no_sense_is_refused() {
    let mut lab = Lab::new();
    let host = lab.host();
    for (text, status) in [
        ("", Status::Corrupt),
        ("[]", Status::Corrupt),
        ("{\"sequence\": 1, \"sequence\": 2}", Status::Corrupt),
        ("{\"sequence\": -1}", Status::Corrupt),
        ("{\"patches\": []}", Status::UnknownVersion),
        ("{\"model_family\": \"m\"}", Status::InvalidArgument),
        (r#"{"patches": [{"from": "0.0.0", "to": "1.0.0", "file": "../x", "size": 1}]}"#, Status::UnsafePath),
        (r#"{"patches": [{"from": "0.0.0", "to": "1.0.0", "file": "base_1.0.1.zip", "size": 1}]}"#, Status::Corrupt),
    ] {
        put(&lab, "manifest.json", text);
        lab.fails(status, &host, &options());
    }
    lab.publish();
    lab.fails(Status::UnknownVersion, &host, &UpdateOptions { to: Some(crate::version("4.0.0")), ..options() });
    let deep = "[".repeat(100_000);
    put(&lab, "manifest.json", &format!("{{\"future\": {deep}"));
    lab.fails(Status::Corrupt, &host, &options());
}

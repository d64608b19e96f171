//! What is made on demand, and what changes the repository.

use std::fs;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Method;
use patchcore::Digest;
use patchcore::repository::{PublishOptions, Repository};
use patchcore::{Task, Version};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{AUTHORIZATION, Reply, Sample, bytes, request};

const CHECK: &str = "/admin/cache/patches/check-updates";
const COMBINE: &str = "/admin/cache/patches/download-combined";

/// Versions 1.0.0 to 1.0.4 of a directory in which one file changes each time, so that one package for several is fewer bytes.
fn published() -> Sample {
    published_up_to(4)
}

fn published_up_to(last: u64) -> Sample {
    let sample = Sample::empty(None);
    for patch in 0..=last {
        publish(&sample, patch, patch);
    }
    sample.seen()
}

fn publish(sample: &Sample, patch: u64, seed: u64) {
    let source = tempfile::tempdir().unwrap();
    fs::write(source.path().join("changes.bin"), bytes(seed, 20_000)).unwrap();
    fs::write(source.path().join("stays.bin"), bytes(99, 200_000)).unwrap();
    let repository = Repository::open(sample.path()).unwrap();
    let version: Version = format!("1.0.{patch}").parse().unwrap();
    repository.publish(source.path(), version, &PublishOptions::default(), &mut Task::new()).unwrap();
}

impl Sample {
    /// With a service that has seen what was published.
    fn seen(mut self) -> Self {
        self.restart();
        self
    }

    async fn change(&self, verb: &str, body: Value) -> Reply {
        let path = format!("/admin/cache/patches/{verb}");
        self.send(request(Method::POST, &path, &[AUTHORIZATION], Body::from(body.to_string()))).await
    }

    async fn check(&self, version: &str) -> Value {
        self.post(CHECK, json!({"current_version": version}).to_string()).await.json()
    }

    /// Downloads a package as a client does that was told of it, and checks it.
    async fn download(&self, package: &Value) -> Vec<u8> {
        let reply = self.get(package["url"].as_str().unwrap()).await;
        assert_eq!(reply.status, 200, "{package}");
        assert_eq!(json!(reply.body.len()), package["size"]);
        assert_eq!(json!(Digest::of(&reply.body)), package["sha256"]);
        reply.body
    }
}

fn files(answer: &Value) -> Vec<&str> {
    answer["patches"].as_array().unwrap().iter().map(|package| package["file"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_deltas_become_one_package_where_that_is_fewer_bytes() {
    let sample = published();
    let answer = sample.check("1.0.1").await;
    assert_eq!((&answer["strategy"], files(&answer)), (&json!("squashed"), vec!["delta_1.0.1_1.0.4.zip"]));
    assert_eq!(answer["total_size"], answer["patches"][0]["size"]);
    assert!(answer["total_size"].as_u64().unwrap() < 3 * 20_000);
    let package = sample.download(&answer["patches"][0]).await;
    let reply = sample.post(COMBINE, json!({"from_version": "1.0.1"}).to_string()).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "/patches/delta_1.0.1_1.0.4.zip"));
    // A service that began again finds it where the one before left it.
    let sample = sample.seen();
    assert!(sample.get("/patches/delta_1.0.1_1.0.4.zip").await.body == package);
    assert!(sample.get("/metrics").await.text().contains("patchcore_sent_bytes_total{kind=\"squashed\"} "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_published_anew_is_not_reached_by_what_was_made_for_the_one_before() {
    let sample = published();
    let before = sample.check("1.0.1").await;
    assert_eq!(sample.change("withdraw", json!({"version": "1.0.4"})).await.status, 200);
    publish(&sample, 4, 77);
    let sample = sample.seen();
    let repository = Repository::open(sample.path()).unwrap();
    let tree = json!(repository.manifest().unwrap().line(None).tree_of("1.0.4".parse().unwrap()));
    assert_ne!(before["patches"][0]["tree"], tree);
    let answer = sample.check("1.0.1").await;
    assert_eq!(answer["patches"].as_array().unwrap().last().unwrap()["tree"], tree);
    for package in answer["patches"].as_array().unwrap() {
        sample.download(package).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_goes_with_its_version_and_is_made_again_where_somebody_removed_it() {
    let sample = published();
    let file = "/patches/delta_1.0.1_1.0.4.zip";
    assert_eq!(sample.get(file).await.status, 200);
    fs::remove_dir_all(sample.path().join(".patchcore/cache")).unwrap();
    assert_eq!(sample.get(file).await.status, 200);
    assert_eq!(sample.change("withdraw", json!({"version": "1.0.4"})).await.status, 200);
    assert_eq!(sample.get(file).await.status, 404);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_now_is_not_said_to_be_gone() {
    let sample = published();
    let file = sample.path().join("delta_1.0.3_1.0.4.zip");
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(&file, &file).unwrap();
    let reply = sample.get("/patches/delta_1.0.3_1.0.4.zip").await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_could_lead_to_the_newest_version_is_made() {
    let sample = published();
    for file in [
        "delta_1.0.1_1.0.3.zip",
        "delta_0.9.0_1.0.4.zip",
        "delta_1.0.4_1.0.1.zip",
        "delta_1.0.1_1.0.9.zip",
        "delta_v1.0.1_1.0.4.zip",
        "delta_1.0.1_1.0.4_.zip",
        "delta_1.0.1_1.0.4_arm.zip",
        "delta_1.0.1_1.0.4",
        "delta_.._1.0.4.zip",
    ] {
        assert_eq!(sample.get(&format!("/patches/{file}")).await.status, 404, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_want_at_once_is_made_once() {
    let sample = Arc::new(published());
    let body = || Body::from(json!({"current_version": "1.0.0"}).to_string());
    let asked: Vec<_> = (0..32)
        .map(|_| {
            let (router, request) = (sample.router.clone(), request(Method::POST, CHECK, &[], body()));
            tokio::spawn(async move { router.oneshot(request).await.unwrap().status() })
        })
        .collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap(), 200);
    }
    assert!(sample.get("/metrics").await.text().contains("patchcore_cache_misses_total 1\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_combined_archive_is_made_at_the_first_request() {
    // So few that the base is still there, which it is made from.
    let sample = published_up_to(1);
    let name = "combined_0.0.0_1.0.1.zip";
    fs::remove_file(sample.path().join(name)).unwrap();
    let reply = sample.get("/patches/combined_0.0.0_latest.zip").await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (302, name));
    let reply = sample.get(&format!("/patches/{name}")).await;
    assert_eq!((reply.status.as_u16(), &reply.body[..4]), (200, &b"PK\x03\x04"[..]));
    let answer = sample.check("0.0.0").await;
    for package in answer["patches"].as_array().unwrap() {
        sample.download(package).await;
    }
    assert_eq!(sample.post(COMBINE, json!({"from_version": "0.0.0"}).to_string()).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_version_is_taken_back() {
    let sample = published();
    let dry = sample.change("withdraw", json!({"version": "1.0.4", "dry_run": true})).await;
    assert_eq!((dry.status.as_u16(), sample.check("1.0.3").await["has_updates"].clone()), (200, json!(true)));
    let reply = sample.change("withdraw", json!({"version": "1.0.4"})).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["latest_version"]), (200, &json!("1.0.3")), "{}", reply.text());
    assert_eq!(sample.check("1.0.3").await["reason"], "up_to_date");
    let unknown = sample.change("withdraw", json!({"version": "9.0.0"})).await;
    assert!(matches!(unknown.status.as_u16(), 400 | 404), "{}", unknown.text());
    for bad in [json!({}), json!({"version": "1"}), json!({"version": "1.0.3", "force": true}), json!([])] {
        let reply = sample.change("withdraw", bad.clone()).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (400, "INVALID_ARGUMENT"), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_deltas_are_pruned_and_what_is_there_can_be_made_into_a_manifest_again() {
    let sample = published();
    let reply = sample.change("prune", json!({"keep": 1})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.json()["removed"].is_array());
    assert_eq!(sample.check("1.0.4").await["reason"], "up_to_date");
    let reply = sample.change("rebuild", json!({})).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["latest_version"]), (200, &json!("1.0.4")), "{}", reply.text());
    for bad in [json!({"keep": -1}), json!({"keep": "all"}), json!({"keep": 1.5})] {
        assert_eq!(sample.change("prune", bad).await.status, 400);
    }
}

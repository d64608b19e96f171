//! What clients ask before they download.

use serde_json::{Value, json};

use crate::support::{COMBINED, Sample, package, write_manifest};

const CHECK: &str = "/admin/cache/patches/check-updates";
const COMBINE: &str = "/admin/cache/patches/download-combined";

async fn check(sample: &Sample, version: &str) -> Value {
    let reply = sample.post(CHECK, json!({"current_version": version}).to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), "application/json");
    reply.json()
}

fn files(answer: &Value) -> Vec<&str> {
    answer["patches"].as_array().unwrap().iter().map(|package| package["file"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_latest_version_is_told_with_the_packages_that_lead_to_it() {
    let sample = Sample::new();
    let answer = sample.get("/admin/cache/patches/latest").await.json();
    assert_eq!(answer["latest_version"], "1.0.3");
    assert_eq!(files(&answer), ["delta_1.0.2_1.0.3.zip", COMBINED]);
}

#[tokio::test]
async fn clients_are_told_the_fewest_bytes_and_why() {
    let sample = Sample::new();
    for (version, strategy, reason, packages, bytes) in [
        ("1.0.3", "none", "up_to_date", vec![], 0),
        ("1.0.4", "none", "newer_installed", vec![], 0),
        ("1.0.2", "delta", "fewest_bytes", vec!["delta_1.0.2_1.0.3.zip"], 100),
        ("0.0.0", "combined", "new_installation", vec![COMBINED], 5_200),
        ("0.9.0", "combined", "unknown_version", vec![COMBINED], 5_200),
    ] {
        let answer = check(&sample, version).await;
        assert_eq!(answer["has_updates"], !packages.is_empty(), "{version}");
        assert_eq!(answer["current_version"], version);
        assert_eq!(answer["latest_version"], "1.0.3");
        assert_eq!((&answer["strategy"], &answer["reason"]), (&json!(strategy), &json!(reason)), "{version}");
        assert_eq!(answer["total_size"], bytes);
        assert_eq!(files(&answer), packages);
        for package in answer["patches"].as_array().unwrap() {
            let url = package["url"].as_str().unwrap();
            assert_eq!(sample.get(url).await.body.len() as u64, package["size"].as_u64().unwrap());
        }
        assert_eq!(check(&sample, version).await, answer, "the same when it is remembered");
    }
}

#[tokio::test]
async fn a_repository_without_versions_has_no_updates() {
    let sample = Sample::new();
    let text = r#"{"latest_version": null, "patches": []}"#;
    std::fs::write(sample.path().join("manifest.json"), text).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    let answer = check(&sample, "1.0.0").await;
    assert_eq!((&answer["has_updates"], &answer["reason"]), (&json!(false), &json!("nothing_published")));
    assert_eq!(answer["latest_version"], Value::Null);
}

#[tokio::test]
async fn an_architecture_has_its_own_way() {
    let sample = Sample::new();
    let mut arm = package(sample.path(), "base_1.0.5_arm.zip", "0.0.0", "1.0.5", b"for arm");
    arm["arch"] = "arm".into();
    let all = package(sample.path(), "base_1.0.0.zip", "0.0.0", "1.0.0", b"for all");
    write_manifest(sample.path(), "1.0.5", 5, vec![all, arm]);
    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    for (arch, file) in [("arm", "base_1.0.5_arm.zip"), ("x86_64", "base_1.0.0.zip")] {
        let body = json!({"current_version": "0.0.0", "arch": arch}).to_string();
        assert_eq!(files(&sample.post(CHECK, body).await.json()), [file]);
        let latest = sample.get(&format!("/admin/cache/patches/latest?arch={arch}")).await;
        assert_eq!(files(&latest.json()), [file]);
    }
}

#[tokio::test]
async fn malformed_questions_are_refused_with_what_is_wrong() {
    let sample = Sample::new();
    for path in [CHECK, COMBINE] {
        for body in [
            "",
            "{",
            "[]",
            "[\"1.0.0\"]",
            "null",
            "{}",
            r#"{"current_version": 1, "from_version": 1}"#,
            r#"{"current_version": "1.0", "from_version": "1.0"}"#,
            r#"{"current_version": "1.0.x", "from_version": "../1"}"#,
            r#"{"current_version": "1.0.99999999999999999999", "from_version": ""}"#,
            r#"{"current_version": "1.0.0", "from_version": "1.0.0", "arch": 5}"#,
            r#"{"current_version": "1.0.0", "current_version": "1.0.1", "from_version": "1.0.0", "from_version": "1.0.0"}"#,
            "\u{feff}{}",
        ] {
            let reply = sample.post(path, body).await;
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (400, "INVALID_ARGUMENT"), "{body}");
        }
        assert_eq!(sample.post(path, vec![0xff, 0xfe]).await.status, 400);
        assert_eq!(sample.post(path, "[".repeat(60_000)).await.status, 400);
        let large = sample.post(path, format!("{{\"x\": \"{}\"}}", "x".repeat(70_000))).await;
        assert_eq!((large.status.as_u16(), large.code().as_str()), (413, "LIMIT"));
    }
    let reply = sample.post(CHECK, r#"{"current_version": "1.0"}"#).await;
    assert!(reply.text().contains("three or four numbers"), "{}", reply.text());
}

#[tokio::test]
async fn one_package_for_all_of_it_is_where_the_redirect_leads() {
    let sample = Sample::new();
    for (version, file) in [("0.0.0", COMBINED), ("1.0.2", "delta_1.0.2_1.0.3.zip"), ("0.5.0", COMBINED)] {
        let reply = sample.post(COMBINE, json!({"from_version": version}).to_string()).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (303, format!("/patches/{file}").as_str()));
    }
    let nothing = sample.post(COMBINE, json!({"from_version": "1.0.3"}).to_string()).await;
    assert_eq!(nothing.status, 204);
}

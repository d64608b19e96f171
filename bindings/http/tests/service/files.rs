//! Static files: what is served, what is not, and what is said about it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use flate2::read::GzDecoder;
use patchcore::Digest;
use serde_json::json;

use crate::support::{COMBINED, Sample, bytes, package, request, write_manifest};

#[tokio::test]
async fn packages_are_served_beneath_patches_and_at_the_root() {
    let sample = Sample::new();
    for path in [format!("/patches/{COMBINED}"), format!("/{COMBINED}")] {
        let reply = sample.get(&path).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.body, bytes(9, 5_200));
        assert_eq!(reply.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(reply.header("etag"), format!("\"{}\"", Digest::of(&reply.body)));
        assert_eq!(reply.header("last-modified"), "Sat, 21 Nov 2026 10:00:00 GMT");
        assert_eq!(reply.header("accept-ranges"), "bytes");
        assert_eq!(reply.header("content-length"), "5200");
    }
}

#[tokio::test]
async fn a_head_says_what_a_get_would_and_sends_nothing() {
    let sample = Sample::new();
    let path = format!("/patches/{COMBINED}");
    let head = sample.send(request(Method::HEAD, &path, &[], Body::empty())).await;
    let get = sample.get(&path).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.headers, get.headers);
}

#[tokio::test]
async fn a_package_ends_where_the_manifest_says_though_its_file_goes_on() {
    let sample = Sample::new();
    let mut file = OpenOptions::new().append(true).open(sample.path().join(COMBINED)).unwrap();
    file.write_all(b"the next version, half written").unwrap();
    let path = format!("/patches/{COMBINED}");
    assert_eq!(sample.get(&path).await.body, bytes(9, 5_200));
    let tail = sample.get_with(&path, &[("range", "bytes=5190-")]).await;
    assert_eq!((tail.header("content-range"), tail.body.len()), ("bytes 5190-5199/5200", 10));
    assert_eq!(sample.get_with(&path, &[("range", "bytes=5200-")]).await.status, 416);
}

#[tokio::test]
async fn a_package_that_is_cut_off_or_gone_is_not_served() {
    let sample = Sample::new();
    fs::write(sample.path().join("delta_1.0.0_1.0.1.zip"), b"short").unwrap();
    fs::remove_file(sample.path().join("delta_1.0.1_1.0.2.zip")).unwrap();
    for file in ["delta_1.0.0_1.0.1.zip", "delta_1.0.1_1.0.2.zip"] {
        let reply = sample.get(&format!("/patches/{file}")).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (404, "NOT_FOUND"));
    }
}

#[tokio::test]
async fn ranges_resume_a_download_of_the_same_bytes_alone() {
    let sample = Sample::new();
    let path = format!("/patches/{COMBINED}");
    let whole = bytes(9, 5_200);
    let tag = format!("\"{}\"", Digest::of(&whole));
    let asked = async |headers: &[(&str, &str)]| sample.get_with(&path, headers).await;

    let part = asked(&[("range", "bytes=100-199"), ("if-range", &tag)]).await;
    assert_eq!((part.status.as_u16(), part.header("content-range")), (206, "bytes 100-199/5200"));
    assert_eq!(part.body, whole[100..200]);
    assert_eq!(asked(&[("range", "bytes=-7")]).await.body, whole[5193..]);
    for headers in
        [[("range", "bytes=100-199"), ("if-range", "\"other\"")], [("range", "bytes=0-1,5-6"), ("if-range", &tag)]]
    {
        let reply = asked(&headers).await;
        assert_eq!((reply.status.as_u16(), reply.body.len()), (200, 5_200));
    }
    let beyond = asked(&[("range", "bytes=5200-5201")]).await;
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, "bytes */5200"));
    let same = asked(&[("if-none-match", &tag)]).await;
    assert_eq!((same.status.as_u16(), same.header("etag"), same.body.len()), (304, tag.as_str(), 0));
    assert_eq!(asked(&[("if-match", "\"other\"")]).await.status, 412);
}

#[tokio::test]
async fn a_large_file_arrives_whole_from_any_offset() {
    let sample = Sample::new();
    let large = bytes(3, 2_000_003);
    let entry = package(sample.path(), "base_2.0.0.zip", "0.0.0", "2.0.0", &large);
    write_manifest(sample.path(), "2.0.0", 5, vec![entry]);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert!(sample.get("/patches/base_2.0.0.zip").await.body == large);
    for from in [1, 262_143, 262_144, 262_145, 1_999_999] {
        let range = format!("bytes={from}-");
        assert!(sample.get_with("/patches/base_2.0.0.zip", &[("range", &range)]).await.body == large[from..], "{from}");
    }
}

#[tokio::test]
async fn the_manifest_is_asked_for_again_each_time_and_compressed_for_those_who_take_it() {
    let sample = Sample::new();
    let plain = sample.get("/patches/manifest.json").await;
    assert_eq!(plain.body, fs::read(sample.path().join("manifest.json")).unwrap());
    assert_eq!((plain.header("cache-control"), plain.header("vary")), ("no-cache", "accept-encoding"));
    for path in ["/manifest.json", "/admin/cache/patches/manifest"] {
        assert_eq!(sample.get(path).await.body, plain.body);
    }
    let part = sample.get_with("/patches/manifest.json", &[("range", "bytes=1-2")]).await;
    assert_eq!((part.status.as_u16(), part.body), (200, plain.body.clone()));
    let gzip = sample.get_with("/patches/manifest.json", &[("accept-encoding", "br, gzip")]).await;
    assert_eq!(gzip.header("content-encoding"), "gzip");
    assert_eq!(gzip.header("content-length"), gzip.body.len().to_string());
    assert_ne!(gzip.header("etag"), plain.header("etag"));
    assert_eq!(std::io::read_to_string(GzDecoder::new(&gzip.body[..])).unwrap().as_bytes(), plain.body);
    for reply in [&plain, &gzip] {
        let encoding = if reply.header("content-encoding").is_empty() { "identity" } else { "gzip" };
        let headers = [("if-none-match", reply.header("etag")), ("accept-encoding", encoding)];
        assert_eq!(sample.get_with("/patches/manifest.json", &headers).await.status, 304);
    }
}

#[tokio::test]
async fn a_new_manifest_and_its_signatures_are_seen_within_a_moment() {
    let sample = Sample::new();
    assert_eq!(sample.get("/manifest.json.minisig").await.status, 404);
    fs::write(sample.path().join("manifest.json.minisig"), "a signature").unwrap();
    fs::write(sample.path().join("manifest.json.minisig.next"), "the next one").unwrap();
    write_manifest(sample.path(), "1.0.4", 5, vec![package(sample.path(), "base_1.0.4.zip", "0.0.0", "1.0.4", b"new")]);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(sample.get("/patches/manifest.json").await.json()["sequence"], 5);
    assert_eq!(sample.get("/patches/manifest.json.minisig").await.text(), "a signature");
    assert_eq!(sample.get("/manifest.json.minisig.next").await.text(), "the next one");
    assert_eq!(sample.get("/patches/base_1.0.4.zip").await.text(), "new");
}

#[tokio::test]
async fn what_the_manifest_before_names_can_still_be_fetched() {
    let sample = Sample::new();
    let after = vec![package(sample.path(), "base_1.0.4.zip", "0.0.0", "1.0.4", b"new")];
    write_manifest(sample.path(), "1.0.4", 5, after.clone());
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(sample.get("/manifest.json").await.json()["sequence"], 5);
    assert_eq!(sample.get(&format!("/patches/{COMBINED}")).await.body, bytes(9, 5_200));
    write_manifest(sample.path(), "1.0.4", 6, after);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(sample.get("/manifest.json").await.json()["sequence"], 6);
    assert_eq!(sample.get(&format!("/patches/{COMBINED}")).await.status, 404);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_leaves_the_one_before_and_shows() {
    let sample = Sample::new();
    assert_eq!(sample.get("/healthz").await.json(), json!({"status": "ok", "latest_version": "1.0.3"}));
    let good = fs::read(sample.path().join("manifest.json")).unwrap();
    fs::write(sample.path().join("manifest.json"), "{").unwrap();
    tokio::time::sleep(Duration::from_millis(250)).await;
    let health = sample.get("/healthz").await;
    assert_eq!((health.status.as_u16(), health.json()["status"].as_str()), (503, Some("failing")));
    assert_eq!(sample.get("/patches/manifest.json").await.body, good);
    fs::write(sample.path().join("manifest.json"), good).unwrap();
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(sample.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn the_latest_combined_archive_has_a_name_that_stays() {
    let sample = Sample::new();
    for path in ["/patches/combined_0.0.0_latest.zip", "/combined_0.0.0_latest.zip"] {
        let reply = sample.get(path).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (302, COMBINED));
        assert_eq!(reply.header("cache-control"), "no-cache");
    }
}

#[tokio::test]
async fn only_what_the_manifest_names_is_served() {
    let sample = Sample::new();
    for path in [
        "/patches/secret.txt",
        "/secret.txt",
        "/patches/..%2fsecret.txt",
        "/patches/../secret.txt",
        "/patches/../manifest.json",
        "/patches/%2e%2e/manifest.json",
        "/patches/%2e%2e%2fmanifest.json",
        "/patches/..%5cmanifest.json",
        "/patches/..\\manifest.json",
        "/patches/manifest.json%00",
        "/patches/%00",
        "/patches//etc/passwd",
        "/patches/%2fetc%2fpasswd",
        "//etc/passwd",
        "/patches/.patchcore/lock",
        "/patches/.patchcore%2flock",
        "/.patchcore/lock",
        "/.patchcore",
        "/patches/",
        "/patches/./manifest.json",
        "/patches/manifest.json/",
        "/patches/MANIFEST.JSON",
        "/patches/%ff",
        "/patches/combined_0.0.0_latest_.zip/..",
    ] {
        let reply = sample.get(path).await;
        assert!(matches!(reply.status.as_u16(), 400 | 404), "{path}: {}", reply.status);
        assert!(!reply.text().contains("nobody's"), "{path}");
        assert!(!reply.text().contains(sample.path().to_str().unwrap()), "{path}");
        assert!(reply.json()["error"]["message"].is_string(), "{path}: {}", reply.text());
    }
    for method in [Method::PUT, Method::DELETE, Method::POST] {
        let reply = sample.send(request(method, "/patches/manifest.json", &[], Body::empty())).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (405, "METHOD_NOT_ALLOWED"));
    }
}

//! The page as a browser without JavaScript gets it.

use serde_json::json;

use crate::support::{COMBINED, Sample, package, write_manifest};

#[tokio::test]
async fn the_page_shows_versions_and_how_they_lead_to_one_another() {
    let sample = Sample::new();
    let reply = sample.get("/").await;
    let html = reply.text();
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "text/html; charset=utf-8"));
    for shown in
        ["<strong>1.0.3</strong>", "What is new in 1.0.2", "2026-11-21", "<svg", "1.0.2 to 1.0.3: 100 bytes", COMBINED]
    {
        assert!(html.contains(shown), "{shown}");
    }
    assert!(!html.contains("style=") && !html.contains("<script>") && !html.contains("onclick"));
    let policy = reply.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("'un"), "{policy}");
    for (path, kind) in [("/page.css", "text/css; charset=utf-8"), ("/page.js", "text/javascript; charset=utf-8")] {
        assert_eq!(sample.get(path).await.header("content-type"), kind);
    }
}

#[tokio::test]
async fn what_a_client_would_download_is_answered_without_a_script() {
    let sample = Sample::new();
    for (from, shown) in [
        ("1.0.2", "<strong>100 bytes</strong> (delta), since these are the fewest bytes"),
        ("0.0.0", "(combined), since nothing is installed"),
        ("0.9.0", "this version is not known here"),
        ("1.0.3", "<strong>nothing</strong>, it is up to date"),
        ("2.0.0", "<strong>nothing</strong>, what it has is newer"),
    ] {
        let reply = sample.get(&format!("/?from={from}")).await;
        assert_eq!(reply.status, 200);
        assert!(reply.text().contains(shown), "{from}: {}", reply.text());
        assert!(reply.text().contains(&format!("value=\"{from}\" placeholder")), "{from}");
    }
}

#[tokio::test]
async fn nothing_that_is_asked_or_published_becomes_markup() {
    let sample = Sample::new();
    let evil = "\"><script>alert(1)</script>'&";
    let mut entry = package(sample.path(), "base_1.0.0.zip", "0.0.0", "1.0.0", b"x");
    entry["notes"] = evil.into();
    entry["created_at"] = evil.into();
    write_manifest(sample.path(), "1.0.0", 5, vec![entry]);
    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    let asked = "/?from=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E&arch=%3Cb%3E";
    let reply = sample.get(asked).await;
    assert_eq!(reply.status, 400);
    let html = reply.text();
    assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
    assert!(html.contains("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;"));
    assert!(html.contains("is no version"));
    assert_eq!(sample.get("/?from=%ff").await.status, 400);
}

#[tokio::test]
async fn an_empty_repository_has_a_page() {
    let sample = Sample::empty(None);
    let html = sample.get("/?from=1.0.0").await.text();
    assert!(html.contains("Nothing is published yet"));
    assert!(!html.contains("<svg"));
}

#[tokio::test]
async fn the_interface_is_described_for_programs() {
    let sample = Sample::new();
    let reply = sample.get("/openapi.json").await;
    assert_eq!(reply.header("content-type"), "application/json");
    let document = reply.json();
    assert_eq!(document["openapi"], "3.0.3");
    for path in
        ["/admin/cache/patches/check-updates", "/admin/cache/patches/uploads/{id}", "/patches/{file}", "/metrics"]
    {
        assert_ne!(document["paths"][path], json!(null), "{path}");
    }
}

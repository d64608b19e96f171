//! Versions that come over HTTP, however often the connection breaks.

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use hyper::body::Frame;
use serde_json::{Value, json};

use crate::support::{AUTHORIZATION, Reply, Sample, TOKEN, bytes, request, zip};

const PLACE: &str = "/admin/cache/patches/uploads";
const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const BYTES: (&str, &str) = ("content-type", "application/offset+octet-stream");

fn release(seed: u64) -> Vec<u8> {
    zip(&[("bin/app", &bytes(seed, 3_000)), ("readme.txt", b"always the same, and long enough to be worth it")])
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |group: &[u8], index: usize| {
        let bits = group.iter().chain([0; 2].iter()).take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let digit = DIGITS[(bits >> (18 - 6 * index)) as usize % 64] as char;
        if index > group.len() { '=' } else { digit }
    };
    text.as_bytes().chunks(3).flat_map(|group| (0..4).map(move |index| digit(group, index))).collect()
}

fn metadata(version: &str) -> String {
    format!("version {},notes {}", base64(version), base64("What is new"))
}

async fn ask(sample: &Sample, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
    sample.send(request(method, path, &[&[AUTHORIZATION, TUS], headers].concat(), body.into())).await
}

async fn create(sample: &Sample, length: usize, metadata: &str) -> Reply {
    let length = length.to_string();
    ask(sample, Method::POST, PLACE, &[("upload-length", &length), ("upload-metadata", metadata)], "").await
}

async fn begin(sample: &Sample, length: usize, version: &str) -> String {
    let reply = create(sample, length, &metadata(version)).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(reply.header("tus-resumable"), "1.0.0");
    assert!(!reply.header("upload-expires").is_empty());
    reply.header("location").to_owned()
}

async fn send(sample: &Sample, upload: &str, offset: usize, body: impl Into<Body>) -> Reply {
    ask(sample, Method::PATCH, upload, &[BYTES, ("upload-offset", &offset.to_string())], body).await
}

async fn offset(sample: &Sample, upload: &str) -> usize {
    let reply = ask(sample, Method::HEAD, upload, &[], "").await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, "no-store"));
    reply.header("upload-offset").parse().unwrap()
}

/// What became of an upload, when something has.
async fn outcome(sample: &Sample, upload: &str) -> Value {
    for _ in 0..400 {
        let reply = ask(sample, Method::GET, upload, &[], "").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        if ["published", "failed"].contains(&reply.json()["state"].as_str().unwrap()) {
            return reply.json();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the upload is not published");
}

async fn publish(sample: &Sample, version: &str, archive: &[u8]) -> Value {
    let upload = begin(sample, archive.len(), version).await;
    let reply = send(sample, &upload, 0, archive.to_vec()).await;
    assert_eq!((reply.status.as_u16(), reply.header("upload-offset")), (204, archive.len().to_string().as_str()));
    outcome(sample, &upload).await
}

async fn latest(sample: &Sample) -> Value {
    sample.get("/admin/cache/patches/latest").await.json()["latest_version"].clone()
}

/// A body that ends in an error, as it does when the connection breaks.
fn broken(bytes: &[u8]) -> Body {
    let frames = [Ok(Bytes::copy_from_slice(bytes)), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))];
    let mut frames = frames.into_iter();
    Body::new(http_body_util::StreamBody::new(Frames(move || frames.next())))
}

struct Frames<F>(F);

impl<F: FnMut() -> Option<Result<Bytes, std::io::Error>> + Unpin> futures_core::Stream for Frames<F> {
    type Item = Result<Frame<Bytes>, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready((self.0)().map(|frame| frame.map(Frame::data)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_becomes_a_version() {
    let sample = Sample::empty(None);
    let first = publish(&sample, "1.0.0", &release(1)).await;
    assert_eq!((&first["state"], &first["error"]), (&json!("published"), &Value::Null));
    let second = publish(&sample, "1.0.1", &release(2)).await;
    assert_eq!(second["result"]["previous"], "1.0.0");
    assert_eq!(latest(&sample).await, "1.0.1");
    for package in second["result"]["packages"].as_array().unwrap() {
        let reply = sample.get(package["url"].as_str().unwrap()).await;
        assert_eq!((reply.status.as_u16(), json!(reply.body.len())), (200, package["size"].clone()));
        assert_eq!(package["notes"], "What is new");
    }
    let metrics = sample.get("/metrics").await.text();
    for line in ["patchcore_publish_seconds_count 2", "patchcore_manifest_sequence 2", "patchcore_dead_bytes "] {
        assert!(metrics.contains(&format!("\n{line}")), "{line}: {metrics}");
    }
    assert!(
        metrics.contains("patchcore_http_requests_total{route=\"/admin/cache/patches/uploads\",status=\"201\"} 2\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_every_cut_and_every_restart() {
    let mut sample = Sample::empty(None);
    let archive = release(1);
    let upload = begin(&sample, archive.len(), "1.0.0").await;
    let mut sent = 0;
    for (number, piece) in archive.chunks(97).enumerate() {
        let last = sent + piece.len() == archive.len();
        match number % 3 {
            // The connection breaks behind the piece, but never behind the last one, which ends the upload.
            0 if !last => assert_eq!(send(&sample, &upload, sent, broken(piece)).await.status, 400),
            1 => {
                sample.restart();
                assert_eq!(send(&sample, &upload, sent, piece.to_vec()).await.status, 204);
            }
            _ => assert_eq!(send(&sample, &upload, sent, piece.to_vec()).await.status, 204),
        }
        sent += piece.len();
        assert_eq!(offset(&sample, &upload).await, sent);
    }
    assert_eq!(outcome(&sample, &upload).await["state"], "published");
    assert_eq!(latest(&sample).await, "1.0.0");
    sample.restart();
    assert_eq!(offset(&sample, &upload).await, archive.len(), "what ended stays known");
    assert_eq!(outcome(&sample, &upload).await["version"], "1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_was_complete_when_the_service_ended_is_published_by_the_next() {
    let mut sample = Sample::empty(None);
    let archive = release(1);
    let upload = begin(&sample, archive.len(), "1.0.0").await;
    send(&sample, &upload, 0, archive[..100].to_vec()).await;
    // As a crash leaves it: all bytes are there, and the record says so.
    let id = upload.rsplit('/').next().unwrap();
    let place = sample.path().join(".patchcore/uploads");
    std::fs::write(place.join(format!("{id}.zip")), &archive).unwrap();
    let record = std::fs::read_to_string(place.join(format!("{id}.json"))).unwrap();
    std::fs::write(place.join(format!("{id}.json")), record.replace("uploading", "received")).unwrap();
    sample.restart();
    assert_eq!(outcome(&sample, &upload).await["state"], "published");
    assert!(!place.join(format!("{id}.zip")).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_client_hangs_up_after_the_last_byte_is_published_all_the_same() {
    let sample = Sample::empty(None);
    for number in 1..=20 {
        let archive = release(number);
        let upload = begin(&sample, archive.len(), &format!("1.0.{number}")).await;
        let headers = [AUTHORIZATION, TUS, BYTES, ("upload-offset", "0")];
        let asked = request(Method::PATCH, &upload, &headers, archive.clone().into());
        let router = sample.router.clone();
        let client = tokio::spawn(crate::support::send_to(router, asked));
        tokio::time::sleep(Duration::from_micros(number * 150)).await;
        client.abort();
        // What came counts; a client that is told that all of it came never sends anything again.
        match offset(&sample, &upload).await {
            there if there < archive.len() => {
                assert_eq!(send(&sample, &upload, there, archive[there..].to_vec()).await.status, 204);
            }
            _ => {}
        }
        assert_eq!(outcome(&sample, &upload).await["state"], "published");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_waits_for_whoever_else_changes_the_repository() {
    let sample = Sample::empty(None);
    let archive = release(1);
    let other = std::fs::File::create(sample.path().join(".patchcore/lock")).unwrap();
    other.lock().unwrap();
    let upload = begin(&sample, archive.len(), "1.0.0").await;
    assert_eq!(send(&sample, &upload, 0, archive).await.status, 204);
    let busy = loop {
        let now = ask(&sample, Method::GET, &upload, &[], "").await.json();
        match &now["error"] {
            Value::Null => tokio::time::sleep(Duration::from_millis(5)).await,
            _ => break now,
        }
    };
    assert_eq!((&busy["state"], &busy["error"]["code"]), (&json!("received"), &json!("BUSY")));
    drop(other);
    let done = outcome(&sample, &upload).await;
    assert_eq!((&done["state"], &done["error"]), (&json!("published"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_only_where_it_is() {
    let sample = Sample::empty(None);
    let upload = begin(&sample, 10, "1.0.0").await;
    assert_eq!(send(&sample, &upload, 0, "abcde").await.status, 204);
    for wrong in [0, 4, 6, 10] {
        let reply = send(&sample, &upload, wrong, "x").await;
        assert_eq!(
            (reply.status.as_u16(), reply.code().as_str(), reply.header("upload-offset")),
            (409, "CONFLICT", "5")
        );
    }
    let reply = send(&sample, &upload, 5, "fghijk").await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (413, "LIMIT"));
    assert_eq!(offset(&sample, &upload).await, 5);
    let headers = [("content-type", "text/plain"), ("upload-offset", "5")];
    assert_eq!(ask(&sample, Method::PATCH, &upload, &headers, "fghij").await.status, 415);
    for bad in ["", "-1", "+5", "five", "99999999999999999999"] {
        assert_eq!(
            ask(&sample, Method::PATCH, &upload, &[BYTES, ("upload-offset", bad)], "x").await.status,
            400,
            "{bad}"
        );
    }
    assert_eq!(offset(&sample, &upload).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_release_fails_with_the_reason_and_leaves_the_repository_alone() {
    let sample = Sample::empty(None);
    publish(&sample, "1.0.0", &release(1)).await;
    let failed = publish(&sample, "1.0.1", b"this is no ZIP file at all").await;
    assert_eq!(failed["state"], "failed");
    assert!(!failed["error"]["message"].as_str().unwrap().is_empty());
    assert!(!failed.to_string().contains(sample.path().to_str().unwrap()), "{failed}");
    let other = publish(&sample, "1.0.0", &release(2)).await;
    assert_eq!((&other["state"], &other["error"]["code"]), (&json!("failed"), &json!("INVALID_ARGUMENT")));
    let same = publish(&sample, "1.0.0", &release(1)).await;
    assert_eq!((&same["state"], &same["result"]["changed"]), (&json!("published"), &json!(false)));
    assert_eq!(latest(&sample).await, "1.0.0");
    let lower = create(&sample, 10, &metadata("0.9.0")).await;
    assert_eq!((lower.status.as_u16(), lower.code().as_str()), (409, "CONFLICT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_other_than_promised_are_not_published() {
    let sample = Sample::empty(None);
    let archive = release(1);
    for (digest, state) in [(patchcore::Digest::of(b"other"), "failed"), (patchcore::Digest::of(&archive), "published")]
    {
        let metadata = format!("{},sha256 {}", metadata("1.0.0"), base64(&digest.to_string()));
        let upload = create(&sample, archive.len(), &metadata).await.header("location").to_owned();
        send(&sample, &upload, 0, archive.clone()).await;
        assert_eq!(outcome(&sample, &upload).await["state"], state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_says_a_version_and_a_length() {
    let sample = Sample::empty(Some(1_000));
    for (length, metadata) in [
        ("", metadata("1.0.0")),
        ("-1", metadata("1.0.0")),
        ("1e3", metadata("1.0.0")),
        ("10", String::new()),
        ("10", format!("filename {}", base64("a.zip"))),
        ("10", "version 1.0.0".to_owned()),
        ("10", metadata("1.0")),
        ("10", metadata("0.0.0")),
        ("10", metadata("../../etc")),
        ("10", format!("{},arch {}", metadata("1.0.0"), base64("../x"))),
        ("10", format!("{},sha256 {}", metadata("1.0.0"), base64("abc"))),
    ] {
        let headers = [("upload-length", length), ("upload-metadata", metadata.as_str())];
        let reply = ask(&sample, Method::POST, PLACE, &headers, "").await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (400, "INVALID_ARGUMENT"), "{length} {metadata}");
    }
    let large = create(&sample, 1_001, &metadata("1.0.0")).await;
    assert_eq!((large.status.as_u16(), large.code().as_str()), (413, "LIMIT"));
    assert_eq!(ask(&sample, Method::GET, PLACE, &[], "").await.json(), json!({"uploads": []}));
    let options = ask(&sample, Method::OPTIONS, PLACE, &[], "").await;
    assert_eq!((options.status.as_u16(), options.header("tus-max-size")), (204, "1000"));
    assert_eq!(options.header("tus-version"), "1.0.0");
    assert!(options.header("tus-extension").contains("creation"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_can_be_given_up() {
    let sample = Sample::empty(None);
    let upload = begin(&sample, 10, "1.0.0").await;
    assert_eq!(ask(&sample, Method::DELETE, &upload, &[], "").await.status, 204);
    for method in [Method::HEAD, Method::GET, Method::DELETE] {
        assert_eq!(ask(&sample, method, &upload, &[], "").await.status, 404);
    }
    assert_eq!(send(&sample, &upload, 0, "x").await.status, 404);
    for id in ["..", "x", "%2e%2e", "0123456789abcdef0123456789abcde%2f", "..%2f..%2fmanifest"] {
        let reply = ask(&sample, Method::GET, &format!("{PLACE}/{id}"), &[], "").await;
        assert_eq!(reply.status, 404, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_lost_its_connection_need_not_wait_for_us_to_notice() {
    let sample = Sample::empty(None);
    let upload = begin(&sample, 10, "1.0.0").await;
    let mut frames = Some(Bytes::from_static(b"abc"));
    // Sends three bytes and then nothing, for ever.
    let silent = Frames(move || Some(Ok(frames.take()?)));
    struct Silent<S>(S);
    impl<S: futures_core::Stream + Unpin> futures_core::Stream for Silent<S> {
        type Item = S::Item;
        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<S::Item>> {
            match std::pin::Pin::new(&mut self.0).poll_next(context) {
                std::task::Poll::Ready(None) => std::task::Poll::Pending,
                other => other,
            }
        }
    }
    let body = Body::new(http_body_util::StreamBody::new(Silent(silent)));
    let headers = [AUTHORIZATION, TUS, BYTES, ("upload-offset", "0")];
    let stuck =
        tokio::spawn(crate::support::send_to(sample.router.clone(), request(Method::PATCH, &upload, &headers, body)));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(offset(&sample, &upload).await, 3);
    assert_eq!(stuck.await.unwrap().status, 423);
    assert_eq!(send(&sample, &upload, 3, "d").await.header("upload-offset"), "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_other_habits_are_understood() {
    let sample = Sample::empty(None);
    let archive = release(1);
    let length = archive.len().to_string();
    let all = metadata("1.0.0");
    // All of it with the request that begins it.
    let headers = [("upload-length", length.as_str()), ("upload-metadata", all.as_str()), BYTES];
    let reply = ask(&sample, Method::POST, PLACE, &headers, archive.clone()).await;
    assert_eq!((reply.status.as_u16(), reply.header("upload-offset")), (201, length.as_str()));
    assert_eq!(outcome(&sample, reply.header("location")).await["state"], "published");
    // No method but POST.
    let upload = begin(&sample, 10, "1.0.1").await;
    let headers = [BYTES, ("upload-offset", "0"), ("x-http-method-override", "PATCH")];
    assert_eq!(ask(&sample, Method::POST, &upload, &headers, "abc").await.status, 204);
    assert_eq!(ask(&sample, Method::POST, &upload, &[("x-http-method-override", "DELETE")], "").await.status, 204);
    assert_eq!(ask(&sample, Method::POST, &upload, &[], "").await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_without_the_token() {
    let sample = Sample::empty(None);
    let upload = begin(&sample, 10, "1.0.0").await;
    let others = ["withdraw", "prune", "rebuild"].map(|verb| format!("/admin/cache/patches/{verb}"));
    let requests = [(Method::POST, PLACE), (Method::GET, PLACE), (Method::HEAD, &upload), (Method::PATCH, &upload)]
        .into_iter()
        .chain([(Method::DELETE, upload.as_str()), (Method::GET, &upload)])
        .chain(others.iter().map(|path| (Method::POST, path.as_str())));
    let longer = format!("Bearer {TOKEN}x");
    let shorter = format!("Bearer {}", &TOKEN[1..]);
    let basic = format!("Basic {TOKEN}");
    for (method, path) in requests {
        for shown in ["", "Bearer", "Bearer ", &longer, &shorter, &basic, TOKEN] {
            let mut headers = vec![TUS, BYTES, ("upload-offset", "0"), ("upload-length", "3")];
            if !shown.is_empty() {
                headers.push(("authorization", shown));
            }
            let reply = sample.send(request(method.clone(), path, &headers, "abc".into())).await;
            assert_eq!(
                (reply.status.as_u16(), reply.header("www-authenticate")),
                (401, "Bearer"),
                "{method} {path} {shown}"
            );
        }
    }
    assert_eq!(offset(&sample, &upload).await, 0);
}

#[tokio::test]
async fn without_a_token_there_is_nothing_to_change_things_by() {
    let sample = Sample::new();
    for path in [PLACE, "/admin/cache/patches/withdraw", "/admin/cache/patches/prune", "/admin/cache/patches/rebuild"] {
        for headers in [vec![], vec![AUTHORIZATION, TUS], vec![("authorization", "Bearer ")]] {
            let reply = sample.send(request(Method::POST, path, &headers, "{}".into())).await;
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (404, "NOT_FOUND"));
        }
    }
}

//! The repository as static files: packages and the manifest, and nothing else that lies beside them.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::response::Builder;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use patchcore::repository::MANIFEST_FILE;

use crate::conditional::{Wanted, accepts_gzip, wanted};
use crate::error::{Answer, Refusal};
use crate::metrics::Content;
use crate::service::{Opened, Service};
use crate::snapshot::Document;
use crate::stream::{FileBody, Source};

/// A package that the manifest promises has its name for ever: what is cached stays right.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// A manifest, and a package that was made on demand and may be made anew, is asked for again each time, and mostly answered
/// with "not modified".
const ASK_AGAIN: &str = "no-cache";

const LATEST: &str = "combined_0.0.0_latest";

/// Answers with a file of the repository.
pub(crate) async fn file(
    State(service): State<Arc<Service>>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answer {
    let nothing = || Refusal::not_found("there is no such file");
    let Path(name) = name.map_err(|_| nothing())?;
    let snapshot = service.current.get().await;
    if let Some(document) = snapshot.document(&name) {
        return document_answer(&name, document, &headers);
    }
    if let Some(arch) = name.strip_prefix(LATEST).and_then(|rest| rest.strip_suffix(".zip")) {
        let arch = if arch.is_empty() { None } else { arch.strip_prefix('_').filter(|arch| !arch.is_empty()) };
        let package =
            service.combined(arch).await.map_err(|refusal| if refusal.is_ours() { refusal } else { nothing() })?;
        return Ok(redirect(StatusCode::FOUND, &package.file));
    }
    match service.open(&name).await? {
        Some(opened) => {
            let promised = snapshot.package(&name).is_some_and(|package| package.sha256 == opened.package.sha256);
            package_answer(opened, if promised { IMMUTABLE } else { ASK_AGAIN }, &headers)
        }
        None => Err(nothing()),
    }
}

/// Sends a client to a package, which is beside what it asked for or beneath it.
pub(crate) fn redirect(status: StatusCode, location: &str) -> Response {
    (status, [(header::LOCATION, location), (header::CACHE_CONTROL, ASK_AGAIN)]).into_response()
}

/// Answers with the manifest, as `GET /patches/manifest.json` does.
pub(crate) async fn manifest(State(service): State<Arc<Service>>, headers: HeaderMap) -> Answer {
    let snapshot = service.current.get().await;
    let document = snapshot.document(MANIFEST_FILE).ok_or_else(|| Refusal::not_found("there is no manifest"))?;
    document_answer(MANIFEST_FILE, document, &headers)
}

fn document_answer(name: &str, document: &Document, headers: &HeaderMap) -> Answer {
    let gzip = document.gzip.as_ref().filter(|_| accepts_gzip(headers));
    let (bytes, tag) = match gzip {
        Some(gzip) => (gzip, format!("\"{}-gzip\"", document.digest)),
        None => (&document.bytes, format!("\"{}\"", document.digest)),
    };
    let kind = if name.ends_with(".json") { "application/json" } else { "text/plain; charset=utf-8" };
    let mut common = Response::builder()
        .header(header::CONTENT_TYPE, kind)
        .header(header::CACHE_CONTROL, ASK_AGAIN)
        .header(header::VARY, "accept-encoding");
    if gzip.is_some() {
        common = common.header(header::CONTENT_ENCODING, "gzip");
    }
    // Small, and of no use in part.
    let mut headers = headers.clone();
    headers.remove(header::RANGE);
    let common = common.header(header::ACCEPT_RANGES, "none");
    let body = |_| Body::from(bytes.clone());
    answer(common, &headers, bytes.len() as u64, &tag, document.modified, Content::Manifest, body)
}

fn package_answer(opened: Opened, caching: &'static str, headers: &HeaderMap) -> Answer {
    let Opened { source, modified, package } = opened;
    let tag = match &package.sha256 {
        Some(digest) => format!("\"{digest}\""),
        None => {
            let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
            format!("\"{:x}-{:x}\"", package.size, since.as_nanos())
        }
    };
    let created = package.created_at.as_deref().and_then(|text| humantime::parse_rfc3339_weak(text).ok());
    let common = Response::builder()
        .header(header::CONTENT_TYPE, "application/zip")
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, caching);
    let body = |range| Body::new(FileBody::new(source, range));
    answer(common, headers, package.size, &tag, created.unwrap_or(modified), Content::of(&package), body)
}

fn answer(
    common: Builder,
    headers: &HeaderMap,
    size: u64,
    tag: &str,
    modified: SystemTime,
    content: Content,
    body: impl FnOnce(Range<u64>) -> Body,
) -> Answer {
    let common = common
        .header(header::ETAG, tag)
        .header(header::LAST_MODIFIED, httpdate::fmt_http_date(modified))
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    let (response, range) = match wanted(headers, size, tag, modified) {
        Wanted::Whole => (common, Some(0..size)),
        Wanted::Part(range) => {
            let place = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            (common.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, place), Some(range))
        }
        Wanted::NotModified => (common.status(StatusCode::NOT_MODIFIED), None),
        Wanted::PreconditionFailed => {
            let message = "the file is not the one that the request is about";
            return Err(Refusal::new(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED", message));
        }
        Wanted::Unsatisfiable => {
            let refusal = Refusal::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "RANGE_NOT_SATISFIABLE",
                "the range lies beyond the end",
            );
            let place = format!("bytes */{size}").parse().map_err(|_| Refusal::internal("no header"))?;
            return Err(refusal.with_header(header::CONTENT_RANGE, place));
        }
    };
    let made = match range {
        Some(range) => response.header(header::CONTENT_LENGTH, range.end - range.start).body(body(range)),
        None => response.body(Body::empty()),
    };
    let mut response = made.map_err(|_| Refusal::internal("the answer has no header"))?;
    response.extensions_mut().insert(content);
    Ok(response)
}

/// Opens a file of ours for being sent from its beginning to its end.
pub(crate) fn source(file: File) -> Source {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Sequential);
    Source::File(Arc::new(file))
}

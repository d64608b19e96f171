//! What clients ask: what there is, what they are to download, and one package for all of it. Read-only and public.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use patchcore::Version;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::error::{Answer, Refusal};
use crate::files::redirect;
use crate::plans::{NOTHING, Planned, described};
use crate::service::Service;
use crate::snapshot::Snapshot;

/// What a request says in JSON is a few numbers and names.
const LONGEST_REQUEST: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LatestQuery {
    arch: Option<String>,
}

#[derive(Deserialize)]
struct CheckUpdates {
    current_version: Version,
    arch: Option<String>,
}

#[derive(Deserialize)]
struct DownloadCombined {
    from_version: Version,
    arch: Option<String>,
}

/// `GET /admin/cache/patches/latest`
pub(crate) async fn latest(
    State(service): State<Arc<Service>>,
    query: Result<Query<LatestQuery>, QueryRejection>,
) -> Answer {
    let snapshot = service.current.get().await;
    let Query(LatestQuery { arch }) = query.map_err(|error| Refusal::bad_request(error.body_text()))?;
    let line = snapshot.manifest.line(arch.as_deref());
    let latest = line.latest();
    let patches: Vec<_> =
        line.packages().iter().filter(|package| Some(package.to) == latest).map(|package| described(package)).collect();
    Ok(json_answer(json!({"latest_version": latest, "patches": patches}).to_string()))
}

/// `POST /admin/cache/patches/check-updates`
pub(crate) async fn check_updates(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Answer {
    let request: CheckUpdates = json_request(&headers, body).await?;
    let snapshot = service.current.get().await;
    let planned = planned(&service, &snapshot, request.current_version, request.arch.as_deref()).await?;
    Ok(json_answer(planned.answer(request.current_version)))
}

/// `POST /admin/cache/patches/download-combined`
pub(crate) async fn download_combined(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Answer {
    let request: DownloadCombined = json_request(&headers, body).await?;
    let snapshot = service.current.get().await;
    let arch = request.arch.as_deref();
    let at = |file: &str| redirect(StatusCode::SEE_OTHER, &format!("/patches/{file}"));
    if request.from_version == NOTHING {
        return Ok(at(&service.combined(arch).await?.file));
    }
    let planned = planned(&service, &snapshot, request.from_version, arch).await?;
    match (&planned.packages[..], planned.latest) {
        ([], _) | (_, None) => Ok(StatusCode::NO_CONTENT.into_response()),
        ([package], _) => Ok(at(&package.file)),
        (_, Some(to)) if planned.strategy == "deltas" => {
            let arch = snapshot.lines.known(arch).map(str::to_owned);
            match service.squashed(&snapshot, request.from_version, to, arch.clone()).await? {
                Some(package) => Ok(at(&package.file)),
                None => Ok(at(&service.combined(arch.as_deref()).await?.file)),
            }
        }
        _ => Ok(at(&service.combined(arch).await?.file)),
    }
}

/// What a client at `from` is to download, squashed where that is fewer bytes.
pub(crate) async fn planned(
    service: &Arc<Service>,
    snapshot: &Arc<Snapshot>,
    from: Version,
    arch: Option<&str>,
) -> Answer<Arc<Planned>> {
    let squashed = |from, to, arch| service.squashed_soon(snapshot, from, to, arch);
    snapshot.planned(from, arch, squashed, |package| service.whole(package)).await
}

pub(crate) fn json_answer(text: impl Into<Body>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (headers, text.into()).into_response()
}

/// Reads what a request says. It need not say that it is JSON, but not that it is something else.
pub(crate) async fn json_request<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Answer<T> {
    let kind =
        headers.get(header::CONTENT_TYPE).map_or("application/json", |value| value.to_str().unwrap_or("nothing"));
    let form = kind.starts_with("multipart/") || kind.starts_with("text/html");
    if form {
        let message = "the request is to be JSON";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED", message));
    }
    let text = small_body(body).await?;
    // An object and not a list of its fields, which would be taken as well.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refusal::bad_request("the request is no JSON object"));
    }
    serde_json::from_slice(&text).map_err(|error| Refusal::bad_request(format!("the request cannot be read: {error}")))
}

async fn small_body(body: Body) -> Answer<Bytes> {
    let too_large = || Refusal::too_large(format!("a request has at most {LONGEST_REQUEST} bytes"));
    if axum::body::HttpBody::size_hint(&body).lower() > LONGEST_REQUEST as u64 {
        return Err(too_large());
    }
    let reading = tokio::time::timeout(crate::server::BODY_PATIENCE, to_bytes(body, LONGEST_REQUEST));
    match reading.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_large(&error) => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::bad_request("the request ends early")),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", "the request did not arrive in time")),
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.to_string().contains("length limit"))
}

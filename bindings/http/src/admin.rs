//! What changes the repository beside publishing, and the token that all of that takes.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use patchcore::repository::{EditOptions, Repository};
use patchcore::{Task, Version};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cache::{json_answer, json_request};
use crate::error::{Answer, Refusal};
use crate::plans::described;
use crate::service::Service;

/// Lets those through who show the token.
pub(crate) async fn authorised(State(service): State<Arc<Service>>, request: Request, next: Next) -> Answer<Response> {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.as_bytes().split_at_checked("bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
    });
    match (&service.options.admin_token, shown) {
        (Some(token), Some(shown)) if token.is(shown) => Ok(next.run(request).await),
        (_, shown) => {
            let message = match shown {
                Some(_) => "the token is wrong",
                None => "this takes the token, as `Authorization: Bearer TOKEN`",
            };
            let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message);
            Err(refusal.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Withdraw {
    version: Version,
    arch: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prune {
    #[serde(default = "five")]
    keep: usize,
    arch: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rebuild {
    arch: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

fn five() -> usize {
    5
}

/// `POST /admin/cache/patches/withdraw`
pub(crate) async fn withdraw(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Answer {
    let request: Withdraw = json_request(&headers, body).await?;
    changed(service, request.arch, request.dry_run, move |service, options, task| {
        let report = service.repository.withdraw(request.version, options, task)?;
        let packages: Vec<Value> = report.packages.iter().map(described).collect();
        Ok(json!({
            "version": request.version,
            "latest_version": report.latest,
            "removed": report.removed,
            "packages": packages,
            "warnings": report.warnings,
        }))
    })
    .await
}

/// `POST /admin/cache/patches/prune`
pub(crate) async fn prune(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Answer {
    let request: Prune = json_request(&headers, body).await?;
    changed(service, request.arch, request.dry_run, move |service, options, task| {
        let report = service.repository.prune(request.keep, options, task)?;
        Ok(json!({"removed": report.removed, "bytes": report.bytes, "needed": report.needed}))
    })
    .await
}

/// `POST /admin/cache/patches/rebuild`
pub(crate) async fn rebuild(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Answer {
    let request: Rebuild = json_request(&headers, body).await?;
    changed(service, request.arch, request.dry_run, move |service, options, task| {
        let folder = service.repository.store().folder().unwrap_or(Path::new("")).to_owned();
        let report = Repository::rebuild(&folder, options, task)?;
        let left_out: Vec<Value> =
            report.left_out.iter().map(|(file, reason)| json!({"file": file, "reason": reason})).collect();
        Ok(json!({
            "latest_version": report.latest,
            "packages": report.packages,
            "adopted": report.adopted,
            "left_out": left_out,
            "missing": report.missing,
            "made": report.made,
        }))
    })
    .await
}

/// Changes the repository when it is its turn. A client that does not wait for the end does not stop it.
async fn changed(
    service: Arc<Service>,
    arch: Option<String>,
    dry_run: bool,
    change: impl FnOnce(&Service, &EditOptions, &mut Task<'_>) -> patchcore::Result<Value> + Send + 'static,
) -> Answer {
    let options = EditOptions { arch, signer: service.options.signer.clone(), dry_run };
    let turn = service.changes.clone().lock_owned().await;
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let done = change(&service, &options, &mut service.task());
        service.current.refresh();
        done
    });
    Ok(json_answer(done.await??.to_string()))
}

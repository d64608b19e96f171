//! How the service is: for whoever watches over it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::cache::json_answer;
use crate::service::Service;

/// `GET /healthz`: whether what is served is what lies in the repository.
pub(crate) async fn health(State(service): State<Arc<Service>>) -> Response {
    let snapshot = service.current.get().await;
    let latest = snapshot.lines.line(None).latest;
    match service.current.failure() {
        None => json_answer(json!({"status": "ok", "latest_version": latest}).to_string()),
        Some(failure) => {
            let body = json!({"status": "failing", "latest_version": latest, "message": failure}).to_string();
            (StatusCode::SERVICE_UNAVAILABLE, json_answer(body)).into_response()
        }
    }
}

/// `GET /openapi.json`: what can be asked for, for programs.
pub(crate) async fn interface() -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    (headers, include_str!("openapi.json")).into_response()
}

/// `GET /metrics`, for Prometheus.
pub(crate) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let snapshot = service.current.get().await;
    let combined =
        snapshot.manifest.patches.iter().filter(|package| package.is_combined).map(|package| package.size).sum();
    let text = service.metrics.text(combined, snapshot.manifest.sequence);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

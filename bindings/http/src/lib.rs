//! A release repository as an HTTP service: [`router`] is one for a server of your own, [`serve`] is a server.
//!
//! What this crate promises:
//!
//! * only files that the manifest names are served, each with exactly the bytes that the manifest promises;
//! * the manifest is in memory: no request reads it, and a new one is seen within a moment;
//! * whatever many clients want at the same time is made once;
//! * nothing is changed without the token, and without a token nothing can be.

#![forbid(unsafe_code)]

mod admin;
mod builds;
mod cache;
#[cfg(feature = "cloud")]
pub mod cloud;
mod conditional;
mod error;
mod files;
mod idle;
mod metrics;
mod observe;
mod options;
mod page;
mod plans;
mod server;
mod service;
mod snapshot;
mod status;
mod stream;
mod tls;
mod uploads;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use patchcore::Result;
use patchcore::repository::Repository;

use error::Refusal;
pub use options::{AdminToken, ServiceOptions};
pub use server::{ServerOptions, serve};
use service::Service;
pub use tls::Certificate;

/// The routes of a repository. To be called within a tokio runtime.
pub fn router(repository: Repository, options: ServiceOptions) -> Result<Router> {
    let service = Service::new(repository, options)?;
    let changing = service.options.admin_token.is_some() && service.repository.store().folder().is_some();
    let router = Router::new()
        .route("/", get(page::page))
        .route("/page.css", get(page::style))
        .route("/page.js", get(page::script))
        .route("/openapi.json", get(status::interface))
        .route("/healthz", get(status::health))
        .route("/metrics", get(status::metrics))
        .route("/patches/{file}", get(files::file))
        .route("/{file}", get(files::file))
        .route("/admin/cache/patches/manifest", get(files::manifest))
        .route("/admin/cache/patches/latest", get(cache::latest))
        .route("/admin/cache/patches/check-updates", post(cache::check_updates))
        .route("/admin/cache/patches/download-combined", post(cache::download_combined));
    let router = if changing { router.merge(changes(&service)) } else { router };
    Ok(router
        .fallback(async || Refusal::not_found("there is nothing here"))
        .method_not_allowed_fallback(async || {
            let message = "that cannot be done here";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
        })
        .layer(from_fn_with_state(Arc::clone(&service), observe::observe))
        .with_state(service))
}

/// The routes that change the repository, for those who know the token.
fn changes(service: &Arc<Service>) -> Router<Arc<Service>> {
    uploads::resume(service);
    let upload = get(uploads::get)
        .head(uploads::head)
        .patch(uploads::patch)
        .delete(uploads::delete)
        .post(uploads::overridden)
        .options(uploads::options);
    Router::new()
        .route(uploads::PLACE, get(uploads::list).post(uploads::create).options(uploads::options))
        .route(&format!("{}/{{id}}", uploads::PLACE), upload)
        .route("/admin/cache/patches/withdraw", post(admin::withdraw))
        .route("/admin/cache/patches/prune", post(admin::prune))
        .route("/admin/cache/patches/rebuild", post(admin::rebuild))
        .route_layer(from_fn_with_state(Arc::clone(service), admin::authorised))
}

//! What a request is answered where it cannot be served: a status, and `{"error": {"code", "message"}}`.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use patchcore::Status;
use serde_json::json;

/// Why a request is refused. The message is for people, and says nothing of where the repository lies.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
}

pub(crate) type Answer<T = Response> = Result<T, Refusal>;

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), header: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Status::InvalidArgument.name(), message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Status::NotFound.name(), message)
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, Status::Limit.name(), message)
    }

    /// Nothing is wrong with what was asked for, and a moment later it may be there.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, Status::Busy.name(), message);
        refusal.with_header(header::RETRY_AFTER, HeaderValue::from_static("5"))
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Status::Internal.name(), message)
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    /// Whether nothing is wrong with what was asked for.
    pub(crate) fn is_ours(&self) -> bool {
        self.status.is_server_error()
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<patchcore::Error> for Refusal {
    fn from(error: patchcore::Error) -> Self {
        let status = match error.status() {
            Status::InvalidArgument | Status::UnsafePath => StatusCode::BAD_REQUEST,
            Status::NotFound | Status::UnknownVersion => StatusCode::NOT_FOUND,
            Status::Conflict | Status::NoRoute | Status::SourceMismatch | Status::NotComposable => StatusCode::CONFLICT,
            Status::Limit => StatusCode::PAYLOAD_TOO_LARGE,
            Status::Corrupt => StatusCode::UNPROCESSABLE_ENTITY,
            Status::Busy | Status::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            Status::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.status().name(), error.message())
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        patchcore::Error::from(error).into()
    }
}

/// A blocking operation that did not end by itself.
impl From<tokio::task::JoinError> for Refusal {
    fn from(_: tokio::task::JoinError) -> Self {
        Self::internal("the operation was broken off")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message}}).to_string();
        let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (self.status, headers, body).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

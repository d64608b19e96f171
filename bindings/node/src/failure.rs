//! What went wrong, as plain values that the TypeScript half makes an error of, and the table of statuses.

use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;
use patchcore_ffi::status::{Error, Status};

use crate::output::path_to_js;

/// Why a job failed.
#[napi(object, object_from_js = false)]
pub struct Failure {
    /// The number of the status.
    pub status: i32,
    /// Its name, such as `SOURCE_MISMATCH`.
    pub name: String,
    /// What happened, where, and what to do.
    pub message: String,
    /// The file that it is about; bytes where that is no UTF-8.
    pub path: Option<Either<String, Buffer>>,
    /// The byte offset in it.
    pub offset: Option<f64>,
    /// The operating system's number for it.
    pub system_code: Option<i32>,
    /// What became of the tree that was to be changed.
    pub outcome: Option<String>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            status: error.status().code(),
            name: error.status().name().to_owned(),
            message: error.to_string(),
            path: error.path().map(path_to_js),
            offset: error.offset().map(|offset| offset as f64),
            system_code: error.system_code(),
            outcome: error.outcome().map(|outcome| outcome.name().to_owned()),
        }
    }
}

/// One row of the table of statuses.
#[napi(object, object_from_js = false)]
pub struct StatusRow {
    /// The stable number.
    pub status: i32,
    /// The name that every face derives its own from.
    pub name: String,
}

/// Every status, in the order of their numbers.
#[napi]
pub fn statuses() -> Vec<StatusRow> {
    Status::ALL.iter().map(|status| StatusRow { status: status.code(), name: status.name().to_owned() }).collect()
}

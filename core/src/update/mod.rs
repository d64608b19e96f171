//! The whole way of an update: decide, download, verify, apply, and remember what is installed.
//!
//! A failure says what became of the tree ([`Error::outcome`](crate::Error::outcome)): unchanged, rolled back, or rollback
//! failed.

mod json;
mod manifest;
mod run;
mod strategy;

pub use manifest::{PackageInfo, ServiceManifest};
pub use run::{
    UpdateAction, UpdateOptions, UpdateReport, fetch_package_info, fetch_service_manifest, update_from_package_info,
    update_from_service_manifest,
};
pub use strategy::{Decision, Installation, Reason, Strategy, decide};

//! The whole way of an update: decide, download, verify, apply, and remember what is installed.
//!
//! A failure says what became of the tree ([`Error::outcome`](crate::Error::outcome)): unchanged, rolled back, or rollback
//! failed.

mod announcement;
mod channel;
mod manifest;
mod repair;
mod repository;
mod run;
mod strategy;

pub use channel::{
    FileMeans, FileReason, FileUpdateOptions, FileUpdateReport, announces_file, update_file_from_channel,
};
pub use manifest::{PackageInfo, ServiceManifest};
pub use repository::{Fallback, RepositoryUpdateReport, UpdatePackage, update_from_repository};
pub use run::{
    UpdateAction, UpdateOptions, UpdateReport, fetch_package_info, fetch_service_manifest, update_from_package_info,
    update_from_service_manifest,
};
pub use strategy::{Decision, Installation, Reason, Strategy, decide};

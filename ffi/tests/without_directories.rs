//! A build without directories has every function, and says of those that work on them that it cannot.

#![cfg(not(feature = "tree"))]

use std::path::Path;
use std::sync::Arc;

use patchcore_ffi::input::Input;
use patchcore_ffi::job::Job;
use patchcore_ffi::status::{Error, Status, offered};
use patchcore_ffi::tree::{self, ScanOptions, TreeDiffOptions, TreePatch, TreeSquashOptions};
use patchcore_ffi::trust::Trust;
use patchcore_ffi::update::{self, Document, UpdateOptions};

#[test]
fn what_works_on_directories_is_unsupported() {
    let job = &mut Job::new();
    let root = Path::new(".");
    let document = Document::Url("info.json".to_owned());
    let package = Input::Bytes(Arc::new(*b"PK\x03\x04"));
    let errors: [Error; 10] = [
        TreePatch::open(package, None, &Trust::default(), job).err().unwrap(),
        tree::scan(root, &ScanOptions::default(), job).unwrap_err(),
        tree::diff(root, root, root, &TreeDiffOptions::default(), job).unwrap_err(),
        tree::squash(&[], root, &TreeSquashOptions::default(), job).unwrap_err(),
        tree::rollback(root, false, 1, job).unwrap_err(),
        tree::recover(root, job).unwrap_err(),
        tree::installed(root).unwrap_err(),
        update::update_from_package_info(root, &document, &UpdateOptions::default(), job).unwrap_err(),
        update::update_from_repository(root, ".", &UpdateOptions::default(), job).unwrap_err(),
        offered("directories").unwrap_err(),
    ];
    for error in errors {
        assert_eq!(
            (error.status(), error.message()),
            (Status::Unsupported, "this build of patchcore has no directories")
        );
    }
}

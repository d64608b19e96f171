//! A build without the encoder has every function, and says of those that make something that it cannot.

#![cfg(not(feature = "encode"))]

use std::path::Path;
use std::sync::Arc;

use patchcore_ffi::input::Input;
use patchcore_ffi::job::Job;
use patchcore_ffi::options::{CreateOptions, DiffOptions, Limits, SquashOptions};
use patchcore_ffi::output::Output;
use patchcore_ffi::status::{Error, Status};
use patchcore_ffi::{chain, delta};

#[test]
fn what_makes_deltas_and_chains_is_unsupported() {
    let job = &mut Job::new();
    let (limits, squash) = (Limits::default(), SquashOptions::default());
    let path = Path::new("chain");
    let errors: [Error; 5] = [
        delta::diff(bytes(), bytes(), Output::Memory, &DiffOptions::default(), job).unwrap_err(),
        delta::squash(vec![bytes()], Output::Memory, &squash, job).unwrap_err(),
        chain::create(vec![bytes()], Output::Memory, &CreateOptions::default(), &limits, job).unwrap_err(),
        chain::append(path, vec![bytes()], None, &limits, job).unwrap_err(),
        chain::prune(path, "v1", false, &squash, job).unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.status(), error.message()), (Status::Unsupported, "this build of patchcore only applies"));
    }
}

fn bytes() -> Input {
    Input::Bytes(Arc::new(*b"bytes"))
}

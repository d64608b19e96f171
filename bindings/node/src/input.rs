//! Where a job gets bytes from: files by their paths, and snapshots.

use napi::bindgen_prelude::{ClassInstance, Either};
use patchcore_ffi::input::Input;

use crate::output::{PathArgument, path};
use crate::snapshot::Snapshot;

/// A path, or bytes.
pub type InputArgument<'a> = Either<ClassInstance<'a, Snapshot>, PathArgument>;

/// What an argument means to the facade.
pub fn input(argument: InputArgument) -> Input {
    match argument {
        Either::A(mut snapshot) => Input::Bytes(snapshot.take()),
        Either::B(file) => Input::Path(path(file)),
    }
}

/// Several of them.
pub fn inputs(arguments: Vec<InputArgument>) -> Vec<Input> {
    arguments.into_iter().map(input).collect()
}

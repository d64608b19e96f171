//! Jobs about single deltas and files.

use napi_derive::napi;
use patchcore_ffi::kind::FileKind;
use patchcore_ffi::options::Limits;
use patchcore_ffi::{delta, digest, kind};

use crate::input::{InputArgument, input, inputs};
use crate::job::{Listener, RunningJob, start};
use crate::options::{ApplyOptions, DiffOptions, SquashOptions, amount};
use crate::output::{OutputArgument, output};
use crate::results::{ApplyStats, DeltaContents, DeltaInfo, Explanation, Made, made};

/// Makes the delta that turns `old` into `updated`.
#[napi]
pub fn diff(
    old: InputArgument,
    updated: InputArgument,
    out: Option<OutputArgument>,
    options: DiffOptions,
    listener: Listener<Made<DeltaInfo>>,
) -> napi::Result<RunningJob> {
    let (old, updated, output) = (input(old), input(updated), output(out));
    start(listener, move |job| delta::diff(old, updated, output, &options.facade()?, job).map(made))
}

/// Makes what `delta` makes of `old`.
#[napi]
pub fn apply(
    old: InputArgument,
    delta: InputArgument,
    out: Option<OutputArgument>,
    options: ApplyOptions,
    listener: Listener<Made<ApplyStats>>,
) -> napi::Result<RunningJob> {
    let (old, delta, output) = (input(old), input(delta), output(out));
    start(listener, move |job| delta::apply(old, delta, output, &options.into(), job).map(made))
}

/// Makes one delta of several, each continuing the one before.
#[napi]
pub fn compose(
    deltas: Vec<InputArgument>,
    out: Option<OutputArgument>,
    options: SquashOptions,
    listener: Listener<Made<DeltaInfo>>,
) -> napi::Result<RunningJob> {
    let (deltas, output) = (inputs(deltas), output(out));
    start(listener, move |job| delta::squash(deltas, output, &options.into(), job).map(made))
}

/// Reads what a delta says about itself.
#[napi]
pub fn inspect(delta: InputArgument, listener: Listener<DeltaInfo>) -> napi::Result<RunningJob> {
    let delta = input(delta);
    start(listener, move |_| delta::inspect(delta))
}

/// What checking a delta found.
#[napi(object, object_from_js = false)]
pub struct Verified {
    /// What the delta says about itself.
    pub info: DeltaInfo,
    /// What it holds.
    pub contents: DeltaContents,
}

/// Checks a whole delta; with `old`, also that it makes the promised file of it.
#[napi]
pub fn verify(
    delta: InputArgument,
    old: Option<InputArgument>,
    max_memory: Option<f64>,
    listener: Listener<Verified>,
) -> napi::Result<RunningJob> {
    let (delta, old) = (input(delta), old.map(input));
    let limits = Limits { max_memory: amount(max_memory) };
    start(listener, move |job| {
        let (info, contents) = delta::verify(delta, old, &limits, job)?;
        Ok(Verified { info: info.into(), contents: contents.into() })
    })
}

/// Checks a whole delta and says where its bytes went.
#[napi]
pub fn explain(
    delta: InputArgument,
    most: f64,
    max_memory: Option<f64>,
    listener: Listener<Explanation>,
) -> napi::Result<RunningJob> {
    let delta = input(delta);
    let limits = Limits { max_memory: amount(max_memory) };
    start(listener, move |job| delta::explain(delta, most as usize, &limits, job))
}

/// The SHA-256 of an input, in hex.
#[napi]
pub fn digest(of: InputArgument, listener: Listener<String>) -> napi::Result<RunningJob> {
    let of = input(of);
    start(listener, move |job| digest::digest_of(of, job).map(|digest| digest.to_string()))
}

/// Which of our files an input is: `delta`, `chain` or `tree_patch`.
#[napi]
pub fn file_kind(of: InputArgument, listener: Listener<String>) -> napi::Result<RunningJob> {
    let of = input(of);
    start(listener, move |_| {
        let name = match kind::file_kind(of)? {
            FileKind::Delta => "delta",
            FileKind::Chain => "chain",
            FileKind::TreePatch => "tree_patch",
        };
        Ok(name)
    })
}

//! Deltas: making, applying and squashing them, and saying what they hold.

use patchcore::delta::Header;

use crate::input::Input;
use crate::job::Job;
use crate::options::{ApplyOptions, DiffOptions, Limits, SquashOptions};
use crate::output::{Output, Written, in_file};
use crate::results::{ApplyStats, DeltaContents, DeltaInfo, Explanation};
use crate::status::{Result, Status};

/// Makes the delta that turns `old` into `new`, and applies it once for trial.
#[cfg(feature = "encode")]
pub fn diff(
    old: Input,
    new: Input,
    output: Output,
    options: &DiffOptions,
    job: &mut Job,
) -> Result<(DeltaInfo, Written)> {
    let options = options.for_core()?;
    let (old, new) = (old.open()?, new.open()?);
    let (header, written) = match output.path() {
        Some((path, output)) => {
            (patchcore::delta::diff_into_file(&*old, &*new, path, &options, output, job.task())?, None)
        }
        None => output.write_seeking(&job.commit_point(), |out| {
            patchcore::delta::diff(&*old, &*new, out, &options, job.task())
        })?,
    };
    Ok(((&header).into(), written))
}

/// Makes what `delta`, read forward only, makes of `old`.
///
/// `old` is verified before `output` appears, or before its first byte is written where that cannot be taken back.
pub fn apply(
    old: Input,
    delta: Input,
    output: Output,
    options: &ApplyOptions,
    job: &mut Job,
) -> Result<(ApplyStats, Written)> {
    let options = options.for_delta();
    let old = old.open()?;
    let mut delta = delta.open_forward()?;
    let applied = match output.path() {
        Some((path, output)) => {
            let applied = patchcore::delta::apply_into_file(&*old, &mut delta, path, &options, output, job.task());
            applied.map(|stats| (stats, None))
        }
        None => output.write_forward(&job.commit_point(), |out| {
            patchcore::delta::apply(&*old, &mut delta, out, &options, job.task())
        }),
    };
    let (stats, written) = applied.map_err(|e| match e.status() {
        Status::SourceMismatch => in_file(e, old.path()),
        Status::Corrupt | Status::Unsupported | Status::Limit => in_file(e, delta.path()),
        _ => e,
    })?;
    Ok((stats.into(), written))
}

/// Makes one delta of several, each continuing the one before, from them alone.
#[cfg(feature = "encode")]
pub fn squash(
    deltas: Vec<Input>,
    output: Output,
    options: &SquashOptions,
    job: &mut Job,
) -> Result<(DeltaInfo, Written)> {
    let (encode, limits) = (options.encode()?, options.limits());
    let opened = crate::input::open_all(deltas)?;
    let deltas: Vec<_> = opened.iter().map(|delta| &**delta).collect();
    let (header, written) = match output.path() {
        Some((path, output)) => {
            (patchcore::delta::compose_into_file(&deltas, path, &encode, &limits, output, job.task())?, None)
        }
        None => output.write_seeking(&job.commit_point(), |out| {
            patchcore::delta::compose(&deltas, out, &encode, &limits, job.task())
        })?,
    };
    Ok(((&header).into(), written))
}

/// Reads what a delta says about itself, and nothing else of it.
pub fn inspect(delta: Input) -> Result<DeltaInfo> {
    let mut delta = delta.open_forward()?;
    let header = Header::read(&mut delta).map_err(|e| in_file(e, delta.path()))?;
    Ok((&header).into())
}

/// Checks a whole delta; with `old`, also that it makes the promised file of it.
pub fn verify(delta: Input, old: Option<Input>, limits: &Limits, job: &mut Job) -> Result<(DeltaInfo, DeltaContents)> {
    let delta = delta.open()?;
    let old = old.map(Input::open).transpose()?;
    let inspection =
        patchcore::delta::verify(&*delta, old.as_deref(), &limits.for_core(), job.task()).map_err(|e| {
            match (e.status(), &old) {
                (Status::SourceMismatch, Some(old)) => in_file(e, old.path()),
                (Status::Cancelled | Status::Callback, _) => e,
                _ => in_file(e, delta.path()),
            }
        })?;
    Ok(((&inspection.header).into(), (&inspection).into()))
}

/// Checks a whole delta and says where its bytes went, with `most` of its largest segments and longest insertions.
pub fn explain(delta: Input, most: usize, limits: &Limits, job: &mut Job) -> Result<Explanation> {
    let delta = delta.open()?;
    let explained = patchcore::delta::explain(&*delta, most, &limits.for_core(), job.task());
    explained.map(Explanation::from).map_err(|e| match e.status() {
        Status::Cancelled | Status::Callback => e,
        _ => in_file(e, delta.path()),
    })
}

#[cfg(not(feature = "encode"))]
pub use only_applies::{diff, squash};

#[cfg(not(feature = "encode"))]
mod only_applies {
    //! The making functions of a build that only applies.

    use super::{DeltaInfo, DiffOptions, Input, Job, Output, Result, SquashOptions, Written};
    use crate::status::only_applies;

    /// Fails with UNSUPPORTED: this build only applies.
    pub fn diff(_: Input, _: Input, _: Output, _: &DiffOptions, _: &mut Job) -> Result<(DeltaInfo, Written)> {
        Err(only_applies())
    }

    /// Fails with UNSUPPORTED: this build only applies.
    pub fn squash(_: Vec<Input>, _: Output, _: &SquashOptions, _: &mut Job) -> Result<(DeltaInfo, Written)> {
        Err(only_applies())
    }
}

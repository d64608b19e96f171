//! The operations of the crate on bytes in memory.

use std::io::Cursor;

use patchcore::delta::{self, DiffOptions, EncodeOptions, Engine, Inspection, PushOptions};
use patchcore::io::ReadAt;
use patchcore::{Limits, Result, Task};

/// Options with the least memory for an applier, so that small files have several segments.
pub fn small(level: u8) -> EncodeOptions {
    EncodeOptions { level, threads: 1, max_apply_memory: 256 << 10 }
}

/// Everything by default but the level.
pub fn at_level(level: u8) -> DiffOptions {
    DiffOptions { engine: Engine::Auto, encode: EncodeOptions { level, ..EncodeOptions::default() } }
}

pub fn diff(old: &[u8], new: &[u8], options: &DiffOptions) -> Result<Vec<u8>> {
    let mut out = Cursor::new(Vec::new());
    delta::diff(&old, &new, &mut out, options, &mut Task::new())?;
    Ok(out.into_inner())
}

/// Applies within the memory that a streaming process may take, or that the delta asks for if that is more.
pub fn apply(old: &[u8], delta: &[u8], limits: &Limits) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    delta::apply(&old, &mut &delta[..], &mut out, &(*limits).into(), &mut Task::new())?;
    Ok(out)
}

/// Applies in small packets, with little work in each call.
pub fn push(old: &[u8], delta: &[u8], limits: &Limits) -> Result<Vec<u8>> {
    let options = PushOptions { memory: limits.memory(), output: limits.output, work: 700 };
    super::slot::apply(old, delta, 333, &options)
}

pub fn compose(deltas: &[&[u8]], options: &EncodeOptions, limits: &Limits) -> Result<Vec<u8>> {
    let mut out = Cursor::new(Vec::new());
    let deltas: Vec<&dyn ReadAt> = deltas.iter().map(|delta| delta as _).collect();
    delta::compose(&deltas, &mut out, options, limits, &mut Task::new())?;
    Ok(out.into_inner())
}

pub fn apply_chain(old: &[u8], deltas: &[&[u8]], limits: &Limits) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let deltas: Vec<&dyn ReadAt> = deltas.iter().map(|delta| delta as _).collect();
    delta::apply_chain(&old, &deltas, &mut out, &(*limits).into(), &mut Task::new())?;
    Ok(out)
}

pub fn verify(delta: &[u8], old: Option<&[u8]>, limits: &Limits) -> Result<Inspection> {
    let old = old.as_ref().map(|old| old as &dyn ReadAt);
    delta::verify(&delta, old, limits, &mut Task::new())
}

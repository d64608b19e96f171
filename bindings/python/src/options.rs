//! Options as keyword arguments give them: what is not given is zero, which means the default everywhere.

use patchcore_ffi::digest::{Digest, parse_digest};
use patchcore_ffi::options::{ApplyOptions, DiffOptions, Engine, Limits, SquashOptions};
use patchcore_ffi::tree::TreeApplyOptions;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::Raise;

/// The argument `engine`.
pub(crate) fn engine(name: &str) -> PyResult<Engine> {
    match name {
        "auto" => Ok(Engine::Auto),
        "bsdiff" => Ok(Engine::Bsdiff),
        _ => Err(PyValueError::new_err(format!("there is no engine {name:?}; engines are 'auto' and 'bsdiff'"))),
    }
}

pub(crate) fn diff(
    level: Option<i32>,
    engine: Engine,
    threads: Option<u64>,
    max_apply_memory: Option<u64>,
) -> DiffOptions {
    DiffOptions {
        level: level.unwrap_or_default(),
        engine,
        threads: threads.unwrap_or_default(),
        max_apply_memory: max_apply_memory.unwrap_or_default(),
    }
}

pub(crate) fn squash(
    level: Option<i32>,
    threads: Option<u64>,
    max_apply_memory: Option<u64>,
    max_memory: Option<u64>,
    max_operations: Option<u64>,
) -> SquashOptions {
    SquashOptions {
        level: level.unwrap_or_default(),
        threads: threads.unwrap_or_default(),
        max_apply_memory: max_apply_memory.unwrap_or_default(),
        max_memory: max_memory.unwrap_or_default(),
        max_operations: max_operations.unwrap_or_default(),
    }
}

pub(crate) fn apply(
    threads: Option<u64>,
    streaming: bool,
    max_memory: Option<u64>,
    max_output: Option<u64>,
) -> ApplyOptions {
    ApplyOptions {
        threads: threads.unwrap_or_default(),
        max_memory: max_memory.unwrap_or_default(),
        max_output: max_output.unwrap_or_default(),
        streaming,
        scratch: None,
    }
}

pub(crate) fn limits(max_memory: Option<u64>) -> Limits {
    Limits { max_memory: max_memory.unwrap_or_default() }
}

pub(crate) fn tree_apply(
    overwrite_local: bool,
    no_backup: bool,
    threads: Option<u64>,
    max_memory: Option<u64>,
) -> TreeApplyOptions {
    TreeApplyOptions {
        overwrite_local,
        no_backup,
        threads: threads.unwrap_or_default(),
        max_memory: max_memory.unwrap_or_default(),
    }
}

/// The argument `digest`.
pub(crate) fn digest(py: Python<'_>, text: &str) -> PyResult<Digest> {
    parse_digest(text).or_raise(py)
}

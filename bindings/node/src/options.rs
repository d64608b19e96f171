//! Options as they come from JavaScript. The TypeScript half has checked that numbers are whole and not negative; a number
//! too large for the facade, infinity included, is its largest, which is no limit.

use napi_derive::napi;
use patchcore_ffi::options as facade;
use patchcore_ffi::status::{Error, Result, Status};

use crate::output::{PathArgument, path};

/// Zero, which is the default, where nothing is given.
pub fn amount(given: Option<f64>) -> u64 {
    given.map_or(0, |given| given as u64)
}

/// How two files are compared and their delta is encoded.
#[napi(object, object_to_js = false)]
pub struct DiffOptions {
    /// 1 to 9.
    pub level: Option<i32>,
    /// `auto` or `bsdiff`.
    pub engine: Option<String>,
    /// Worker threads.
    pub threads: Option<f64>,
    /// Bytes that an applier of the delta may need.
    pub max_apply_memory: Option<f64>,
}

impl DiffOptions {
    /// The same for the facade.
    pub fn facade(&self) -> Result<facade::DiffOptions> {
        let engine = match self.engine.as_deref() {
            None | Some("auto") => facade::Engine::Auto,
            Some("bsdiff") => facade::Engine::Bsdiff,
            Some(other) => {
                let message = format!("there is no engine {other:?}; engines are \"auto\" and \"bsdiff\"");
                return Err(Error::new(Status::InvalidArgument, message));
            }
        };
        Ok(facade::DiffOptions {
            level: self.level.unwrap_or_default(),
            engine,
            threads: amount(self.threads),
            max_apply_memory: amount(self.max_apply_memory),
        })
    }
}

/// How several deltas become one.
#[napi(object, object_to_js = false)]
pub struct SquashOptions {
    /// 1 to 9.
    pub level: Option<i32>,
    /// Worker threads.
    pub threads: Option<f64>,
    /// Bytes that an applier of the delta may need.
    pub max_apply_memory: Option<f64>,
    /// Bytes that squashing itself may take.
    pub max_memory: Option<f64>,
    /// Operations that it may produce.
    pub max_operations: Option<f64>,
}

impl From<SquashOptions> for facade::SquashOptions {
    fn from(options: SquashOptions) -> Self {
        Self {
            level: options.level.unwrap_or_default(),
            threads: amount(options.threads),
            max_apply_memory: amount(options.max_apply_memory),
            max_memory: amount(options.max_memory),
            max_operations: amount(options.max_operations),
        }
    }
}

/// How a delta or a chain is applied.
#[napi(object, object_to_js = false)]
pub struct ApplyOptions {
    /// Worker threads.
    pub threads: Option<f64>,
    /// Bytes that applying may take.
    pub max_memory: Option<f64>,
    /// Bytes that the new file may have.
    pub max_output: Option<f64>,
    /// Bound the memory.
    pub streaming: Option<bool>,
    /// The folder for intermediate files.
    pub scratch: Option<PathArgument>,
}

impl From<ApplyOptions> for facade::ApplyOptions {
    fn from(options: ApplyOptions) -> Self {
        Self {
            threads: amount(options.threads),
            max_memory: amount(options.max_memory),
            max_output: amount(options.max_output),
            streaming: options.streaming.unwrap_or_default(),
            scratch: options.scratch.map(path),
        }
    }
}

//! Software that reaches devices in small pieces: deltas between two versions of a file, chains of deltas that lead from any
//! version to any later one, patches of directories, and repositories of releases.
//!
//! What this crate promises:
//!
//! * a result is verified (SHA-256) before it replaces anything, and a failed operation leaves no trace;
//! * nothing that was read from a delta or a chain sizes an allocation, moves an offset or ends a loop before it was
//!   checked against [`Limits`];
//! * composing deltas never needs a version of the file ([`delta::compose`]);
//! * no `unsafe`, no threads but the caller's number of them, no language but Rust, and no network but in [`transfer`] with the
//!   feature `http`.
//!
//! The way of one delta: [`delta::diff`] matches two files and encodes the operations; [`delta::apply`] decodes
//! them and writes the new file; [`chain::Chain`] keeps many deltas in one file and finds the route between two
//! versions. `core/ARCHITECTURE.md` draws the modules, `core/FORMAT.md` the bytes.

#![forbid(unsafe_code)]

pub mod cancel;
pub mod chain;
pub mod delta;
pub mod digest;
pub mod error;
pub mod io;
mod json;
pub mod limits;
mod order;
pub mod progress;
pub mod repository;
mod route;
pub mod transfer;
pub mod tree;
pub mod trust;
pub mod update;
pub mod version;

pub use cancel::{CancelToken, CommitPoint};
pub use digest::Digest;
pub use error::{Error, Outcome, Result, Status};
pub use limits::Limits;
pub use progress::{Event, LogLevel, Phase, Stop, Task, Unit};
pub use version::Version;

//! What a person at a shell is promised: exit status, standard output and standard error of every verb, and that a
//! failed command leaves the folder exactly as it was.

#![allow(missing_docs, reason = "a test binary")]

mod chains;
mod channels;
mod deltas;
mod explain;
mod failures;
mod help;
mod pipes;
#[cfg(unix)]
mod serve;
#[path = "../../../../core/tests/support/server.rs"]
mod server;
#[cfg(unix)]
mod signals;
mod signatures;
mod support;
mod trees;
mod updates;
mod vectors;
mod walkthrough;

//! The native half of the npm package `libpatchcore`: operations of the facade as jobs on threads of their own.
//!
//! The other half, in `ts/`, is what users see: promises, abort signals, errors and streams. Here nothing is decided and
//! nothing throws but what is wrong with the call itself; a job tells one listener everything that becomes of it.

#![cfg_attr(test, allow(dead_code, reason = "what Node calls is registered only where tests are not built"))]

mod chain;
mod channel;
mod command;
mod delta;
mod failure;
mod input;
mod job;
mod options;
mod output;
mod repository;
mod results;
mod snapshot;
mod stream;
mod transfer;
mod tree;
mod trust;
mod update;

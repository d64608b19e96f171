//! The one facade that the faces of patchcore in C, Python and Node share.
//!
//! It decides nothing that the core decides. It turns the core's borrowed and generic words into what a foreign language
//! can hold: everything here is owned, `'static` and [`Send`], and nothing public is generic. Operations are functions that
//! take a [`Job`](job::Job) by `&mut` and run on the caller's thread; [`Job::spawn`](job::Job::spawn) gives them one of
//! their own.
//!
//! No `unsafe` and no exported symbols here: a wrapper of one language adds those it needs.

#![forbid(unsafe_code)]

pub mod applier;
pub mod chain;
pub mod channel;
pub mod delta;
pub mod digest;
pub mod input;
pub mod job;
pub mod kind;
pub mod options;
pub mod output;
pub mod repository;
pub mod results;
pub mod status;
pub mod transfer;
pub mod tree;
pub mod trust;
pub mod update;

#[cfg(feature = "encode")]
mod seeking;

//! Releases of a directory: what publishing promises to those who publish and to those who fetch.

#[path = "../support/trees.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod trees;

mod changes;
mod elsewhere;
mod publish;

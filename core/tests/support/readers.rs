//! Every reader of deltas, and what they must all make of the same bytes.

use patchcore::delta::Header;
use patchcore::{Limits, Result, Status};

use super::calls::{apply, apply_chain, compose, push, small, verify};
use super::forge::Delta;
use super::targets::old_file;

pub const OLD_SIZE: u64 = 300;

/// The old file of all deltas here.
pub fn old() -> Vec<u8> {
    old_file(OLD_SIZE)
}

/// What each reader of deltas makes of these bytes: check, apply at once and as it arrives, apply as part of a chain, compose.
pub fn readers(delta: &[u8], limits: &Limits) -> [(&'static str, Result<()>); 7] {
    let old = old();
    let onward = Header::read(&mut &delta[..]).map(|header| onward_from(&header)).unwrap_or_else(|_| delta.to_vec());
    [
        ("verify", verify(delta, None, limits).map(drop)),
        ("verify with the old file", verify(delta, Some(&old), limits).map(drop)),
        ("apply", apply(&old, delta, limits).map(drop)),
        ("push", push(&old, delta, limits).map(drop)),
        ("apply_chain", apply_chain(&old, &[delta, &onward], limits).map(drop)),
        ("compose", compose(&[delta], &small(1), limits).map(drop)),
        ("compose with a next", compose(&[delta, &onward], &small(1), limits).map(drop)),
    ]
}

/// An empty delta that starts where `header` leads.
pub fn onward_from(header: &Header) -> Vec<u8> {
    let mut onward = Delta::plain(&[], &[]);
    onward.segments.clear();
    onward.header.old_size = header.new_size;
    onward.header.old_digest = header.new_digest.0;
    onward.fitted()
}

/// Every reader refuses `delta` with `status`, and says where it is corrupt.
#[track_caller]
pub fn refused(delta: &[u8], status: Status) {
    refused_within(delta, &Limits::default(), status);
}

#[track_caller]
pub fn refused_within(delta: &[u8], limits: &Limits, status: Status) {
    for (reader, result) in readers(delta, limits) {
        let error = result.expect_err(reader);
        assert_eq!(error.status(), status, "{reader}: {error}");
        assert!(status != Status::Corrupt || error.offset().is_some(), "{reader} does not say where: {error}");
    }
}

/// Every reader takes `delta`, which makes `new` of [`old`].
#[track_caller]
pub fn accepted(delta: &[u8], new: &[u8]) {
    for (reader, result) in readers(delta, &Limits::default()) {
        result.unwrap_or_else(|e| panic!("{reader}: {e}"));
    }
    assert_eq!(apply(&old(), delta, &Limits::default()).unwrap(), new);
}

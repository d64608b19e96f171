//! Files that are the beginning of what a server has.

use patchcore::Status;
use patchcore::transfer::FetchOptions;

use crate::server::{Server, head, send, serve, serve_at_most};
use crate::{Folder, noise, quick, wanting};

const STEP: usize = 64 << 10;

/// Options for exactly these bytes, whatever follows them.
fn beginning(bytes: &[u8]) -> FetchOptions {
    FetchOptions { prefix: true, ..wanting(bytes) }
}

#[test]
fn no_more_comes_than_counts() {
    let whole = noise(1, 8 * STEP);
    let wanted = &whole[..2 * STEP + 7];
    let server = Server::of(whole.clone());
    let folder = Folder::new();
    let fetched = folder.fetch(&server.url("f"), &beginning(wanted)).unwrap();
    assert_eq!((fetched.size, fetched.transferred), (wanted.len() as u64, wanted.len() as u64));
    assert_eq!(server.asked()[0].range(), Some((0, Some(wanted.len() as u64 - 1))));
    assert!(folder.read() == wanted);
    // Nobody said that the file may be longer.
    Folder::new().fails(Status::TargetMismatch, &server.url("f"), &wanting(wanted));
}

#[test]
fn a_server_without_ranges_is_left_where_the_file_ends() {
    let whole = noise(2, 8 * STEP);
    let wanted = whole[..3 * STEP + 1].to_vec();
    for with_length in [true, false] {
        let served = whole.clone();
        let server = Server::start(move |_, stream| {
            let length = served.len().to_string();
            let headers: &[(&str, &str)] = if with_length { &[("Content-Length", &length)] } else { &[] };
            head(stream, "200 OK", headers);
            send(stream, &served);
        });
        let folder = Folder::new();
        let fetched = folder.fetch(&server.url("f"), &beginning(&wanted)).unwrap();
        assert_eq!(fetched.transferred, wanted.len() as u64);
        assert!(folder.read() == wanted);
    }
}

#[test]
fn what_broke_goes_on_from_there_although_the_file_grew() {
    let whole = noise(3, 8 * STEP);
    let wanted = whole[..5 * STEP].to_vec();
    let served = whole.clone();
    // Every answer is of a longer file with another validator, and breaks.
    let server = Server::start(move |asked, stream| {
        let grown = &served[..(6 * STEP + asked.number).min(served.len())];
        serve_at_most(asked, stream, grown, &format!("\"{}\"", asked.number), STEP);
    });
    let folder = Folder::new();
    let fetched = folder.fetch(&server.url("f"), &beginning(&wanted)).unwrap();
    assert_eq!(fetched.transferred, wanted.len() as u64);
    assert_eq!(server.starts(), (0..5).map(|n| n * STEP as u64).collect::<Vec<_>>());
    assert!(folder.read() == wanted);
}

#[test]
fn a_file_that_changed_before_its_end_is_fetched_anew() {
    let (old, new) = (noise(4, 6 * STEP), noise(5, 6 * STEP));
    let wanted = new[..4 * STEP].to_vec();
    let server = Server::start(move |asked, stream| match asked.number {
        0 => serve_at_most(asked, stream, &old, "\"old\"", STEP),
        _ => serve(asked, stream, &new, "\"new\""),
    });
    let folder = Folder::new();
    folder.fetch(&server.url("f"), &beginning(&wanted)).unwrap();
    assert!(folder.read() == wanted);
    assert_eq!(server.starts(), [0, STEP as u64, 0]);
}

#[test]
fn a_file_that_is_too_short_is_another_one() {
    let bytes = noise(6, STEP);
    let server = Server::of(bytes[..STEP - 1].to_vec());
    let folder = Folder::new();
    folder.fails(Status::TargetMismatch, &server.url("f"), &beginning(&bytes));
    let unsized_one = FetchOptions { prefix: true, ..quick() };
    folder.fails(Status::InvalidArgument, &server.url("f"), &unsized_one);
}

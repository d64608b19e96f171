//! Parts of a file that stays where it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use patchcore::io::ReadAt;
use patchcore::transfer::{RemoteFile, RemoteOptions};
use patchcore::{CancelToken, Error, Status, Task};

use crate::server::{Server, head, send, serve, serve_at_most};
use crate::{noise, quick};

fn options() -> RemoteOptions {
    RemoteOptions { read_ahead: 1000, cache: 5000, fetch: quick(), ..RemoteOptions::default() }
}

fn open(url: &str, options: RemoteOptions) -> Result<RemoteFile, Error> {
    RemoteFile::open(url, options, &mut Task::new())
}

fn part(file: &RemoteFile, start: u64, len: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; len];
    file.read_at(start, &mut bytes).map(|()| bytes)
}

#[test]
fn its_end_comes_with_its_size_and_what_is_near_is_asked_for_once() {
    let bytes = noise(1, 100_000);
    let server = Server::of(bytes.clone());
    let file = open(&server.url("f"), options()).unwrap();
    assert_eq!(file.size(), 100_000);
    assert_eq!(part(&file, 99_000, 1000).unwrap(), &bytes[99_000..]);
    assert_eq!(server.asked().len(), 1);
    for at in 0..10 {
        assert_eq!(part(&file, at * 100, 100).unwrap(), &bytes[at as usize * 100..][..100]);
    }
    assert_eq!((server.asked().len(), file.requests(), file.transferred()), (2, 2, 2000));
    // What is there already is not asked for again.
    assert_eq!(part(&file, 500, 1000).unwrap(), &bytes[500..1500]);
    assert_eq!(server.starts(), [0, 0, 1000]);
    // What is more than is kept comes in one go.
    assert_eq!(part(&file, 20_000, 50_000).unwrap(), &bytes[20_000..70_000]);
    assert_eq!(part(&file, 0, 100_000).unwrap(), bytes);
    assert_eq!(part(&file, 99_999, 2).unwrap_err().status(), Status::Corrupt);
    assert_eq!(part(&file, u64::MAX, 2).unwrap_err().status(), Status::Corrupt);
}

#[test]
fn memory_stays_bounded_and_every_byte_is_right_wherever_one_reads() {
    let bytes = noise(2, 30_000);
    let server = Server::of(bytes.clone());
    for (read_ahead, cache) in [(0, 0), (1, 10), (700, 2000), (5000, 1000), (1 << 20, 1 << 20)] {
        let file = open(&server.url("f"), RemoteOptions { read_ahead, cache, ..options() }).unwrap();
        for step in 0..60u64 {
            let start = step * 7919 % 29_000;
            let len = (step * 131 % 1000) as usize;
            assert_eq!(part(&file, start, len).unwrap(), &bytes[start as usize..][..len], "{read_ahead} {start}");
        }
    }
}

#[test]
fn what_was_announced_comes_in_one_answer_per_stretch_whatever_the_size_of_the_reads() {
    let bytes = noise(4, 400_000);
    let server = Server::of(bytes.clone());
    let file = open(&server.url("f"), RemoteOptions { size: Some(399_000), ..options() }).unwrap();
    // With the last bytes come those before them, where the directory of an archive is.
    assert_eq!(part(&file, 398_990, 10).unwrap(), &bytes[398_990..399_000]);
    assert_eq!(part(&file, 398_000, 990).unwrap(), &bytes[398_000..398_990]);
    assert_eq!((file.requests(), file.transferred()), (1, 1000));
    // A small gap is cheaper than another request, a large one is not.
    file.will_read(&[300_000..310_000, 10_000..40_000, 50_000..90_000]);
    for start in (10_000..40_000).chain(50_000..90_000).step_by(100) {
        assert_eq!(part(&file, start, 100).unwrap(), &bytes[start as usize..][..100]);
    }
    assert_eq!((file.requests(), file.transferred()), (2, 81_000));
    assert_eq!(part(&file, 300_000, 10_000).unwrap(), &bytes[300_000..310_000]);
    assert_eq!((file.requests(), file.transferred()), (3, 91_000));
    // Nobody is kept from reading otherwise.
    assert_eq!(part(&file, 20_000, 40_000).unwrap(), &bytes[20_000..60_000]);
    assert_eq!(part(&file, 350_000, 10).unwrap(), &bytes[350_000..350_010]);
}

#[test]
fn a_range_is_streamed_exactly_and_resumed_where_it_broke() {
    let bytes = noise(3, 300_000);
    let served = bytes.clone();
    let server = Server::start(move |asked, stream| serve_at_most(asked, stream, &served, "\"one\"", 60_000));
    let file = open(&server.url("f"), RemoteOptions { size: Some(300_000), ..options() }).unwrap();
    let mut out = Vec::new();
    file.read_into(1000..251_000, &mut out, &mut Task::new()).unwrap();
    assert!(out == bytes[1000..251_000]);
    assert_eq!(server.starts(), [1000, 61_000, 121_000, 181_000, 241_000]);
    assert!(server.asked()[1..].iter().all(|asked| asked.header("if-range") == Some("\"one\"")));
    assert_eq!(file.transferred(), 250_000);
}

#[test]
fn a_file_that_changes_meanwhile_is_noticed() {
    let (before, after) = (noise(4, 10_000), noise(5, 10_000));
    for same_tag in [false, true] {
        let (before, mut after) = (before.clone(), after.clone());
        // Without a word of the server, a new size gives it away.
        after.truncate(if same_tag { 9_999 } else { 10_000 });
        let server = Server::start(move |asked, stream| match (asked.number, same_tag) {
            (0, _) => serve(asked, stream, &before, "\"one\""),
            (_, true) => serve(asked, stream, &after, "\"one\""),
            (_, false) => serve(asked, stream, &after, "\"two\""),
        });
        let file = open(&server.url("f"), options()).unwrap();
        assert_eq!(part(&file, 5000, 100).unwrap_err().status(), Status::TargetMismatch);
        assert_eq!(part(&file, 0, 100).unwrap_err().status(), Status::TargetMismatch);
    }
}

#[test]
fn a_file_that_only_grows_is_the_same_file() {
    let long = noise(6, 20_000);
    let served = long.clone();
    let server = Server::start(move |asked, stream| match asked.number {
        0 => serve(asked, stream, &served[..10_000], "\"one\""),
        _ => serve(asked, stream, &served[..15_000], "\"two\""),
    });
    let file = open(&server.url("f"), RemoteOptions { size: Some(10_000), ..options() }).unwrap();
    assert_eq!(server.asked().len(), 0);
    assert_eq!(part(&file, 9_000, 100).unwrap(), &long[9_000..9_100]);
    assert_eq!(part(&file, 3_000, 100).unwrap(), &long[3_000..3_100]);
    assert_eq!(part(&file, 10_000, 1).unwrap_err().status(), Status::Corrupt);
    // One that is shorter than what was promised is not.
    let short = Server::of(noise(6, 9_999));
    let file = open(&short.url("f"), RemoteOptions { size: Some(10_000), ..options() }).unwrap();
    assert_eq!(part(&file, 0, 10).unwrap_err().status(), Status::TargetMismatch);
}

#[test]
fn a_server_without_ranges_is_not_supported_and_told_so_at_once() {
    let bytes = noise(7, 10_000);
    let server = Server::start(move |_, stream| {
        head(stream, "200 OK", &[("Content-Length", "10000")]);
        send(stream, &bytes);
    });
    let error = open(&server.url("f"), options()).err().unwrap();
    assert_eq!(error.status(), Status::Unsupported, "{error}");
    let file = open(&server.url("f"), RemoteOptions { size: Some(10_000), ..options() }).unwrap();
    assert_eq!(part(&file, 5, 5).unwrap_err().status(), Status::Unsupported);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn wrong_parts_and_missing_files_fail_with_their_status() {
    let bytes = noise(8, 10_000);
    for range in ["bytes 5-104/10000", "bytes 0-5000/10000", "nonsense"] {
        let served = bytes.clone();
        let server = Server::start(move |_, stream| {
            head(stream, "206 Partial Content", &[("Content-Range", range), ("ETag", "\"one\"")]);
            send(stream, &served[..100]);
        });
        let file = open(&server.url("f"), RemoteOptions { size: Some(10_000), read_ahead: 0, ..options() }).unwrap();
        assert_eq!(part(&file, 0, 100).unwrap_err().status(), Status::TargetMismatch, "{range}");
        assert_eq!(open(&server.url("f"), options()).err().unwrap().status(), Status::TargetMismatch);
    }
    let server = Server::start(|_, stream| head(stream, "404 Not Found", &[("Content-Length", "0")]));
    assert_eq!(open(&server.url("f"), options()).err().unwrap().status(), Status::NotFound);
    let server = Server::start(|_, stream| head(stream, "500 Oh", &[("Content-Length", "0")]));
    assert_eq!(open(&server.url("f"), options()).err().unwrap().status(), Status::Network);
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn reading_stops_when_its_operation_is_cancelled() {
    let asked = Arc::new(AtomicUsize::new(0));
    let (token, counted) = (CancelToken::new(), asked.clone());
    let bytes = noise(9, 10_000);
    let hanging = token.clone();
    let server = Server::start(move |asked, stream| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => serve(asked, stream, &bytes, "\"one\""),
        _ => {
            hanging.cancel();
            std::thread::sleep(std::time::Duration::from_secs(5));
        }
    });
    let file = RemoteFile::open(&server.url("f"), options(), &mut Task::with_cancel(token)).unwrap();
    let began = std::time::Instant::now();
    assert_eq!(part(&file, 0, 100).unwrap_err().status(), Status::Cancelled);
    assert!(began.elapsed().as_secs() < 3);
}

#[test]
fn a_file_of_this_machine_is_read_in_the_same_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let bytes = noise(10, 10_000);
    std::fs::write(&path, &bytes).unwrap();
    let file = open(path.to_str().unwrap(), options()).unwrap();
    assert_eq!(part(&file, 0, 10_000).unwrap(), bytes);
    std::fs::write(&path, noise(11, 9_000)).unwrap();
    let file = open(path.to_str().unwrap(), RemoteOptions { cache: 0, ..options() }).unwrap();
    assert_eq!(part(&file, 0, 9_000).unwrap(), noise(11, 9_000));
}

//! What came once need not come again.

use std::sync::{Arc, Mutex};

use patchcore::transfer::{FetchOptions, fetch};
use patchcore::{CancelToken, Phase, Status, Stop, Task};

use crate::server::{Server, head, send, serve, serve_at_most};
use crate::{Folder, noise, quick, wanting};

const STEP: usize = 64 << 10;

#[test]
fn a_connection_that_breaks_every_64_kib_still_brings_every_byte_once() {
    let bytes = noise(1, 16 * STEP + 5);
    let served = bytes.clone();
    let server = Server::start(move |asked, stream| serve_at_most(asked, stream, &served, "\"one\"", STEP));
    for options in [wanting(&bytes), quick()] {
        let before = server.asked().len();
        let folder = Folder::new();
        let fetched = folder.fetch(&server.url("f"), &options).unwrap();
        assert_eq!(fetched.transferred, bytes.len() as u64);
        assert_eq!(server.starts()[before..], (0..17).map(|n| n * STEP as u64).collect::<Vec<_>>());
        assert!(folder.read() == bytes);
        assert_eq!(folder.names(), ["file"]);
    }
    assert!(server.asked().iter().skip(1).any(|asked| asked.header("if-range") == Some("\"one\"")));
}

#[test]
fn a_fetch_goes_on_where_an_earlier_one_stopped_wherever_that_was() {
    let bytes = noise(2, 6 * STEP);
    for options in [wanting(&bytes), quick()] {
        for kept in (0..=6).map(|n| n * STEP).chain([1, STEP + 1, 6 * STEP - 1]) {
            let served = bytes.clone();
            let server = Server::start(move |asked, stream| {
                let most = if asked.number == 0 { kept } else { usize::MAX };
                // Without a length nobody knows that this was not all of it.
                serve_at_most(asked, stream, &served, "\"one\"", most);
            });
            let folder = Folder::new();
            let url = server.url("f");
            if kept < bytes.len() {
                folder.fails(Status::Network, &url, &FetchOptions { retries: 0, ..options.clone() });
                assert_eq!(folder.names().len(), if kept == 0 { 0 } else { 2 });
            }
            let fetched = folder.fetch(&url, &options).unwrap();
            let left = if kept == bytes.len() { bytes.len() } else { bytes.len() - kept };
            assert_eq!((fetched.size, fetched.transferred), (bytes.len() as u64, left as u64), "{kept}");
            assert!(folder.read() == bytes);
            assert_eq!(folder.names(), ["file"]);
        }
    }
}

#[test]
fn what_a_cancelled_fetch_got_is_kept() {
    let bytes = noise(3, 64 * STEP);
    let server = Server::of(bytes.clone());
    let folder = Folder::new();
    let mut downloads = 0;
    let mut task = Task::new().observed(|event| {
        downloads += u32::from(event.phase == Phase::Download && event.done > 0);
        if downloads > 0 { Err(Stop::Cancelled) } else { Ok(()) }
    });
    let slowly = FetchOptions { bytes_per_second: 1 << 20, ..wanting(&bytes) };
    let error = fetch(&[server.url("f")], &folder.target(), &slowly, &mut task).unwrap_err();
    drop(task);
    assert_eq!(error.status(), Status::Cancelled);
    assert_eq!(folder.names(), ["file.partial", "file.partial.json"]);
    let fetched = folder.fetch(&server.url("f"), &wanting(&bytes)).unwrap();
    assert!(fetched.transferred < bytes.len() as u64);
    assert!(folder.read() == bytes);
}

#[test]
fn a_fetch_that_is_cancelled_in_time_gives_no_file_even_if_all_of_it_came() {
    let bytes = noise(3, STEP);
    let server = Server::of(bytes.clone());
    let folder = Folder::new();
    let task = Task::new();
    let point = task.commit_point().clone();
    let mut in_time = false;
    let mut task = task.observed(|event| {
        if event.phase == Phase::Download && event.done == bytes.len() as u64 {
            in_time = point.cancel();
        }
        Ok(())
    });
    let result = fetch(&[server.url("f")], &folder.target(), &wanting(&bytes), &mut task);
    drop(task);
    assert!(in_time);
    assert_eq!(result.unwrap_err().status(), Status::Cancelled);
    assert!(!folder.target().exists());
}

#[test]
fn all_of_it_in_answer_to_a_part_begins_anew() {
    let bytes = noise(4, 3 * STEP);
    let served = bytes.clone();
    let server = Server::start(move |asked, stream| {
        head(stream, "200 OK", &[("Content-Length", &served.len().to_string()), ("ETag", "\"one\"")]);
        send(stream, &served[..if asked.number == 0 { STEP } else { served.len() }]);
    });
    let folder = Folder::new();
    let fetched = folder.fetch(&server.url("f"), &wanting(&bytes)).unwrap();
    assert_eq!(server.starts(), [0, STEP as u64]);
    assert_eq!(fetched.transferred, (bytes.len() + STEP) as u64);
    assert!(folder.read() == bytes);
}

#[test]
fn a_file_that_changes_meanwhile_is_never_mixed() {
    let (old, new) = (noise(5, 3 * STEP), noise(6, 3 * STEP));
    // A server that heeds If-Range, and one that does not.
    for heeds in [true, false] {
        let (old, served) = (old.clone(), new.clone());
        let server = Server::start(move |asked, stream| {
            let mut asked = asked.clone();
            if !heeds {
                asked.headers.retain(|(name, _)| name != "if-range");
            }
            match asked.number {
                0 => serve_at_most(&asked, stream, &old, "\"old\"", STEP),
                _ => serve(&asked, stream, &served, "\"new\""),
            }
        });
        for options in [wanting(&new), quick()] {
            let folder = Folder::new();
            folder.fetch(&server.url("f"), &options).unwrap();
            assert!(folder.read() == new, "heeds: {heeds}");
            assert_eq!(folder.names(), ["file"]);
        }
    }
}

#[test]
fn a_file_that_changes_between_two_fetches_is_never_mixed() {
    let (old, new) = (noise(7, 3 * STEP), noise(8, 3 * STEP));
    let folder = Folder::new();
    let state = Arc::new(Mutex::new((old.clone(), "\"old\"", STEP)));
    let shared = state.clone();
    let server = Server::start(move |asked, stream| {
        let (bytes, tag, most) = shared.lock().unwrap().clone();
        serve_at_most(asked, stream, &bytes, tag, most);
    });
    let once = FetchOptions { retries: 0, ..quick() };
    folder.fails(Status::Network, &server.url("f"), &once);
    *state.lock().unwrap() = (new.clone(), "\"new\"", usize::MAX);
    folder.fetch(&server.url("f"), &once).unwrap();
    assert!(folder.read() == new);
}

#[test]
fn bytes_on_the_disk_are_checked_before_more_are_added() {
    let bytes = noise(9, 3 * STEP);
    let served = bytes.clone();
    let server = Server::start(move |asked, stream| {
        let most = if asked.number == 0 { STEP } else { usize::MAX };
        serve_at_most(asked, stream, &served, "\"one\"", most);
    });
    let folder = Folder::new();
    folder.fails(Status::Network, &server.url("f"), &FetchOptions { retries: 0, ..wanting(&bytes) });
    // As a power cut leaves it: the length is there, the bytes are not.
    std::fs::write(folder.target().with_extension("partial"), vec![0; STEP]).unwrap();
    folder.fetch(&server.url("f"), &wanting(&bytes)).unwrap();
    assert!(folder.read() == bytes);
    assert_eq!(server.starts(), [0, STEP as u64, 0]);
}

#[test]
fn without_a_digest_only_bytes_known_to_be_on_the_disk_are_taken_up() {
    let bytes = noise(10, 3 * STEP);
    let served = bytes.clone();
    let server = Server::start(move |asked, stream| {
        let most = if asked.number == 0 { STEP } else { usize::MAX };
        serve_at_most(asked, stream, &served, "\"one\"", most);
    });
    let folder = Folder::new();
    folder.fails(Status::Network, &server.url("f"), &FetchOptions { retries: 0, ..quick() });
    std::fs::write(folder.target().with_extension("partial"), vec![0; STEP / 2]).unwrap();
    folder.fetch(&server.url("f"), &quick()).unwrap();
    assert!(folder.read() == bytes);
    assert_eq!(server.starts(), [0, 0]);
}

#[test]
fn what_was_fetched_for_another_digest_is_not_taken_up() {
    let (old, new) = (noise(11, 2 * STEP), noise(12, 2 * STEP));
    let (served_old, served_new) = (old.clone(), new.clone());
    let server = Server::start(move |asked, stream| match asked.number {
        0 => serve_at_most(asked, stream, &served_old, "\"one\"", STEP),
        _ => serve(asked, stream, &served_new, "\"one\""),
    });
    let folder = Folder::new();
    folder.fails(Status::Network, &server.url("f"), &FetchOptions { retries: 0, ..wanting(&old) });
    folder.fetch(&server.url("f"), &wanting(&new)).unwrap();
    assert_eq!(server.starts(), [0, 0]);
    assert!(folder.read() == new);
}

#[test]
fn one_process_fetches_a_file_at_a_time() {
    let bytes = noise(13, 4 * STEP);
    let served = bytes.clone();
    let server = Server::of(served);
    let folder = Folder::new();
    let cancel = CancelToken::new();
    let (url, target, token) = (server.url("f"), folder.target(), cancel.clone());
    let slowly = FetchOptions { bytes_per_second: 1000, ..wanting(&bytes) };
    let first = std::thread::spawn(move || fetch(&[url], &target, &slowly, &mut Task::with_cancel(token)));
    while !folder.names().contains(&"file.partial.json".to_owned()) {
        std::thread::yield_now();
    }
    folder.fails(Status::Busy, &server.url("f"), &wanting(&bytes));
    cancel.cancel();
    assert_eq!(first.join().unwrap().unwrap_err().status(), Status::Cancelled);
    folder.fetch(&server.url("f"), &wanting(&bytes)).unwrap();
}

#[test]
fn what_is_there_already_is_not_fetched() {
    let bytes = noise(14, STEP);
    let server = Server::of(bytes.clone());
    let folder = Folder::new();
    std::fs::write(folder.target(), &bytes).unwrap();
    let fetched = folder.fetch(&server.url("f"), &wanting(&bytes)).unwrap();
    assert_eq!((fetched.transferred, fetched.source, server.asked().len()), (0, None, 0));
    std::fs::write(folder.target(), b"another").unwrap();
    folder.fetch(&server.url("f"), &wanting(&bytes)).unwrap();
    assert!(folder.read() == bytes);
}

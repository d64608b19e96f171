//! How long a fetch waits, and how soon it stops waiting.

use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use patchcore::transfer::{FetchOptions, fetch};
use patchcore::{CancelToken, Event, Phase, Status, Stop, Task};

use crate::server::{Asked, Server, head, send};
use crate::{Folder, noise, quick, wanting};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Sends nothing and keeps the connection until the client leaves.
fn silence(stream: &mut TcpStream) {
    let _ = std::io::copy(stream, &mut std::io::sink());
}

fn silent_from_the_start(_: &Asked, stream: &mut TcpStream) {
    silence(stream);
}

fn silent_after_the_head(_: &Asked, stream: &mut TcpStream) {
    head(stream, "200 OK", &[("Content-Length", "1000")]);
    silence(stream);
}

fn silent_in_the_middle(_: &Asked, stream: &mut TcpStream) {
    head(stream, "200 OK", &[("Content-Length", "1000"), ("ETag", "\"one\"")]);
    send(stream, &[7; 100]);
    silence(stream);
}

const SILENT: [fn(&Asked, &mut TcpStream); 3] = [silent_from_the_start, silent_after_the_head, silent_in_the_middle];

#[test]
fn nothing_for_too_long_is_a_time_out() {
    for answer in SILENT {
        let server = Server::start(answer);
        let began = Instant::now();
        let options = FetchOptions { idle_timeout: millis(300), ..quick() };
        Folder::new().fails(Status::Timeout, &server.url("f"), &options);
        let took = began.elapsed();
        assert!(took >= millis(300) && took < millis(5000), "{took:?}");
        assert_eq!(server.asked().len(), 1);
    }
}

#[test]
fn a_slow_drip_takes_as_long_as_it_takes() {
    let bytes = noise(1, 12);
    let served = bytes.clone();
    let server = Server::start(move |_, stream| {
        head(stream, "200 OK", &[("Content-Length", "12")]);
        for byte in &served {
            sleep(millis(100));
            send(stream, &[*byte]);
        }
    });
    let began = Instant::now();
    let folder = Folder::new();
    folder.fetch(&server.url("f"), &FetchOptions { idle_timeout: millis(900), ..wanting(&bytes) }).unwrap();
    assert!(began.elapsed() >= millis(1200));
}

/// How long a fetch goes on after it was cancelled.
fn time_to_cancel(url: &str, options: &FetchOptions) -> Duration {
    let folder = Folder::new();
    let token = CancelToken::new();
    let (url, target, cancel, options) = (url.to_owned(), folder.target(), token.clone(), options.clone());
    let fetching = std::thread::spawn(move || fetch(&[url], &target, &options, &mut Task::with_cancel(cancel)));
    sleep(millis(200));
    assert!(!fetching.is_finished());
    let began = Instant::now();
    token.cancel();
    assert_eq!(fetching.join().unwrap().unwrap_err().status(), Status::Cancelled);
    began.elapsed()
}

#[test]
fn a_fetch_is_cancelled_at_once_whatever_it_waits_for() {
    for answer in SILENT {
        let server = Server::start(answer);
        let took = time_to_cancel(&server.url("f"), &quick());
        assert!(took < millis(100), "{took:?}");
    }
    let ill = Server::start(|_, stream| head(stream, "500 Oh", &[("Content-Length", "0"), ("Retry-After", "60")]));
    let took = time_to_cancel(&ill.url("f"), &quick());
    assert!(took < millis(100), "{took:?}");
    let server = Server::of(noise(2, 1 << 20));
    let took = time_to_cancel(&server.url("f"), &FetchOptions { bytes_per_second: 100, ..quick() });
    assert!(took < millis(100), "{took:?}");
}

#[test]
fn an_observer_stops_a_fetch_that_waits() {
    let server = Server::start(silent_from_the_start);
    let began = Instant::now();
    let mut task = Task::new().observed(|_| match began.elapsed() > millis(300) {
        true => Err(Stop::Callback(7)),
        false => Ok(()),
    });
    let error = fetch(&[server.url("f")], &Folder::new().target(), &quick(), &mut task).unwrap_err();
    assert_eq!((error.status(), error.callback_value()), (Status::Callback, Some(7)));
    assert!(began.elapsed() < millis(5000));
}

#[test]
fn no_more_bytes_come_than_are_wanted() {
    let bytes = noise(3, 300_000);
    let server = Server::of(bytes.clone());
    let began = Instant::now();
    Folder::new().fetch(&server.url("f"), &FetchOptions { bytes_per_second: 500_000, ..wanting(&bytes) }).unwrap();
    assert!(began.elapsed() >= millis(600), "{:?}", began.elapsed());
}

#[test]
fn progress_is_told_honestly_with_and_without_a_length() {
    let bytes = noise(4, 1_000_000);
    for length in [true, false] {
        let served = bytes.clone();
        let server = Server::start(move |_, stream| {
            let length = length.then(|| served.len().to_string());
            let headers: Vec<_> = length.iter().map(|length| ("Content-Length", length.as_str())).collect();
            head(stream, "200 OK", &headers);
            send(stream, &served);
        });
        let mut events: Vec<Event> = Vec::new();
        let mut task = Task::new().observed(|event| {
            events.push(*event);
            Ok(())
        });
        let slowly = FetchOptions { bytes_per_second: 4_000_000, ..quick() };
        fetch(&[server.url("f")], &Folder::new().target(), &slowly, &mut task).unwrap();
        drop(task);
        let downloads: Vec<_> = events.iter().filter(|event| event.phase == Phase::Download).collect();
        let last = downloads.last().unwrap();
        assert_eq!((last.done, last.total), (1_000_000, 1_000_000));
        let totals: Vec<_> = downloads[1..downloads.len() - 1].iter().map(|event| event.total).collect();
        let expected = if length { 1_000_000 } else { u64::MAX };
        assert!(!totals.is_empty() && totals.iter().skip(1).all(|total| *total == expected), "{totals:?}");
        assert!(downloads.windows(2).all(|pair| pair[0].done <= pair[1].done));
    }
}

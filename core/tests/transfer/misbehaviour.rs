//! What servers do wrong, and the status that each gives.

use std::net::TcpListener;
use std::time::Instant;

use patchcore::transfer::FetchOptions;
use patchcore::{Digest, Status};

use crate::server::{Server, head, send, serve, serve_at_most};
use crate::{Folder, noise, quick, wanting};

#[test]
fn a_body_that_is_always_too_short_is_a_failing_network() {
    let bytes = noise(1, 1000);
    let server = Server::start(move |_, stream| {
        head(stream, "200 OK", &[("Content-Length", "2000")]);
        send(stream, &bytes);
    });
    let folder = Folder::new();
    folder.fails(Status::Network, &server.url("f"), &quick());
    // The first try brought something; the next ones brought no more than it.
    assert_eq!(server.asked().len(), 3);
    assert!(folder.names().is_empty());
}

#[test]
fn a_body_that_ends_without_a_length_is_as_long_as_was_promised() {
    let bytes = noise(1, 1000);
    let served = bytes.clone();
    let server = Server::start(move |_, stream| {
        head(stream, "200 OK", &[]);
        send(stream, &served[..900]);
    });
    let folder = Folder::new();
    let error = folder.fails(Status::Network, &server.url("f"), &wanting(&bytes));
    assert!(error.message().contains("900 of 1000"), "{error}");
}

#[test]
fn a_body_that_is_too_long_is_not_the_file_that_was_promised() {
    let bytes = noise(2, 1000);
    let longer = [&bytes[..], b"more"].concat();
    for length in [Some("1004"), None] {
        let longer = longer.clone();
        let server = Server::start(move |_, stream| {
            let headers: Vec<_> = length.map(|length| ("Content-Length", length)).into_iter().collect();
            head(stream, "200 OK", &headers);
            send(stream, &longer);
        });
        let folder = Folder::new();
        folder.fails(Status::TargetMismatch, &server.url("f"), &wanting(&bytes));
        assert!(folder.names().is_empty());
        assert_eq!(server.asked().len(), 1);
    }
}

#[test]
fn an_endless_body_ends_at_the_limit() {
    let server = Server::start(|_, stream| {
        head(stream, "200 OK", &[]);
        while send(stream, &[7; 4096]) {}
    });
    let folder = Folder::new();
    folder.fails(Status::Limit, &server.url("f"), &FetchOptions { max_size: 1 << 20, ..quick() });
    let promised = FetchOptions { size: Some(5000), digest: Some(Digest::of(b"")), ..quick() };
    folder.fails(Status::TargetMismatch, &server.url("f"), &promised);
    assert!(folder.names().is_empty());
}

#[test]
fn what_says_that_it_is_too_large_is_not_fetched_at_all() {
    let server = Server::start(|_, stream| {
        head(stream, "200 OK", &[("Content-Length", "99999999999999")]);
        while send(stream, &[7; 4096]) {}
    });
    let folder = Folder::new();
    let fewer = FetchOptions { max_size: 1 << 20, ..quick() };
    folder.fails(Status::Limit, &server.url("f"), &fewer);
    assert!(folder.names().is_empty());
    folder.fails(Status::Limit, &server.url("f"), &FetchOptions { size: Some(2 << 20), ..fewer });
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn redirects_are_followed_and_a_loop_of_them_ends() {
    let bytes = noise(3, 200_000);
    let served = bytes.clone();
    let server = Server::start(move |asked, stream| match asked.path.as_str() {
        "/loop" => head(stream, "302 Found", &[("Location", "/loop"), ("Content-Length", "0")]),
        "/a" => head(stream, "301 Moved Permanently", &[("Location", "/b"), ("Content-Length", "0")]),
        "/b" => head(stream, "307 Temporary Redirect", &[("Location", "c?x=1"), ("Content-Length", "0")]),
        "/nowhere" => head(stream, "302 Found", &[("Location", "gopher://x/"), ("Content-Length", "0")]),
        // Each connection breaks once, so that a part is asked for through the same redirects.
        _ => serve_at_most(asked, stream, &served, "\"one\"", 120_000),
    });
    let folder = Folder::new();
    folder.fails(Status::Network, &server.url("loop"), &quick());
    assert_eq!(server.asked().len(), 11);
    folder.fetch(&server.url("nowhere"), &quick()).unwrap_err();
    folder.fetch(&server.url("a"), &wanting(&bytes)).unwrap();
    assert!(folder.read() == bytes);
    let last = server.asked().last().unwrap().clone();
    assert_eq!((last.path.as_str(), last.start(), last.header("if-range")), ("/c?x=1", 120_000, Some("\"one\"")));
}

#[test]
fn a_part_from_elsewhere_is_not_taken_for_the_one_that_was_asked_for() {
    let bytes = noise(4, 200_000);
    for range in ["bytes 5-199999/200000", "bytes 100000-199999/150000", "bytes 199999-100000/200000", "nonsense", ""] {
        let served = bytes.clone();
        let server = Server::start(move |asked, stream| match asked.range() {
            None if asked.number == 0 => serve_at_most(asked, stream, &served, "\"one\"", 100_000),
            None => serve(asked, stream, &served, "\"one\""),
            Some(_) => {
                head(stream, "206 Partial Content", &[("Content-Range", range), ("ETag", "\"one\"")]);
                send(stream, &served[..100_000]);
            }
        });
        let folder = Folder::new();
        folder.fetch(&server.url("f"), &quick()).unwrap();
        assert!(folder.read() == bytes, "{range}");
        assert_eq!(server.starts(), [0, 100_000, 0], "{range}");
    }
}

#[test]
fn a_server_that_is_ill_for_a_while_is_asked_again() {
    let bytes = noise(5, 1000);
    for status in ["500 Internal Server Error", "503 Service Unavailable", "429 Too Many Requests"] {
        let served = bytes.clone();
        let server = Server::start(move |asked, stream| match asked.number {
            0 | 1 => head(stream, status, &[("Content-Length", "0"), ("Retry-After", "0")]),
            _ => serve(asked, stream, &served, "\"one\""),
        });
        let folder = Folder::new();
        folder.fetch(&server.url("f"), &wanting(&bytes)).unwrap();
        assert_eq!(server.asked().len(), 3);
    }
    let server = Server::start(|_, stream| head(stream, "502 Bad Gateway", &[("Content-Length", "0")]));
    Folder::new().fails(Status::Network, &server.url("f"), &quick());
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn the_server_says_how_long_it_wants_to_be_left_alone() {
    let server = Server::start(|asked, stream| match asked.number {
        0 => head(stream, "503 Service Unavailable", &[("Retry-After", "1"), ("Content-Length", "0")]),
        _ => serve(asked, stream, b"x", "\"one\""),
    });
    let began = Instant::now();
    Folder::new().fetch(&server.url("f"), &wanting(b"x")).unwrap();
    assert!(began.elapsed().as_millis() >= 1000);
}

#[test]
fn what_is_missing_or_refused_is_not_asked_for_again() {
    for (line, status) in [
        ("404 Not Found", Status::NotFound),
        ("410 Gone", Status::NotFound),
        ("403 Forbidden", Status::Permission),
        ("401 Unauthorized", Status::Permission),
        ("400 Bad Request", Status::Network),
        ("204 No Content", Status::Network),
    ] {
        let server = Server::start(move |_, stream| head(stream, line, &[("Content-Length", "0")]));
        Folder::new().fails(status, &server.url("f"), &quick());
        assert_eq!(server.asked().len(), 1, "{line}");
    }
}

#[test]
fn nobody_listening_is_a_failing_network() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = Folder::new();
    folder.fails(Status::Network, &format!("http://{address}/f"), &quick());
    assert!(folder.names().is_empty());
}

#[test]
fn what_is_no_http_is_a_failing_network() {
    for bytes in [&b""[..], b"hello\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"] {
        let server = Server::start(move |_, stream| {
            send(stream, bytes);
        });
        Folder::new().fails(Status::Network, &server.url("f"), &quick());
    }
    let server = Server::start(|_, stream| {
        send(stream, b"HTTP/1.1 200 OK\r\n");
        while send(stream, b"X-More: and more and more\r\n") {}
    });
    let error = Folder::new().fetch(&server.url("f"), &quick()).unwrap_err();
    assert!([Status::Limit, Status::Network].contains(&error.status()), "{error}");
}

#[test]
fn the_wrong_bytes_leave_nothing_behind() {
    let server = Server::of(noise(6, 1000));
    let folder = Folder::new();
    let error = folder.fails(Status::TargetMismatch, &server.url("f?token=secret"), &wanting(&noise(7, 1000)));
    assert!(folder.names().is_empty());
    assert!(!error.to_string().contains("secret"), "{error}");
}

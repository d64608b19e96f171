//! Where files come from: mirrors, proxies, and this machine.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use patchcore::transfer::{FetchOptions, Proxy, fetch};
use patchcore::{LogLevel, Status, Task};

use crate::server::{Server, head, serve_at_most};
use crate::{Folder, noise, quick, wanting};

#[test]
fn mirrors_are_asked_in_turn_until_one_has_the_right_bytes() {
    let bytes = noise(1, 300_000);
    let wrong = Server::of(noise(2, 300_000));
    let gone = Server::start(|_, stream| head(stream, "404 Not Found", &[("Content-Length", "0")]));
    let ill = Server::start(|_, stream| head(stream, "500 Oh", &[("Content-Length", "0")]));
    let right = Server::of(bytes.clone());
    let unused = Server::of(bytes.clone());
    let urls = [&wrong, &gone, &ill, &right, &unused].map(|server| server.url("f"));
    let folder = Folder::new();
    let mut warnings = 0;
    let mut task = Task::new().logged(|level, _| warnings += u32::from(level == LogLevel::Warning));
    let fetched = fetch(&urls, &folder.target(), &wanting(&bytes), &mut task).unwrap();
    drop(task);
    assert_eq!(fetched.source, Some(3));
    assert!(folder.read() == bytes && warnings >= 3);
    assert!(unused.asked().is_empty());
}

#[test]
fn a_mirror_gives_the_rest_of_what_another_began() {
    let bytes = noise(3, 300_000);
    let served = bytes.clone();
    let first = Server::start(move |asked, stream| match asked.number {
        0 => serve_at_most(asked, stream, &served, "\"one\"", 100_000),
        _ => head(stream, "404 Not Found", &[("Content-Length", "0")]),
    });
    let second = Server::of(bytes.clone());
    let urls = [first.url("f"), second.url("f")];
    let folder = Folder::new();
    let fetched = fetch(&urls, &folder.target(), &wanting(&bytes), &mut Task::new()).unwrap();
    assert_eq!((fetched.transferred, second.starts()), (300_000, vec![100_000]));
    // Without a digest nobody knows that both have the same file.
    let first = {
        let served = bytes.clone();
        Server::start(move |asked, stream| match asked.number {
            0 => serve_at_most(asked, stream, &served, "\"one\"", 100_000),
            _ => head(stream, "404 Not Found", &[("Content-Length", "0")]),
        })
    };
    let folder = Folder::new();
    fetch(&[first.url("f"), second.url("f")], &folder.target(), &quick(), &mut Task::new()).unwrap();
    assert_eq!(second.starts(), [100_000, 0]);
    assert!(folder.read() == bytes);
}

#[test]
fn when_no_place_helps_the_last_one_tells_why() {
    let gone = Server::start(|_, stream| head(stream, "404 Not Found", &[("Content-Length", "0")]));
    let refused = Server::start(|_, stream| head(stream, "403 Forbidden", &[("Content-Length", "0")]));
    let folder = Folder::new();
    let urls = [gone.url("f"), refused.url("f")];
    let error = fetch(&urls, &folder.target(), &quick(), &mut Task::new()).unwrap_err();
    assert_eq!(error.status(), Status::Permission);
    assert_eq!(
        fetch::<&str>(&[], &folder.target(), &quick(), &mut Task::new()).unwrap_err().status(),
        Status::InvalidArgument
    );
}

#[test]
fn files_of_this_machine_go_the_same_way() {
    let bytes = noise(4, 300_000);
    let stick = tempfile::tempdir().unwrap();
    let file = stick.path().join("the file");
    fs::write(&file, &bytes).unwrap();
    let url = format!("file://{}", file.display()).replace(' ', "%20");
    for place in [url.as_str(), file.to_str().unwrap()] {
        let folder = Folder::new();
        fs::write(folder.target().with_extension("partial"), &bytes[..100_000]).unwrap();
        let fetched = folder.fetch(place, &wanting(&bytes)).unwrap();
        assert_eq!(fetched.size, 300_000);
        assert!(folder.read() == bytes);
        assert_eq!(folder.names(), ["file"]);
    }
    let folder = Folder::new();
    folder.fails(Status::NotFound, stick.path().join("no").to_str().unwrap(), &quick());
    folder.fails(Status::InvalidArgument, stick.path().to_str().unwrap(), &quick());
    folder.fails(Status::TargetMismatch, &url, &wanting(&bytes[1..]));
    folder.fails(Status::Limit, &url, &FetchOptions { max_size: 1000, ..quick() });
    assert!(folder.names().is_empty());
}

/// A proxy that connects to whatever it is asked for, once.
fn proxy() -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(&client).lines();
        let first = lines.next().unwrap().unwrap();
        while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
        let mut server = TcpStream::connect(first.split(' ').nth(1).unwrap()).unwrap();
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        std::io::copy(&mut server, &mut client).unwrap();
        first
    });
    (url, thread)
}

#[test]
fn a_proxy_is_used_where_one_is_named() {
    let bytes = noise(5, 100_000);
    let server = Server::of(bytes.clone());
    let (url, thread) = proxy();
    let folder = Folder::new();
    folder.fetch(&server.url("f"), &FetchOptions { proxy: Proxy::Url(url), ..wanting(&bytes) }).unwrap();
    assert!(folder.read() == bytes);
    assert!(thread.join().unwrap().starts_with("CONNECT 127.0.0.1:"));
    let wrong = FetchOptions { proxy: Proxy::Url("what".into()), ..quick() };
    let error = folder.fetch(&server.url("g"), &wrong);
    assert!(error.is_err());
}

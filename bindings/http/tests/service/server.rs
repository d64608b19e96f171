//! The service on a socket: slow clients, and the end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use patchcore::repository::Repository;
use patchcore::{CancelToken, Result};
use patchcore_http::{ServerOptions, ServiceOptions, serve};

use crate::support::{Sample, bytes, package, write_manifest};

/// More than the buffers of both ends take.
const LARGE: usize = 64 << 20;

struct Running {
    address: SocketAddr,
    stop: CancelToken,
    thread: Option<JoinHandle<Result<()>>>,
    _sample: Sample,
}

impl Running {
    fn start(server: ServerOptions) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let sample = runtime.block_on(async { Sample::new() });
        let large = package(sample.path(), "base_2.0.0.zip", "0.0.0", "2.0.0", &vec![7; LARGE]);
        write_manifest(sample.path(), "2.0.0", 5, vec![large]);
        let repository = Repository::open(sample.path()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancelToken::new();
        let token = stop.clone();
        let thread = std::thread::spawn(move || serve(listener, repository, ServiceOptions::default(), server, &token));
        Self { address, stop, thread: Some(thread), _sample: sample }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn ask(&self, path: &str) -> TcpStream {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        stream
    }

    /// How long the service took to end.
    fn end(&mut self) -> Duration {
        let began = Instant::now();
        self.stop.cancel();
        self.thread.take().unwrap().join().unwrap().unwrap();
        began.elapsed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Reads an answer whose head says how long it is.
fn answer(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

#[test]
fn one_connection_serves_many_requests() {
    let mut running = Running::start(ServerOptions::default());
    let mut stream = running.connect();
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let (head, body) = answer(&mut stream);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(String::from_utf8_lossy(&body).contains("2.0.0"));
    }
    assert!(running.end() < Duration::from_secs(5), "a silent connection does not hold up the end");
}

#[test]
fn a_download_that_runs_is_finished_and_nothing_new_is_begun() {
    let mut running = Running::start(ServerOptions::default());
    let mut stream = running.ask("/patches/base_2.0.0.zip");
    let mut beginning = [0; 1000];
    stream.read_exact(&mut beginning).unwrap();
    let stop = running.stop.clone();
    let address = running.address;
    let reading = std::thread::spawn(move || {
        stop.cancel();
        std::thread::sleep(Duration::from_millis(500));
        assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        rest.len()
    });
    let took = running.end();
    assert!(took >= Duration::from_millis(400), "{took:?}");
    assert!(reading.join().unwrap() + 1000 > LARGE);
}

#[test]
fn a_client_that_never_takes_its_download_does_not_hold_up_the_end() {
    let mut running = Running::start(ServerOptions { drain: Duration::from_millis(300), ..ServerOptions::default() });
    let _stream = running.ask("/patches/base_2.0.0.zip");
    std::thread::sleep(Duration::from_millis(200));
    let took = running.end();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn clients_that_keep_silent_or_drip_are_hung_up_on() {
    let running =
        Running::start(ServerOptions { header_timeout: Duration::from_millis(400), ..ServerOptions::default() });
    let silent = running.connect();
    let mut dripping = running.connect();
    let idle = {
        let mut stream = running.ask("/healthz");
        answer(&mut stream);
        stream
    };
    let began = Instant::now();
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'x'));
    for byte in request {
        if dripping.write_all(&[*byte]).is_err() || began.elapsed() > Duration::from_secs(10) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "a header that never ends");
    for mut stream in [silent, idle] {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_client_that_takes_nothing_is_hung_up_on() {
    let running =
        Running::start(ServerOptions { idle_timeout: Duration::from_millis(300), ..ServerOptions::default() });
    let mut stream = running.ask("/patches/base_2.0.0.zip");
    std::thread::sleep(Duration::from_millis(1_500));
    let mut read = 0;
    let mut buffer = vec![0; 1 << 20];
    while let Ok(count) = stream.read(&mut buffer)
        && count > 0
    {
        read += count;
    }
    assert!(read < LARGE, "{read}");
}

#[test]
fn what_is_no_request_is_refused() {
    let running = Running::start(ServerOptions::default());
    for bad in [
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n".to_owned(),
        "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "\u{7f}ELF\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(1 << 20)),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "x: y\r\n".repeat(10_000)),
        format!("GET / HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n", String::from_utf8_lossy(&bytes(1, 100))),
        "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc".to_owned(),
    ] {
        let mut stream = running.connect();
        let _ = stream.write_all(bad.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.starts_with("HTTP/1.1 200"), "{}: {answer}", &bad[..20]);
    }
    let mut stream = running.ask("/healthz");
    assert!(answer(&mut stream).0.starts_with("HTTP/1.1 200"), "and the service goes on");
}

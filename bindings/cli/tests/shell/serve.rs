//! `patchcore serve` as whoever runs it sees it: what it says, what it writes down, and how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support::Folder;

fn repository() -> Folder {
    let folder = Folder::with(&[("token", b"a-token-that-nobody-guesses\n"), ("short", b"x")]);
    std::fs::create_dir(folder.join("app")).unwrap();
    folder.write("app/program", b"version one");
    folder.ok("release init releases");
    folder.ok("release publish releases app --version 1.0.0");
    folder
}

struct Service {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: String,
}

impl Service {
    fn start(folder: &Folder, options: &[&str]) -> Self {
        let line = [&["serve", "releases", "--listen", "127.0.0.1:0"], options].concat();
        let mut child = folder.command(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        stdout.read_line(&mut said).unwrap();
        let address = said.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.unwrap_or_else(|| panic!("{said}")).to_owned();
        Self { child, stdout, address }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Its exit status and its log.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "one line on standard output");
        (self.child.wait().unwrap().code(), log)
    }
}

#[test]
fn a_service_serves_until_it_is_told_to_end_and_that_is_success() {
    let folder = repository();
    for signal in ["-TERM", "-INT"] {
        let service = Service::start(&folder, &["--json"]);
        assert!(service.get("/patches/manifest.json").contains("\"latest_version\": \"1.0.0\""));
        assert!(service.get("/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
        let (status, log) = service.end(signal);
        assert_eq!(status, Some(0), "{signal}: {log}");
        let lines: Vec<_> = log.lines().collect();
        assert_eq!(lines.len(), 2, "{log}");
        assert!(lines[0].starts_with("127.0.0.1 - - [20"), "{log}");
        assert!(lines[0].contains("] \"GET /patches/manifest.json HTTP/1.1\" 200 "), "{log}");
    }
}

#[test]
fn a_request_is_one_line_of_the_log_whatever_it_says() {
    let folder = repository();
    let service = Service::start(&folder, &[]);
    service.get("/x\"%0a127.0.0.1\u{7f}\\");
    service.get("/%0d%0aINJECTED");
    let (_, log) = service.end("-TERM");
    assert!(log.lines().all(|line| line.starts_with("127.0.0.1 - - [")), "{log}");
    assert!(log.is_ascii() && log.matches("\" 4").count() == log.lines().count(), "{log}");
}

#[test]
fn what_cannot_be_served_is_said_before_anything_is() {
    let folder = repository();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    for (line, status, says) in [
        ("serve nowhere".to_owned(), 21, "nowhere"),
        ("serve app".to_owned(), 21, "release init"),
        ("serve releases --listen nonsense".to_owned(), 10, "no address to listen on"),
        (format!("serve releases --listen {taken}"), 20, "cannot listen on"),
        ("serve releases --admin-token-file short".to_owned(), 10, "at least 16 characters"),
        ("serve releases --admin-token-file missing".to_owned(), 21, "missing"),
        ("serve releases --admin-token-file token --key token".to_owned(), 10, "key"),
        ("serve releases --tls-cert token --tls-key token".to_owned(), 10, "no certificate"),
        ("serve releases --tls-cert token".to_owned(), 2, "--tls-key"),
        ("serve releases --max-upload 1G".to_owned(), 2, "--admin-token-file"),
    ] {
        let outcome = folder.fails(&line);
        assert!(outcome.status == status && outcome.stderr.contains(says), "{line}\n{outcome}");
    }
}

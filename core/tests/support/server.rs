//! An HTTP server that behaves as badly as a test wants.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What somebody asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The first line's path.
    pub path: String,
    /// Which request it is, counted from 0.
    pub number: usize,
    /// All headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// How many of the last bytes were asked for.
    pub fn last(&self) -> Option<u64> {
        self.header("range")?.strip_prefix("bytes=-")?.parse().ok()
    }

    /// The first and the last byte asked for.
    pub fn range(&self) -> Option<(u64, Option<u64>)> {
        let (first, last) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some((first.parse().ok()?, last.parse().ok()))
    }

    /// Where the answer must start.
    pub fn start(&self) -> u64 {
        self.range().map_or(0, |(first, _)| first)
    }
}

/// A server; dropping it closes its door.
pub struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    closed: Arc<AtomicBool>,
}

impl Server {
    /// Answers every request by `answer`, each on a connection and in a thread of its own.
    pub fn start(answer: impl Fn(&Asked, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), asked: Arc::default(), closed: Arc::default() };
        let (asked, closed, answer) = (server.asked.clone(), server.closed.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if closed.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(mut stream), asked, answer) = (stream, asked.clone(), answer.clone()) else { continue };
                thread::spawn(move || {
                    let Some(mut request) = read_request(&stream) else { return };
                    {
                        let mut asked = asked.lock().unwrap();
                        request.number = asked.len();
                        asked.push(request.clone());
                    }
                    answer(&request, &mut stream);
                    let _ = stream.flush();
                });
            }
        });
        server
    }

    /// A server of one file that does all as it should.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self::start(move |asked, stream| serve(asked, stream, &bytes, "\"one\""))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// All that was asked for.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Where each answer had to start.
    pub fn starts(&self) -> Vec<u64> {
        self.asked().iter().map(Asked::start).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn read_request(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines();
    let path = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    for line in lines {
        match line.ok()?.split_once(':') {
            Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    Some(Asked { path, number: 0, headers })
}

/// Writes a head: the status line, the headers, and that the connection ends.
pub fn head(stream: &mut TcpStream, status: &str, headers: &[(&str, &str)]) {
    let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    // A client that has left has seen enough.
    let _ = stream.write_all(format!("{text}\r\n").as_bytes());
}

/// Writes bytes of a body.
pub fn send(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).and_then(|()| stream.flush()).is_ok()
}

/// Answers as HTTP wants it.
pub fn serve(asked: &Asked, stream: &mut TcpStream, bytes: &[u8], tag: &str) {
    serve_at_most(asked, stream, bytes, tag, usize::MAX);
}

/// Answers as HTTP wants it, and breaks off after `most` bytes.
pub fn serve_at_most(asked: &Asked, stream: &mut TcpStream, bytes: &[u8], tag: &str, most: usize) {
    let unchanged = asked.header("if-range").is_none_or(|wanted| wanted == tag);
    let len = bytes.len() as u64;
    let from_end = asked.last().map(|last| (len.saturating_sub(last), None));
    let body = match asked.range().or(from_end).filter(|_| unchanged) {
        Some((first, _)) if first >= len => {
            return head(stream, "416 Range Not Satisfiable", &[("Content-Range", &format!("bytes */{len}"))]);
        }
        Some((first, last)) => {
            let last = last.unwrap_or(u64::MAX).min(len - 1);
            let range = format!("bytes {first}-{last}/{len}");
            let body = &bytes[first as usize..=last as usize];
            let length = body.len().to_string();
            head(
                stream,
                "206 Partial Content",
                &[("Content-Range", &range), ("Content-Length", &length), ("ETag", tag)],
            );
            body
        }
        None => {
            head(stream, "200 OK", &[("Content-Length", &len.to_string()), ("ETag", tag)]);
            bytes
        }
    };
    send(stream, &body[..body.len().min(most)]);
}

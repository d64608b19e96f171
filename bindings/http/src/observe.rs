//! What is told of each request when its last byte has left: a line in the log, and the counters.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, Uri, Version};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::metrics::Content;
use crate::service::Service;

/// Who sent a request, as our own server knows it.
#[derive(Clone, Copy)]
pub(crate) struct Client(pub(crate) SocketAddr);

/// Counts and logs one request.
pub(crate) async fn observe(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let told = service.log.is_some().then(|| Told {
        client: request.extensions().get::<Client>().map(|info| info.0),
        method: request.method().clone(),
        uri: request.uri().clone(),
        version: request.version(),
        began,
    });
    let mut response = next.run(request).await;
    let status = response.status().as_u16();
    service.metrics.request(route.as_ref().map_or("other", MatchedPath::as_str), status);
    let content = response.extensions_mut().remove::<Content>().unwrap_or(Content::Other);
    response.map(|body| Body::new(Observed { body, service, content, status, told, sent: 0 }))
}

struct Told {
    client: Option<SocketAddr>,
    method: Method,
    uri: Uri,
    version: Version,
    began: Instant,
}

/// A body that tells of itself when it is done with.
struct Observed {
    body: Body,
    service: Arc<Service>,
    content: Content,
    status: u16,
    told: Option<Told>,
    sent: u64,
}

impl HttpBody for Observed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.sent += data.len() as u64;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.service.metrics.sent(self.content, self.sent);
        let (Some(told), Some(log)) = (&self.told, &self.service.log) else { return };
        log.line(|line| {
            let _ = match told.client {
                Some(client) => write!(line, "{}", client.ip()),
                None => write!(line, "-"),
            };
            let now = humantime::format_rfc3339_seconds(SystemTime::now());
            let _ = write!(line, " - - [{now}] \"{} ", told.method);
            // Whatever a client sends, a request stays one line.
            told.uri.to_string().chars().for_each(|c| match c {
                '"' | '\\' => line.extend(['\\', c]),
                c if c.is_ascii_graphic() => line.push(c),
                c => line.extend(c.escape_unicode()),
            });
            let seconds = told.began.elapsed().as_secs_f64();
            let _ = writeln!(line, " {:?}\" {} {} {seconds:.6}", told.version, self.status, self.sent);
        });
    }
}

/// Lines for standard error, written by a thread of their own: a terminal that waits does not make clients wait.
pub(crate) struct Log(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    text: String,
    lost: u64,
    ended: bool,
}

impl Log {
    /// The bytes that may wait; lines beyond them are counted, and dropped.
    const MOST: usize = 1 << 20;

    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared { waiting: Mutex::default(), changed: Condvar::new() });
        let writer = shared.clone();
        std::thread::spawn(move || writer.write());
        Self(shared)
    }

    fn line(&self, write: impl FnOnce(&mut String)) {
        let mut waiting = self.0.lock();
        if waiting.text.len() < Self::MOST {
            write(&mut waiting.text);
        } else {
            waiting.lost += 1;
        }
        drop(waiting);
        self.0.changed.notify_one();
    }

    /// Says something that is no request.
    pub(crate) fn say(&self, text: &str) {
        self.line(|line| {
            let _ = writeln!(line, "{text}");
        });
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) {
        let mut waiting = self.lock();
        loop {
            let text = std::mem::take(&mut waiting.text);
            let lost = std::mem::take(&mut waiting.lost);
            if text.is_empty() && lost == 0 {
                if waiting.ended {
                    return;
                }
                waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            drop(waiting);
            let mut output = std::io::stderr().lock();
            let _ = output.write_all(text.as_bytes());
            if lost > 0 {
                let _ = writeln!(output, "{lost} requests were not logged: nobody read the log fast enough");
            }
            drop(output);
            waiting = self.lock();
        }
    }
}

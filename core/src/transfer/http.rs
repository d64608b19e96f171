//! HTTP by `ureq`, in a thread of its own: the operation waits for it and for the cancel token together.

use std::io::Read;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, StatusCode, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::error::{Error, Result, Status};
use crate::progress::Task;
use crate::transfer::location::Location;
use crate::transfer::options::{FetchOptions, Proxy};
use crate::transfer::pace::POLL_INTERVAL;
use crate::transfer::source::{Body, CHUNK_LEN, Failure, Request, Response};

const MOST_REDIRECTS: u32 = 10;
const CHUNKS_AHEAD: usize = 2;

/// A server that asks for more patience than this is tried again earlier.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// Asks for the bytes at `url`.
pub(super) fn open(
    url: &str,
    location: &Location,
    request: Request<'_>,
    options: &FetchOptions,
    task: &mut Task<'_>,
) -> Result<Response, Failure> {
    let agent = agent(url, options)?;
    let mut call = agent.get(url);
    if let Some(last) = request.last {
        call = call.header(header::RANGE, format!("bytes=-{last}"));
    } else if request.start > 0 || request.end.is_some() {
        let last = request.end.map(|end| end.saturating_sub(1).to_string()).unwrap_or_default();
        call = call.header(header::RANGE, format!("bytes={}-{last}", request.start));
        if let Some(validator) = request.validator {
            call = call.header(header::IF_RANGE, validator);
        }
    }
    let (sender, events) = sync_channel(CHUNKS_AHEAD);
    thread::Builder::new()
        .name("http".into())
        .spawn(move || pump(call, &sender))
        .map_err(|e| Failure::Stop(Error::from(e)))?;
    let mut body = HttpBody { events, agent, idle_timeout: options.idle_timeout, location: location.clone() };
    match body.event(task)? {
        Event::Head(status, headers) => respond(body, status, &headers, request),
        Event::Failed(error) => Err(failure(&error, location)),
        Event::Chunk(_) | Event::Broken(_) | Event::End => Err(body.network("the answer makes no sense")),
    }
}

fn agent(url: &str, options: &FetchOptions) -> Result<ureq::Agent, Failure> {
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(MOST_REDIRECTS)
        // What was asked for in private is not given in public.
        .https_only(url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:")))
        .accept_encoding("identity")
        .user_agent(concat!("patchcore/", env!("CARGO_PKG_VERSION")))
        // Idleness is watched from outside; this is for the thread that nobody waits for any more.
        .timeout_resolve(Some(options.idle_timeout))
        .timeout_connect(Some(options.idle_timeout));
    config = match &options.proxy {
        Proxy::Environment => config,
        Proxy::Direct => config.proxy(None),
        Proxy::Url(proxy) => {
            let wrong = |_| Failure::Stop(Error::invalid("this is no URL of a proxy, such as http://proxy:3128"));
            config.proxy(Some(ureq::Proxy::new(proxy).map_err(wrong)?))
        }
    };
    if let Some(path) = &options.authorities {
        config = config.tls_config(TlsConfig::builder().root_certs(authorities(path)?).build());
    }
    Ok(ureq::Agent::new_with_config(config.build()))
}

fn authorities(path: &Path) -> Result<RootCerts> {
    let text = std::fs::read(path).map_err(|e| Error::from(e).in_file(path))?;
    let certificates: Vec<_> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    match certificates.is_empty() {
        true => Err(Error::invalid("this file holds no certificate in PEM").in_file(path)),
        false => Ok(RootCerts::new_with_certs(&certificates)),
    }
}

/// What the thread tells.
enum Event {
    Head(StatusCode, HeaderMap),
    Chunk(Vec<u8>),
    End,
    /// There is no answer.
    Failed(ureq::Error),
    /// The answer broke off.
    Broken(std::io::Error),
}

/// Sends what comes until its end, or until nobody wants it any more.
fn pump(call: ureq::RequestBuilder<ureq::typestate::WithoutBody>, events: &SyncSender<Event>) {
    let response = match call.call() {
        Ok(response) => response,
        Err(error) => {
            let _ = events.send(Event::Failed(error));
            return;
        }
    };
    let (parts, body) = response.into_parts();
    if events.send(Event::Head(parts.status, parts.headers)).is_err() {
        return;
    }
    let mut reader = body.into_reader();
    loop {
        let mut chunk = vec![0; CHUNK_LEN];
        let event = match reader.read(&mut chunk) {
            Ok(0) => Event::End,
            Ok(n) => {
                chunk.truncate(n);
                Event::Chunk(chunk)
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => Event::Broken(e),
        };
        let goes_on = matches!(event, Event::Chunk(_));
        if events.send(event).is_err() || !goes_on {
            return;
        }
    }
}

struct HttpBody {
    events: Receiver<Event>,
    agent: ureq::Agent,
    idle_timeout: Duration,
    location: Location,
}

impl HttpBody {
    fn event(&mut self, task: &mut Task<'_>) -> Result<Event, Failure> {
        let began = Instant::now();
        loop {
            match self.events.recv_timeout(POLL_INTERVAL) {
                Ok(event) => return Ok(event),
                Err(RecvTimeoutError::Disconnected) => return Err(self.network("the connection ended")),
                // Progress is reported again, so that whoever watches can stop it.
                Err(RecvTimeoutError::Timeout) => task.advance(0)?,
            }
            if began.elapsed() >= self.idle_timeout {
                let message =
                    format!("{}: nothing came for {} s", self.location, self.idle_timeout.as_secs_f64().ceil());
                return Err(Failure::Elsewhere(Error::new(Status::Timeout, message)));
            }
        }
    }

    fn network(&self, what: &str) -> Failure {
        Failure::Retry(Error::new(Status::Network, format!("{}: {what}", self.location)), None)
    }
}

impl Body for HttpBody {
    fn next(&mut self, task: &mut Task<'_>) -> Result<Option<Vec<u8>>, Failure> {
        match self.event(task)? {
            Event::Chunk(chunk) => Ok(Some(chunk)),
            Event::End => Ok(None),
            Event::Broken(error) => Err(self.network(&format!("the connection broke: {error}"))),
            Event::Failed(error) => Err(failure(&error, &self.location)),
            Event::Head(..) => Err(self.network("the answer makes no sense")),
        }
    }
}

impl Drop for HttpBody {
    /// Wakes the thread, which would else wait for bytes that nobody wants.
    fn drop(&mut self) {
        self.agent.clone().shutdown();
    }
}

fn respond(body: HttpBody, status: StatusCode, headers: &HeaderMap, request: Request<'_>) -> Result<Response, Failure> {
    let location = &body.location;
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let told = |status, what: &str| Error::new(status, format!("{location}: {what}"));
    let validator = text(header::ETAG)
        // A weak one is no promise of equal bytes.
        .filter(|tag| tag.starts_with('"'))
        .or_else(|| text(header::LAST_MODIFIED))
        .map(str::to_owned);
    match status.as_u16() {
        200 => {
            let total = text(header::CONTENT_LENGTH).and_then(|length| length.trim().parse().ok());
            Ok(Response { start: 0, total, validator, body: Box::new(body) })
        }
        206 => match text(header::CONTENT_RANGE).and_then(ContentRange::parse) {
            Some(range) if range.answers(request) => {
                Ok(Response { start: range.first, total: range.total, validator, body: Box::new(body) })
            }
            _ => {
                let error = told(Status::TargetMismatch, "the server sent another part than was asked for");
                Err(Failure::Retry(error, None))
            }
        },
        416 => Err(Failure::Retry(told(Status::TargetMismatch, "the file has no such part any more"), None)),
        404 | 410 => Err(Failure::Elsewhere(told(Status::NotFound, "there is no such file"))),
        401 | 403 | 407 => {
            Err(Failure::Elsewhere(told(Status::Permission, &format!("the server refuses it: {status}"))))
        }
        408 | 425 | 429 | 500.. => {
            let after = text(header::RETRY_AFTER).and_then(|seconds| seconds.trim().parse().ok());
            let after = after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
            Err(Failure::Retry(told(Status::Network, &format!("the server answers {status}")), after))
        }
        _ => Err(Failure::Elsewhere(told(Status::Network, &format!("the server answers {status}")))),
    }
}

/// `bytes FIRST-LAST/TOTAL`.
struct ContentRange {
    first: u64,
    last: u64,
    total: Option<u64>,
}

impl ContentRange {
    fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let total = match total.trim() {
            "*" => None,
            total => Some(total.parse().ok()?),
        };
        (first <= last && total.is_none_or(|total| last < total)).then_some(Self { first, last, total })
    }

    /// A server may send less than was asked for, but not from elsewhere, and not more.
    fn answers(&self, request: Request<'_>) -> bool {
        if let Some(last) = request.last {
            return self.total.is_some_and(|total| self.last + 1 == total && self.first == total.saturating_sub(last));
        }
        self.first == request.start && request.end.is_none_or(|end| self.last < end)
    }
}

fn failure(error: &ureq::Error, location: &Location) -> Failure {
    let told = |status| Error::new(status, format!("{location}: {error}"));
    match error {
        ureq::Error::Timeout(_) => Failure::Elsewhere(told(Status::Timeout)),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Failure::Elsewhere(told(Status::InvalidArgument)),
        ureq::Error::InvalidProxyUrl => Failure::Stop(told(Status::InvalidArgument)),
        ureq::Error::RequireHttpsOnly(_) => Failure::Elsewhere(Error::new(
            Status::Network,
            format!("{location}: the server leads from https to http, which is refused"),
        )),
        ureq::Error::TooManyRedirects
        | ureq::Error::RedirectFailed
        | ureq::Error::Tls(_)
        | ureq::Error::Rustls(_)
        | ureq::Error::TlsRequired => Failure::Elsewhere(told(Status::Network)),
        ureq::Error::LargeResponseHeader(..) => Failure::Elsewhere(told(Status::Limit)),
        _ => Failure::Retry(told(Status::Network), None),
    }
}

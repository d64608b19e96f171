//! The service on a socket: connections with time limits, with or without TLS, and an end that lets downloads finish.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use patchcore::repository::Repository;
use patchcore::{CancelToken, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::idle::Idle;
use crate::observe::Client;
use crate::{Certificate, ServiceOptions};

/// How long a small body may take.
pub(crate) const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// How long a client may send nothing of what it has announced.
pub(crate) const IDLE_PATIENCE: Duration = Duration::from_secs(60);
/// How long a TLS handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// How often the token that ends everything is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Bytes of one connection that wait to be sent.
const BUFFERED: usize = 256 << 10;
/// Connections at the same time; more wait to be accepted.
const CONNECTIONS: usize = 4096;

/// How the service is reached, and how it ends.
pub struct ServerOptions {
    /// Serves HTTPS with it, and HTTP without.
    pub certificate: Option<Certificate>,
    /// How long downloads that run may go on after the end was asked for.
    pub drain: Duration,
    /// How long a client may take to say what it wants, and may keep silent between two requests.
    pub header_timeout: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub idle_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            certificate: None,
            drain: Duration::from_secs(30),
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
        }
    }
}

/// Serves until `stop` is raised; then accepts nothing more, and returns when the requests that run have been answered or
/// their time is over.
pub fn serve(
    listener: TcpListener,
    repository: Repository,
    service: ServiceOptions,
    server: ServerOptions,
    stop: &CancelToken,
) -> Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("patchcore-http").build()?;
    let making = service.cancel.clone();
    let result = runtime.block_on(async {
        let router = crate::router(repository, service)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        accept(listener, router, server, stop).await;
        Ok(())
    });
    making.cancel();
    // What still runs in the background is told to stop, and loses nothing where it does not do so in time.
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

async fn accept(listener: tokio::net::TcpListener, router: Router, options: ServerOptions, stop: &CancelToken) {
    let tls = options.certificate.map(Certificate::acceptor);
    let (header_timeout, idle_timeout) = (options.header_timeout, options.idle_timeout);
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let (ending, end) = watch::channel(false);
    let mut stopped = pin!(async {
        while !stop.is_cancelled() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    });
    loop {
        let accepted = async {
            let place = connections.clone().acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stopped => break,
        };
        let Ok((stream, address)) = accepted else {
            // Out of file numbers, mostly: others will be closed.
            tokio::time::sleep(LOOK_AGAIN).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (router, end, tls) = (router.clone(), end.clone(), tls.clone());
        tokio::spawn(async move {
            let stream = Idle::new(stream, idle_timeout);
            let connection = Connection { address, router, header_timeout, end };
            match tls {
                None => connection.answer(stream).await,
                Some(acceptor) => connection.secured(acceptor, stream).await,
            }
            drop(place);
        });
    }
    drop(listener);
    let _ = ending.send(true);
    let all = connections.acquire_many(CONNECTIONS as u32);
    let _ = tokio::time::timeout(options.drain, all).await;
}

/// What one connection is served with.
struct Connection {
    address: SocketAddr,
    router: Router,
    header_timeout: Duration,
    end: watch::Receiver<bool>,
}

impl Connection {
    async fn secured(self, acceptor: TlsAcceptor, stream: Idle) {
        if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream)).await {
            self.answer(stream).await;
        }
    }

    /// Answers the requests that come, one after the other.
    async fn answer(mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let (router, client) = (self.router, Client(self.address));
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(client);
            let router = router.clone();
            async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(self.header_timeout).max_buf_size(BUFFERED);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            // Who hangs up or says nothing that can be understood is not our error.
            _ = connection.as_mut() => return,
            _ = self.end.wait_for(|end| *end) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

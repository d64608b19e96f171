//! `patchcore serve`: a repository over HTTP.

use std::net::{TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use patchcore::repository::Signer;
use patchcore::trust::SecretKey;
use patchcore::{Error, Result, Status};
use patchcore_http::{AdminToken, Certificate, ServerOptions, ServiceOptions, serve};
use serde_json::json;

use crate::context::Context;
use crate::options::PasswordOption;
use crate::place;
use crate::text::parse_size;

/// Serve a release repository over HTTP
///
/// Clients find the files of the repository beneath /patches/, people a page at /, and programs a description of all there is at
/// /openapi.json. Nothing can be changed over HTTP without a token.
#[derive(Args)]
#[command(
    after_help = "Example: patchcore serve releases --listen 0.0.0.0:8080 --admin-token-file token --key release.key"
)]
pub(crate) struct Arguments {
    /// The repository
    #[arg(value_name = "REPO")]
    repository: PathBuf,

    /// The address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,

    /// Let whoever knows the token in this file publish, withdraw, prune and rebuild
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<PathBuf>,

    /// Refuse uploads that are larger, such as 2G [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, requires = "admin_token_file")]
    max_upload: Option<u64>,

    /// Sign manifests with this secret key
    #[arg(short, long, value_name = "KEY", requires = "admin_token_file")]
    key: Option<PathBuf>,

    #[command(flatten)]
    password: PasswordOption,

    /// Serve HTTPS with this certificate and its chain, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// How many seconds running downloads may go on when the service is told to end
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    drain: u64,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let repository = place::open(&arguments.repository)?;
    if arguments.admin_token_file.is_some() && repository.store().folder().is_none() {
        let message = "a repository in an object store is changed with `patchcore release`, and not over HTTP; leave the token out";
        return Err(Error::new(Status::Unsupported, message));
    }
    let signer = match &arguments.key {
        Some(path) => Some(Signer::try_from(SecretKey::read(path, arguments.password.read()?.as_deref())?)?),
        None => None,
    };
    let service = ServiceOptions {
        admin_token: arguments.admin_token_file.as_deref().map(AdminToken::read).transpose()?,
        max_upload: arguments.max_upload,
        signer,
        access_log: !context.quiet(),
        ..ServiceOptions::default()
    };
    let certificate = match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(chain), Some(key)) => Some(Certificate::read(chain, key)?),
        _ => None,
    };
    let scheme = if certificate.is_some() { "https" } else { "http" };
    let server = ServerOptions { certificate, drain: Duration::from_secs(arguments.drain), ..ServerOptions::default() };
    let listener = listen(&arguments.listen)?;
    let url = format!("{scheme}://{}/", listener.local_addr()?);
    let text = format!("Serving {} at {url}\n", arguments.repository.display());
    context.printer.report("serve", json!({"repository": arguments.repository.to_string_lossy(), "url": url}), text)?;
    serve(listener, repository, service, server, &context.cancel)
}

fn listen(address: &str) -> Result<TcpListener> {
    let addresses = address.to_socket_addrs().map_err(|error| {
        let message = format!("\"{address}\" is no address to listen on, such as 127.0.0.1:8080: {error}");
        Error::new(Status::InvalidArgument, message)
    })?;
    let addresses: Vec<_> = addresses.collect();
    TcpListener::bind(&addresses[..]).map_err(|error| {
        let error = Error::from(error);
        Error::new(error.status(), format!("cannot listen on {address}: {}", error.message()))
    })
}

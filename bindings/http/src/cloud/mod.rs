//! Repositories in object stores: where `s3://bucket/prefix` leads, and the one runtime on which requests to stores run.
//!
//! Credentials, endpoints and regions come from the environment, by the names that the tools of each store use:
//! `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`, `AWS_ALLOW_HTTP`, `GOOGLE_SERVICE_ACCOUNT`, `AZURE_STORAGE_ACCOUNT_KEY` and so on.

mod reader;
mod store;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};

use object_store::{ObjectStore, ObjectStoreScheme, parse_url_opts};
use patchcore::repository::Store;
use patchcore::{Error, Result, Status};
use reqwest::Url;
use tokio::runtime::{Builder, Runtime};

use store::ObjectRepository;

/// Where a repository lies.
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// Somewhere else.
    Store(Arc<dyn Store>),
}

impl Place {
    /// Finds out what `text` means: a path, or an address such as `s3://bucket/prefix`, `gs://…`, `az://…` or `file:///…`.
    pub fn parse(text: &Path) -> Result<Self> {
        let Some(address) = text.to_str().filter(|text| text.contains("://")) else {
            return Ok(Self::Folder(text.to_owned()));
        };
        let wrong = |why: String| Error::new(Status::InvalidArgument, format!("\"{address}\" is no repository: {why}"));
        let url = Url::parse(address).map_err(|e| wrong(e.to_string()))?;
        let unknown = || wrong("it is to be a folder, or to begin with s3://, gs://, az:// or file://".to_owned());
        let (scheme, _) = ObjectStoreScheme::parse(&url).map_err(|_| unknown())?;
        match scheme {
            ObjectStoreScheme::Local => {
                Ok(Self::Folder(url.to_file_path().map_err(|()| wrong("it is no path of this system".to_owned()))?))
            }
            ObjectStoreScheme::AmazonS3 | ObjectStoreScheme::GoogleCloudStorage | ObjectStoreScheme::MicrosoftAzure => {
                encrypt_by_ring();
                let (store, prefix) = parse_url_opts(&url, options()).map_err(|e| wrong(e.to_string()))?;
                let store: Arc<dyn ObjectStore> = store.into();
                Ok(Self::Store(Arc::new(ObjectRepository::new(store, prefix, address))))
            }
            _ => Err(unknown()),
        }
    }
}

/// What the environment says of stores. A part of a large package may take minutes; silence may not.
fn options() -> Vec<(String, String)> {
    let patience = [("timeout", "10m"), ("read_timeout", "60s"), ("connect_timeout", "20s")];
    let own = |name: &str| ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|prefix| name.starts_with(prefix));
    let named =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let patience = patience.map(|(name, value)| (name.to_owned(), value.to_owned()));
    patience.into_iter().chain(named.filter(|(name, _)| own(name))).collect()
}

/// The TLS of this crate, for the client that brings none.
fn encrypt_by_ring() {
    // One that somebody else chose before does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Waits for what is done on a runtime of its own, so that whoever waits may be on another one.
fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let make = || Builder::new_multi_thread().worker_threads(2).thread_name("object-store").enable_all().build().ok();
    let Some(runtime) = RUNTIME.get_or_init(make) else {
        return Err(Error::new(Status::Io, "the system gives no threads for talking to the object store"));
    };
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime.spawn(async move { drop(sender.send(work.await)) });
    receiver.recv().map_err(|_| Error::new(Status::Internal, "a request to the object store was broken off"))
}

/// What a failure of a store means to whoever asked for `name`.
fn failure(error: &object_store::Error, name: &str) -> Error {
    use object_store::Error as Failure;
    let (status, message) = match error {
        Failure::NotFound { .. } => (Status::NotFound, "there is no such object, or no such bucket".to_owned()),
        Failure::AlreadyExists { .. } | Failure::Precondition { .. } => {
            (Status::Busy, "somebody else published meanwhile; try again".to_owned())
        }
        Failure::NotImplemented { .. } | Failure::NotSupported { .. } => {
            (Status::Unsupported, format!("the object store cannot do this: {error}"))
        }
        Failure::PermissionDenied { .. } | Failure::Unauthenticated { .. } => (
            Status::Permission,
            format!("the object store refuses this; are the credentials in the environment? {error}"),
        ),
        _ => (Status::Network, format!("the object store failed: {error}")),
    };
    Error::new(status, format!("{name}: {message}"))
}

//! The certificate that HTTPS is served with.

use std::path::Path;
use std::sync::Arc;

use patchcore::{Error, Result, Status};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate with its chain, and the key that belongs to it.
pub struct Certificate(Arc<ServerConfig>);

impl Certificate {
    /// Reads two PEM files.
    pub fn read(chain: &Path, key: &Path) -> Result<Self> {
        let bad = |path: &Path, error: &dyn std::fmt::Display| {
            Error::new(Status::InvalidArgument, format!("no certificate or key can be read there: {error}"))
                .in_file(path)
        };
        let certificates = CertificateDer::pem_file_iter(chain)
            .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
            .map_err(|error| bad(chain, &error))?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, &error))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| bad(chain, &error))?
            .with_no_client_auth()
            .with_single_cert(certificates, private)
            .map_err(|error| bad(chain, &error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    pub(crate) fn acceptor(self) -> TlsAcceptor {
        self.0.into()
    }
}

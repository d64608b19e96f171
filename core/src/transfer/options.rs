//! What a caller says about a fetch.

use std::path::PathBuf;
use std::time::Duration;

use crate::digest::Digest;

/// How long nothing may arrive unless the caller says otherwise. The whole may take as long as it takes.
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// How often a place is tried again in vain unless the caller says otherwise.
pub const DEFAULT_RETRIES: u32 = 5;

/// How a file is fetched. The default of every field is what most callers want.
#[derive(Clone, Debug)]
pub struct FetchOptions {
    /// The size that the file must have, where it is known.
    pub size: Option<u64>,
    /// Only the first [`size`](Self::size) bytes of what is there are wanted; what follows is the beginning of a later file.
    pub prefix: bool,
    /// The SHA-256 that the file must have, where it is known.
    pub digest: Option<Digest>,
    /// More bytes than this are LIMIT; `u64::MAX` is no limit.
    pub max_size: u64,
    /// At most so many bytes a second; 0 is as fast as it goes.
    pub bytes_per_second: u64,
    /// Nothing for so long is TIMEOUT.
    pub idle_timeout: Duration,
    /// How often a place is tried again in vain; a try that brought something is not in vain.
    pub retries: u32,
    /// The pause before the first retry; each further one doubles it, up to half a minute.
    pub first_pause: Duration,
    /// The way to the network.
    pub proxy: Proxy,
    /// A PEM file of the authorities whose certificates servers may have, instead of those of the web.
    pub authorities: Option<PathBuf>,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            size: None,
            prefix: false,
            digest: None,
            max_size: u64::MAX,
            bytes_per_second: 0,
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            retries: DEFAULT_RETRIES,
            first_pause: Duration::from_millis(500),
            proxy: Proxy::default(),
            authorities: None,
        }
    }
}

/// The way to the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// What `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say.
    #[default]
    Environment,
    /// None, whatever the environment says.
    Direct,
    /// This one, such as `http://proxy:3128` or `socks5://localhost:1080`.
    Url(String),
}

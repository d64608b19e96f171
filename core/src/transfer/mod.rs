//! Fetching files: streamed to disk, resumed after a break, verified before they get their name.
//!
//! Where bytes come from stands behind one function, `source::open`: HTTP with the feature `http`, files always, so that what
//! was carried on a stick goes the same way as what comes over a network. Waiting happens in one place, which polls the task, so
//! that a fetch is cancelled at once, whatever it waits for.

mod fetch;
#[cfg(feature = "http")]
mod http;
mod location;
mod options;
mod pace;
mod partial;
mod remote;
mod small;
mod source;

pub use fetch::{Fetched, fetch};
pub use location::resolve;
pub(crate) use location::without_secrets;
pub use options::{DEFAULT_IDLE_TIMEOUT, DEFAULT_RETRIES, FetchOptions, Proxy};
pub(crate) use partial::clear;
pub use remote::{DEFAULT_CACHE, DEFAULT_READ_AHEAD, RemoteFile, RemoteOptions};
pub use small::{fetch_range, fetch_text};

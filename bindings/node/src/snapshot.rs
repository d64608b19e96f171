//! A copy of bytes that JavaScript may go on changing.
//!
//! An `ArrayBuffer` can be written, shrunk or transferred to another thread at any moment, and nothing that a job holds can
//! keep that from happening. So no job ever reads memory of JavaScript: it reads a snapshot, taken before the call returns.

use std::sync::Arc;

use napi_derive::napi;
use patchcore_ffi::input::Bytes;

/// Bytes on their way into a job.
#[napi]
#[derive(Default)]
pub struct Snapshot(Vec<u8>);

#[napi]
impl Snapshot {
    /// An empty one.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a copy of `bytes`, and says whether there was memory for that.
    #[napi]
    pub fn copy(&mut self, bytes: &[u8]) -> bool {
        let has_room = self.0.try_reserve_exact(bytes.len()).is_ok();
        if has_room {
            self.0.extend_from_slice(bytes);
        }
        has_room
    }

    /// The bytes, which the snapshot then has no more.
    pub(crate) fn take(&mut self) -> Bytes {
        Arc::new(std::mem::take(&mut self.0))
    }
}

//! zstd as this format uses it, and as a device can: whatever cannot be allocated is an error.

use zstd::zstd_safe::{self, CCtx, CParameter, DCtx};

use crate::error::{Error, Result, Status};
use crate::limits::with_capacity;

/// Compresses at one level; holds zstd's tables between calls.
pub(super) struct Compressor(CCtx<'static>);

impl Compressor {
    /// Frames of this compressor say neither their size nor a checksum: what is around them does.
    pub(super) fn new(level: i32) -> Result<Self> {
        let mut compressor = Self(CCtx::try_create().ok_or_else(no_memory)?);
        for parameter in [
            CParameter::CompressionLevel(level),
            CParameter::ContentSizeFlag(false),
            CParameter::ChecksumFlag(false),
            CParameter::DictIdFlag(false),
        ] {
            compressor.set_parameter(parameter)?;
        }
        Ok(compressor)
    }

    pub(super) fn set_parameter(&mut self, parameter: CParameter) -> Result<()> {
        self.0.set_parameter(parameter).map(|_| ()).map_err(|_| no_memory())
    }

    /// One frame that holds `bytes`.
    pub(super) fn compress(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut frame = with_capacity(zstd_safe::compress_bound(bytes.len()))?;
        self.0.compress2(&mut frame, bytes).map_err(|_| no_memory())?;
        Ok(frame)
    }
}

/// Decompresses frames; holds zstd's state between calls.
pub(super) struct Decompressor(DCtx<'static>);

impl Decompressor {
    pub(super) fn new() -> Result<Self> {
        DCtx::try_create().map(Self).ok_or_else(no_memory)
    }

    /// Fills the room that `decoded` has with what the one frame in `encoded` holds; says how much that was, and `None` where
    /// it is no frame, not one frame, or one of more.
    pub(super) fn decompress(&mut self, encoded: &[u8], decoded: &mut Vec<u8>) -> Result<Option<usize>> {
        if zstd_safe::find_frame_compressed_size(encoded) != Ok(encoded.len()) {
            return Ok(None);
        }
        match self.0.decompress(decoded, encoded) {
            Ok(written) => Ok(Some(written)),
            Err(code) if zstd_safe::get_error_name(code).contains("not enough memory") => Err(no_memory()),
            Err(_) => Ok(None),
        }
    }
}

fn no_memory() -> Error {
    Error::new(Status::NoMemory, "zstd could not allocate what it needs")
}

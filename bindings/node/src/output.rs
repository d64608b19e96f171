//! Where results go, and how paths travel.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;
use patchcore_ffi::output::Output;

/// A path: text, or on Unix the bytes that it is.
pub type PathArgument = Either<OsString, Buffer>;

/// The path that an argument means.
pub fn path(argument: PathArgument) -> PathBuf {
    match argument {
        Either::A(text) => text.into(),
        Either::B(bytes) => path_of_bytes(&bytes),
    }
}

/// A file for a result.
#[napi(object, object_to_js = false)]
pub struct OutputArgument {
    /// The file.
    pub file: PathArgument,
    /// Whether an existing file is refused.
    pub no_clobber: Option<bool>,
}

/// A file where one is named, else memory.
pub fn output(argument: Option<OutputArgument>) -> Output {
    match argument {
        Some(OutputArgument { file, no_clobber }) => {
            Output::Path { path: path(file), no_clobber: no_clobber.unwrap_or_default() }
        }
        None => Output::Memory,
    }
}

/// Text where a path is UTF-8, else its bytes.
pub fn path_to_js(path: &Path) -> Either<String, Buffer> {
    match path.to_str() {
        Some(text) => Either::A(text.to_owned()),
        None => Either::B(path.as_os_str().as_encoded_bytes().to_vec().into()),
    }
}

#[cfg(unix)]
fn path_of_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn path_of_bytes(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

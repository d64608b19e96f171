//! What whoever mounts the service decides.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use patchcore::repository::Signer;
use patchcore::{CancelToken, Digest, Error, Result, Status};
use subtle::ConstantTimeEq;

/// What the service does beside handing out files. Nothing, unless asked for.
#[derive(Default)]
pub struct ServiceOptions {
    /// Who knows it may publish, withdraw, prune and rebuild. Without one nobody may, and there are no such routes.
    pub admin_token: Option<AdminToken>,
    /// The bytes that an upload may have; no limit unless given.
    pub max_upload: Option<u64>,
    /// What signs manifests. A repository that is signed cannot be changed without it.
    pub signer: Option<Signer>,
    /// Whether each request is a line on standard error.
    pub access_log: bool,
    /// Raised when the service is to end: what is being made is given up then, and can be made again.
    pub cancel: CancelToken,
}

/// A secret that a client shows as `Authorization: Bearer …`.
pub struct AdminToken(Digest);

impl AdminToken {
    /// Shorter ones could be guessed.
    const SHORTEST: usize = 16;
    const LONGEST: u64 = 4 << 10;

    /// A token of at least 16 characters that can stand in a header.
    pub fn new(token: &str) -> Result<Self> {
        let token = token.trim();
        if token.len() < Self::SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message =
                "a token has at least 16 characters, all of them visible and ASCII; `openssl rand -hex 32` makes one";
            return Err(Error::new(Status::InvalidArgument, message));
        }
        Ok(Self(Digest::of(token.as_bytes())))
    }

    /// Reads the token in a file, which is the first line.
    pub fn read(path: &Path) -> Result<Self> {
        let in_file = |error: std::io::Error| Error::from(error).in_file(path);
        let mut text = String::new();
        File::open(path).map_err(in_file)?.take(Self::LONGEST).read_to_string(&mut text).map_err(in_file)?;
        Self::new(text.lines().next().unwrap_or_default()).map_err(|error| error.in_file(path))
    }

    /// Whether `shown` is the token, in a time that says nothing of how much of it is right, nor of its length.
    pub(crate) fn is(&self, shown: &[u8]) -> bool {
        Digest::of(shown).0.ct_eq(&self.0.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_alone() {
        let token = AdminToken::new("0123456789abcdef\n").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for wrong in ["", "0123456789abcde", "0123456789abcdef0", "1123456789abcdef", "0123456789abcdeF"] {
            assert!(!token.is(wrong.as_bytes()), "{wrong}");
        }
        for bad in ["", "short", "0123456789 abcdef", "0123456789abcdéf"] {
            assert!(AdminToken::new(bad).is_err(), "{bad}");
        }
    }
}

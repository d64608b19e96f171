//! Signatures: who says that these are the bytes.
//!
//! Keys and signatures are those of minisign (<https://jedisct1.github.io/minisign/>): Ed25519 over the BLAKE2b-512 of the
//! message. Signatures of the older kind, which need the whole message in memory, are refused.

use std::io::Read;

use minisign_verify::Error as Rejection;

use crate::error::{Error, Result, Status};

/// How much of a message is read at a time, in bytes: devices verify with little memory.
const BUFFER_LEN: usize = 4 << 10;

/// A key whose signatures the caller trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(minisign_verify::PublicKey);

/// A signature that was not checked yet.
#[derive(Clone)]
pub struct Signature(minisign_verify::Signature);

impl PublicKey {
    /// Reads a public key: the text of a `.pub` file, or its second line alone. What is none is INVALID_ARGUMENT.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let key = match text.lines().count() {
            1 => minisign_verify::PublicKey::from_base64(text),
            _ => minisign_verify::PublicKey::decode(text),
        };
        key.map(Self).map_err(|e| Error::invalid(format!("this is no minisign public key: {e}")))
    }

    /// Checks that `signature` is one of this key over all bytes of `message`.
    ///
    /// Fails with UNTRUSTED_KEY where another key made it, and with BAD_SIGNATURE where it is one of other bytes.
    pub fn verify(&self, signature: &Signature, message: &mut dyn Read) -> Result<()> {
        let mut verifier = self.0.verify_stream(&signature.0).map_err(rejected)?;
        let mut buffer = [0; BUFFER_LEN];
        loop {
            match message.read(&mut buffer)? {
                0 => return verifier.finalize().map_err(rejected),
                n => verifier.update(&buffer[..n]),
            }
        }
    }
}

impl Signature {
    /// Reads a signature: the text of a `.minisig` file. What is none is BAD_SIGNATURE.
    pub fn parse(text: &str) -> Result<Self> {
        minisign_verify::Signature::decode(text).map(Self).map_err(rejected)
    }
}

fn rejected(rejection: Rejection) -> Error {
    match rejection {
        Rejection::UnexpectedKeyId => {
            Error::new(Status::UntrustedKey, "the signature was made by another key than the one that is trusted")
        }
        Rejection::InvalidSignature => {
            Error::new(Status::BadSignature, "the signature does not fit: these are not the bytes that were signed")
        }
        Rejection::UnsupportedLegacyMode => {
            Error::new(Status::BadSignature, "the signature is of the old kind; sign again with a current minisign")
        }
        _ => Error::new(Status::BadSignature, format!("this is no minisign signature: {rejection}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"firmware of version 2\n";
    const KEY: &str = "RWSYyV517tdc3ZQ++Tkb4vDI6Nt/qbnSZwhN2iD0ZGc5PT0L15zwubsX";
    const OTHER_KEY: &str = "RWSFkRQ3etUUVr/DgumNhFLiK1ZuGyEKEzNIrDDZmTBbqaPUj+T4+WSB";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\nRUSYyV517tdc3VVXk/2FmwKFZcWB9Lqvtbu8RQOGs3xtL5vbFoMS2vhaJ+3oVK2+bJixjHEZZyBFGrpct6hLOoRKC7zflHGwOwo=\ntrusted comment: timestamp:1795271892\tfile:fw\thashed\njj3rkdsDOAIIzrda32JnesmW34KHDWUgkMchPXKL8z0mbIfWLIeRlZ1Il489f7GRWKwTjIyyHiTRZXxhUSrJAg==\n";
    const OLD_SIGNATURE: &str = "untrusted comment: signature from minisign secret key\nRWSYyV517tdc3YmFpV0SXLzLcB6Wg8886P2WNRUV7gr6TrUT14vnAWwmR6R9qkI2xr12bx1Nz6nN1gh88bROp8AaNqKvAqY+IAU=\ntrusted comment: timestamp:1795271939\tfile:fw\neUNRNqc5nEguPTk2T0LLuVPOgyaFE4qALe6yWJB4o356Ksxypp8a+zZKM3ccyQ6fXn/l1iEQyfpi/ll0bZn7DA==\n";

    fn status(key: &str, signature: &str, mut message: &[u8]) -> Status {
        let result = PublicKey::parse(key)
            .and_then(|key| Signature::parse(signature).map(|signature| (key, signature)))
            .and_then(|(key, signature)| key.verify(&signature, &mut message));
        result.map_or_else(|e| e.status(), |()| Status::Ok)
    }

    #[test]
    fn only_the_signed_bytes_under_the_trusted_key_are_accepted() {
        assert_eq!(status(KEY, SIGNATURE, MESSAGE), Status::Ok);
        assert_eq!(status(&format!("untrusted comment: mine\n{KEY}\n"), SIGNATURE, MESSAGE), Status::Ok);
        assert_eq!(status(OTHER_KEY, SIGNATURE, MESSAGE), Status::UntrustedKey);
        assert_eq!(status(KEY, SIGNATURE, b"firmware of version 3\n"), Status::BadSignature);
        assert_eq!(status(KEY, SIGNATURE, b""), Status::BadSignature);
        assert_eq!(status(KEY, OLD_SIGNATURE, MESSAGE), Status::BadSignature);
    }

    #[test]
    fn another_trusted_comment_breaks_a_signature() {
        let forged = SIGNATURE.replace("file:fw", "file:xx");
        assert_eq!(status(KEY, &forged, MESSAGE), Status::BadSignature);
    }

    #[test]
    fn what_is_no_key_and_no_signature_is_told_apart() {
        for text in ["", "RWS", "untrusted comment: x", "\n\n\n", "untrusted comment: x\nRWS\n"] {
            assert_eq!(PublicKey::parse(text).unwrap_err().status(), Status::InvalidArgument, "{text:?}");
            assert_eq!(Signature::parse(text).err().unwrap().status(), Status::BadSignature, "{text:?}");
        }
    }
}

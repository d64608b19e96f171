//! A signature as it is given: the text of a `.minisig` file, or the base64 of that text.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use minisign_verify::Error as Rejection;

use crate::error::{Error, Result, Status};
use crate::trust::base64;

/// Longer than any signature: minisign allows comments of 8 KiB.
const MAX_LEN: usize = 64 << 10;

const FIRST_WORDS: &str = "untrusted comment:";

/// A signature that was not checked yet.
#[derive(Clone)]
pub struct Signature(pub(super) minisign_verify::Signature);

impl Signature {
    /// Reads a signature: the text of a `.minisig` file or its base64. What is none is BAD_SIGNATURE.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_LEN {
            return Err(none(&"it is too long"));
        }
        let text = text.trim();
        if text.starts_with(FIRST_WORDS) {
            return minisign_verify::Signature::decode(text).map(Self).map_err(rejected);
        }
        let decoded = base64::decode(text).and_then(|bytes| String::from_utf8(bytes).ok());
        match decoded.as_deref().map(str::trim) {
            Some(text) if text.starts_with(FIRST_WORDS) => {
                minisign_verify::Signature::decode(text).map(Self).map_err(rejected)
            }
            _ => Err(none(&"neither the text of a .minisig file nor its base64")),
        }
    }

    /// Reads a signature from the file at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let in_file = |e: std::io::Error| Error::from(e).in_file(path);
        let mut text = Vec::new();
        File::open(path).map_err(in_file)?.take(MAX_LEN as u64 + 1).read_to_end(&mut text).map_err(in_file)?;
        String::from_utf8(text)
            .map_err(|_| none(&"it is not UTF-8"))
            .and_then(|text| Self::parse(&text))
            .map_err(|e| e.in_file(path))
    }

    /// What the signer said with the signature. Nobody has signed it until the signature is verified.
    pub fn trusted_comment(&self) -> &str {
        self.0.trusted_comment()
    }
}

fn none(why: &dyn std::fmt::Display) -> Error {
    Error::new(Status::BadSignature, format!("this is no minisign signature: {why}"))
}

/// What a caller can act on when a signature is refused.
pub(super) fn rejected(rejection: Rejection) -> Error {
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
        _ => none(&rejection),
    }
}

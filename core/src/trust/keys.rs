//! Keys that a caller trusts, and the check of a signature against all of them at once.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use minisign_verify::{Error as Rejection, StreamVerifier};

use crate::error::{Error, Result, Status};
use crate::trust::base64;
use crate::trust::signature::{Signature, rejected};

/// How much of a message is read at a time, in bytes: devices verify with little memory.
const BUFFER_LEN: usize = 4 << 10;

/// Longer than the file of any key.
const MAX_FILE_LEN: u64 = 4 << 10;

/// What a key consists of: two letters for the algorithm, the identifier, the point.
const KEY_LEN: usize = 2 + ID_LEN + 32;
const ID_LEN: usize = 8;

/// A key whose signatures the caller trusts.
#[derive(Clone)]
pub struct PublicKey {
    key: minisign_verify::PublicKey,
    /// Identifier and point: what makes two keys one, whatever else their files say.
    bytes: [u8; KEY_LEN - 2],
}

impl PublicKey {
    /// Reads a public key: the text of a `.pub` file, or its second line alone. What is none is INVALID_ARGUMENT.
    pub fn parse(text: &str) -> Result<Self> {
        let none = |why: &dyn fmt::Display| Error::invalid(format!("this is no minisign public key: {why}"));
        let text = text.trim();
        let line = match text.lines().count() {
            1 => text,
            _ => text.lines().nth(1).unwrap_or_default().trim(),
        };
        let key = minisign_verify::PublicKey::from_base64(line).map_err(|e| none(&e))?;
        let bytes = base64::decode(line).and_then(|bytes| bytes.get(2..)?.try_into().ok());
        Ok(Self { key, bytes: bytes.ok_or_else(|| none(&"its second line is no base64"))? })
    }

    /// Reads the key from the file at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let in_file = |e: std::io::Error| Error::from(e).in_file(path);
        let mut text = Vec::new();
        File::open(path).map_err(in_file)?.take(MAX_FILE_LEN).read_to_end(&mut text).map_err(in_file)?;
        Self::parse(&String::from_utf8_lossy(&text)).map_err(|e| e.in_file(path))
    }

    /// The identifier as minisign shows it.
    pub fn id(&self) -> String {
        self.bytes[..ID_LEN].iter().rev().map(|byte| format!("{byte:02X}")).collect()
    }

    /// The text of a `.pub` file.
    pub fn to_text(&self) -> String {
        format!("untrusted comment: minisign public key {}\n{self}\n", self.id())
    }

    /// Checks that `signature` is one of this key over all bytes of `message`.
    ///
    /// Fails with UNTRUSTED_KEY where another key made it, and with BAD_SIGNATURE where it is one of other bytes.
    pub fn verify(&self, signature: &Signature, message: &mut dyn Read) -> Result<()> {
        verify(Verifier::new(std::slice::from_ref(self), signature)?, message)
    }
}

impl fmt::Display for PublicKey {
    /// The one line that is the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64::encode(&[&b"Ed"[..], &self.bytes].concat()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for PublicKey {}

/// The keys that a caller trusts, each once; one of them must have signed. There is always at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKeys(Vec<PublicKey>);

impl TrustedKeys {
    /// Trusts each of `keys`. None at all is INVALID_ARGUMENT, so that a forgotten key never means that anything goes.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Result<Self> {
        let mut trusted: Vec<PublicKey> = Vec::new();
        for key in keys {
            if !trusted.contains(&key) {
                trusted.push(key);
            }
        }
        if trusted.is_empty() {
            return Err(Error::invalid("a signature is required and no key is trusted; name one"));
        }
        Ok(Self(trusted))
    }

    /// The keys.
    pub fn keys(&self) -> &[PublicKey] {
        &self.0
    }

    /// Checks that `signature` is one of a trusted key over all bytes of `message`.
    ///
    /// BAD_SIGNATURE where there is none or where it is one of other bytes; UNTRUSTED_KEY where another key made it.
    pub fn verify(&self, signature: Option<&Signature>, message: &mut dyn Read) -> Result<()> {
        verify(self.verifier(signature)?, message)
    }

    pub(super) fn verifier<'a>(&'a self, signature: Option<&'a Signature>) -> Result<Verifier<'a>> {
        let missing = || Error::new(Status::BadSignature, "a signature is required and there is none");
        Verifier::new(&self.0, signature.ok_or_else(missing)?)
    }
}

fn verify(mut verifier: Verifier<'_>, message: &mut dyn Read) -> Result<()> {
    let mut buffer = [0; BUFFER_LEN];
    loop {
        match message.read(&mut buffer) {
            Ok(0) => return verifier.finish().map(drop),
            Ok(n) => verifier.update(&buffer[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// A signature being checked as the message goes by.
pub(super) struct Verifier<'a> {
    /// Every key that has the identifier of the signature; nothing forbids that two have the same.
    candidates: Vec<(&'a PublicKey, StreamVerifier<'a>)>,
}

impl<'a> Verifier<'a> {
    fn new(keys: &'a [PublicKey], signature: &'a Signature) -> Result<Self> {
        let mut candidates = Vec::new();
        for key in keys {
            match key.key.verify_stream(&signature.0) {
                Ok(verifier) => candidates.push((key, verifier)),
                Err(Rejection::UnexpectedKeyId) => {}
                Err(rejection) => return Err(rejected(rejection)),
            }
        }
        match candidates.is_empty() {
            true => Err(rejected(Rejection::UnexpectedKeyId)),
            false => Ok(Self { candidates }),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.candidates.iter_mut().for_each(|(_, verifier)| verifier.update(bytes));
    }

    /// The key that signed what went by.
    pub fn finish(self) -> Result<&'a PublicKey> {
        let signed = self.candidates.into_iter().find_map(|(key, mut verifier)| verifier.finalize().ok().map(|()| key));
        signed.ok_or_else(|| rejected(Rejection::InvalidSignature))
    }
}

//! A document and its signature, replaced so that at any moment there is one that fits the other.
//!
//! While both are being replaced, the signature of the new document lies beside the old one, as `NAME.minisig.next`.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cancel::CommitPoint;
use crate::error::{Error, Result, Status};
use crate::io::{OutputFile, OutputOptions, sync_folder_of};
use crate::progress::Task;
use crate::trust::{Promise, PublicKey, Signature, TrustedKeys, Verified};

/// What is put behind the name of a document to name its signature, in the order in which a reader tries them.
pub const SIGNATURE_SUFFIXES: [&str; 2] = [".minisig", ".minisig.next"];

/// Makes the text of a `.minisig` file of a document.
type Sign = dyn Fn(&[u8]) -> Result<String> + Send + Sync;

/// Signs a document: its bytes become the text of a `.minisig` file.
#[derive(Clone)]
pub struct Signer {
    sign: Arc<Sign>,
    public: PublicKey,
}

impl Signer {
    /// Signs by whatever `sign` does, such as asking a device that holds the key that belongs to `public`.
    pub fn new(public: PublicKey, sign: impl Fn(&[u8]) -> Result<String> + Send + Sync + 'static) -> Self {
        Self { sign: Arc::new(sign), public }
    }

    /// The key that readers trust.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn sign(&self, document: &[u8]) -> Result<String> {
        (self.sign)(document)
    }

    /// Whether a signature is of this document, by this signer.
    pub(super) fn fits(&self, document: &[u8], signature: Option<Vec<u8>>) -> bool {
        let text = signature.and_then(|signature| String::from_utf8(signature).ok());
        let signature = text.and_then(|text| Signature::parse(&text).ok());
        signature.is_some_and(|signature| self.public.verify(&signature, &mut &*document).is_ok())
    }
}

#[cfg(feature = "sign")]
impl TryFrom<crate::trust::SecretKey> for Signer {
    type Error = Error;

    fn try_from(key: crate::trust::SecretKey) -> Result<Self> {
        let public = key.public_key()?;
        Ok(Self::new(public, move |mut bytes| key.sign(&mut bytes, "hashed")))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.public.id()).finish()
    }
}

/// Reads the document at `path`, and finishes what a replacement that was killed left unfinished. Nothing where there is none.
pub(super) fn read_signed(path: &Path, signer: Option<&Signer>) -> Result<Option<Vec<u8>>> {
    let Some(document) = read(path)? else { return Ok(None) };
    let [signature, next] = SIGNATURE_SUFFIXES.map(|suffix| beside(path, suffix));
    if let Some(signer) = signer
        && let Some(pending) = read(&next)?
        && !signer.fits(&document, read(&signature)?)
        && signer.fits(&document, Some(pending))
    {
        rename(&next, &signature)?;
    }
    Ok(Some(document))
}

/// Whether the document at `path` has a signature of any kind.
pub(super) fn is_signed(path: &Path) -> bool {
    SIGNATURE_SUFFIXES.iter().any(|suffix| fs::symlink_metadata(beside(path, suffix)).is_ok())
}

/// Whether the signature of the document at `path` is of this signer.
pub(super) fn is_signed_by(path: &Path, document: &[u8], signer: &Signer) -> Result<bool> {
    Ok(signer.fits(document, read(&beside(path, SIGNATURE_SUFFIXES[0]))?))
}

/// Replaces the document at `path` and its signature. Before this, what was there must have been read by [`read_signed`].
pub(super) fn replace_signed(path: &Path, document: &[u8], signer: Option<&Signer>, point: &CommitPoint) -> Result<()> {
    let [signature, next] = SIGNATURE_SUFFIXES.map(|suffix| beside(path, suffix));
    if let Some(signer) = signer {
        let text = signer.sign(document)?;
        write_whole(&next, text.as_bytes(), &CommitPoint::default())?;
    }
    write_whole(path, document, point)?;
    match signer {
        Some(_) => rename(&next, &signature),
        // A signature that does not fit is worse than none.
        None => [signature, next].iter().try_for_each(|path| remove(path)),
    }
}

/// Checks that one of `keys` signed `document`; `signature` gets the text of a signature by its suffix, where there is one.
pub(crate) fn check_signed(
    document: &[u8],
    keys: &TrustedKeys,
    signature: &mut dyn FnMut(&str) -> Result<Option<String>>,
    task: &mut Task<'_>,
) -> Result<PublicKey> {
    let mut failure = None;
    for suffix in SIGNATURE_SUFFIXES {
        let Some(text) = signature(suffix)? else { continue };
        let checked = Signature::parse(&text).and_then(|signature| {
            Verified::check(document.to_vec(), &Promise::default(), Some(keys), Some(&signature), task)
        });
        match checked {
            Ok(verified) => {
                let key = verified.signed_by().cloned();
                return key.ok_or_else(|| Error::new(Status::BadSignature, "the document is not signed"));
            }
            Err(error) if matches!(error.status(), Status::BadSignature | Status::UntrustedKey) => {
                failure.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(failure.unwrap_or_else(|| Error::new(Status::BadSignature, "it must be signed, and there is no signature")))
}

/// Writes a file that appears whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8], point: &CommitPoint) -> Result<()> {
    let mut output = OutputFile::create(path, OutputOptions::default())?;
    output.write_all(bytes)?;
    output.commit(point)
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::from(e).in_file(path)),
    }
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).and_then(|()| sync_folder_of(to)).map_err(|e| Error::from(e).in_file(to))
}

/// Removes a file; what is not there is removed already.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::from(e).in_file(path)),
        _ => Ok(()),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

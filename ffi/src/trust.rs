//! Signatures: keys that a caller trusts, what they say of a file, and the making of both.

use std::path::{Path, PathBuf};

use patchcore::trust::{PublicKey, Signature, TrustedKeys};

use crate::digest::Digest;
use crate::job::Job;
use crate::status::Result;

/// Whose signature is demanded of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Public keys: the text of a `.pub` file, or its second line alone. One of them must have signed; without any, signatures
    /// are not looked at.
    pub public_keys: Vec<String>,
    /// The signature: the text of a `.minisig` file or its base64. Unless given, it is looked for beside the file.
    pub signature: Option<String>,
}

impl Trust {
    /// The keys, if there are any.
    pub(crate) fn keys(&self) -> Result<Option<TrustedKeys>> {
        if self.public_keys.is_empty() {
            return Ok(None);
        }
        let keys = self.public_keys.iter().map(|text| PublicKey::parse(text)).collect::<Result<Vec<_>>>()?;
        TrustedKeys::new(keys).map(Some)
    }

    /// The signature that was given.
    pub(crate) fn signature(&self) -> Result<Option<Signature>> {
        self.signature.as_deref().map(Signature::parse).transpose()
    }
}

/// A file whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedFile {
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// The identifier of the key that signed it, as minisign shows it.
    pub key_id: String,
}

/// Checks that one of the keys of `trust` signed the file at `path`.
///
/// BAD_SIGNATURE where there is no signature or it does not fit, UNTRUSTED_KEY where another key made it.
pub fn verify_file(path: &Path, trust: &Trust, job: &mut Job) -> Result<SignedFile> {
    let keys = match trust.keys()? {
        Some(keys) => keys,
        None => TrustedKeys::new([])?,
    };
    let signature = trust.signature()?;
    let verified = patchcore::trust::verify_file(path, &keys, signature.as_ref(), job.task())?;
    let key_id = verified.signed_by().map(PublicKey::id).unwrap_or_default();
    Ok(SignedFile { digest: verified.digest(), key_id })
}

/// The identifier of a public key, as minisign shows it.
pub fn key_id(public_key: &str) -> Result<String> {
    PublicKey::parse(public_key).map(|key| key.id())
}

/// How a file is signed.
#[derive(Clone, Debug, Default)]
pub struct SignOptions {
    /// The password of the secret key, where it has one.
    pub password: Option<String>,
    /// What is signed beside the file; time and name of the file unless given.
    pub trusted_comment: Option<String>,
    /// Where the signature goes; beside the file, as `FILE.minisig`, unless given.
    pub output: Option<PathBuf>,
    /// Refuse to replace an existing signature.
    pub no_clobber: bool,
}

/// A signature that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFile {
    /// Where it is.
    pub path: PathBuf,
    /// The identifier of the key that made it.
    pub key_id: String,
    /// What was signed beside the file.
    pub trusted_comment: String,
}

#[cfg(feature = "encode")]
pub use making::{create_key_files, sign_file};
#[cfg(not(feature = "encode"))]
pub use only_applies::{create_key_files, sign_file};

#[cfg(feature = "encode")]
mod making {
    //! Keys and signatures, for whoever publishes.

    use std::path::Path;

    use patchcore::io::OutputOptions;
    use patchcore::trust::{self, SecretKey};

    use super::{SignOptions, SignatureFile};
    use crate::job::Job;
    use crate::status::Result;

    /// Makes a new key: `path` gets the secret one, readable by its owner alone, `path.pub` the public one, whose text is
    /// returned. Existing files are INVALID_ARGUMENT unless `force` gives them up.
    pub fn create_key_files(path: &Path, password: Option<&str>, force: bool) -> Result<String> {
        trust::create_key_files(path, password, force).map(|key| key.to_text())
    }

    /// Signs the file at `path` with the secret key in the file `key`.
    pub fn sign_file(path: &Path, key: &Path, options: &SignOptions, job: &mut Job) -> Result<SignatureFile> {
        let key = SecretKey::read(key, options.password.as_deref())?;
        let core = trust::SignOptions {
            trusted_comment: options.trusted_comment.as_deref(),
            output: options.output.as_deref(),
            output_options: OutputOptions { no_clobber: options.no_clobber },
        };
        let (path, signature) = trust::sign_file(path, &key, &core, job.task())?;
        let key_id = key.public_key()?.id();
        Ok(SignatureFile { path, key_id, trusted_comment: signature.trusted_comment().to_owned() })
    }
}

#[cfg(not(feature = "encode"))]
mod only_applies {
    //! The making functions of a build that only applies.

    use std::path::Path;

    use super::{SignOptions, SignatureFile};
    use crate::job::Job;
    use crate::status::{Result, only_applies};

    /// Fails with UNSUPPORTED: this build only applies.
    pub fn create_key_files(_: &Path, _: Option<&str>, _: bool) -> Result<String> {
        Err(only_applies())
    }

    /// Fails with UNSUPPORTED: this build only applies.
    pub fn sign_file(_: &Path, _: &Path, _: &SignOptions, _: &mut Job) -> Result<SignatureFile> {
        Err(only_applies())
    }
}

//! Whose signatures count, and jobs that make and check them.

use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;
use patchcore_ffi::trust as facade;

use crate::failure::Failure;
use crate::job::{Listener, RunningJob, start};
use crate::output::{PathArgument, path, path_to_js};

/// Whose signature is demanded.
#[napi(object, object_to_js = false)]
pub struct TrustArgument {
    /// Texts of public keys; without any, signatures are not looked at.
    pub public_keys: Option<Vec<String>>,
    /// The signature, or its base64.
    pub signature: Option<String>,
}

impl From<TrustArgument> for facade::Trust {
    fn from(trust: TrustArgument) -> Self {
        Self { public_keys: trust.public_keys.unwrap_or_default(), signature: trust.signature }
    }
}

/// A file whose signature was verified.
#[napi(object, object_from_js = false)]
pub struct SignedFile {
    /// The SHA-256 of the file, in hex.
    pub digest: String,
    /// The identifier of the key that signed it, as minisign shows it.
    pub key_id: String,
}

impl From<facade::SignedFile> for SignedFile {
    fn from(signed: facade::SignedFile) -> Self {
        Self { digest: signed.digest.to_string(), key_id: signed.key_id }
    }
}

/// Checks that one of the keys signed a file.
#[napi]
pub fn verify_file(
    file: PathArgument,
    trust: TrustArgument,
    listener: Listener<SignedFile>,
) -> napi::Result<RunningJob> {
    let file = path(file);
    start(listener, move |job| facade::verify_file(&file, &trust.into(), job))
}

/// The identifier of a public key, or why there is none.
#[napi]
pub fn key_id(public_key: String) -> Either<String, Failure> {
    match facade::key_id(&public_key) {
        Ok(id) => Either::A(id),
        Err(error) => Either::B(error.into()),
    }
}

/// Makes a new key and gives the text of the public one.
#[napi]
pub fn create_key_files(
    file: PathArgument,
    password: Option<String>,
    force: Option<bool>,
    listener: Listener<String>,
) -> napi::Result<RunningJob> {
    let file = path(file);
    start(listener, move |_| facade::create_key_files(&file, password.as_deref(), force.unwrap_or_default()))
}

/// How a file is signed.
#[napi(object, object_to_js = false)]
pub struct SignOptions {
    /// The password of the secret key.
    pub password: Option<String>,
    /// What is signed beside the file.
    pub trusted_comment: Option<String>,
    /// Where the signature goes.
    pub out: Option<PathArgument>,
    /// Whether an existing signature is refused.
    pub no_clobber: Option<bool>,
}

impl From<SignOptions> for facade::SignOptions {
    fn from(options: SignOptions) -> Self {
        Self {
            password: options.password,
            trusted_comment: options.trusted_comment,
            output: options.out.map(path),
            no_clobber: options.no_clobber.unwrap_or_default(),
        }
    }
}

/// A signature that was made.
#[napi(object, object_from_js = false)]
pub struct SignatureFile {
    /// Where it is; bytes where that is no UTF-8.
    pub path: Either<String, Buffer>,
    /// The identifier of the key that made it.
    pub key_id: String,
    /// What was signed beside the file.
    pub trusted_comment: String,
}

impl From<facade::SignatureFile> for SignatureFile {
    fn from(made: facade::SignatureFile) -> Self {
        Self { path: path_to_js(&made.path), key_id: made.key_id, trusted_comment: made.trusted_comment }
    }
}

/// Signs a file.
#[napi]
pub fn sign_file(
    file: PathArgument,
    key: PathArgument,
    options: SignOptions,
    listener: Listener<SignatureFile>,
) -> napi::Result<RunningJob> {
    let (file, key) = (path(file), path(key));
    start(listener, move |job| facade::sign_file(&file, &key, &options.into(), job))
}

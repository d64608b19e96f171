//! Keys and signatures.

use std::ffi::{CString, c_char};
use std::ptr;

use patchcore_ffi::status::{Error, Result, Status, offered};
use patchcore_ffi::trust::{self, SignOptions, SignatureFile, Trust};

use crate::boundary::{boundary, guarded};
use crate::buffer::patchcore_buffer;
use crate::digest::PATCHCORE_DIGEST_SIZE;
use crate::error::patchcore_error;
use crate::handle::{self, OutPointer};
use crate::job::{self, patchcore_job};
use crate::status::patchcore_status;
use crate::structs::{self, Out, versioned};
use crate::text::{self, c_path, c_string, in_array, null};

/// The bytes of a key's identifier as text: 16 hex digits, as minisign shows them, and the NUL.
pub const PATCHCORE_KEY_ID_SIZE: usize = 17;

/// Whose signature is demanded of a file. Begin with PATCHCORE_TRUST_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_trust {
    /// sizeof(patchcore_trust).
    pub struct_size: usize,
    /// Public keys, one of which must have signed: each the text of a .pub file, or its second line alone.
    pub public_keys: *const *const c_char,
    /// The bytes of each key; NULL where all end with a NUL.
    pub public_key_lens: *const usize,
    /// How many keys there are.
    pub public_key_count: usize,
    /// The signature: the text of a .minisig file or its base64; NULL and 0 for what lies beside the file as FILE.minisig.
    pub signature: *const c_char,
    /// The bytes of `signature`, or PATCHCORE_NUL_TERMINATED.
    pub signature_len: usize,
}

/// How a file is signed. Begin with PATCHCORE_SIGN_OPTIONS_INIT; NULL is all defaults.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_sign_options {
    /// sizeof(patchcore_sign_options).
    pub struct_size: usize,
    /// The password of the secret key; NULL and 0 where it has none.
    pub password: *const c_char,
    /// The bytes of `password`, or PATCHCORE_NUL_TERMINATED.
    pub password_len: usize,
    /// What is signed beside the file; NULL and 0 for the time and the name of the file.
    pub trusted_comment: *const c_char,
    /// The bytes of `trusted_comment`, or PATCHCORE_NUL_TERMINATED.
    pub trusted_comment_len: usize,
    /// The file for the signature; NULL and 0 for FILE.minisig.
    pub output: *const c_char,
    /// The bytes of `output`, or PATCHCORE_NUL_TERMINATED.
    pub output_len: usize,
    /// Not zero: an existing signature is refused with PATCHCORE_INVALID_ARGUMENT.
    pub no_clobber: i32,
}

/// A file whose signature was verified. Begin with PATCHCORE_SIGNED_FILE_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_signed_file {
    /// sizeof(patchcore_signed_file).
    pub struct_size: usize,
    /// The SHA-256 of the file.
    pub digest: [u8; PATCHCORE_DIGEST_SIZE],
    /// The identifier of the key that signed it, NUL-terminated.
    pub key_id: [c_char; PATCHCORE_KEY_ID_SIZE],
}

/// What a signature says. Begin with PATCHCORE_SIGNATURE_INFO_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct patchcore_signature_info {
    /// sizeof(patchcore_signature_info).
    pub struct_size: usize,
    /// The file that it is in, NUL-terminated, borrowed from the signature.
    pub path: *const c_char,
    /// The bytes of `path`.
    pub path_len: usize,
    /// What was signed beside the file: UTF-8, NUL-terminated, borrowed from the signature.
    pub trusted_comment: *const c_char,
    /// The bytes of `trusted_comment`.
    pub trusted_comment_len: usize,
    /// The identifier of the key that made it, NUL-terminated.
    pub key_id: [c_char; PATCHCORE_KEY_ID_SIZE],
}
versioned!(patchcore_trust, patchcore_sign_options, patchcore_signed_file, patchcore_signature_info);

/// A signature that was made.
pub struct patchcore_signature {
    path: CString,
    trusted_comment: CString,
    key_id: String,
}

/// Makes a new key for signing, as minisign has them: a file with the secret key that only its owner may read, and a file with
/// the public one, which has .pub behind its name.
///
/// @param path The file for the secret key; borrowed for the call.
/// @param path_len The bytes of `path`, or PATCHCORE_NUL_TERMINATED.
/// @param password What the secret key is encrypted with, borrowed for the call; NULL and 0 for a key without one.
/// @param password_len The bytes of `password`, or PATCHCORE_NUL_TERMINATED.
/// @param force Not zero: replace existing files, and give up the keys in them.
/// @param out_public_key Receives the text of the public key, UTF-8 without a NUL, to be freed with patchcore_buffer_free(); or
///                       NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where a file exists, PATCHCORE_UNSUPPORTED in
///         a library built to apply only.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_key_create_files(
    path: *const c_char,
    path_len: usize,
    password: *const c_char,
    password_len: usize,
    force: i32,
    out_public_key: *mut patchcore_buffer,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("keys and signatures of files")?;
            let path = text::path(path, path_len, "path")?;
            let password = text::optional(password, password_len, "password")?;
            let public_key = trust::create_key_files(&path, password.as_deref(), force != 0)?;
            if !out_public_key.is_null() {
                out_public_key.write(patchcore_buffer::of(public_key.into_bytes()));
            }
            Ok(())
        })
    }
}

/// Says which identifier a public key has.
///
/// @param public_key The text of a .pub file, or its second line alone; borrowed for the call.
/// @param public_key_len The bytes of `public_key`, or PATCHCORE_NUL_TERMINATED.
/// @param out_key_id Receives 16 hex digits and a NUL.
/// @param capacity The bytes that `out_key_id` has room for; fewer than PATCHCORE_KEY_ID_SIZE are PATCHCORE_LIMIT.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_INVALID_ARGUMENT where the text is no public key.
///
/// Thread-safety: may be called from any thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_key_id(
    public_key: *const c_char,
    public_key_len: usize,
    out_key_id: *mut c_char,
    capacity: usize,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("keys and signatures of files")?;
            let public_key = text::required(public_key, public_key_len, "public_key")?;
            if out_key_id.is_null() {
                return Err(null("out_key_id"));
            }
            if capacity < PATCHCORE_KEY_ID_SIZE {
                let message = format!("`out_key_id` has room for {capacity} bytes; {PATCHCORE_KEY_ID_SIZE} are needed");
                return Err(Error::new(Status::Limit, message));
            }
            let id = in_array::<PATCHCORE_KEY_ID_SIZE>(&trust::key_id(&public_key)?);
            ptr::copy_nonoverlapping(id.as_ptr(), out_key_id, id.len());
            Ok(())
        })
    }
}

/// Signs a file, whose signature the tool minisign verifies as well.
///
/// @param path The file; borrowed for the call.
/// @param path_len The bytes of `path`, or PATCHCORE_NUL_TERMINATED.
/// @param key The file with the secret key; borrowed for the call.
/// @param key_len The bytes of `key`, or PATCHCORE_NUL_TERMINATED.
/// @param options How to sign, borrowed, or NULL.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_signature Receives the signature, to be freed with patchcore_signature_free(), NULL on failure; or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error; PATCHCORE_UNSUPPORTED in a library built to apply only.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_file_sign(
    path: *const c_char,
    path_len: usize,
    key: *const c_char,
    key_len: usize,
    options: *const patchcore_sign_options,
    job: *const patchcore_job,
    out_signature: *mut *mut patchcore_signature,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            let wants_signature = !out_signature.is_null();
            let out = OutPointer::optional(out_signature, ptr::null_mut());
            offered("keys and signatures of files")?;
            let path = text::path(path, path_len, "path")?;
            let key = text::path(key, key_len, "key")?;
            let options = sign_options(options)?;
            let mut job = job::read(job)?;
            let SignatureFile { path, key_id, trusted_comment } = trust::sign_file(&path, &key, &options, &mut job)?;
            if wants_signature {
                let (path, trusted_comment) = (c_path(&path), c_string(&trusted_comment));
                out.put(handle::create(patchcore_signature { path, trusted_comment, key_id }));
            }
            Ok(())
        })
    }
}

/// Says what a signature says.
///
/// @param signature The signature, borrowed.
/// @param out_info Receives it; its strings are borrowed from the signature.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error.
///
/// Thread-safety: a signature may be read from several threads at once.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_signature_get_info(
    signature: *const patchcore_signature,
    out_info: *mut patchcore_signature_info,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("keys and signatures of files")?;
            let out = Out::required(out_info, "out_info")?;
            let signature = handle::share(signature, "signature")?;
            out.put(patchcore_signature_info {
                struct_size: 0,
                path: signature.path.as_ptr(),
                path_len: signature.path.as_bytes().len(),
                trusted_comment: signature.trusted_comment.as_ptr(),
                trusted_comment_len: signature.trusted_comment.as_bytes().len(),
                key_id: in_array(&signature.key_id),
            });
            Ok(())
        })
    }
}

/// Frees a signature, and the strings borrowed from it; the file with the signature stays.
///
/// @param signature The signature, which must not be used any more, or NULL.
///
/// Thread-safety: from one thread, when no other reads it any more.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_signature_free(signature: *mut patchcore_signature) {
    // SAFETY: NULL, or a signature that is freed once.
    guarded((), || unsafe { handle::release(signature) });
}

/// Checks that a trusted key signed a file.
///
/// @param path The file; borrowed for the call.
/// @param path_len The bytes of `path`, or PATCHCORE_NUL_TERMINATED.
/// @param trust The keys that are trusted, at least one; borrowed for the call.
/// @param job Progress, log and cancellation, borrowed for the call, or NULL.
/// @param out_signed Receives which key signed what, or NULL.
/// @param out_error Receives an error to free, or NULL on success; or NULL.
/// @return PATCHCORE_OK, or the status of the error: PATCHCORE_BAD_SIGNATURE where there is no signature or it does not fit,
///         PATCHCORE_UNTRUSTED_KEY where another key made it.
///
/// Thread-safety: may be called from any thread; callbacks are called on that thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchcore_file_verify(
    path: *const c_char,
    path_len: usize,
    trust: *const patchcore_trust,
    job: *const patchcore_job,
    out_signed: *mut patchcore_signed_file,
    out_error: *mut *mut patchcore_error,
) -> patchcore_status {
    // SAFETY: the caller keeps what the header demands.
    unsafe {
        boundary(out_error, || {
            offered("keys and signatures of files")?;
            let path = text::path(path, path_len, "path")?;
            if trust.is_null() {
                return Err(null("trust"));
            }
            let trust = read(trust)?;
            let mut job = job::read(job)?;
            let out = Out::new(out_signed, "out_signed")?;
            let signed = trust::verify_file(&path, &trust, &mut job)?;
            let key_id = in_array(&signed.key_id);
            out.put(patchcore_signed_file { struct_size: 0, digest: signed.digest.0, key_id });
            Ok(())
        })
    }
}

/// # Safety
/// `trust` is NULL or points to one that keeps what the header demands.
pub(crate) unsafe fn read(trust: *const patchcore_trust) -> Result<Trust> {
    // SAFETY: the caller's promise.
    unsafe {
        let t = structs::read_or_default(trust, "trust")?;
        let public_keys = text::several(t.public_keys, t.public_key_lens, t.public_key_count, "trust.public_keys")?;
        let signature = text::optional(t.signature, t.signature_len, "trust.signature")?;
        Ok(Trust { public_keys, signature })
    }
}

/// # Safety
/// `options` is NULL or points to options that keep what the header demands.
unsafe fn sign_options(options: *const patchcore_sign_options) -> Result<SignOptions> {
    // SAFETY: the caller's promise.
    unsafe {
        let o = structs::read_or_default(options, "options")?;
        Ok(SignOptions {
            password: text::optional(o.password, o.password_len, "options.password")?,
            trusted_comment: text::optional(o.trusted_comment, o.trusted_comment_len, "options.trusted_comment")?,
            output: text::optional_path(o.output, o.output_len, "options.output")?,
            no_clobber: o.no_clobber != 0,
        })
    }
}

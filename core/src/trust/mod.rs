//! Signatures: who says that these are the bytes.
//!
//! Keys and signatures are those of minisign (<https://jedisct1.github.io/minisign/>): Ed25519 over the BLAKE2b-512 of the
//! message. Signatures of the older kind, which need the whole message in memory, are refused.
//!
//! A file that was verified may be another one by the time it is used. [`Verified`] gives out only the bytes that were verified,
//! whatever happens to the file meanwhile.

mod base64;
mod keys;
#[cfg(feature = "sign")]
mod sign;
mod signature;
mod verified;

pub use keys::{PublicKey, TrustedKeys};
#[cfg(feature = "sign")]
pub use sign::{KeyPair, SecretKey, SignOptions, create_key_files, sign_file};
pub use signature::Signature;
pub use verified::{Promise, Verified, signature_path, verify_file};

#[cfg(test)]
mod tests;

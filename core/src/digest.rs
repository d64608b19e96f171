//! SHA-256 digests: how versions of a file are named and results are verified.

use std::fmt;
use std::str::FromStr;

use sha2::Digest as _;
use sha2::digest::common::hazmat::SerializableState;

/// A SHA-256 digest. In text it is lower-case hex; either case is read, with or without a `sha256:` prefix.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The first 8 hex digits, as shown in tables.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }

    /// Whether the hex form starts with `prefix` (hex digits in either case).
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.to_string().starts_with(&prefix.to_ascii_lowercase())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is no digest.
#[derive(Debug, PartialEq, Eq)]
pub struct ParseDigestError;

impl fmt::Display for ParseDigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SHA-256 digest is 64 hex digits")
    }
}

impl std::error::Error for ParseDigestError {}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        let text = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        if text.len() != 64 {
            return Err(ParseDigestError);
        }
        let nibble = |c: u8| (c as char).to_digit(16).ok_or(ParseDigestError);
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = (nibble(pair[0])? << 4 | nibble(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A SHA-256 computation in progress.
#[derive(Clone, Default)]
pub struct Hasher(sha2::Sha256);

/// The length of the state of a [`Hasher`], in bytes.
pub(crate) const HASHER_STATE_LEN: usize = 104;

impl Hasher {
    /// A hash of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// What it takes to go on later.
    pub(crate) fn state(&self) -> [u8; HASHER_STATE_LEN] {
        self.0.serialize().into()
    }

    /// Goes on from the [`state`](Self::state) after `hashed` bytes; `None` where it is none.
    pub(crate) fn resume(state: [u8; HASHER_STATE_LEN], hashed: u64) -> Option<Self> {
        // A number of blocks that nobody can have hashed would overflow.
        let blocks = state.get(32..)?.first_chunk().copied().map(u64::from_le_bytes)?;
        if blocks != hashed / 64 {
            return None;
        }
        sha2::Sha256::deserialize(&state.into()).ok().map(Self)
    }

    /// The digest of everything taken in.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_in_either_case_with_or_without_its_prefix() {
        let digest = Digest::of(b"abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digest.to_string().to_uppercase().parse(), Ok(digest));
        assert_eq!(format!("sha256:{digest}").parse(), Ok(digest));
        assert!("".parse::<Digest>().is_err());
        assert!("zz".repeat(32).parse::<Digest>().is_err());
        assert!(digest.has_prefix("BA78") && !digest.has_prefix("ba79"));
    }

    #[test]
    fn a_hash_goes_on_where_it_stopped() {
        for len in [0, 1, 63, 64, 65, 200] {
            let bytes = vec![7; len];
            let mut hasher = Hasher::new();
            hasher.update(&bytes);
            assert!(Hasher::resume(hasher.state(), len as u64 + 64).is_none());
            let mut hasher = Hasher::resume(hasher.state(), len as u64).unwrap();
            hasher.update(b"rest");
            assert_eq!(hasher.finish(), Digest::of(&[&bytes[..], b"rest"].concat()));
        }
    }
}

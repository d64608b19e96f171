//! `manifest.json` of a channel: what the newest version is, and where the ways to it are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::json;

/// How many hex digits name a version where they name no other.
pub(super) const PREFIX_LEN: usize = 8;

/// Fewer hex digits name nothing.
const LEAST_PREFIX_LEN: usize = 4;

const DIGEST_LEN: usize = 64;

/// What a channel offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelManifest {
    /// The name of the file through all its versions.
    pub model_family: String,
    /// The name of the newest version.
    pub current_version: String,
    /// The SHA-256 of the newest version.
    pub current_hash: Digest,
    /// The size of the newest version in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_size: Option<u64>,
    /// Where the newest version is as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_url: Option<String>,
    /// Where the chain is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_url: Option<String>,
    /// How many bytes of the chain count. What follows them is being published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_size: Option<u64>,
    /// How many of these bytes, the last ones, are its index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_index_size: Option<u64>,
    /// The SHA-256 of the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_index_hash: Option<Digest>,
    /// Where the deltas to the newest version are, by the first digits of the SHA-256 of the version that each starts from.
    #[serde(default)]
    pub squashed_patches: BTreeMap<String, String>,
    /// Their sizes in bytes, by the same digits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub squashed_sizes: BTreeMap<String, u64>,
    /// The SHA-256 of each, by the same digits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub squashed_hashes: BTreeMap<String, Digest>,
    /// Grows with every manifest that is written. A client takes none that is older than one that it has seen.
    #[serde(default)]
    pub sequence: u64,
    /// When the manifest was written: RFC 3339, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<String>,
    /// When the manifest is to be believed no longer: RFC 3339, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// What is not known here, and is kept.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A delta from one version to the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SquashedPatch<'a> {
    /// The digits that name the version that it starts from.
    pub prefix: &'a str,
    /// Where it is.
    pub url: &'a str,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its SHA-256.
    pub hash: Option<Digest>,
}

impl ChannelManifest {
    /// Reads the text of a manifest. What is none, or contradicts itself, is CORRUPT.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let manifest: Self = json::read("the manifest of the channel", text)?;
        for name in [&manifest.model_family, &manifest.current_version] {
            check_text(name)?;
        }
        let mut before: Option<String> = None;
        let mut prefixes: Vec<String> = manifest.squashed_patches.keys().map(|key| key.to_ascii_lowercase()).collect();
        prefixes.sort_unstable();
        for prefix in prefixes {
            let digits = prefix.bytes().all(|digit| digit.is_ascii_hexdigit());
            if !digits || !(LEAST_PREFIX_LEN..=DIGEST_LEN).contains(&prefix.len()) {
                let message =
                    format!("\"{}\" is not the beginning of a SHA-256 of 4 to 64 digits", prefix.escape_debug());
                return Err(Error::corrupt(message));
            }
            // In order, whoever begins with another one follows one that does.
            if let Some(before) = before.filter(|before| prefix.starts_with(before.as_str())) {
                return Err(Error::corrupt(format!("{before} and {prefix} could mean the same version")));
            }
            before = Some(prefix);
        }
        if manifest.chain_index_size > manifest.chain_size {
            return Err(Error::corrupt("the index of the chain is longer than the chain"));
        }
        Ok(manifest)
    }

    /// The text of the manifest.
    pub fn to_json(&self) -> String {
        json::pretty(self)
    }

    /// Whether a text is the manifest of a channel rather than that of a repository of directories.
    pub fn is_one(text: &[u8]) -> bool {
        json::read::<Map<String, Value>>("the manifest", text)
            .is_ok_and(|fields| fields.contains_key("current_hash") && !fields.contains_key("patches"))
    }

    /// The delta that leads from the version with this digest to the newest.
    pub fn squashed_from(&self, digest: &Digest) -> Option<SquashedPatch<'_>> {
        self.squashed_patches.keys().find(|key| digest.has_prefix(key)).map(|key| self.squashed(key))
    }

    /// The delta that leads to the newest version from the one that `text` names: digits that its prefix begins with, or that
    /// begin with its prefix. AMBIGUOUS_VERSION where several do.
    pub fn squashed_named(&self, text: &str) -> Result<Option<SquashedPatch<'_>>> {
        let text = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
        if !(LEAST_PREFIX_LEN..=DIGEST_LEN).contains(&text.len()) || !text.bytes().all(|c| c.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let fits = |key: &&String| {
            let key = key.to_ascii_lowercase();
            key.starts_with(&text) || text.starts_with(&key)
        };
        let fitting: Vec<&String> = self.squashed_patches.keys().filter(fits).collect();
        match fitting[..] {
            [] => Ok(None),
            [key] => Ok(Some(self.squashed(key))),
            _ => {
                let list = fitting.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(", ");
                Err(Error::new(Status::AmbiguousVersion, format!("{text} fits several versions: {list}")))
            }
        }
    }

    fn squashed<'a>(&'a self, prefix: &'a str) -> SquashedPatch<'a> {
        SquashedPatch {
            prefix,
            url: &self.squashed_patches[prefix],
            size: self.squashed_sizes.get(prefix).copied(),
            hash: self.squashed_hashes.get(prefix).copied(),
        }
    }
}

/// A name that can be shown: not empty, not endless, no control characters.
pub(super) fn check_text(name: &str) -> Result<()> {
    const MOST: usize = 255;
    if name.is_empty() || name.len() > MOST || name.chars().any(char::is_control) {
        return Err(Error::corrupt(format!("\"{}\" is no name of a family or a version", name.escape_debug())));
    }
    Ok(())
}

/// How many digits name each of `digests`, and no other of them: 8, or more where two clash.
pub(super) fn prefix_lens(digests: &[Digest]) -> BTreeMap<Digest, usize> {
    let mut texts: Vec<String> = digests.iter().map(Digest::to_string).collect();
    texts.sort_unstable();
    texts.dedup();
    let common = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let mut lens = BTreeMap::new();
    for (at, text) in texts.iter().enumerate() {
        let before = at.checked_sub(1).map_or(0, |before| common(&texts[before], text));
        let after = texts.get(at + 1).map_or(0, |after| common(after, text));
        let len = PREFIX_LEN.max(before.max(after) + 1);
        if let Ok(digest) = text.parse() {
            lens.insert(digest, len);
        }
    }
    lens
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn manifest(more: &str) -> Result<ChannelManifest> {
        let text = format!(
            r#"{{"model_family": "m", "current_version": "v4", "current_hash": "{HASH}", "sequence": 1{more}}}"#
        );
        ChannelManifest::from_json(text.as_bytes())
    }

    #[test]
    fn the_manifest_of_a_stranger_is_read_and_what_is_not_known_is_kept() {
        let read =
            manifest(r#", "chain_url": "c", "squashed_patches": {"ABCD1234": "x"}, "future": {"a": [1]}"#).unwrap();
        let again = ChannelManifest::from_json(read.to_json().as_bytes()).unwrap();
        assert_eq!(again, read);
        assert_eq!(again.other["future"]["a"][0], 1);
        assert!(ChannelManifest::is_one(read.to_json().as_bytes()));
        assert!(!ChannelManifest::is_one(br#"{"latest_version": "1.0.0", "patches": []}"#));
        assert!(!ChannelManifest::is_one(b"nonsense"));
    }

    #[test]
    fn manifests_that_contradict_themselves_are_corrupt() {
        for more in [
            r#", "squashed_patches": {"abc": "x"}"#,
            r#", "squashed_patches": {"abcdefgh": "x"}"#,
            r#", "squashed_patches": {"abcd1234": "x", "abcd12345": "y"}"#,
            r#", "squashed_patches": {"abcd1234": "x", "ABCD1234": "y"}"#,
            r#", "squashed_patches": {"abcd1234": 7}"#,
            r#", "squashed_patches": ["abcd1234"]"#,
            r#", "chain_size": 10, "chain_index_size": 11"#,
            r#", "chain_index_size": 11"#,
            r#", "chain_size": -1"#,
            r#", "sequence": 2"#,
        ] {
            assert_eq!(manifest(more).unwrap_err().status(), Status::Corrupt, "{more}");
        }
        let long = format!(r#", "squashed_patches": {{"{}": "x"}}"#, "a".repeat(65));
        assert_eq!(manifest(&long).unwrap_err().status(), Status::Corrupt);
        for name in ["", "a\\nb", &"x".repeat(256)] {
            let text = format!(r#"{{"model_family": "{name}", "current_version": "v1", "current_hash": "{HASH}"}}"#);
            let error = ChannelManifest::from_json(text.as_bytes()).unwrap_err();
            assert_eq!(error.status(), Status::Corrupt, "{name}");
        }
    }

    #[test]
    fn any_unique_beginning_names_a_version() {
        let read = manifest(r#", "squashed_patches": {"ba7816bf": "x", "abcd1234": "y", "abcd99": "z"}"#).unwrap();
        assert_eq!(read.squashed_from(&HASH.parse().unwrap()).unwrap().url, "x");
        assert!(read.squashed_from(&Digest::of(b"other")).is_none());
        for (text, url) in
            [("ba78", Some("x")), ("BA7816BF8f", Some("x")), ("sha256:abcd1", Some("y")), ("abc", None), ("v1", None)]
        {
            assert_eq!(read.squashed_named(text).unwrap().map(|patch| patch.url), url, "{text}");
        }
        assert_eq!(read.squashed_named("abcd").unwrap_err().status(), Status::AmbiguousVersion);
    }

    #[test]
    fn digits_are_as_many_as_it_takes_to_name_one_version_only() {
        let digest = |text: &str| format!("{text}{}", "0".repeat(64 - text.len())).parse::<Digest>().unwrap();
        let digests = [digest("aaaaaaaa1"), digest("aaaaaaaa12"), digest("aaaaaaab"), digest("bbbb"), digest("bbbb")];
        let lens = prefix_lens(&digests);
        assert_eq!(digests.map(|digest| lens[&digest]), [10, 10, 8, 8, 8]);
    }
}

//! What a repository in a folder remembers for its own use: how to go on hashing its archives, and what a publish that was
//! killed may have left. All of it can be lost: then more is read, and leftovers stay.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, HASHER_STATE_LEN, Hasher};
use crate::error::Result;
use crate::json;
use crate::repository::manifest::Package;
use crate::repository::store::write_whole;
use crate::version::Version;

/// Archives of earlier versions by architecture, the oldest first.
pub(super) type Earlier = BTreeMap<String, Vec<Package>>;

const STATE_FILE: &str = "state.json";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// Names that a change under way will give; what the manifest does not name is left of one that was killed.
    #[serde(default)]
    pub pending: BTreeSet<String>,
    /// Names that the manifest gave up, for readers of the one before. They go with the next publish.
    #[serde(default)]
    pub superseded: BTreeSet<String>,
    /// How to go on hashing the archives, by their digests.
    #[serde(default)]
    archives: BTreeMap<Digest, HashStates>,
    /// The archives before the newest one, by architecture: what `withdraw` goes back to. The last one is a file of its own or
    /// the beginning of the newest one, those before it are beginnings of that.
    #[serde(default)]
    pub earlier: Earlier,
}

/// States of the SHA-256 of an archive, in hexadecimal.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct HashStates {
    at_directory: String,
    directory_offset: u64,
    at_end: String,
    size: u64,
}

/// How far an archive is hashed.
#[derive(Clone)]
pub(super) struct Hashes {
    pub at_directory: Hasher,
    pub directory_offset: u64,
    pub at_end: Hasher,
    pub size: u64,
}

impl State {
    fn place(folder: &Path) -> PathBuf {
        folder.join(STATE_FILE)
    }

    /// What is remembered in `folder`; nothing where that cannot be read.
    pub fn read(folder: &Path) -> Self {
        let text = fs::read(Self::place(folder)).unwrap_or_default();
        json::read("the state of the repository", &text).unwrap_or_default()
    }

    pub fn write(&self, folder: &Path) -> Result<()> {
        write_whole(&Self::place(folder), json::text(self).as_bytes())
    }

    /// How to go on hashing the archive with this digest, if that is remembered.
    pub fn hashes(&self, digest: &Digest) -> Option<Hashes> {
        let states = self.archives.get(digest)?;
        let resume = |text: &str, hashed| Hasher::resume(state_of(text)?, hashed);
        let hashes = Hashes {
            at_directory: resume(&states.at_directory, states.directory_offset)?,
            directory_offset: states.directory_offset,
            at_end: resume(&states.at_end, states.size)?,
            size: states.size,
        };
        (hashes.at_end.clone().finish() == *digest).then_some(hashes)
    }

    /// Remembers how to go on hashing an archive.
    pub fn remember(&mut self, hashes: &Hashes) -> Digest {
        let digest = hashes.at_end.clone().finish();
        let states = HashStates {
            at_directory: hex(&hashes.at_directory.state()),
            directory_offset: hashes.directory_offset,
            at_end: hex(&hashes.at_end.state()),
            size: hashes.size,
        };
        self.archives.insert(digest, states);
        digest
    }

    /// Remembers that an archive was followed by one that it is the beginning of, unless it is a file of its own.
    pub fn follow(&mut self, arch: Option<&str>, before: Package, is_beginning: bool) {
        let earlier = self.earlier.entry(arch.unwrap_or_default().to_owned()).or_default();
        if !is_beginning {
            earlier.clear();
        }
        earlier.push(before);
    }

    /// The archive of `version`, if it came before the newest one, which is forgotten together with all that came after it.
    pub fn go_back(&mut self, arch: Option<&str>, version: Version) -> Option<Package> {
        let earlier = self.earlier.get_mut(arch.unwrap_or_default())?;
        let position = earlier.iter().rposition(|package| package.to == version)?;
        earlier.drain(position..).next()
    }

    /// Remembers of the archives before the newest one, which is written anew, only the last: it is the beginning of the archive
    /// that this one comes in the place of, and that stays for a while.
    pub fn begin_archive(&mut self, arch: Option<&str>) {
        if let Some(earlier) = self.earlier.get_mut(arch.unwrap_or_default()) {
            earlier.drain(..earlier.len().saturating_sub(1));
        }
    }

    /// Forgets all archives but these.
    pub fn retain(&mut self, digests: &BTreeSet<Digest>) {
        self.archives.retain(|digest, _| digests.contains(digest));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn state_of(text: &str) -> Option<[u8; HASHER_STATE_LEN]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * HASHER_STATE_LEN {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16);
    let mut state = [0; HASHER_STATE_LEN];
    for (byte, pair) in state.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Some(state)
}

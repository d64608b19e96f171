//! What a chain holds: versions by ordinal and the links between them, and the rules that both keep.
//!
//! Versions are ordinals, not digests, and every link leads to a higher ordinal. A file that goes back to earlier bytes
//! is therefore a new version and no cycle, and a digest that several versions share means the latest of them.

use std::collections::HashSet;

use super::names;
use crate::delta::Header;
use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::route::{Edge, Routes};

/// One version of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its name, which no other version of the chain has.
    pub name: String,
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// The size of the file in bytes.
    pub size: u64,
}

/// One delta in the chain file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The ordinal of the version that it starts at.
    pub from: usize,
    /// The ordinal of the version that it leads to, always higher.
    pub to: usize,
    /// Where its delta starts in the chain file.
    pub offset: u64,
    /// The size of its delta in bytes.
    pub size: u64,
    /// Whether it spans other links instead of being part of the history.
    pub shortcut: bool,
}

impl Link {
    /// Its number in the history: the link that made the second version is number 0. A prune does not change it,
    /// unless it drops versions.
    pub fn number(&self) -> usize {
        self.to - 1
    }

    pub(super) fn edge(&self) -> Edge {
        Edge { from: self.from, to: self.to, bytes: self.size }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub chain_id: String,
    pub versions: Vec<Version>,
    pub links: Vec<Link>,
}

/// Where a delta belongs in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub from: usize,
    pub to: usize,
    pub shortcut: bool,
}

impl Place {
    pub fn link(self, offset: u64, size: u64) -> Link {
        Link { from: self.from, to: self.to, offset, size, shortcut: self.shortcut }
    }
}

/// The least number of hex digits of a digest prefix.
const MIN_PREFIX: usize = 4;

/// How many versions a message lists before it only counts the rest.
const MOST_LISTED: usize = 8;

impl Index {
    /// Checks what was read against the rules. The deltas of the links must lie between `data_start` and `data_end`,
    /// each with `before` bytes of record header before it, and none may share bytes with another.
    pub fn validate(&self, data_start: u64, data_end: u64, before: u64) -> Result<()> {
        if self.versions.is_empty() {
            return Err(Error::corrupt("the index lists no version"));
        }
        let mut names = HashSet::new();
        if let Some(twice) = self.versions.iter().find(|version| !names.insert(&version.name)) {
            return Err(Error::corrupt(format!("two versions are called {}", twice.name)));
        }
        let mut pairs = HashSet::new();
        let mut made = HashSet::new();
        for link in &self.links {
            let Link { from, to, .. } = *link;
            if from >= to || to >= self.versions.len() {
                return Err(Error::corrupt(format!("a link leads from version {from} to version {to}, not forward")));
            }
            if !pairs.insert((from, to)) {
                return Err(Error::corrupt(format!("the link {} is there twice", self.label(from, to))));
            }
            if !link.shortcut && !made.insert(to) {
                return Err(Error::corrupt(format!("two links of the history lead to {}", self.versions[to].name)));
            }
        }
        let mut ranges: Vec<_> = self.links.iter().map(|link| (link.offset, link.size)).collect();
        ranges.sort_unstable();
        let mut free = data_start;
        for (offset, size) in ranges {
            match (offset.checked_sub(before), offset.checked_add(size)) {
                (Some(start), Some(end)) if start >= free && end <= data_end => free = end,
                _ => return Err(Error::corrupt(format!("no link of {size} bytes can lie there")).at(offset)),
            }
        }
        Ok(())
    }

    /// How a link is shown.
    pub fn label(&self, from: usize, to: usize) -> String {
        format!("{}→{}", self.versions[from].name, self.versions[to].name)
    }

    /// The latest version with this digest.
    pub fn find_digest(&self, digest: &Digest) -> Option<usize> {
        self.versions.iter().rposition(|version| version.digest == *digest)
    }

    pub fn find_link(&self, from: usize, to: usize) -> Option<usize> {
        self.links.iter().position(|link| (link.from, link.to) == (from, to))
    }

    /// The version that `text` means: an exact name, else a digest or a unique prefix of one.
    pub fn resolve(&self, text: &str) -> Result<usize> {
        if let Some(ordinal) = self.versions.iter().position(|version| version.name == text) {
            return Ok(ordinal);
        }
        let prefix = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
        let hex = (MIN_PREFIX..=64).contains(&prefix.len()) && prefix.bytes().all(|c| c.is_ascii_hexdigit());
        if !hex {
            return Err(self.unknown(text, ", and is no digest prefix of 4 to 64 hex digits either"));
        }
        let fits = |&ordinal: &usize| self.versions[ordinal].digest.has_prefix(&prefix);
        let fitting: Vec<usize> = (0..self.versions.len()).rev().filter(fits).collect();
        let Some(&latest) = fitting.first() else {
            return Err(self.unknown(text, ", and no digest starts with it"));
        };
        if fitting.iter().any(|&other| self.versions[other].digest != self.versions[latest].digest) {
            let message = format!("{text} fits several versions: {}", self.list(fitting.into_iter().rev()));
            return Err(Error::new(Status::AmbiguousVersion, message));
        }
        Ok(latest)
    }

    fn unknown(&self, text: &str, why: &str) -> Error {
        let known = self.list(0..self.versions.len());
        let message = format!("no version is called {text:?}{why}; this chain holds {known}");
        Error::new(Status::UnknownVersion, message)
    }

    fn list(&self, ordinals: impl ExactSizeIterator<Item = usize>) -> String {
        let more = ordinals.len().saturating_sub(MOST_LISTED);
        let shown = ordinals.take(MOST_LISTED).map(|ordinal| self.show(ordinal));
        let mut list = shown.collect::<Vec<_>>().join(", ");
        if more > 0 {
            list.push_str(&format!(" and {more} more"));
        }
        list
    }

    /// A version as messages name it.
    pub fn show(&self, ordinal: usize) -> String {
        let version = &self.versions[ordinal];
        format!("{} ({})", version.name, version.digest.short())
    }

    /// That a file is no version of this chain.
    pub fn mismatch(&self, what: &str, digest: &Digest) -> Error {
        let known = self.list((0..self.versions.len()).rev());
        let message = format!("{what} (sha256 {}) is no version of this chain, which holds {known}", digest.short());
        Error::new(Status::SourceMismatch, message)
    }

    /// The best way to `to` from every version.
    pub fn routes_to(&self, to: usize) -> Routes {
        Routes::to(to, &self.links.iter().map(Link::edge).collect::<Vec<_>>())
    }

    pub fn no_route(&self, from: usize, to: usize) -> Error {
        let (from_name, to_name) = (self.show(from), self.show(to));
        let message = if from > to {
            format!("nothing leads back from {from_name} to {to_name}; links only lead forward")
        } else {
            format!("no links lead from {from_name} to {to_name}")
        };
        Error::new(Status::NoRoute, message)
    }

    /// Finds the place of a delta and adds the version that it leads to, unless it is a shortcut. The first delta of
    /// an empty index also brings the version that it starts at. `names` are those of the versions to be added.
    pub fn admit(&mut self, delta: &Header, names: &mut impl Iterator<Item = String>) -> Result<Place> {
        if self.versions.is_empty() {
            self.add_version(delta.old_digest, delta.old_size, names.next())?;
        }
        let from = self.find_digest(&delta.old_digest).ok_or_else(|| {
            let head = self.show(self.versions.len() - 1);
            self.mismatch(&format!("the head is {head}; what the delta starts at"), &delta.old_digest)
        })?;
        self.check_size(from, delta.old_size)?;
        if let Some(to) = self.find_digest(&delta.new_digest) {
            self.check_size(to, delta.new_size)?;
            if self.find_link(from, to).is_some() {
                return Err(Error::invalid(format!("the chain has the link {} already", self.label(from, to))));
            }
            if to > from {
                return Ok(Place { from, to, shortcut: true });
            }
        }
        let to = self.add_version(delta.new_digest, delta.new_size, names.next())?;
        Ok(Place { from, to, shortcut: false })
    }

    fn check_size(&self, ordinal: usize, size: u64) -> Result<()> {
        let version = &self.versions[ordinal];
        if version.size == size {
            return Ok(());
        }
        let name = self.show(ordinal);
        Err(Error::corrupt(format!("the delta says that {name} has {size} bytes, the chain says {}", version.size)))
    }

    fn add_version(&mut self, digest: Digest, size: u64, name: Option<String>) -> Result<usize> {
        let name = name.unwrap_or_else(|| names::default_name(&self.versions));
        self.check_name(&name)?;
        self.versions.push(Version { name, digest, size });
        Ok(self.versions.len() - 1)
    }

    fn check_name(&self, name: &str) -> Result<()> {
        names::check(name).map_err(|why| Error::invalid(format!("the name {name:?} {why}")))?;
        if self.versions.iter().any(|version| version.name == name) {
            return Err(Error::invalid(format!("a version is called {name} already; choose another name")));
        }
        Ok(())
    }

    /// Gives a version that was just added another name than the default.
    pub fn rename(&mut self, ordinal: usize, name: &str) -> Result<()> {
        if self.versions[ordinal].name != name {
            self.check_name(name)?;
            self.versions[ordinal].name = name.to_owned();
        }
        Ok(())
    }

    /// Checks that a delta is what the index says about its link.
    pub fn check_link(&self, link: &Link, delta: &Header) -> Result<()> {
        let (from, to) = (&self.versions[link.from], &self.versions[link.to]);
        let promised = (from.digest, from.size, to.digest, to.size, link.size);
        let found = (delta.old_digest, delta.old_size, delta.new_digest, delta.new_size, delta.delta_size);
        if promised == found {
            return Ok(());
        }
        let label = self.label(link.from, link.to);
        Err(Error::corrupt(format!("the delta of the link {label} is between other versions than the index says")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(from: &str, to: &str) -> Header {
        Header {
            old_size: from.len() as u64,
            new_size: to.len() as u64,
            old_digest: Digest::of(from.as_bytes()),
            new_digest: Digest::of(to.as_bytes()),
            apply_memory: 0,
            stream_bytes: 0,
            segments: 0,
            delta_size: 0,
        }
    }

    fn admit(index: &mut Index, from: &str, to: &str) -> Result<(usize, usize, bool)> {
        let place = index.admit(&header(from, to), &mut std::iter::empty())?;
        index.links.push(place.link(0, 0));
        Ok((place.from, place.to, place.shortcut))
    }

    #[test]
    fn a_revert_is_a_new_version_and_a_digest_means_its_latest() {
        let mut index = Index::default();
        assert_eq!(admit(&mut index, "a", "b").unwrap(), (0, 1, false));
        assert_eq!(admit(&mut index, "b", "a").unwrap(), (1, 2, false));
        assert_eq!(admit(&mut index, "a", "c").unwrap(), (2, 3, false));
        assert_eq!(admit(&mut index, "b", "c").unwrap(), (1, 3, true));
        assert_eq!(admit(&mut index, "c", "c").unwrap(), (3, 4, false));
        assert_eq!(index.resolve(&Digest::of(b"a").to_string()).unwrap(), 2);
    }

    #[test]
    fn duplicates_and_strangers_are_refused_and_branches_are_not() {
        let mut index = Index::default();
        admit(&mut index, "a", "b").unwrap();
        assert_eq!(admit(&mut index, "a", "b").unwrap_err().status(), Status::InvalidArgument);
        let error = admit(&mut index, "x", "y").unwrap_err();
        assert_eq!(error.status(), Status::SourceMismatch);
        assert!(error.message().contains("the head is v2"), "{error}");
        assert_eq!(admit(&mut index, "a", "c").unwrap(), (0, 2, false));
        assert_eq!(index.versions.len(), 3);
    }

    #[test]
    fn a_size_that_contradicts_the_chain_is_corrupt() {
        let mut index = Index::default();
        admit(&mut index, "a", "b").unwrap();
        let old = Header { old_size: 9, ..header("b", "c") };
        let new = Header { new_size: 9, ..header("b", "a") };
        for bad in [old, new] {
            let error = index.admit(&bad, &mut std::iter::empty()).unwrap_err();
            assert_eq!(error.status(), Status::Corrupt);
        }
    }

    #[test]
    fn a_name_beats_a_prefix_and_a_prefix_must_be_unique() {
        let version = |name: &str, first: [u8; 2], last: u8| {
            let mut digest = [last; 32];
            digest[..2].copy_from_slice(&first);
            Version { name: name.to_owned(), digest: Digest(digest), size: 0 }
        };
        let versions = vec![
            version("v1", [0xab, 0xcd], 1),
            version("v2", [0xab, 0xcd], 2),
            version("abcd01", [0x11, 0x11], 3),
            version("v4", [0xab, 0xcd], 1),
        ];
        let index = Index { versions, ..Index::default() };
        assert_eq!(index.resolve("abcd01").unwrap(), 2);
        assert_eq!(index.resolve("ABCD0101").unwrap(), 3);
        assert_eq!(index.resolve("sha256:abcd02").unwrap(), 1);
        let error = index.resolve("abcd").unwrap_err();
        assert_eq!(error.status(), Status::AmbiguousVersion);
        assert!(["v1", "v2", "v4"].iter().all(|name| error.message().contains(name)), "{error}");
        for unknown in ["abc", "ffff", "v9", "", "zzzz", "sha256:", &"a".repeat(65)] {
            let error = index.resolve(unknown).unwrap_err();
            assert_eq!(error.status(), Status::UnknownVersion, "{unknown}");
            assert!(error.message().contains("v1 (abcd0101)"), "{error}");
        }
    }

    #[test]
    fn a_given_name_must_be_free() {
        let mut index = Index::default();
        admit(&mut index, "a", "b").unwrap();
        for taken in ["v1", "v2", "", "a\tb"] {
            let error = index.clone().admit(&header("b", "c"), &mut [taken.to_owned()].into_iter()).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
        }
    }
}

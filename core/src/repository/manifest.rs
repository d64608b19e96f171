//! `manifest.json`: the packages of a repository, and what a client needs to know before it takes one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::json;
use crate::repository::edit::now;
use crate::version::Version;

/// The name of the manifest within a repository.
pub const MANIFEST_FILE: &str = "manifest.json";

/// What is installed where nothing is.
pub(super) const NOTHING: Version = Version { major: 0, minor: 0, patch: 0, build: None };

/// The packages of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The newest version of all; none before the first one is published.
    #[serde(default)]
    pub latest_version: Option<Version>,
    /// When the manifest was written: RFC 3339, in UTC.
    #[serde(default)]
    pub generated_at: Option<String>,
    /// Grows with every manifest that is written. A client takes none that is older than one that it has seen.
    #[serde(default)]
    pub sequence: u64,
    /// When the manifest is to be believed no longer: RFC 3339, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Whether packages hold whole files alone, for readers that only unzip.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plain: bool,
    /// The packages.
    #[serde(default)]
    pub patches: Vec<Package>,
    /// What is not known here, and is kept.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// One package of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// The version that it starts from; 0.0.0 is an empty directory.
    pub from: Version,
    /// The version that it makes.
    pub to: Version,
    /// Its name within the repository.
    pub file: String,
    /// Its size in bytes. What the file has beyond that is the beginning of a later one.
    pub size: u64,
    /// The files in it.
    #[serde(default)]
    pub file_count: u64,
    /// Whether it is a version in full that later ones start from.
    #[serde(default)]
    pub is_base: bool,
    /// Whether it is the newest version in full.
    #[serde(default)]
    pub is_combined: bool,
    /// When it was made: RFC 3339, in UTC.
    #[serde(default)]
    pub created_at: Option<String>,
    /// The SHA-256 of its bytes.
    #[serde(default)]
    pub sha256: Option<Digest>,
    /// The architecture that it is for; any unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// The digest of the tree that it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<Digest>,
    /// The digest of the tree that a delta starts from, which other packages may not name any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_tree: Option<Digest>,
    /// What people should know of the version that it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Paths that go away, where the package cannot say so itself: one of whole files alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<String>,
    /// Whether it was made from the deltas between, which lead there, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_squashed: bool,
    /// How many paths it changes, by what is done to them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub operations: BTreeMap<String, u64>,
    /// What is not known here, and is kept.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What a package is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PackageKind {
    /// A version in full that later ones start from.
    Base,
    /// The newest version in full.
    Combined,
    /// From one version to a later one.
    Delta,
}

impl PackageKind {
    /// The name that files of this kind begin with, and that is shown to people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Combined => "combined",
            Self::Delta => "delta",
        }
    }
}

impl Package {
    /// A package made now, whose file nobody has looked at yet.
    pub(super) fn new(kind: PackageKind, from: Version, to: Version) -> Self {
        Self {
            from,
            to,
            file: Self::file_name(kind, from, to, None),
            size: 0,
            file_count: 0,
            is_base: kind == PackageKind::Base,
            is_combined: kind == PackageKind::Combined,
            created_at: Some(now()),
            sha256: None,
            arch: None,
            tree: None,
            from_tree: None,
            notes: None,
            deleted: Vec::new(),
            is_squashed: false,
            operations: BTreeMap::new(),
            other: Map::new(),
        }
    }

    /// What a file of this name would be; nothing where it is none of a package.
    pub(super) fn of_name(file: &str) -> Option<Self> {
        let mut parts = file.strip_suffix(".zip")?.splitn(4, '_');
        let kind = match parts.next()? {
            "base" => PackageKind::Base,
            "combined" => PackageKind::Combined,
            "delta" => PackageKind::Delta,
            _ => return None,
        };
        let from = if kind == PackageKind::Base { NOTHING } else { parts.next()?.parse().ok()? };
        let to = parts.next()?.parse().ok()?;
        let rest: Vec<&str> = parts.collect();
        let arch = (!rest.is_empty()).then(|| rest.join("_"));
        let package = Self { arch, ..Self::new(kind, from, to) };
        let named = Self::file_name(kind, from, to, package.arch.as_deref()) == file;
        (named && (package.is_full() || from < to)).then(|| Self { file: file.to_owned(), ..package })
    }

    /// What it is for.
    pub fn kind(&self) -> PackageKind {
        match (self.is_combined, self.is_base || self.from == NOTHING) {
            (true, _) => PackageKind::Combined,
            (false, true) => PackageKind::Base,
            (false, false) => PackageKind::Delta,
        }
    }

    /// Whether it makes its version out of nothing.
    pub fn is_full(&self) -> bool {
        self.kind() != PackageKind::Delta
    }

    /// The name that a package has by what it is.
    pub fn file_name(kind: PackageKind, from: Version, to: Version, arch: Option<&str>) -> String {
        let arch = arch.map(|arch| format!("_{arch}")).unwrap_or_default();
        match kind {
            PackageKind::Base => format!("base_{to}{arch}.zip"),
            PackageKind::Combined => format!("combined_{NOTHING}_{to}{arch}.zip"),
            PackageKind::Delta => format!("delta_{from}_{to}{arch}.zip"),
        }
    }
}

impl Manifest {
    /// Reads the text of a manifest. What is none is CORRUPT; a name that leads out of the repository is UNSAFE_PATH.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let manifest: Self = json::read("the manifest", text)?;
        let mut names = BTreeSet::new();
        for package in &manifest.patches {
            check_name(&package.file)?;
            if !names.insert(&package.file) {
                return Err(Error::corrupt(format!("the manifest names {} twice", package.file)));
            }
            if package.to <= package.from && !package.is_full() {
                return Err(Error::corrupt(format!("{} leads to no later version", package.file)));
            }
            if let Some(arch) = &package.arch {
                check_arch(arch)?;
            }
        }
        Ok(manifest)
    }

    /// [`from_json`](Self::from_json) where releases are to be changed. INVALID_ARGUMENT for the manifest of a channel.
    pub(super) fn of_releases(text: &[u8]) -> Result<Self> {
        let manifest = Self::from_json(text)?;
        match manifest.other.contains_key("model_family") {
            true => Err(Error::invalid("this folder holds the versions of one file; releases need another one")),
            false => Ok(manifest),
        }
    }

    /// The text of the manifest.
    pub fn to_json(&self) -> String {
        json::pretty(self)
    }

    /// The packages for one architecture: its own where there are any, else those for all of them.
    pub fn line(&self, arch: Option<&str>) -> Line<'_> {
        let of = |wanted: Option<&str>| -> Vec<&Package> {
            self.patches.iter().filter(|package| package.arch.as_deref() == wanted).collect()
        };
        let own = if arch.is_some() { of(arch) } else { Vec::new() };
        Line { packages: if own.is_empty() { of(None) } else { own } }
    }

    /// The packages that name exactly this architecture, or none.
    pub(super) fn own_line(&self, arch: Option<&str>) -> Line<'_> {
        Line { packages: self.patches.iter().filter(|package| package.arch.as_deref() == arch).collect() }
    }

    /// The package of this name.
    pub fn package(&self, file: &str) -> Option<&Package> {
        self.patches.iter().find(|package| package.file == file)
    }

    /// The architectures that packages are for.
    pub fn architectures(&self) -> BTreeSet<&str> {
        self.patches.iter().filter_map(|package| package.arch.as_deref()).collect()
    }
}

/// The packages for one architecture.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    packages: Vec<&'a Package>,
}

impl<'a> Line<'a> {
    pub(super) fn of(packages: Vec<&'a Package>) -> Self {
        Self { packages }
    }

    /// The packages, in the order of the manifest.
    pub fn packages(&self) -> &[&'a Package] {
        &self.packages
    }

    /// Every version that a package starts from or makes, in order.
    pub fn versions(&self) -> Vec<Version> {
        let ends = self.packages.iter().flat_map(|package| [package.from, package.to]);
        ends.filter(|version| *version != NOTHING).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The newest version.
    pub fn latest(&self) -> Option<Version> {
        self.packages.iter().map(|package| package.to).max()
    }

    /// The version whose tree has this digest, the newest of several.
    pub fn version_of(&self, tree: &Digest) -> Option<Version> {
        let known = self.trees().filter(|(_, known)| known == tree);
        known.map(|(version, _)| version).max()
    }

    /// The digest of the tree of a version.
    pub fn tree_of(&self, version: Version) -> Option<Digest> {
        self.trees().find(|(known, _)| *known == version).map(|(_, tree)| tree)
    }

    /// The digests of trees, as far as packages tell them.
    fn trees(&self) -> impl Iterator<Item = (Version, Digest)> {
        let ends = |package: &&Package| [(package.to, package.tree), (package.from, package.from_tree)];
        self.packages.iter().flat_map(ends).filter_map(|(version, tree)| Some((version, tree?)))
    }

    /// The smallest package that makes `version` out of nothing.
    pub fn full(&self, version: Version) -> Option<&'a Package> {
        let full = self.packages.iter().filter(|package| package.is_full() && package.to == version);
        full.min_by_key(|package| package.size).copied()
    }

    /// The archive of the newest version in full.
    pub fn combined(&self) -> Option<&'a Package> {
        let combined = self.packages.iter().filter(|package| package.is_combined);
        combined.max_by_key(|package| package.to).copied()
    }

    /// What people should know of the versions after `from` up to `to`, in order.
    pub fn notes(&self, from: Option<Version>, to: Version) -> Vec<(Version, &'a str)> {
        let mut notes = BTreeMap::new();
        for package in &self.packages {
            if let Some(text) = &package.notes
                && from.is_none_or(|from| package.to > from)
                && package.to <= to
            {
                notes.entry(package.to).or_insert(text.as_str());
            }
        }
        notes.into_iter().collect()
    }
}

/// A name that stays within the repository wherever that is kept: letters, digits, `.`, `_`, `-` and `+`.
pub(super) fn check_name(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
    if name.is_empty() || name.len() > 200 || name.starts_with('.') || !name.bytes().all(plain) {
        let message = format!("\"{}\" is no name of a package", name.escape_debug());
        return Err(Error::new(Status::UnsafePath, message));
    }
    Ok(())
}

/// The name of an architecture, as it may stand in a file name.
pub(super) fn check_arch(arch: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if arch.is_empty() || arch.len() > 40 || !arch.bytes().all(plain) {
        let message = format!("\"{}\" is no name of an architecture", arch.escape_debug());
        return Err(Error::invalid(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_kept() {
        let text = r#"{"latest_version": "1.0.1", "future": {"a": [1]}, "patches": [
            {"from": "1.0.0", "to": "1.0.1", "file": "delta_1.0.0_1.0.1.zip", "size": 7, "colour": "red"}]}"#;
        let manifest = Manifest::from_json(text.as_bytes()).unwrap();
        let again = Manifest::from_json(manifest.to_json().as_bytes()).unwrap();
        assert_eq!(again, manifest);
        assert_eq!(again.other["future"]["a"][0], 1);
        assert_eq!(again.patches[0].other["colour"], "red");
    }

    #[test]
    fn names_that_leave_the_repository_are_unsafe() {
        for name in ["../x", "/x", "a/b", "a\\b", "", ".hidden", "a b", "x\0", &"n".repeat(201)] {
            let text = serde_json::json!({"patches": [{"from": "0.0.0", "to": "1.0.0", "file": name, "size": 1}]});
            let error = Manifest::from_json(text.to_string().as_bytes()).unwrap_err();
            assert_eq!(error.status(), Status::UnsafePath, "{name:?}");
        }
    }

    #[test]
    fn manifests_that_contradict_themselves_are_corrupt() {
        for patches in [
            r#"[{"from": "1.0.0", "to": "1.0.0", "file": "a", "size": 1}]"#,
            r#"[{"from": "1.0.1", "to": "1.0.0", "file": "a", "size": 1}]"#,
            r#"[{"from": "1.0.0", "to": "1.0.1", "file": "a", "size": 1}, {"from": "1.0.1", "to": "1.0.2", "file": "a", "size": 1}]"#,
            r#"[{"from": "1.0.0", "to": "1.0.1", "file": "a", "size": -1}]"#,
            r#"[{"from": "1.0.0", "file": "a", "size": 1}]"#,
        ] {
            let text = format!(r#"{{"patches": {patches}}}"#);
            assert_eq!(Manifest::from_json(text.as_bytes()).unwrap_err().status(), Status::Corrupt, "{patches}");
        }
    }

    #[test]
    fn an_architecture_has_its_own_packages_or_those_for_all() {
        let text = r#"{"patches": [
            {"from": "0.0.0", "to": "1.0.0", "file": "base_1.0.0.zip", "size": 7, "is_base": true},
            {"from": "0.0.0", "to": "1.1.0", "file": "base_1.1.0_arm.zip", "size": 7, "is_base": true, "arch": "arm"}]}"#;
        let manifest = Manifest::from_json(text.as_bytes()).unwrap();
        let latest = |arch| manifest.line(arch).latest().unwrap().to_string();
        assert_eq!([latest(None), latest(Some("x86_64")), latest(Some("arm"))], ["1.0.0", "1.0.0", "1.1.0"]);
    }
}

//! What a server says of a release: packages, and what they are good for.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::digest::Digest;
use crate::error::Result;
use crate::json::{self, Object};
use crate::tree::PatchOperations;
use crate::version::Version;

/// One package: where it is, what vouches for it, and what it does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PackageInfo {
    /// Where it is: a URL, or a path beside the document.
    pub url: String,
    /// The SHA-256 of the package.
    #[serde(default, deserialize_with = "digest")]
    pub hash: Option<Digest>,
    /// Its signature: the text of a `.minisig` file or its base64.
    #[serde(default)]
    pub signature: Option<String>,
    /// The version that it leads to.
    #[serde(default)]
    pub version: Option<Version>,
    /// What it replaces and deletes, where the package does not say so itself.
    #[serde(default, deserialize_with = "json::object")]
    pub operations: Option<PatchOperations>,
    /// What people should know of it.
    #[serde(default)]
    pub notes: Option<String>,
    /// Its size in bytes.
    #[serde(default)]
    pub size: Option<u64>,
}

impl PackageInfo {
    /// Reads the JSON text of one package. What is none is CORRUPT.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        json::read("the package info", text)
    }

    /// The signature, where there is one.
    pub fn signature(&self) -> Option<&str> {
        self.signature.as_deref().map(str::trim).filter(|signature| !signature.is_empty())
    }
}

/// Plain or with `sha256:`, in any case.
fn digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Digest>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    text.trim().to_ascii_lowercase().parse().map(Some).map_err(serde::de::Error::custom)
}

/// The newest release of a service, and the packages that lead to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ServiceManifest {
    /// The version of the release.
    pub version: Version,
    /// When it was made.
    #[serde(default)]
    pub release_date: Option<String>,
    /// What people should know of it.
    #[serde(default)]
    pub release_notes: Option<String>,
    /// Full packages for whatever machine.
    #[serde(default, deserialize_with = "json::object")]
    packages: Option<Packages>,
    /// Full packages by architecture.
    #[serde(default)]
    platforms: Option<ByArchitecture>,
    /// Patches by architecture, from any build of the same version core to this one.
    #[serde(default)]
    patch: Option<ByArchitecture>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Packages {
    #[serde(default, deserialize_with = "json::object")]
    full: Option<PackageInfo>,
}

type ByArchitecture = BTreeMap<String, Option<Object<PackageInfo>>>;

fn of<'a>(packages: &'a Option<ByArchitecture>, architecture: &str) -> Option<&'a PackageInfo> {
    packages.as_ref()?.get(architecture)?.as_ref().map(|Object(package)| package)
}

impl ServiceManifest {
    /// Reads the JSON text of a manifest. What is none is CORRUPT.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        json::read("the service manifest", text)
    }

    /// The patch for an architecture.
    pub fn patch(&self, architecture: &str) -> Option<&PackageInfo> {
        of(&self.patch, architecture)
    }

    /// The full package for an architecture, or else the one for all of them.
    pub fn full(&self, architecture: &str) -> Option<&PackageInfo> {
        of(&self.platforms, architecture).or_else(|| self.packages.as_ref()?.full.as_ref())
    }

    /// The architectures that the manifest names, for messages.
    pub(super) fn architectures(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            [&self.platforms, &self.patch].into_iter().flatten().flatten().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

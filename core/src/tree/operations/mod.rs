//! The file-operation form of a tree patch: what is replaced lies in a `.tar.gz`, and beside it stands what is replaced and
//! deleted.
//!
//! It knows whole files and whole directories, and expects nothing of what was there before.

mod archive;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::json;
use crate::tree::path::TreePath;
use crate::version::Version;

pub(super) use archive::Archive;
pub use write::{OperationOutputs, diff};

/// What becomes of which paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchOperations {
    /// What the archive holds.
    #[serde(default, deserialize_with = "or_default")]
    pub replace: OperationPaths,
    /// What goes away, if it is there.
    #[serde(default, deserialize_with = "or_default")]
    pub delete: OperationPaths,
}

/// Paths from the root of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationPaths {
    /// Files.
    #[serde(default, deserialize_with = "or_default")]
    pub files: Vec<String>,
    /// Directories with everything in them.
    #[serde(default, deserialize_with = "or_default")]
    pub directories: Vec<String>,
}

/// Some writers say `null` where they have nothing to say.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl PatchOperations {
    /// Reads the JSON text of operations. What is none is CORRUPT.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        serde_json::from_slice(text).map_err(|e| Error::corrupt(format!("these operations cannot be read: {e}")))
    }

    /// The JSON text of the operations.
    pub fn to_json(&self) -> String {
        json::text(self)
    }

    /// Checks the operations on their own: paths that cannot be are UNSAFE_PATH, contradictions CORRUPT, and none at all
    /// INVALID_ARGUMENT.
    fn resolve(&self) -> Result<Resolved> {
        let mut resolved = Resolved::default();
        for (paths, means) in [
            (&self.replace.files, Means::ReplaceFile),
            (&self.replace.directories, Means::ReplaceDirectory),
            (&self.delete.files, Means::DeleteFile),
            (&self.delete.directories, Means::DeleteDirectory),
        ] {
            for text in paths {
                let path = normalised(text)?;
                if path.is_reserved() {
                    let message = format!("{path} lies in the folder that belongs to patchcore");
                    return Err(Error::new(Status::UnsafePath, message));
                }
                if resolved.0.insert(path, means).is_some_and(|other| other != means) {
                    return Err(Error::corrupt(format!(
                        "the operations say two things of \"{}\"",
                        text.escape_debug()
                    )));
                }
            }
        }
        if resolved.0.is_empty() {
            return Err(Error::invalid("these operations replace and delete nothing"));
        }
        // What goes away goes with the directory that holds it; what is replaced cannot.
        let contradiction = resolved.0.iter().find_map(|(path, means)| match means {
            Means::DeleteFile | Means::DeleteDirectory => None,
            Means::ReplaceFile | Means::ReplaceDirectory => Some((path, resolved.directory_of(path)?.0)),
        });
        match contradiction {
            None => Ok(resolved),
            Some((path, holder)) => {
                let message = format!("the operations name {path} and, apart from it, the whole directory {holder}");
                Err(Error::corrupt(message))
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    ReplaceFile,
    ReplaceDirectory,
    DeleteFile,
    DeleteDirectory,
}

/// The operations by path.
#[derive(Default)]
struct Resolved(BTreeMap<TreePath, Means>);

impl Resolved {
    /// The directory of the operations that holds `path`, and what becomes of it.
    fn directory_of(&self, path: &TreePath) -> Option<(TreePath, Means)> {
        path.ancestors().find_map(|ancestor| match self.0.get(&ancestor) {
            Some(means @ (Means::ReplaceDirectory | Means::DeleteDirectory)) => Some((ancestor, *means)),
            _ => None,
        })
    }

    /// Whether something that is replaced lies below `path`.
    fn holds_replaced(&self, path: &TreePath) -> bool {
        let below = self.0.range(path.clone()..).filter(|(other, _)| other.is_below(path));
        below.map(|(_, means)| means).any(|means| matches!(means, Means::ReplaceFile | Means::ReplaceDirectory))
    }
}

/// A path without what some writers put around it.
fn normalised(text: &str) -> Result<TreePath> {
    TreePath::parse(bare(text))
}

fn bare(text: &str) -> &str {
    let mut text = text;
    while let Some(rest) = text.strip_prefix("./") {
        text = rest;
    }
    text.trim_end_matches('/')
}

/// What a package is announced with, for those who fetch it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageInfo {
    /// Where it can be fetched from; empty where that is not known yet.
    pub url: String,
    /// The SHA-256 of the package.
    pub hash: Digest,
    /// Its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The version that it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// What it does.
    pub operations: PatchOperations,
}

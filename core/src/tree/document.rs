//! `patch.json`: a tree patch as packages hold it.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::json;
use crate::tree::item::Item;
use crate::tree::patch::{Change, FORMAT_VERSION, JoinedDelta, Patch, Source, VersionRange};
use crate::tree::path::TreePath;
use crate::version::Version;

/// `patch.json` as it is written. Fields that a reader does not know are passed over; what a reader must know to apply the
/// patch stands in `requires`.
#[derive(Serialize, Deserialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    format_version: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    requires: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    old_tree: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    new_tree: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    applies_to: Option<VersionRange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
    changes: Vec<DocumentChange<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    joined: Vec<DocumentJoined>,
}

#[derive(Serialize, Deserialize)]
struct DocumentJoined {
    entry: String,
    sources: Vec<DocumentSource>,
}

/// A source that changes, too, is what the change with this number expects: its digest stands there already.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum DocumentSource {
    OfChange(usize),
    Other(Source),
}

#[derive(Serialize, Deserialize)]
struct DocumentChange<'a> {
    path: Cow<'a, str>,
    #[serde(flatten)]
    change: Cow<'a, Change>,
}

impl DocumentSource {
    fn resolve(self, changes: &[DocumentChange<'_>]) -> Result<Source> {
        let number = match self {
            Self::Other(source) => return Ok(source),
            Self::OfChange(number) => number,
        };
        let change = changes.get(number);
        match change.and_then(|change| Some((change, change.change.old_item()?.file()?))) {
            Some((change, file)) => {
                Ok(Source { path: TreePath::parse(&change.path)?, size: file.size, sha256: file.sha256 })
            }
            None => Err(Error::corrupt(format!(
                "a joined delta is made from what change {number} expects, and that is no file"
            ))),
        }
    }
}

const DOCUMENT_TYPE: &str = "tree-patch";

/// What a reader must know to read a package that grew.
const GROWN: &str = "grown";

impl Patch {
    /// The text of `patch.json`: the same for the same patch.
    pub fn to_json(&self) -> String {
        let document = Document {
            kind: DOCUMENT_TYPE.to_owned(),
            format_version: FORMAT_VERSION,
            requires: if self.grown { vec![GROWN.to_owned()] } else { Vec::new() },
            old_tree: self.old_tree,
            new_tree: self.new_tree,
            applies_to: self.applies_to,
            version: self.version,
            changes: self
                .changes
                .iter()
                .map(|(path, change)| DocumentChange {
                    path: Cow::Borrowed(path.as_str()),
                    change: Cow::Borrowed(change),
                })
                .collect(),
            joined: self.documents_of_joined(),
        };
        json::text(&document)
    }

    fn documents_of_joined(&self) -> Vec<DocumentJoined> {
        let mut expected = HashMap::new();
        if !self.joined.is_empty() {
            let files = self.changes.iter().enumerate().filter_map(|(number, (path, change))| {
                Some((path, (number, *change.old_item().and_then(Item::file)?)))
            });
            expected.extend(files);
        }
        let source = |source: &Source| match expected.get(&source.path) {
            Some((number, file)) if (file.size, file.sha256) == (source.size, source.sha256) => {
                DocumentSource::OfChange(*number)
            }
            _ => DocumentSource::Other(source.clone()),
        };
        let document = |joined: &JoinedDelta| DocumentJoined {
            entry: joined.entry.clone(),
            sources: joined.sources.iter().map(source).collect(),
        };
        self.joined.iter().map(document).collect()
    }

    /// Reads `patch.json` and checks that it makes sense on its own: CORRUPT, UNSUPPORTED or UNSAFE_PATH otherwise.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let damaged = |e: serde_json::Error| Error::corrupt(format!("patch.json cannot be read: {e}"));
        // A newer format may have put anything into the rest.
        #[derive(Deserialize)]
        struct Head {
            #[serde(rename = "type")]
            kind: String,
            format_version: u32,
            #[serde(default)]
            requires: Vec<String>,
        }
        let head: Head = serde_json::from_slice(text).map_err(damaged)?;
        if head.kind != DOCUMENT_TYPE {
            return Err(Error::corrupt("patch.json is of another type than tree-patch"));
        }
        if head.format_version != FORMAT_VERSION {
            let message =
                format!("tree patch format version {} is not supported; update patchcore", head.format_version);
            return Err(Error::new(Status::Unsupported, message));
        }
        if let Some(feature) = head.requires.iter().find(|feature| *feature != GROWN) {
            let message =
                format!("the tree patch needs \"{}\", which is not known; update patchcore", feature.escape_debug());
            return Err(Error::new(Status::Unsupported, message));
        }
        let document: Document<'_> = serde_json::from_slice(text).map_err(damaged)?;
        let mut joined = Vec::new();
        for DocumentJoined { entry, sources } in document.joined {
            let sources = sources.into_iter().map(|source| source.resolve(&document.changes));
            joined.push(JoinedDelta { entry, sources: sources.collect::<Result<_>>()? });
        }
        let mut changes = BTreeMap::new();
        for DocumentChange { path, change } in document.changes {
            match changes.entry(TreePath::parse(&path)?) {
                Entry::Vacant(entry) => entry.insert(change.into_owned()),
                Entry::Occupied(_) => return Err(Error::corrupt(format!("patch.json changes {path} twice"))),
            };
        }
        let patch = Self {
            old_tree: document.old_tree,
            new_tree: document.new_tree,
            applies_to: document.applies_to,
            version: document.version,
            changes,
            joined,
            grown: !head.requires.is_empty(),
        };
        patch.check()?;
        Ok(patch)
    }
}

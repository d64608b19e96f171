//! What a tree consists of, and the digest that names it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::tree::path::TreePath;

/// A file as packages promise it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileItem {
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its content.
    pub sha256: Digest,
    /// Whether its owner may execute it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub executable: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What stands at one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A folder, whatever is in it.
    Directory,
    /// A regular file.
    File(FileItem),
    /// A symbolic link to a path relative to its folder.
    Symlink(String),
}

impl Item {
    /// The bytes that it takes, as far as it has any.
    pub fn size(&self) -> u64 {
        match self {
            Item::File(file) => file.size,
            Item::Directory | Item::Symlink(_) => 0,
        }
    }

    /// The file that it is.
    pub fn file(&self) -> Option<&FileItem> {
        match self {
            Item::File(file) => Some(file),
            Item::Directory | Item::Symlink(_) => None,
        }
    }
}

/// A snapshot of a directory: what stands at which path, the root itself apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The items, each after the folder that holds it.
    pub items: BTreeMap<TreePath, Item>,
}

impl Tree {
    /// The digest that names the tree.
    ///
    /// It is the SHA-256 of one line per item in the order of paths, each ended by a NUL byte: `directory PATH`,
    /// `file SHA256 PATH`, `executable SHA256 PATH` or `symlink TARGET` followed by a NUL byte and `PATH`.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        for (path, item) in &self.items {
            let line = match item {
                Item::Directory => format!("directory {path}\0"),
                Item::File(file) if file.executable => format!("executable {} {path}\0", file.sha256),
                Item::File(file) => format!("file {} {path}\0", file.sha256),
                Item::Symlink(target) => format!("symlink {target}\0{path}\0"),
            };
            hasher.update(line.as_bytes());
        }
        hasher.finish()
    }

    /// The bytes of all files.
    pub fn size(&self) -> u64 {
        self.items.values().map(Item::size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(items: &[(&str, Item)]) -> Tree {
        Tree { items: items.iter().map(|(path, item)| (TreePath::parse(path).unwrap(), item.clone())).collect() }
    }

    fn file(content: &[u8], executable: bool) -> Item {
        Item::File(FileItem { size: content.len() as u64, sha256: Digest::of(content), executable })
    }

    #[test]
    fn the_digest_is_that_of_its_lines() {
        let lines =
            format!("directory a\0file {} a/b\0executable {} c\0symlink a/b\0d\0", Digest::of(b"1"), Digest::of(b"2"));
        let tree = tree(&[
            ("d", Item::Symlink("a/b".into())),
            ("c", file(b"2", true)),
            ("a", Item::Directory),
            ("a/b", file(b"1", false)),
        ]);
        assert_eq!(tree.digest(), Digest::of(lines.as_bytes()));
        assert_eq!(tree.size(), 2);
    }

    #[test]
    fn every_difference_shows_in_the_digest() {
        let trees = [
            tree(&[]),
            tree(&[("a", Item::Directory)]),
            tree(&[("b", Item::Directory)]),
            tree(&[("a", file(b"", false))]),
            tree(&[("a", file(b"", true))]),
            tree(&[("a", file(b"x", true))]),
            tree(&[("a", Item::Symlink("b".into()))]),
            tree(&[("a", Item::Symlink("c".into()))]),
        ];
        let digests: std::collections::BTreeSet<_> = trees.iter().map(Tree::digest).collect();
        assert_eq!(digests.len(), trees.len());
    }
}

//! Names inside trees: relative, plain, and the same on every system.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result, Status};

/// The folder within a tree, and within a package, that belongs to us and to no release.
pub const WORK_FOLDER: &str = ".patchcore";

/// The longest name that file systems hold, in bytes.
const MAX_NAME_LEN: usize = 255;
/// The longest path within a tree, in bytes; systems hold 4,096, the root's own path included.
const MAX_PATH_LEN: usize = 3072;

/// A path below the root of a tree: UTF-8 names with `/` between, none of which leads elsewhere. The root itself has none.
///
/// Paths are ordered by their bytes, so a folder comes before what is in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(Box<str>);

impl TreePath {
    /// Reads a path as packages write it. What could leave the root, or what the systems that we know cannot hold, is
    /// UNSAFE_PATH.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_PATH_LEN {
            return Err(unsafe_path(text, "the path is too long"));
        }
        for name in text.split('/') {
            if let Some(why) = name_problem(name, cfg!(windows)) {
                return Err(unsafe_path(text, why));
            }
        }
        Ok(Self(text.into()))
    }

    /// The path of `name` within this folder.
    pub fn join(&self, name: &str) -> Result<Self> {
        Self::parse(&format!("{self}/{name}"))
    }

    /// The path as packages write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names from the root down.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The last name.
    pub fn name(&self) -> &str {
        self.split().1
    }

    /// The folder that holds it; `None` where that is the root.
    pub fn parent(&self) -> Option<Self> {
        self.split().0.map(|parent| Self(parent.into()))
    }

    /// The folders on the way from the root, the nearest to the root first.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        self.0.match_indices('/').map(|(end, _)| Self(self.0[..end].into()))
    }

    /// Whether it lies below `folder`.
    pub fn is_below(&self, folder: &Self) -> bool {
        self.0.strip_prefix(&*folder.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether it is, or lies in, the folder that belongs to us.
    pub fn is_reserved(&self) -> bool {
        self.names().next().is_some_and(|first| first.eq_ignore_ascii_case(WORK_FOLDER))
    }

    /// The path on this system, below `root`.
    pub fn below(&self, root: &Path) -> PathBuf {
        let mut path = root.to_owned();
        path.extend(self.names());
        path
    }

    fn split(&self) -> (Option<&str>, &str) {
        match self.0.rsplit_once('/') {
            Some((parent, name)) => (Some(parent), name),
            None => (None, &self.0),
        }
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl serde::Serialize for TreePath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for TreePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Checks where a symbolic link at `path` leads: to somewhere below the root, whatever exists there. Any other target is
/// UNSAFE_PATH.
pub fn check_link_target(path: &TreePath, target: &str) -> Result<()> {
    let problem = |why: &str| {
        let hint = "take what it points to with --dereference, or leave it out with --exclude";
        Err(Error::new(
            Status::UnsafePath,
            format!("the link {path} leads to \"{}\": {why}; {hint}", target.escape_debug()),
        ))
    };
    if target.is_empty() || target.len() > MAX_PATH_LEN || target.contains(['\\', '\0']) {
        return problem("that is no portable path");
    }
    if target.starts_with('/') || has_drive(target) {
        return problem("that is an absolute path");
    }
    let mut depth = path.names().count() - 1;
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." if depth == 0 => return problem("that is outside the tree"),
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    Ok(())
}

/// Why a name cannot stand in a tree, if it cannot. `\` separates names in some systems and in what unpacks ZIP files there.
fn name_problem(name: &str, windows: bool) -> Option<&'static str> {
    match name {
        "" => return Some("a name is empty, or the path begins or ends with /"),
        "." | ".." => return Some("it is no plain path below the root"),
        _ => {}
    }
    if name.contains(['\0', '\\']) {
        return Some("a name contains a backslash or a NUL byte");
    }
    if name.len() > MAX_NAME_LEN {
        return Some("a name is longer than 255 bytes");
    }
    if windows {
        if name.contains(['<', '>', ':', '"', '|', '?', '*']) || name.chars().any(|c| c < ' ') {
            return Some("a name contains a character that Windows does not allow");
        }
        if name.ends_with(['.', ' ']) {
            return Some("a name ends with a dot or a space, which Windows drops");
        }
        if is_device(name) {
            return Some("a name means a device in Windows");
        }
    }
    None
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| {
            let mut chars = rest.chars();
            matches!((chars.next(), chars.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    };
    matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") || numbered("COM") || numbered("LPT")
}

fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

fn unsafe_path(text: &str, why: &str) -> Error {
    let shown: String = text.chars().take(200).collect();
    Error::new(Status::UnsafePath, format!("\"{}\" cannot be a path in a tree: {why}", shown.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    #[test]
    fn what_leaves_the_root_is_no_path() {
        let long = "a".repeat(256);
        let deep = "a/".repeat(2000) + "a";
        for text in [
            "",
            ".",
            "..",
            "/",
            "/etc",
            "a//b",
            "a/",
            "../a",
            "a/../b",
            "a/./b",
            "a\\b",
            "\\\\server\\a",
            "a\0b",
            &long,
            &deep,
        ] {
            assert_eq!(TreePath::parse(text).unwrap_err().status(), Status::UnsafePath, "{text:?}");
        }
        for text in ["a", "a b", ".hidden", "ä/ö", "...", "a:b", "C:"] {
            if cfg!(unix) {
                assert_eq!(path(text).as_str(), text);
            }
        }
    }

    #[test]
    fn windows_holds_fewer_names() {
        for name in [
            "CON", "con.txt", "nul", "COM1", "lpt9.log", "COM²", "a:stream", "C:", "a.", "a ", "a?", "a\n", "aux ",
            "CONIN$",
        ] {
            assert!(name_problem(name, true).is_some(), "{name:?}");
            assert!(name_problem(name, false).is_none(), "{name:?}");
        }
        for name in ["console", "COM", "COM10", "a.b", ".a", "com1x"] {
            assert!(name_problem(name, true).is_none(), "{name:?}");
        }
    }

    #[test]
    fn a_folder_captures_what_is_in_it_and_not_what_begins_alike() {
        assert!(path("front/a").is_below(&path("front")));
        assert!(!path("front2/a").is_below(&path("front")));
        assert!(!path("front").is_below(&path("front")));
        assert_eq!(path("a/b/c").ancestors().collect::<Vec<_>>(), [path("a"), path("a/b")]);
        assert_eq!((path("a/b").parent(), path("a").parent()), (Some(path("a")), None));
        assert!(
            path(".patchcore/x").is_reserved()
                && path(".PatchCore").is_reserved()
                && !path(".patchcore2").is_reserved()
        );
    }

    #[test]
    fn links_lead_to_somewhere_below_the_root() {
        for (at, target) in [("a", "b"), ("a/b", "../c"), ("a/b", "../a/../c"), ("a", "./b//c"), ("d/e/f", "../../x")] {
            check_link_target(&path(at), target).unwrap();
        }
        for (at, target) in [
            ("a", ".."),
            ("a", "/etc"),
            ("a/b", "../../c"),
            ("a", "b/../../c"),
            ("a", ""),
            ("a", "C:x"),
            ("a", "b\\c"),
            ("a", "x\0"),
        ] {
            assert_eq!(check_link_target(&path(at), target).unwrap_err().status(), Status::UnsafePath, "{target:?}");
        }
    }
}

//! Which old file a new one was probably made from, where there is none at its path: told by name and size.

use std::collections::HashMap;

use crate::order;
use crate::tree::item::{FileItem, Item, Tree};
use crate::tree::path::TreePath;

/// How many files with a name of their own are compared by how much of it is alike.
const MOST_COMPARED: usize = 64;

/// The old files by what may be alike.
pub(super) struct Similar<'a> {
    by_name: HashMap<&'a str, Vec<(&'a TreePath, &'a FileItem)>>,
    /// Files that are no longer there, by the ending of their names and ordered by size: what was renamed is one of them.
    gone: HashMap<&'a str, Vec<(&'a TreePath, &'a FileItem)>>,
}

impl<'a> Similar<'a> {
    /// Looks through those files of `old` that `usable` lets pass.
    pub fn new(old: &'a Tree, new: &Tree, usable: impl Fn(&TreePath) -> bool) -> Self {
        let mut similar = Self { by_name: HashMap::new(), gone: HashMap::new() };
        for (path, item) in &old.items {
            let Item::File(file) = item else { continue };
            if file.size == 0 || !usable(path) {
                continue;
            }
            similar.by_name.entry(path.name()).or_default().push((path, file));
            if !matches!(new.items.get(path), Some(Item::File(_))) {
                similar.gone.entry(ending(path.name())).or_default().push((path, file));
            }
        }
        similar.gone.values_mut().for_each(|files| order::sort_by_key(files, |(path, file)| (file.size, *path)));
        similar
    }

    /// The old file that is most like what `path` will hold, if any is.
    pub fn to(&self, path: &TreePath, file: &FileItem) -> Option<(&'a TreePath, &'a FileItem)> {
        let namesakes = self.by_name.get(path.name()).map(Vec::as_slice).unwrap_or_default();
        let gone = self.gone.get(ending(path.name())).map(Vec::as_slice).unwrap_or_default();
        let nearest = gone.partition_point(|(_, old)| old.size < file.size);
        let from = nearest.saturating_sub(MOST_COMPARED / 2);
        let gone = gone.iter().skip(from).take(MOST_COMPARED);
        let candidates = namesakes.iter().take(MOST_COMPARED).chain(gone);
        let scored =
            candidates.filter_map(|(old_path, old)| Some((score(path, file, old_path, old)?, *old_path, *old)));
        let best = scored.max_by(|(a, a_path, _), (b, b_path, _)| a.cmp(b).then(b_path.cmp(a_path)));
        best.map(|(_, path, file)| (path, file))
    }
}

/// How much speaks for it that the new file was made from the old one; nothing where too little does.
fn score(path: &TreePath, file: &FileItem, old_path: &TreePath, old: &FileItem) -> Option<usize> {
    let (small, large) = (file.size.min(old.size), file.size.max(old.size));
    if small < large / 4 {
        return None;
    }
    let (name, old_name) = (path.name(), old_path.name());
    let longest = name.len().max(old_name.len());
    let start = name.bytes().zip(old_name.bytes()).take_while(|(a, b)| a == b).count();
    let end = name.bytes().rev().zip(old_name.bytes().rev()).take_while(|(a, b)| a == b).count();
    let names = if name == old_name { 100 } else { 100 * (start + end).min(longest - 1) / longest };
    let sizes = (50 * u128::from(small) / u128::from(large.max(1))) as usize;
    let folders = if path.parent() == old_path.parent() { 30 } else { 0 };
    let score = names + sizes + folders;
    (score >= 90).then_some(score)
}

fn ending(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn tree(files: &[(&str, u64)]) -> Tree {
        let item = |size| Item::File(FileItem { size, sha256: Digest::of(b""), executable: false });
        Tree { items: files.iter().map(|(path, size)| (TreePath::parse(path).unwrap(), item(*size))).collect() }
    }

    fn found(old: &[(&str, u64)], new: &[(&str, u64)], path: &str) -> Option<String> {
        let (old, new) = (tree(old), tree(new));
        let similar = Similar::new(&old, &new, |_| true);
        let path = TreePath::parse(path).unwrap();
        similar.to(&path, new.items[&path].file().unwrap()).map(|(path, _)| path.to_string())
    }

    #[test]
    fn a_file_that_moved_or_got_another_hash_in_its_name_is_found() {
        let old = [("a/main.3f2a91.js", 1000), ("a/other.77b2.js", 990), ("lib/x.dll", 5000), ("b/readme", 10)];
        let new = [("a/main.99c0de.js", 1010), ("bin/x.dll", 5200), ("b/readme", 10)];
        assert_eq!(found(&old, &new, "a/main.99c0de.js").unwrap(), "a/main.3f2a91.js");
        assert_eq!(found(&old, &new, "bin/x.dll").unwrap(), "lib/x.dll");
    }

    #[test]
    fn what_is_alike_in_nothing_is_not_taken() {
        assert_eq!(found(&[("a/photo.png", 1000)], &[("b/texture.png", 500)], "b/texture.png"), None);
        assert_eq!(found(&[("a/x.bin", 1000)], &[("b/x.bin", 100)], "b/x.bin"), None);
    }
}

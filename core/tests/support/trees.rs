//! Small directories: made up, written, read back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Folder,
    File(Vec<u8>, bool),
    Link(String),
}

/// A directory as a list; every folder on the way is in it.
pub type Nodes = BTreeMap<String, Node>;

pub fn file(content: impl AsRef<[u8]>) -> Node {
    Node::File(content.as_ref().to_vec(), false)
}

pub fn program(content: impl AsRef<[u8]>) -> Node {
    Node::File(content.as_ref().to_vec(), true)
}

pub fn link(target: &str) -> Node {
    Node::Link(target.to_owned())
}

/// A directory of these nodes and the folders that hold them.
pub fn nodes(list: &[(&str, Node)]) -> Nodes {
    let mut nodes = Nodes::new();
    for (path, node) in list {
        for (end, _) in path.match_indices('/') {
            nodes.entry(path[..end].to_owned()).or_insert(Node::Folder);
        }
        nodes.insert((*path).to_owned(), node.clone());
    }
    nodes
}

/// Bytes that do not compress.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| step()).collect()
}

/// Writes the nodes into a folder that is there.
pub fn write(root: &Path, nodes: &Nodes) {
    for (path, node) in nodes {
        let place = root.join(path);
        match node {
            Node::Folder => fs::create_dir(place).unwrap(),
            Node::File(content, executable) => {
                fs::write(&place, content).unwrap();
                set_executable(&place, *executable);
            }
            Node::Link(target) => make_link(target, &place),
        }
    }
}

#[cfg(unix)]
fn make_link(target: &str, place: &Path) {
    std::os::unix::fs::symlink(target, place).unwrap();
}

#[cfg(not(unix))]
fn make_link(_target: &str, _place: &Path) {}

pub fn set_executable(place: &Path, executable: bool) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(place, fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 })).unwrap();
    }
    #[cfg(not(unix))]
    let _ = (place, executable);
}

/// A new folder with these nodes in it.
pub fn folder(nodes: &Nodes) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), nodes);
    folder
}

/// Everything in a folder but what is ours.
pub fn read(root: &Path) -> Nodes {
    let mut nodes = Nodes::new();
    read_into(root, "", &mut nodes);
    nodes
}

fn read_into(folder: &Path, prefix: &str, nodes: &mut Nodes) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if prefix.is_empty() && name == ".patchcore" {
            continue;
        }
        let path = format!("{prefix}{name}");
        let metadata = fs::symlink_metadata(entry.path()).unwrap();
        let node = if metadata.is_symlink() {
            Node::Link(fs::read_link(entry.path()).unwrap().into_os_string().into_string().unwrap())
        } else if metadata.is_dir() {
            read_into(&entry.path(), &format!("{path}/"), nodes);
            Node::Folder
        } else {
            Node::File(fs::read(entry.path()).unwrap(), is_executable(&metadata))
        };
        nodes.insert(path, node);
    }
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_metadata: &fs::Metadata) -> bool {
    false
}

/// Directories with few names and few contents, so that two of them have files that were changed, moved, copied, and that
/// became folders or links.
pub fn any_nodes() -> impl Strategy<Value = Nodes> {
    let name = prop::sample::select(vec!["a", "b", "c"]);
    let path = prop::collection::vec(name, 1..4);
    let node = prop_oneof![
        6 => (0usize..CONTENTS, any::<bool>()).prop_map(|(which, executable)| Node::File(content(which), executable)),
        2 => Just(Node::Folder),
        1 => prop::sample::select(vec!["a", "b", "./c", "nowhere"]).prop_map(link),
    ];
    prop::collection::vec((path, node), 0..12).prop_map(|list| {
        let mut nodes = Nodes::new();
        for (names, node) in list {
            let folders: Vec<String> = (1..names.len()).map(|n| names[..n].join("/")).collect();
            let path = names.join("/");
            let fits = |folder: &String| matches!(nodes.get(folder), None | Some(Node::Folder));
            if nodes.contains_key(&path) || !folders.iter().all(fits) {
                continue;
            }
            folders.into_iter().for_each(|folder| drop(nodes.insert(folder, Node::Folder)));
            nodes.insert(path, node);
        }
        nodes
    })
}

const CONTENTS: usize = 7;

fn content(which: usize) -> Vec<u8> {
    match which {
        0 => Vec::new(),
        1 => b"short".to_vec(),
        2 => b"the same line again and again\n".repeat(40),
        3..CONTENTS => {
            let mut bytes = noise(3000, 1);
            bytes[500] ^= which as u8;
            bytes.truncate(3000 - 100 * (which - 3));
            bytes
        }
        _ => unreachable!(),
    }
}

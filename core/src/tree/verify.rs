//! What of a patch's promise a tree does not keep. Nothing is written.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::path::Path;

use crate::delta;
use crate::digest::Hasher;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, Folder, Kind, SourceReader};
use crate::limits::Limits;
use crate::order;
use crate::progress::{Phase, Task, Unit};
use crate::tree::hashing;
use crate::tree::item::{FileItem, Item};
use crate::tree::package::TreePackage;
use crate::tree::patch::{Change, Content, Patch};
use crate::tree::path::TreePath;
use crate::tree::reach::Reach;
use crate::tree::stage::Package as _;

/// How a tree differs from what a patch makes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeVerification {
    /// How many paths of the patch are as it promises.
    pub matches: u64,
    /// What should be there and is not.
    pub missing: Vec<TreePath>,
    /// What is there and should be something else.
    pub different: Vec<TreePath>,
    /// What is there and should not be.
    pub unexpected: Vec<TreePath>,
}

impl TreeVerification {
    /// Whether the tree is what the patch makes of it.
    pub fn is_clean(&self) -> bool {
        self.missing.is_empty() && self.different.is_empty() && self.unexpected.is_empty()
    }
}

/// What a package was found to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackageContents {
    /// Whole files.
    pub files: u64,
    /// Deltas.
    pub deltas: u64,
    /// The bytes of both, unpacked.
    pub bytes: u64,
}

/// Reads everything in `package`: CORRUPT where a whole file is not the promised one or a delta is damaged.
pub fn verify_package(package: &TreePackage, limits: &Limits, task: &mut Task<'_>) -> Result<PackageContents> {
    let patch = package.patch();
    let results = patch.results();
    let mut promised = HashMap::new();
    for (path, change) in &patch.changes {
        match (&change.content, change.new_file()) {
            (Some(Content::Whole), Some(file)) => drop(promised.insert(path.as_str(), Promised::File(*file))),
            (Some(Content::Delta { entry, .. }), _) => drop(promised.insert(entry.as_str(), Promised::Delta)),
            _ => {}
        }
    }
    for (number, joined) in patch.joined.iter().enumerate() {
        promised.insert(&joined.entry, Promised::Joined(number));
    }
    let mut found = PackageContents::default();
    task.begin(Phase::Verify, promised.len() as u64, Unit::Items)?;
    let wanted: HashSet<&str> = promised.keys().copied().collect();
    package.visit(&|name| wanted.contains(name), &mut |name, bytes| {
        match promised.remove(name) {
            Some(Promised::File(file)) => {
                let mut hasher = Hasher::new();
                let mut hash = |part: &[u8]| {
                    hasher.update(part);
                    Ok(())
                };
                let size = copy_into(bytes, &mut hash, task)?;
                if (size, hasher.finish()) != (file.size, file.sha256) {
                    return Err(Error::corrupt(format!("{name} in the package is another file than it promises")));
                }
                found.files += 1;
                found.bytes += size;
            }
            Some(delta) => {
                let mut file = tempfile::tempfile()?;
                found.bytes += copy_into(bytes, &mut |part| Ok(file.write_all(part)?), task)?;
                found.deltas += 1;
                let mut inner = Task::with_cancel(task.cancel_token().clone());
                let file = FileSource::from_file(file, Path::new(name))?;
                delta::verify(&file, None, limits, &mut inner)?;
                if let Promised::Joined(number) = delta {
                    check_sources(patch, number, &results[number], &file, limits, &mut inner)?;
                }
            }
            None => return Err(Error::corrupt(format!("the package holds {name} twice"))),
        }
        task.advance(1)
    })?;
    match promised.into_keys().next() {
        None => task.finish().map(|()| found),
        Some(name) => Err(Error::corrupt(format!("the package lacks {name}"))),
    }
}

/// What an entry has to be.
enum Promised {
    File(FileItem),
    Delta,
    Joined(usize),
}

/// CORRUPT where a joined delta is one between other files, or makes one from others than the patch says.
fn check_sources(
    patch: &Patch,
    number: usize,
    results: &[(&TreePath, &FileItem)],
    delta: &FileSource,
    limits: &Limits,
    task: &mut Task<'_>,
) -> Result<()> {
    let ends = patch.joined[number].ends(results);
    let sources = delta::sources_of_joined(&mut SourceReader::new(delta), &ends, limits, task)?;
    for ((path, _), sources) in results.iter().zip(sources) {
        let said = match &patch.changes[*path].content {
            Some(Content::Joined { from, .. }) => &from[..],
            _ => &[],
        };
        if sources.iter().any(|source| said.binary_search(source).is_err()) {
            return Err(Error::corrupt(format!("the package makes {path} from other files than its patch says")));
        }
    }
    Ok(())
}

fn copy_into(from: &mut dyn Read, to: &mut dyn FnMut(&[u8]) -> Result<()>, task: &mut Task<'_>) -> Result<u64> {
    let (mut buffer, mut size) = (vec![0; 64 << 10], 0);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(size),
            Ok(n) => {
                to(&buffer[..n])?;
                size += n as u64;
                task.advance(0)?;
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Compares the tree at `root` with what `patch` promises of it.
pub(super) fn verify(root: &Path, patch: &Patch, threads: usize, task: &mut Task<'_>) -> Result<TreeVerification> {
    let root = Folder::open(root)?;
    let mut found = TreeVerification::default();
    let mut reach = Reach::new(&root);
    let (mut files, mut promised, mut bytes) = (Vec::new(), Vec::new(), 0);
    for (path, change) in &patch.changes {
        match look(&mut reach, path, change)? {
            Found::Match => found.matches += 1,
            Found::Missing => found.missing.push(path.clone()),
            Found::Different => found.different.push(path.clone()),
            Found::Unexpected => found.unexpected.push(path.clone()),
            Found::ToHash(file) => {
                bytes += file.size;
                files.push(path.clone());
                promised.push(file.sha256);
            }
        }
        if change.whole_directory && change.new == Some(Item::Directory) {
            unlisted(&mut reach, path, patch, &mut found)?;
        }
    }
    task.begin(Phase::Hash, bytes, Unit::Bytes)?;
    let digests = hashing::digests(&root, &files, threads.max(1), task)?;
    task.finish()?;
    for ((path, digest), promised) in files.into_iter().zip(digests).zip(promised) {
        if digest == promised { found.matches += 1 } else { found.different.push(path) }
    }
    order::sort_by(&mut found.different, Ord::cmp);
    order::sort_by(&mut found.unexpected, Ord::cmp);
    Ok(found)
}

enum Found {
    Match,
    Missing,
    Different,
    Unexpected,
    /// A file whose size and mode are right.
    ToHash(FileItem),
}

fn look(reach: &mut Reach<'_>, path: &TreePath, change: &Change) -> Result<Found> {
    let there = reach.entry(path)?;
    Ok(match (there, &change.new) {
        (None, None) => Found::Match,
        (None, Some(_)) => Found::Missing,
        (Some(_), None) => Found::Unexpected,
        // Whatever is there is the user's own.
        (Some(_), Some(_)) if change.keep_local => Found::Match,
        (Some(there), Some(new)) => match (there.kind, new) {
            (Kind::Directory, Item::Directory) => Found::Match,
            (Kind::Symlink, Item::Symlink(target)) => {
                let parent = reach.parent(path)?;
                match parent.map(|parent| parent.read_symlink(path.name())).transpose() {
                    Ok(Some(leads)) if leads == *target => Found::Match,
                    Err(e) if e.status() != Status::UnsafePath => return Err(e),
                    _ => Found::Different,
                }
            }
            (Kind::File { size }, Item::File(file))
                if size == file.size && (!cfg!(unix) || there.is_executable() == file.executable) =>
            {
                Found::ToHash(*file)
            }
            _ => Found::Different,
        },
    })
}

/// Finds what is in a directory that is replaced as a whole and that the patch does not put there.
fn unlisted(reach: &mut Reach<'_>, path: &TreePath, patch: &Patch, found: &mut TreeVerification) -> Result<()> {
    let Some(parent) = reach.parent(path)? else { return Ok(()) };
    if !matches!(parent.entry(path.name())?, Some(entry) if entry.kind == Kind::Directory) {
        return Ok(());
    }
    unlisted_in(&parent.open_folder(path.name())?, path, patch, found)
}

fn unlisted_in(folder: &Folder, at: &TreePath, patch: &Patch, found: &mut TreeVerification) -> Result<()> {
    for name in folder.names()? {
        let path = at.join(&name)?;
        match patch.changes.get(&path).map(|change| &change.new) {
            None => found.unexpected.push(path),
            Some(Some(Item::Directory)) if matches!(folder.entry(&name)?, Some(e) if e.kind == Kind::Directory) => {
                unlisted_in(&folder.open_folder(&name)?, &path, patch, found)?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

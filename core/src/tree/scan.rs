//! What stands in a directory: every file, folder and link of it, with digests, but for what a caller leaves out.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::{Entry, FileSource, Folder, Kind, ReadAt, digest};
use crate::progress::{Event, LogLevel, Phase, Task, Unit};
use crate::tree::hashing;
use crate::tree::ignore::{IGNORE_FILE, Rules};
use crate::tree::item::{FileItem, Item, Tree};
use crate::tree::parallel;
use crate::tree::path::{TreePath, WORK_FOLDER, check_link_target};
use crate::tree::reach::Reach;

/// The longest text of rules that is read, in bytes.
const MAX_IGNORE_FILE: u64 = 1 << 20;

/// How a directory is looked at. The default of every field is what most callers want.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanOptions {
    /// Patterns of what is no part of the tree, as in `.gitignore`: one without `/` means names anywhere, one that ends with
    /// `/` directories only, `!` takes back what was said before. They decide before the rules in `.patchcoreignore`.
    pub exclude: Vec<String>,
    /// Take the files and folders that symbolic links point to in the place of the links.
    pub dereference: bool,
    /// Threads that read and hash at a time; 1 unless given.
    pub threads: usize,
}

/// What stands in the directory at `root`.
///
/// `.patchcore` belongs to no tree. A link that leads out of the root is UNSAFE_PATH, a pipe or a device INVALID_ARGUMENT.
pub fn scan(root: &Path, options: &ScanOptions, task: &mut Task<'_>) -> Result<Tree> {
    let tree = Snapshot::take(root, options, task)?.tree;
    Ok(Arc::unwrap_or_clone(tree))
}

/// A tree, and where its files can be read. Copies share what is open.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub tree: Arc<Tree>,
    files: Files,
}

#[derive(Clone)]
enum Files {
    Folder {
        root: Arc<Folder>,
        /// The files that links led to, and where they really are.
        followed: Arc<BTreeMap<TreePath, PathBuf>>,
    },
    Elsewhere(Arc<dyn OpenFile>),
}

/// What opens the files of a tree that lies in no folder.
pub(crate) trait OpenFile: Send + Sync {
    /// The file at `path`.
    fn open_file(&self, path: &TreePath) -> Result<Box<dyn ReadAt>>;
}

impl Snapshot {
    /// Looks at everything in the directory at `root` and hashes it.
    pub fn take(root: &Path, options: &ScanOptions, task: &mut Task<'_>) -> Result<Self> {
        let folder = Folder::open(root)?;
        let mut rules = read_rules(&folder)?;
        rules.extend(&Rules::new(&options.exclude)?);
        // How much there is shows only at the end.
        task.begin(Phase::Scan, 0, Unit::Items)?;
        let mut walk = Walk {
            rules,
            dereference: options.dereference,
            items: BTreeMap::new(),
            sizes: BTreeMap::new(),
            followed: BTreeMap::new(),
            above: Vec::new(),
        };
        walk.folder(&folder, None, false, task)?;
        task.finish()?;
        let Walk { mut items, sizes, followed, .. } = walk;
        let (outside, inside): (Vec<_>, Vec<_>) = sizes.keys().cloned().partition(|path| followed.contains_key(path));
        let bytes = sizes.values().map(|(size, _)| *size).fold(0, u64::saturating_add);
        task.begin(Phase::Hash, bytes, Unit::Bytes)?;
        let threads = options.threads.max(1);
        let mut digests = hashing::digests(&folder, &inside, threads, task)?;
        digests.extend(digests_of_followed(&outside, &followed, threads, task)?);
        task.finish()?;
        for (path, sha256) in inside.into_iter().chain(outside).zip(digests) {
            let (size, executable) = sizes[&path];
            items.insert(path, Item::File(FileItem { size, sha256, executable }));
        }
        let files = Files::Folder { root: Arc::new(folder), followed: Arc::new(followed) };
        Ok(Self { tree: Arc::new(Tree { items }), files })
    }

    /// A tree whose files lie in no folder.
    pub fn elsewhere(tree: Tree, files: Arc<dyn OpenFile>) -> Self {
        Self { tree: Arc::new(tree), files: Files::Elsewhere(files) }
    }

    /// Where the file at `path` is, if that is in a folder.
    pub fn place(&self, path: &TreePath) -> Option<PathBuf> {
        match &self.files {
            Files::Folder { root, followed } => {
                Some(followed.get(path).cloned().unwrap_or_else(|| path.below(root.path())))
            }
            Files::Elsewhere(_) => None,
        }
    }

    /// What opens the files of the tree, for one thread.
    pub(super) fn reader(&self) -> Reader<'_> {
        match &self.files {
            Files::Folder { root, followed } => Reader::Folder { reach: Reach::new(root), followed },
            Files::Elsewhere(files) => Reader::Elsewhere(&**files),
        }
    }
}

/// Opens files of a [`Snapshot`].
pub(super) enum Reader<'a> {
    Folder { reach: Reach<'a>, followed: &'a BTreeMap<TreePath, PathBuf> },
    Elsewhere(&'a dyn OpenFile),
}

impl Reader<'_> {
    /// The file at `path`.
    pub fn open(&mut self, path: &TreePath) -> Result<Box<dyn ReadAt>> {
        let (reach, followed) = match self {
            Self::Folder { reach, followed } => (reach, followed),
            Self::Elsewhere(files) => return files.open_file(path),
        };
        if let Some(place) = followed.get(path) {
            return Ok(Box::new(FileSource::open(place)?));
        }
        let gone = || Error::new(Status::NotFound, format!("{path} went away while it was looked at"));
        let parent = reach.parent(path)?.ok_or_else(gone)?;
        let file = FileSource::from_file(parent.open_file(path.name())?, &parent.path().join(path.name()))?;
        Ok(Box::new(file))
    }
}

struct Walk {
    rules: Rules,
    dereference: bool,
    /// Everything but files.
    items: BTreeMap<TreePath, Item>,
    /// The files: their sizes, and whether they may be executed.
    sizes: BTreeMap<TreePath, (u64, bool)>,
    followed: BTreeMap<TreePath, PathBuf>,
    /// The folders that held the links on the way here.
    above: Vec<PathBuf>,
}

impl Walk {
    /// Looks at what is in `folder`; `outside` where a link led there.
    fn folder(&mut self, folder: &Folder, at: Option<&TreePath>, outside: bool, task: &mut Task<'_>) -> Result<()> {
        let mut names = folder.all_names()?;
        names.sort_unstable();
        let mut folded: HashMap<String, String> = HashMap::with_capacity(names.len());
        for name in names {
            task.advance(1)?;
            let name = match name.into_string() {
                Ok(name) => name,
                Err(name) if self.leaves_out(folder, at, &name)? => continue,
                Err(name) => return Err(folder.unusable(&name)),
            };
            let text = at.map_or_else(|| name.clone(), |at| format!("{at}/{name}"));
            if at.is_none() && name.eq_ignore_ascii_case(WORK_FOLDER) {
                continue;
            }
            let Some(entry) = folder.entry(&name)? else { continue };
            if self.rules.mean(&text, entry.kind == Kind::Directory) {
                continue;
            }
            let path = TreePath::parse(&text).map_err(|e| e.in_file(&folder.path().join(&name)))?;
            if let Some(other) = folded.insert(name.to_lowercase(), name.clone()) {
                task.log(LogLevel::Warning, || {
                    format!("{path} and \"{other}\" beside it differ only in case; many systems cannot hold both")
                });
            }
            self.entry(folder, path, entry, outside, task)?;
        }
        Ok(())
    }

    /// Whether the rules mean a name that is not UTF-8, in which each byte that does not belong counts as some character.
    fn leaves_out(&self, folder: &Folder, at: Option<&TreePath>, name: &OsStr) -> Result<bool> {
        let Some(entry) = folder.entry(name)? else { return Ok(true) };
        // One byte long, since that is what `?` in a pattern stands for.
        let shown = name.to_string_lossy().replace(char::REPLACEMENT_CHARACTER, "?");
        let text = at.map_or_else(|| shown.clone(), |at| format!("{at}/{shown}"));
        Ok(self.rules.mean(&text, entry.kind == Kind::Directory))
    }

    fn entry(
        &mut self,
        folder: &Folder,
        path: TreePath,
        entry: Entry,
        outside: bool,
        task: &mut Task<'_>,
    ) -> Result<()> {
        let place = folder.path().join(path.name());
        match entry.kind {
            Kind::Directory => {
                self.items.insert(path.clone(), Item::Directory);
                self.folder(&folder.open_folder(path.name())?, Some(&path), outside, task)
            }
            Kind::File { size } => {
                if outside {
                    self.followed.insert(path.clone(), place);
                }
                self.sizes.insert(path, (size, entry.is_executable()));
                Ok(())
            }
            Kind::Symlink if self.dereference => self.follow(folder, path, task),
            Kind::Symlink => {
                let target = folder.read_symlink(path.name())?;
                check_link_target(&path, &target).map_err(|e| e.in_file(&place))?;
                self.items.insert(path, Item::Symlink(target));
                Ok(())
            }
            Kind::Other => {
                let message =
                    "this is a pipe, a socket or a device and cannot be in a tree; leave it out with --exclude";
                Err(Error::invalid(message).in_file(&place))
            }
        }
    }

    /// Takes what the link at `path` points to.
    fn follow(&mut self, folder: &Folder, path: TreePath, task: &mut Task<'_>) -> Result<()> {
        let link = folder.path().join(path.name());
        let in_link = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => {
                Error::new(Status::NotFound, "this link leads to nothing; leave it out with --exclude").in_file(&link)
            }
            _ => Error::from(e).in_file(&link),
        };
        let target = std::fs::canonicalize(&link).map_err(in_link)?;
        let name = target.file_name().and_then(|name| name.to_str());
        let (Some(name), Some(parent)) = (name, target.parent()) else {
            return Err(Error::invalid("this link leads to no place that could be in a tree").in_file(&link));
        };
        let Some(entry) = Folder::open(parent)?.entry(name)? else {
            return Err(in_link(std::io::ErrorKind::NotFound.into()));
        };
        if self.rules.mean(path.as_str(), entry.kind == Kind::Directory) {
            return Ok(());
        }
        match entry.kind {
            Kind::Directory => {
                let here = std::fs::canonicalize(folder.path()).map_err(in_link)?;
                self.above.push(here);
                if self.above.iter().any(|above| above.starts_with(&target)) {
                    let message = "this link leads back to a folder that holds it; leave it out with --exclude";
                    return Err(Error::invalid(message).in_file(&link));
                }
                self.items.insert(path.clone(), Item::Directory);
                self.folder(&Folder::open(&target)?, Some(&path), true, task)?;
                self.above.pop();
                Ok(())
            }
            Kind::File { size } => {
                self.followed.insert(path.clone(), target);
                self.sizes.insert(path, (size, entry.is_executable()));
                Ok(())
            }
            Kind::Symlink | Kind::Other => {
                let message = "this link leads to a pipe, a socket or a device; leave it out with --exclude";
                Err(Error::invalid(message).in_file(&link))
            }
        }
    }
}

fn read_rules(root: &Folder) -> Result<Rules> {
    let Some(Entry { kind: Kind::File { size }, .. }) = root.entry(IGNORE_FILE)? else { return Ok(Rules::default()) };
    let path = root.path().join(IGNORE_FILE);
    if size > MAX_IGNORE_FILE {
        return Err(Error::limit("this file of patterns is larger than 1 MiB").in_file(&path));
    }
    let mut text = String::new();
    root.open_file(IGNORE_FILE)?
        .take(MAX_IGNORE_FILE)
        .read_to_string(&mut text)
        .map_err(|e| Error::from(e).in_file(&path))?;
    Rules::in_text(&text).map_err(|e| e.in_file(&path))
}

fn digests_of_followed(
    paths: &[TreePath],
    followed: &BTreeMap<TreePath, PathBuf>,
    threads: usize,
    task: &mut Task<'_>,
) -> Result<Vec<Digest>> {
    parallel::run(
        paths,
        threads,
        task,
        || (),
        |(), path, report| {
            let file = FileSource::open(&followed[path])?;
            let share = |event: &Event| event.done as f64 / event.total.max(1) as f64;
            report.within(file.size(), share, |task| digest(&file, task))
        },
    )
}

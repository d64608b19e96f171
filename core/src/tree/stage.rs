//! New items, written and verified beside the tree before anything in it is touched.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

use crate::delta::{self, ApplyOptions};
use crate::digest::Hasher;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, Folder, Joined, Kind, ReadAt};
use crate::limits::Limits;
use crate::progress::{Phase, Stop, Task, Unit};
use crate::tree::item::{FileItem, Item};
use crate::tree::journal::Step;
use crate::tree::patch::{Content, Patch, Source};
use crate::tree::path::TreePath;
use crate::tree::plan::{Make, mode_for};
use crate::tree::pool::Pool;
use crate::tree::reach::{MANY, Reach};

/// What holds the bytes that a patch needs.
pub(crate) trait Package {
    /// Hands every entry that `wanted` names to `visit`, each once, in whatever order costs least. An entry that is not there
    /// is CORRUPT.
    fn visit(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&str, &mut dyn Read) -> Result<()>,
    ) -> Result<()>;
}

/// What new items are made from.
pub(super) struct Staging<'a> {
    pub root: &'a Folder,
    pub patch: &'a Patch,
    pub package: &'a dyn Package,
    pub limits: &'a Limits,
}

impl Staging<'_> {
    /// Writes the new items of all steps into `new_items`, each under the number of its step, and makes their bytes durable.
    pub fn stage(&self, new_items: &Folder, steps: &[(Step, Make)], bytes: u64, task: &mut Task<'_>) -> Result<()> {
        task.begin(Phase::Stage, bytes, Unit::Bytes)?;
        let mut stage = Stage {
            from: self,
            new_items,
            waiting: HashMap::new(),
            joined: self.patch.joined.iter().map(|_| BTreeMap::new()).collect(),
            results: self.patch.results(),
            written: Vec::new(),
        };
        for (number, (step, make)) in steps.iter().enumerate() {
            let place = Place { folders: Vec::new(), name: number.to_string(), path: step.path.clone() };
            match make {
                Make::Nothing => {}
                Make::Symlink(target) => new_items.create_symlink(&place.name, target)?,
                Make::File(file, content) => stage.file(place, file, content, task)?,
                Make::Directory(items) => {
                    new_items.create_folder(&place.name)?;
                    let depth = step.path.names().count();
                    for (path, item, content) in items {
                        let mut names: Vec<String> = vec![place.name.clone()];
                        names.extend(path.names().skip(depth).map(str::to_owned));
                        let name = names.pop().unwrap_or_default();
                        let place = Place { folders: names, name, path: path.clone() };
                        match (item, content) {
                            (Item::Directory, _) => place.folder(new_items)?.create_folder(&place.name)?,
                            (Item::Symlink(target), _) => {
                                place.folder(new_items)?.create_symlink(&place.name, target)?;
                            }
                            (Item::File(file), Some(content)) => stage.file(place, file, content, task)?,
                            (Item::File(_), None) => {
                                return Err(Error::corrupt(format!("the patch has no bytes for {path}")));
                            }
                        }
                    }
                }
            }
        }
        stage.take_from_package(task)?;
        if stage.written.len() <= MANY || !new_items.sync_file_system()? {
            stage.sync()?;
            for (number, (_, make)) in steps.iter().enumerate() {
                if let Make::Directory(_) = make {
                    sync_below(&new_items.open_folder(number.to_string())?)?;
                }
            }
        }
        task.finish()
    }
}

/// Where a new item is staged, and where it will be.
struct Place {
    folders: Vec<String>,
    name: String,
    path: TreePath,
}

impl Place {
    fn folder<'a>(&self, new_items: &'a Folder) -> Result<Held<'a>> {
        let mut held = Held::Borrowed(new_items);
        for name in &self.folders {
            held = Held::Owned(held.open_folder(name)?);
        }
        Ok(held)
    }
}

enum Held<'a> {
    Borrowed(&'a Folder),
    Owned(Folder),
}

impl std::ops::Deref for Held<'_> {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        match self {
            Held::Borrowed(folder) => folder,
            Held::Owned(folder) => folder,
        }
    }
}

/// What an entry of the package makes.
enum Waiting {
    File(Place, FileItem, Option<Source>),
    /// The files of a joined delta, by its number.
    Joined(usize),
}

struct Stage<'a> {
    from: &'a Staging<'a>,
    new_items: &'a Folder,
    waiting: HashMap<String, Waiting>,
    /// The files that each joined delta has to make, with the numbers of their sources.
    joined: Vec<BTreeMap<TreePath, (Place, Vec<usize>)>>,
    /// What each of them makes in all.
    results: Vec<Vec<(&'a TreePath, &'a FileItem)>>,
    written: Vec<Place>,
}

impl Stage<'_> {
    fn file(&mut self, place: Place, file: &FileItem, content: &Content, task: &mut Task<'_>) -> Result<()> {
        let (entry, waiting) = match content {
            Content::Copy(source) => {
                let mut old = open_old(self.from.root, source)?;
                self.write(&place, file, task, |out, task| copy(&mut old, file.size, out, task))?;
                self.written.push(place);
                return Ok(());
            }
            Content::Whole => (place.path.to_string(), Waiting::File(place, *file, None)),
            Content::Delta { entry, source } => (entry.clone(), Waiting::File(place, *file, Some(source.clone()))),
            Content::Joined { delta, from } => {
                let wrong = || Error::corrupt(format!("the patch has no joined delta {delta}"));
                let entry = self.from.patch.joined.get(*delta).ok_or_else(wrong)?.entry.clone();
                let results = self.joined.get_mut(*delta).ok_or_else(wrong)?;
                results.insert(place.path.clone(), (place, from.clone()));
                if results.len() > 1 {
                    return Ok(());
                }
                (entry, Waiting::Joined(*delta))
            }
        };
        match self.waiting.insert(entry, waiting) {
            None => Ok(()),
            Some(_) => Err(Error::corrupt("two contents of the patch share an entry of the package")),
        }
    }

    fn take_from_package(&mut self, task: &mut Task<'_>) -> Result<()> {
        let mut waiting = std::mem::take(&mut self.waiting);
        let wanted: HashSet<String> = waiting.keys().cloned().collect();
        let package = self.from.package;
        package.visit(&|name| wanted.contains(name), &mut |name, bytes| {
            let Some(waiting) = waiting.remove(name) else {
                return Err(Error::corrupt(format!("the package holds \"{}\" twice", name.escape_debug())));
            };
            let (place, file, source) = match waiting {
                Waiting::Joined(number) => return self.make_joined(number, bytes, task),
                Waiting::File(place, file, source) => (place, file, source),
            };
            match &source {
                None => self.write(&place, &file, task, |out, task| copy(bytes, file.size, out, task))?,
                Some(source) => {
                    let old = old_file(self.from.root, source)?;
                    let options = ApplyOptions { limits: *self.from.limits, threads: 1 };
                    self.write(&place, &file, task, |out, task| {
                        within(task, file.size, |inner| delta::apply(&old, bytes, out, &options, inner).map(|_| ()))
                    })?;
                }
            }
            self.written.push(place);
            Ok(())
        })?;
        match waiting.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::corrupt(format!("the package lacks \"{}\"", name.escape_debug()))),
        }
    }

    /// Makes those files of a joined delta that the tree does not have yet.
    fn make_joined(&mut self, number: usize, delta: &mut dyn Read, task: &mut Task<'_>) -> Result<()> {
        let joined = &self.from.patch.joined[number];
        let mut places = std::mem::take(&mut self.joined[number]);
        let results = std::mem::take(&mut self.results[number]);
        let (mut files, mut sources) = (Vec::new(), Vec::new());
        for (path, file) in &results {
            match places.remove(path) {
                None => sources.push(None),
                Some((place, from)) => {
                    sources.push(Some(from));
                    files.push((place, **file));
                }
            }
        }
        let read: BTreeSet<usize> = sources.iter().flatten().flatten().copied().collect();
        let root = self.from.root;
        let open = |number: usize| Ok(Box::new(old_file(root, &joined.sources[number])?) as Box<dyn ReadAt>);
        let pool = Pool::new(open);
        let old = joined.sources.iter().enumerate().map(|(number, source)| {
            let file = read.contains(&number).then(|| pool.file(number, source.size));
            (source.size, file)
        });
        let old = Joined::new(old)?;
        let wanted: Vec<Option<&[usize]>> = sources.iter().map(Option::as_deref).collect();
        let ends = joined.ends(&results);
        let options = ApplyOptions { limits: *self.from.limits, threads: 1 };
        let size = files.iter().map(|(_, file)| file.size).fold(0, u64::saturating_add);
        let mut row = Row { stage: self, files: files.into_iter(), open: None, done: Vec::new(), failed: None };
        let applied = row.open_next().and_then(|()| {
            within(task, size, |task| delta::apply_joined(&old, delta, &ends, &wanted, &mut row, &options, task))
        });
        match (row.failed, applied) {
            (Some(error), _) | (None, Err(error)) => Err(error),
            (None, Ok(())) if row.open.is_some() => Err(Error::corrupt("the delta makes less than its files")),
            (None, Ok(())) => {
                let done = row.done;
                self.written.extend(done);
                Ok(())
            }
        }
    }

    /// Writes one file and checks that it is the promised one.
    fn write(
        &self,
        place: &Place,
        promised: &FileItem,
        task: &mut Task<'_>,
        fill: impl FnOnce(&mut dyn Write, &mut Task<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut out = self.create(place, promised)?;
        fill(&mut out, task).map_err(|e| e.in_file(&place.path.below(self.from.root.path())))?;
        self.close(place, promised, out)
    }

    fn create(&self, place: &Place, promised: &FileItem) -> Result<HashingWriter> {
        let folder = place.folder(self.new_items)?;
        let file = folder.create_file(&place.name, if promised.executable { 0o777 } else { 0o666 })?;
        keep_permissions(self.from.root, &place.path, promised, &file)?;
        Ok(HashingWriter { file: BufWriter::with_capacity(128 << 10, file), hasher: Hasher::new(), size: 0 })
    }

    fn close(&self, place: &Place, promised: &FileItem, mut out: HashingWriter) -> Result<()> {
        let in_file = |e: Error| e.in_file(&place.path.below(self.from.root.path()));
        out.flush().map_err(|e| in_file(e.into()))?;
        if (out.size, out.hasher.finish()) != (promised.size, promised.sha256) {
            return Err(in_file(Error::new(Status::TargetMismatch, "the package makes another file than it promises")));
        }
        Ok(())
    }

    /// Syncing all files after the last one was written lets the system write them in few large pieces.
    fn sync(&self) -> Result<()> {
        for place in &self.written {
            let folder = place.folder(self.new_items)?;
            let file = folder.open_file(&place.name)?;
            file.sync_all().map_err(|e| Error::from(e).in_file(&folder.path().join(&place.name)))?;
        }
        Ok(())
    }
}

/// Files that are written one after the other, each until it has its size.
struct Row<'a, 'b, I> {
    stage: &'a Stage<'b>,
    files: I,
    open: Option<(Place, FileItem, HashingWriter)>,
    done: Vec<Place>,
    /// What an error of a writer cannot say.
    failed: Option<Error>,
}

impl<I: Iterator<Item = (Place, FileItem)>> Row<'_, '_, I> {
    /// Opens the next file that is to have any bytes.
    fn open_next(&mut self) -> Result<()> {
        for (place, file) in self.files.by_ref() {
            let out = self.stage.create(&place, &file)?;
            if file.size > 0 {
                self.open = Some((place, file, out));
                break;
            }
            self.stage.close(&place, &file, out)?;
            self.done.push(place);
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        let Some((_, file, out)) = &mut self.open else {
            return Err(Error::corrupt("the delta makes more than its files"));
        };
        let left = file.size - out.size;
        let written = out.write(&bytes[..left.min(bytes.len() as u64) as usize])?;
        if written as u64 == left
            && let Some((place, file, out)) = self.open.take()
        {
            self.stage.close(&place, &file, out)?;
            self.done.push(place);
            self.open_next()?;
        }
        Ok(written)
    }
}

impl<I: Iterator<Item = (Place, FileItem)>> Write for Row<'_, '_, I> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes).map_err(|error| {
            self.failed = Some(error);
            io::ErrorKind::Other.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct HashingWriter {
    file: BufWriter<File>,
    hasher: Hasher,
    size: u64,
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file that replaces another keeps its permissions and, where the process may give files away, its owner.
fn keep_permissions(root: &Folder, path: &TreePath, promised: &FileItem, file: &File) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
        let Some(old) = Reach::new(root).entry(path)? else { return Ok(()) };
        if let Kind::File { .. } = old.kind {
            let metadata = file.metadata()?;
            if (metadata.uid(), metadata.gid()) != old.owner {
                // Only the superuser may; for everybody else the new file is the user's who updates.
                let _ = fchown(file, Some(old.owner.0), Some(old.owner.1));
            }
            file.set_permissions(std::fs::Permissions::from_mode(mode_for(promised, old.mode)))?;
        }
    }
    #[cfg(not(unix))]
    let _ = (root, path, promised, file, Kind::Other, mode_for);
    Ok(())
}

fn old_file(root: &Folder, source: &Source) -> Result<FileSource> {
    FileSource::from_file(open_old(root, source)?, &source.path.below(root.path()))
}

fn open_old(root: &Folder, source: &Source) -> Result<File> {
    let mut reach = Reach::new(root);
    match reach.parent(&source.path)? {
        Some(parent) => parent.open_file(source.path.name()),
        None => Err(Error::new(Status::NotFound, format!("{} went away meanwhile", source.path))),
    }
}

/// Copies what should be `size` bytes; more than that are not even read.
fn copy(from: &mut dyn Read, size: u64, out: &mut dyn Write, task: &mut Task<'_>) -> Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut left = size;
    loop {
        let want = left.saturating_add(1).min(buffer.len() as u64) as usize;
        match from.read(&mut buffer[..want]) {
            Ok(0) => return Ok(()),
            Ok(n) if n as u64 > left => return Err(Error::corrupt("the package holds a larger file than it promises")),
            Ok(n) => {
                out.write_all(&buffer[..n])?;
                left -= n as u64;
                task.advance(n as u64)?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Runs an operation that reports phases of its own as `size` units of the phase that `task` is in.
pub(super) fn within<T>(task: &mut Task<'_>, size: u64, work: impl FnOnce(&mut Task<'_>) -> Result<T>) -> Result<T> {
    let mut reported = 0;
    let mut failed = None;
    let mut inner = Task::with_cancel(task.cancel_token().clone()).observed(|event| {
        if event.phase != Phase::Apply || event.total == 0 {
            return Ok(());
        }
        let done = (u128::from(event.done) * u128::from(size) / u128::from(event.total)) as u64;
        let more = done.saturating_sub(reported);
        reported += more;
        task.advance(more).map_err(|error| {
            failed = Some(error);
            Stop::Cancelled
        })
    });
    let result = work(&mut inner);
    drop(inner);
    if let Some(error) = failed {
        return Err(error);
    }
    task.advance(size.saturating_sub(reported))?;
    result
}

fn sync_below(folder: &Folder) -> Result<()> {
    for name in folder.names()? {
        if let Some(entry) = folder.entry(&name)?
            && entry.kind == Kind::Directory
        {
            sync_below(&folder.open_folder(&name)?)?;
        }
    }
    folder.sync()
}

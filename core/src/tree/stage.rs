//! New items, written and verified beside the tree before anything in it is touched.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

use crate::delta::{self, ApplyOptions};
use crate::digest::Hasher;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, Folder, Kind};
use crate::limits::Limits;
use crate::progress::{Phase, Stop, Task, Unit};
use crate::tree::item::{FileItem, Item};
use crate::tree::journal::Step;
use crate::tree::patch::{Content, Source};
use crate::tree::path::TreePath;
use crate::tree::plan::{Make, mode_for};
use crate::tree::reach::Reach;

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

/// Writes the new items of all steps into `new_items`, each under the number of its step, and makes their bytes durable.
pub(super) fn stage(
    root: &Folder,
    new_items: &Folder,
    steps: &[(Step, Make)],
    bytes: u64,
    package: &dyn Package,
    limits: &Limits,
    task: &mut Task<'_>,
) -> Result<()> {
    task.begin(Phase::Stage, bytes, Unit::Bytes)?;
    let mut stage = Stage { root, limits, from_package: HashMap::new(), written: Vec::new() };
    for (number, (step, make)) in steps.iter().enumerate() {
        let place = Place { folders: Vec::new(), name: number.to_string(), path: step.path.clone() };
        match make {
            Make::Nothing => {}
            Make::Symlink(target) => new_items.create_symlink(&place.name, target)?,
            Make::File(file, content) => stage.file(new_items, place, file, content, task)?,
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
                        (Item::Symlink(target), _) => place.folder(new_items)?.create_symlink(&place.name, target)?,
                        (Item::File(file), Some(content)) => stage.file(new_items, place, file, content, task)?,
                        (Item::File(_), None) => {
                            return Err(Error::corrupt(format!("the patch has no bytes for {path}")));
                        }
                    }
                }
            }
        }
    }
    stage.take_from_package(new_items, package, task)?;
    stage.sync(new_items)?;
    for (number, (_, make)) in steps.iter().enumerate() {
        if let Make::Directory(_) = make {
            sync_below(&new_items.open_folder(&number.to_string())?)?;
        }
    }
    task.finish()
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

struct Stage<'a> {
    root: &'a Folder,
    limits: &'a Limits,
    from_package: HashMap<String, (Place, FileItem, Option<Source>)>,
    written: Vec<Place>,
}

impl Stage<'_> {
    fn file(
        &mut self,
        new_items: &Folder,
        place: Place,
        file: &FileItem,
        content: &Content,
        task: &mut Task<'_>,
    ) -> Result<()> {
        let (entry, source) = match content {
            Content::Copy(source) => {
                let mut old = open_old(self.root, source)?;
                self.write(new_items, &place, file, task, |out, task| copy(&mut old, file.size, out, task))?;
                self.written.push(place);
                return Ok(());
            }
            Content::Whole => (place.path.to_string(), None),
            Content::Delta { entry, source } => (entry.clone(), Some(source.clone())),
        };
        match self.from_package.insert(entry, (place, *file, source)) {
            None => Ok(()),
            Some((place, ..)) => {
                Err(Error::corrupt(format!("two files share the entry of {} in the package", place.path)))
            }
        }
    }

    fn take_from_package(&mut self, new_items: &Folder, package: &dyn Package, task: &mut Task<'_>) -> Result<()> {
        let mut waiting = std::mem::take(&mut self.from_package);
        let wanted: std::collections::HashSet<String> = waiting.keys().cloned().collect();
        package.visit(&|name| wanted.contains(name), &mut |name, bytes| {
            let Some((place, file, source)) = waiting.remove(name) else {
                return Err(Error::corrupt(format!("the package holds \"{}\" twice", name.escape_debug())));
            };
            match &source {
                None => self.write(new_items, &place, &file, task, |out, task| copy(bytes, file.size, out, task))?,
                Some(source) => {
                    let path = source.path.below(self.root.path());
                    let old = FileSource::from_file(open_old(self.root, source)?, &path)?;
                    let options = ApplyOptions { limits: *self.limits, threads: 1 };
                    self.write(new_items, &place, &file, task, |out, task| {
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

    /// Writes one file and checks that it is the promised one.
    fn write(
        &self,
        new_items: &Folder,
        place: &Place,
        promised: &FileItem,
        task: &mut Task<'_>,
        fill: impl FnOnce(&mut dyn Write, &mut Task<'_>) -> Result<()>,
    ) -> Result<()> {
        let folder = place.folder(new_items)?;
        let file = folder.create_file(&place.name, if promised.executable { 0o777 } else { 0o666 })?;
        keep_permissions(self.root, &place.path, promised, &file)?;
        let mut out = HashingWriter { file: BufWriter::with_capacity(128 << 10, file), hasher: Hasher::new(), size: 0 };
        let in_file = |e: Error| e.in_file(&place.path.below(self.root.path()));
        fill(&mut out, task).and_then(|()| Ok(out.flush()?)).map_err(in_file)?;
        if (out.size, out.hasher.finish()) != (promised.size, promised.sha256) {
            return Err(in_file(Error::new(Status::TargetMismatch, "the package makes another file than it promises")));
        }
        Ok(())
    }

    /// Syncing all files after the last one was written lets the system write them in few large pieces.
    fn sync(&self, new_items: &Folder) -> Result<()> {
        for place in &self.written {
            let folder = place.folder(new_items)?;
            let file = folder.open_file(&place.name)?;
            file.sync_all().map_err(|e| Error::from(e).in_file(&folder.path().join(&place.name)))?;
        }
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

//! From two directories to the file-operation form: whole files and directories only.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use crate::digest::Hasher;
use crate::error::{Error, Result, Status};
use crate::io::{OutputFile, SourceReader};
use crate::json;
use crate::progress::{Phase, Task, Unit};
use crate::tree::compare::{Rulebook, compare};
use crate::tree::diff::{TreeDiffOptions, TreeDiffStats, changed, stats};
use crate::tree::item::{Item, Tree};
use crate::tree::operations::{PackageInfo, PatchOperations};
use crate::tree::patch::{Content, Patch};
use crate::tree::path::TreePath;
use crate::tree::scan::{Reader, Snapshot};

/// Where the parts of the file-operation form are written to.
#[derive(Clone, Copy, Debug)]
pub struct OperationOutputs<'a> {
    /// The `.tar.gz`.
    pub package: &'a Path,
    /// The operations.
    pub operations: &'a Path,
    /// What announces the package, if that is wanted.
    pub info: Option<&'a Path>,
    /// Where the package will be fetched from, for `info`.
    pub url: &'a str,
}

/// Writes what turns the tree at `old` into the tree at `new` in the file-operation form.
///
/// What the form cannot say is UNSUPPORTED: a symbolic link that changes outside of directories that are new or replaced
/// as a whole. A directory that is no longer there goes with everything that somebody put into it.
pub fn diff(
    old: &Path,
    new: &Path,
    outputs: &OperationOutputs<'_>,
    options: &TreeDiffOptions,
    task: &mut Task<'_>,
) -> Result<TreeDiffStats> {
    if !options.keep_local.is_empty() || options.applies_to.is_some() {
        return Err(Error::invalid(
            "operations cannot say what is kept or which versions they apply to; write a ZIP package",
        ));
    }
    let rules = Rulebook::new(&[], &options.replace_directories)?;
    let old = Snapshot::take(old, &options.scan, task)?;
    let new = Snapshot::take(new, &options.scan, task)?;
    let (mut patch, _) = compare(&old.tree, &new.tree, &rules, false)?;
    let whole = whole_directories(&patch, &new.tree);
    let operations = operations_of(&patch, &whole)?;
    if operations == PatchOperations::default() {
        return Err(Error::invalid("the directories are the same; operations that do nothing are none"));
    }
    let contents: Vec<(&TreePath, &Item)> = new
        .tree
        .items
        .iter()
        .filter(|(path, item)| {
            let changes = patch.changes.contains_key(path) && item.file().is_some();
            changes || whole.contains(path) || path.ancestors().any(|ancestor| whole.contains(&ancestor))
        })
        .collect();
    task.begin(Phase::Pack, contents.iter().map(|(_, item)| item.size()).sum(), Unit::Bytes)?;
    let mut package = OutputFile::create(outputs.package, options.output)?;
    let mut counted =
        Counted { out: BufWriter::with_capacity(128 << 10, &mut package), hasher: Hasher::new(), size: 0 };
    write_archive(&mut counted, &contents, &mut new.reader(), task)?;
    counted.flush()?;
    let (hash, size) = (counted.hasher.clone().finish(), counted.size);
    drop(counted);
    task.finish()?;
    package.commit(task.commit_point())?;
    write_text(outputs.operations, &operations.to_json(), options, task)?;
    if let Some(info) = outputs.info {
        let text =
            PackageInfo { url: outputs.url.to_owned(), hash, size: Some(size), version: options.version, operations };
        write_text(info, &json::text(&text), options, task)?;
    }
    for (path, _) in contents.iter().filter(|(_, item)| item.file().is_some()) {
        if let Some(change) = patch.changes.get_mut(*path) {
            change.content = Some(Content::Whole);
        }
    }
    Ok(stats(&old, &new, &patch, size))
}

/// The directories that have to be in the archive as such: those that are replaced as a whole, and new ones that hold what
/// files alone do not say.
fn whole_directories(patch: &Patch, new: &Tree) -> BTreeSet<TreePath> {
    let mut whole = BTreeSet::new();
    for (path, change) in &patch.changes {
        if change.new != Some(Item::Directory) || path.ancestors().any(|ancestor| whole.contains(&ancestor)) {
            continue;
        }
        let within = || new.items.range(path.clone()..).filter(|(other, _)| *other == path || other.is_below(path));
        let is_empty = |folder: &TreePath| !within().any(|(other, _)| other.is_below(folder));
        let more_than_files = within().any(|(path, item)| match item {
            Item::File(_) => false,
            Item::Symlink(_) => true,
            Item::Directory => is_empty(path),
        });
        // A file that becomes a directory has to go first.
        if change.whole_directory || change.old_item().is_some() || more_than_files {
            whole.insert(path.clone());
        }
    }
    whole
}

fn operations_of(patch: &Patch, whole: &BTreeSet<TreePath>) -> Result<PatchOperations> {
    let mut operations = PatchOperations::default();
    let mut gone = BTreeSet::new();
    for (path, change) in &patch.changes {
        let text = path.to_string();
        if path.ancestors().any(|ancestor| whole.contains(&ancestor) || gone.contains(&ancestor)) {
            continue;
        }
        match &change.new {
            _ if whole.contains(path) => operations.replace.directories.push(text),
            Some(Item::File(_)) => operations.replace.files.push(text),
            // It is made on the way to what is in it.
            Some(Item::Directory) => {}
            Some(Item::Symlink(_)) => {
                let message = format!(
                    "operations cannot say that the link {path} changes; replace its directory with \
                     --replace-directories, or write a ZIP package"
                );
                return Err(Error::new(Status::Unsupported, message));
            }
            None if change.whole_directory || change.old_item() == Some(&Item::Directory) => {
                operations.delete.directories.push(text);
                gone.insert(path.clone());
            }
            None => operations.delete.files.push(text),
        }
    }
    Ok(operations)
}

fn write_archive(
    out: &mut dyn Write,
    contents: &[(&TreePath, &Item)],
    reader: &mut Reader<'_>,
    task: &mut Task<'_>,
) -> Result<()> {
    let mut archive = tar::Builder::new(GzEncoder::new(out, flate2::Compression::best()));
    for (path, item) in contents {
        let mut header = Header::new_gnu();
        header.set_mtime(0);
        header.set_size(item.size());
        match item {
            Item::Directory => {
                header.set_entry_type(EntryType::Directory);
                header.set_mode(0o755);
                archive.append_data(&mut header, format!("{path}/"), io::empty())?;
            }
            Item::Symlink(target) => {
                header.set_entry_type(EntryType::Symlink);
                header.set_mode(0o777);
                archive.append_link(&mut header, path.as_str(), target)?;
            }
            Item::File(file) => {
                header.set_entry_type(EntryType::Regular);
                header.set_mode(if file.executable { 0o755 } else { 0o644 });
                let source = reader.open(path)?;
                let mut content = Hashed { inner: SourceReader::new(&source), hasher: Hasher::new(), size: 0 };
                archive.append_data(&mut header, path.as_str(), &mut content)?;
                if (content.size, content.hasher.finish()) != (file.size, file.sha256) {
                    return Err(changed(path));
                }
                task.advance(file.size)?;
            }
        }
    }
    archive.into_inner()?.finish()?;
    Ok(())
}

fn write_text(path: &Path, text: &str, options: &TreeDiffOptions, task: &Task<'_>) -> Result<()> {
    let mut file = OutputFile::create(path, options.output)?;
    file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n"))?;
    file.commit(task.commit_point())
}

/// Hashes and counts what is written.
struct Counted<W> {
    out: W,
    hasher: Hasher,
    size: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Hashes and counts what is read.
struct Hashed<R> {
    inner: R,
    hasher: Hasher,
    size: u64,
}

impl<R: io::Read> io::Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        self.size += n as u64;
        Ok(n)
    }
}

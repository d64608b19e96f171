//! Reads the `.tar.gz` of operations: once to check it and to learn what it holds, once for its content.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use tar::EntryType;

use crate::digest::Hasher;
use crate::error::{Error, Result, Status};
use crate::io::{ReadAt, SourceReader};
use crate::progress::{Phase, Task, Unit};
use crate::tree::item::{FileItem, Item};
use crate::tree::operations::{Means, PatchOperations, Resolved, bare};
use crate::tree::patch::{Change, Content, Expected, Patch};
use crate::tree::path::{TreePath, check_link_target};

/// The `.tar.gz` of operations, checked.
pub(in crate::tree) struct Archive {
    source: Box<dyn ReadAt>,
}

impl Archive {
    /// Reads the whole archive once, and finds out what the operations promise. What is not as they say is CORRUPT.
    pub fn open(source: Box<dyn ReadAt>, operations: &PatchOperations, task: &mut Task<'_>) -> Result<(Self, Patch)> {
        let resolved = operations.resolve()?;
        let mut items = BTreeMap::new();
        task.begin(Phase::Verify, source.size(), Unit::Bytes)?;
        let archive = Self { source };
        let mut counted = 0;
        archive.entries(&mut |entry, position| {
            task.advance(position.saturating_sub(counted))?;
            counted = position;
            let (path, item) = resolved.take(entry)?;
            let Some(path) = path else { return Ok(()) };
            match items.get(&path) {
                None => drop(items.insert(path, item)),
                // Many writers name a directory more than once.
                Some(Item::Directory) if item == Item::Directory => {}
                Some(_) => return Err(Error::corrupt(format!("the archive holds {path} twice"))),
            }
            Ok(())
        })?;
        task.finish()?;
        let patch = resolved.patch(items)?;
        patch.check()?;
        Ok((archive, patch))
    }

    /// The operations that unpack `source` as a whole: every file in it is replaced, and nothing else is touched.
    pub fn operations_of(source: Box<dyn ReadAt>) -> Result<(PatchOperations, Box<dyn ReadAt>)> {
        let mut operations = PatchOperations::default();
        let archive = Self { source };
        archive.entries(&mut |entry, _| {
            if entry.header().entry_type().is_file()
                && let Some(path) = path_of(entry)?
            {
                operations.replace.files.push(path.to_string());
            }
            Ok(())
        })?;
        Ok((operations, archive.source))
    }

    pub fn size(&self) -> u64 {
        self.source.size()
    }

    /// Hands the content of every file that `wanted` names to `visit`.
    pub fn visit(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&str, &mut dyn Read) -> Result<()>,
    ) -> Result<()> {
        self.entries(&mut |entry, _| {
            let path = path_of(entry)?;
            match path {
                Some(path) if entry.header().entry_type().is_file() && wanted(path.as_str()) => {
                    visit(path.as_str(), entry)
                }
                _ => Ok(()),
            }
        })
    }

    /// Hands every entry to `visit`, with how much of the package was read by then.
    fn entries(&self, visit: &mut dyn FnMut(&mut TarEntry<'_, '_>, u64) -> Result<()>) -> Result<()> {
        let (position, allowance) = (Cell::new(0), Cell::new(u64::MAX));
        let packed = Counted { inner: SourceReader::new(&*self.source), position: &position };
        let unpacked = MultiGzDecoder::new(BufReader::with_capacity(64 << 10, packed));
        let mut archive = tar::Archive::new(Unpacked { inner: Box::new(unpacked), allowance: &allowance });
        let mut number = 0u64;
        let mut entries = archive.entries().map_err(of_archive)?;
        loop {
            allowance.set(MAX_HEADERS);
            let next = entries.next().transpose().map_err(of_archive)?;
            allowance.set(u64::MAX);
            let Some(mut entry) = next else { break };
            number += 1;
            if number > MAX_ENTRIES {
                return Err(Error::limit(format!("the archive has more than {MAX_ENTRIES} entries")));
            }
            check_size(&mut entry)?;
            visit(&mut entry, position.get()).map_err(|e| match e.status() {
                Status::Io if e.system_code().is_none() => Error::corrupt(e.message().to_owned()),
                _ => e,
            })?;
            io::copy(&mut entry, &mut io::sink()).map_err(of_archive)?;
        }
        allowance.set(MAX_PADDING);
        // What stands behind the end of the archive is read too, so that the check of the whole is made.
        let mut rest = archive.into_inner();
        let mut buffer = [0; 16 << 10];
        loop {
            match rest.read(&mut buffer).map_err(of_archive)? {
                0 => return Ok(()),
                n if buffer[..n].iter().all(|byte| *byte == 0) => {}
                _ => return Err(Error::corrupt("something follows the end of the archive")),
            }
        }
    }
}

/// The most entries that an archive may have.
const MAX_ENTRIES: u64 = 1 << 24;
/// The most bytes that the headers of one entry may take: the reader of the archive holds long names and extensions in
/// memory, however long they are.
const MAX_HEADERS: u64 = 1 << 20;
/// The most bytes that may stand behind the end of an archive.
const MAX_PADDING: u64 = 16 << 20;

type TarEntry<'a, 'b> = tar::Entry<'a, Unpacked<'b>>;

impl Resolved {
    /// What an entry of the archive is, once it is known that the operations want it; no path where it is the root or a
    /// directory on the way.
    fn take(&self, entry: &mut TarEntry<'_, '_>) -> Result<(Option<TreePath>, Item)> {
        let kind = entry.header().entry_type();
        let Some(path) = path_of(entry)? else {
            return match kind.is_dir() {
                true => Ok((None, Item::Directory)),
                false => Err(Error::new(Status::UnsafePath, "the archive has a file in the place of its root")),
            };
        };
        let wrong = |why: &str| Err(Error::corrupt(format!("{path} in the archive {why}")));
        let holder = self.directory_of(&path);
        let in_replaced = matches!(holder, Some((_, Means::ReplaceDirectory)));
        let means = self.0.get(&path);
        let item = match kind {
            EntryType::Directory => {
                let listed = means == Some(&Means::ReplaceDirectory) || in_replaced;
                if !listed && !self.holds_replaced(&path) {
                    return wrong("is a directory that the operations do not replace");
                }
                if !listed {
                    return Ok((None, Item::Directory));
                }
                Item::Directory
            }
            EntryType::Regular | EntryType::Continuous => {
                if means != Some(&Means::ReplaceFile) && !in_replaced {
                    return wrong("is a file that the operations do not replace");
                }
                Item::File(read_file(entry)?)
            }
            EntryType::Symlink => {
                if !in_replaced {
                    return wrong("is a link, which the operations do not replace");
                }
                let target = entry.link_name_bytes().unwrap_or_default();
                let target = std::str::from_utf8(&target).map_err(|_| {
                    Error::new(Status::UnsafePath, format!("the link {path} in the archive leads to no UTF-8 path"))
                })?;
                check_link_target(&path, target)?;
                Item::Symlink(target.to_owned())
            }
            EntryType::Link => {
                let message =
                    format!("{path} in the archive is a hard link; packages hold files, directories and links");
                return Err(Error::new(Status::UnsafePath, message));
            }
            _ => {
                let message = format!("{path} in the archive is a device, a pipe or something stranger");
                return Err(Error::new(Status::UnsafePath, message));
            }
        };
        if means.is_some_and(|means| matches!(means, Means::DeleteFile | Means::DeleteDirectory)) {
            return wrong("is there, and the operations delete it");
        }
        Ok((Some(path), item))
    }

    /// The patch that the operations make with `items`, which are all that the archive holds.
    fn patch(&self, items: BTreeMap<TreePath, Item>) -> Result<Patch> {
        let mut changes = BTreeMap::new();
        let change = |new: Option<Item>, content, whole_directory| Change {
            old: Expected::Anything,
            new,
            content,
            whole_directory,
            keep_local: false,
        };
        let held: BTreeSet<TreePath> = items.keys().flat_map(TreePath::ancestors).collect();
        if let Some(path) = held.iter().find(|path| items.get(path).is_some_and(|item| *item != Item::Directory)) {
            let message = format!("the archive has something below {path}, which is no directory there");
            return Err(Error::new(Status::UnsafePath, message));
        }
        for (path, means) in &self.0 {
            let missing = |what: &str| Err(Error::corrupt(format!("the archive lacks the {what} {path}")));
            match means {
                Means::ReplaceFile => match items.get(path) {
                    Some(Item::File(_)) => {}
                    _ => return missing("file"),
                },
                Means::ReplaceDirectory => {
                    if items.get(path) != Some(&Item::Directory) && !held.contains(path) {
                        return missing("directory");
                    }
                    changes.insert(path.clone(), change(Some(Item::Directory), None, true));
                }
                // What a directory takes along needs nothing said of it.
                Means::DeleteFile | Means::DeleteDirectory if self.directory_of(path).is_some() => {}
                Means::DeleteFile => drop(changes.insert(path.clone(), change(None, None, false))),
                Means::DeleteDirectory => drop(changes.insert(path.clone(), change(None, None, true))),
            }
        }
        // Within a directory that is replaced, the folders on the way may be there by their content alone.
        for path in held {
            if matches!(self.directory_of(&path), Some((_, Means::ReplaceDirectory))) {
                changes.insert(path, change(Some(Item::Directory), None, false));
            }
        }
        for (path, item) in items {
            let content = item.file().map(|_| Content::Whole);
            changes.entry(path).or_insert_with(|| change(Some(item), content, false));
        }
        Ok(Patch { changes, ..Patch::default() })
    }
}

/// The path of an entry; nothing where it is the root. A link or a file has to be named as such.
fn path_of(entry: &TarEntry<'_, '_>) -> Result<Option<TreePath>> {
    let bytes = entry.path_bytes();
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Error::new(Status::UnsafePath, "a name in the archive is not UTF-8"))?;
    if matches!(text, "." | "./") {
        return Ok(None);
    }
    let text = if entry.header().entry_type().is_dir() { bare(text) } else { text.trim_start_matches("./") };
    let path = TreePath::parse(text)?;
    match path.is_reserved() {
        false => Ok(Some(path)),
        true => {
            let message = format!("{path} in the archive lies in the folder that belongs to patchcore");
            Err(Error::new(Status::UnsafePath, message))
        }
    }
}

/// Checks that an entry has one size only, whoever reads it: an extended header may name another than the header itself.
fn check_size(entry: &mut TarEntry<'_, '_>) -> Result<()> {
    let wrong = || Error::corrupt("an entry of the archive has two sizes");
    let size = entry.size();
    let plain = entry.header().entry_size().map_err(of_archive)?;
    if let Some(extensions) = entry.pax_extensions().map_err(of_archive)? {
        let mut sizes = 0;
        for extension in extensions {
            let extension = extension.map_err(of_archive)?;
            if extension.key_bytes() == b"size" {
                sizes += 1;
                let value = extension.value().ok().and_then(|value| value.parse::<u64>().ok()).ok_or_else(wrong)?;
                // A header that cannot hold the size says 0.
                if sizes > 1 || value != size || (plain != 0 && plain != value) {
                    return Err(wrong());
                }
            }
        }
        if sizes == 0 && plain != size {
            return Err(wrong());
        }
    } else if plain != size {
        return Err(wrong());
    }
    let kind = entry.header().entry_type();
    match size {
        0 => Ok(()),
        _ if matches!(kind, EntryType::Regular | EntryType::Continuous) => Ok(()),
        _ => Err(Error::corrupt("something in the archive that is no file has bytes")),
    }
}

fn read_file(entry: &mut TarEntry<'_, '_>) -> Result<FileItem> {
    let executable = entry.header().mode().map_err(of_archive)? & 0o100 != 0;
    let (mut hasher, mut size) = (Hasher::new(), 0);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match entry.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&buffer[..n]);
                size += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(of_archive(e)),
        }
    }
    match size == entry.size() {
        true => Ok(FileItem { size, sha256: hasher.finish(), executable }),
        false => Err(Error::corrupt("the archive ends early")),
    }
}

/// What the reader of the archive says, unless it is one of our own errors or the system's.
fn of_archive(error: io::Error) -> Error {
    let error = Error::from(error);
    match error.status() {
        Status::Io if error.system_code().is_none() => {
            Error::corrupt(format!("the archive is damaged: {}", error.message()))
        }
        _ => error,
    }
}

/// The archive as it was before it was compressed. What cannot be decompressed is CORRUPT.
pub(super) struct Unpacked<'a> {
    inner: Box<dyn Read + 'a>,
    /// How many bytes may still be read.
    allowance: &'a Cell<u64>,
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer).map_err(|e| match e.get_ref().is_some_and(|inner| inner.is::<Error>()) {
            true => e,
            false => Error::corrupt(format!("the archive cannot be decompressed: {e}")).into(),
        })?;
        let left = self.allowance.get().checked_sub(n as u64);
        self.allowance.set(left.ok_or_else(|| Error::limit("the archive has headers that are far too long"))?);
        Ok(n)
    }
}

/// Counts what was read.
struct Counted<'a> {
    inner: SourceReader<'a>,
    position: &'a Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.position.set(self.position.get() + n as u64);
        Ok(n)
    }
}

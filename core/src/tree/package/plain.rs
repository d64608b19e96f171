//! Reads ZIP files that others made, as packages of a whole release: every file, link and folder in them is put in place.
//!
//! They say no digest of anything, so all of it is read once to find out what is promised, and checked again when it is used.
//! Whoever wrote one may have left gaps, comments and sizes that stand only in the directory. The directory alone counts;
//! what could still be understood in two ways is refused.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;

use crate::digest::Hasher;
use crate::error::{Error, Result, Status};
use crate::io::ReadAt;
use crate::progress::{Phase, Task, Unit};
use crate::tree::item::{FileItem, Item};
use crate::tree::package::PATCH_ENTRY;
use crate::tree::package::codec::Content;
use crate::tree::package::foreign::{local_len, parse_central};
use crate::tree::package::format::{Directory, Entry, MAX_TAIL, Window};
use crate::tree::package::reader::{MAX_ENTRIES, Reader};
use crate::tree::patch::{Change, Content as Made, Expected, Patch};
use crate::tree::path::{TreePath, check_link_target};

/// The longest target of a link that is read, in bytes.
const MAX_TARGET: u64 = 4096;

/// What a ZIP file turned out to be.
pub(super) enum Found {
    /// A package that says itself what it does.
    Package(Reader, Patch),
    /// Whole files and nothing else.
    Plain(Plain, Patch),
}

/// A ZIP file whose directory was checked. The content of an entry is checked when it is read.
pub(super) struct Plain {
    source: Box<dyn ReadAt>,
    /// The files, and where the bytes of each begin.
    files: BTreeMap<String, (Entry, u64)>,
}

impl Plain {
    /// Reads a ZIP file of a whole release, whoever made it.
    pub fn open(source: Box<dyn ReadAt>, task: &mut Task<'_>) -> Result<Found> {
        let entries = read_directory(&*source)?;
        if entries.iter().any(|(entry, _)| entry.name == PATCH_ENTRY) {
            return Reader::open(source).map(|(reader, patch)| Found::Package(reader, patch));
        }
        let mut plain = Self { source, files: BTreeMap::new() };
        let mut changes = BTreeMap::new();
        // A few bytes may claim to be very many, so what is unpacked counts, and can be stopped at any of it.
        let bytes = entries.iter().map(|(entry, _)| entry.size).fold(0, u64::saturating_add);
        task.begin(Phase::Verify, bytes, Unit::Bytes)?;
        for (entry, start) in entries {
            let bare = entry.name.strip_prefix("./").unwrap_or(&entry.name);
            let path = TreePath::parse(bare.trim_end_matches('/'))?;
            let item = match (entry.name.ends_with('/'), entry.is_link) {
                (true, _) => Item::Directory,
                (false, true) => Item::Symlink(target_of(&*plain.source, &entry, start, &path)?),
                (false, false) => Item::File(file_of(&*plain.source, &entry, start, task)?),
            };
            let content = item.file().map(|_| Made::Whole);
            if content.is_some() {
                plain.files.insert(path.to_string(), (entry, start));
            }
            let change =
                Change { old: Expected::Anything, new: Some(item), content, whole_directory: false, keep_local: false };
            if changes.insert(path.clone(), change).is_some() {
                return Err(Error::corrupt(format!("the ZIP file holds {path} twice")));
            }
        }
        task.finish()?;
        let patch = Patch { changes, ..Patch::default() };
        patch.check()?;
        Ok(Found::Plain(plain, patch))
    }

    /// Hands the content of every file that `wanted` names to `visit`.
    pub fn visit(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&str, &mut dyn Read) -> Result<()>,
    ) -> Result<()> {
        for (path, (entry, start)) in self.files.iter().filter(|(path, _)| wanted(path)) {
            let mut content = Content::new(&*self.source, entry, *start)?;
            visit(path, &mut content).and_then(|()| content.finish())?;
        }
        Ok(())
    }

    pub fn size(&self) -> u64 {
        self.source.size()
    }
}

fn file_of(source: &dyn ReadAt, entry: &Entry, start: u64, task: &mut Task<'_>) -> Result<FileItem> {
    let mut content = Content::new(source, entry, start)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; (64 << 10).min(entry.size.max(1)) as usize];
    loop {
        match content.read(&mut buffer)? {
            0 => break,
            n => {
                hasher.update(&buffer[..n]);
                task.advance(n as u64)?;
            }
        }
    }
    Ok(FileItem { size: entry.size, sha256: hasher.finish(), executable: entry.executable })
}

fn target_of(source: &dyn ReadAt, entry: &Entry, start: u64, path: &TreePath) -> Result<String> {
    let unsafe_link = |why: &str| Error::new(Status::UnsafePath, format!("the link {path} in the ZIP file {why}"));
    if entry.size > MAX_TARGET {
        return Err(unsafe_link("is too long"));
    }
    let mut target = Vec::new();
    Content::new(source, entry, start)?.read_to_end(&mut target)?;
    let target = String::from_utf8(target).map_err(|_| unsafe_link("points to what is not UTF-8"))?;
    check_link_target(path, &target)?;
    Ok(target)
}

/// Reads all headers. No two entries share a byte.
fn read_directory(source: &dyn ReadAt) -> Result<Vec<(Entry, u64)>> {
    let size = source.size();
    let mut tail = vec![0; size.min(MAX_TAIL as u64) as usize];
    source.read_at(size - tail.len() as u64, &mut tail)?;
    let directory = Directory::find(&tail, size)?;
    if directory.entries > MAX_ENTRIES {
        return Err(Error::limit(format!("the ZIP file has more than {MAX_ENTRIES} entries")));
    }
    let mut window = Window::new(source, directory.offset, directory.offset + directory.len);
    let mut names = HashSet::new();
    let mut entries = Vec::new();
    for _ in 0..directory.entries {
        let position = window.position();
        let (entry, len) = parse_central(window.ahead()?).map_err(|e| e.at(position))?;
        if !names.insert(entry.name.clone()) {
            let name = entry.name.escape_debug();
            return Err(Error::corrupt(format!("the ZIP file holds \"{name}\" twice")).at(position));
        }
        let start = entry.offset + local_len(source, &entry, directory.offset)?;
        entries.push((entry, start));
        window.advance(len);
    }
    if !window.is_at_end() {
        return Err(Error::corrupt("the directory of the ZIP file holds more than its entries").at(window.position()));
    }
    let mut places: Vec<(u64, u64)> =
        entries.iter().map(|(entry, start)| (entry.offset, start.saturating_add(entry.packed))).collect();
    places.sort_unstable();
    places.push((directory.offset, directory.offset));
    match places.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        None => Ok(entries),
        Some(pair) => Err(Error::corrupt("two entries of the ZIP file overlap").at(pair[1].0)),
    }
}

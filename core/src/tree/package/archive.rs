//! A whole release in one ZIP file, of which only what is asked for is read.
//!
//! Unlike a package that is applied at once, it may be large, lie on the other side of a network and grow behind its old end.
//! So opening it reads its directory and its patch alone, and the header of an entry when that entry is wanted.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::{SpooledData, SpooledTempFile};

use crate::error::{Error, Result, Status};
use crate::io::{FileSource, ReadAt};
use crate::tree::ignore::Rules;
use crate::tree::item::{Item, Tree};
use crate::tree::package::codec::Content;
use crate::tree::package::foreign::{local_len, parse_central};
use crate::tree::package::format::{Directory, END_LEN, END64_LEN, Entry, LOCAL_LEN, LOCATOR_LEN, MAX_TAIL, Window};
use crate::tree::package::reader::{MAX_ENTRIES, read_patch};
use crate::tree::package::{PATCH_ENTRY, in_source};
use crate::tree::patch::{Change, Content as Made, Expected, Patch};
use crate::tree::path::{TreePath, check_link_target};
use crate::tree::scan::OpenFile;
use crate::tree::stage::Package;

/// A file of at most so many bytes is unpacked in memory.
const UNPACKED_IN_MEMORY: usize = 16 << 20;
/// So many bytes of unpacked files are kept.
const RECENT_BYTES: usize = 48 << 20;
/// The most bytes that a header of ours has beside the name: sizes of ZIP64.
const LONGEST_EXTRA: u64 = 20;
/// The longest target of a link that is read, in bytes.
const MAX_TARGET: u64 = 4096;

/// A whole release in one ZIP file, opened without reading its files.
pub(crate) struct ReleaseArchive {
    source: Arc<dyn ReadAt>,
    directory: Directory,
    /// In the order in which they lie.
    entries: Vec<Entry>,
    /// Where each is among them.
    names: BTreeMap<String, usize>,
    patch: Option<Patch>,
    unpacked: Recent,
}

impl ReleaseArchive {
    /// Reads the directory and, where it has one, the patch. CORRUPT where two entries share a byte or the patch names other
    /// files than there are.
    pub fn open(source: Arc<dyn ReadAt>) -> Result<Self> {
        let path = source.path().map(ToOwned::to_owned);
        in_source(Self::read(source), path.as_deref())
    }

    fn read(source: Arc<dyn ReadAt>) -> Result<Self> {
        let directory = find_directory(&*source)?;
        if directory.entries > MAX_ENTRIES {
            return Err(Error::limit(format!("the archive has more than {MAX_ENTRIES} entries")));
        }
        let whole = directory.offset..directory.offset + directory.len;
        source.will_read(std::slice::from_ref(&whole));
        let mut window = Window::new(&*source, whole.start, whole.end);
        let mut entries = Vec::new();
        for _ in 0..directory.entries {
            let position = window.position();
            let (entry, len) = parse_central(window.ahead()?).map_err(|e| e.at(position))?;
            TreePath::parse(bare(&entry.name))?;
            entries.push(entry);
            window.advance(len);
        }
        if !window.is_at_end() {
            let message = "the directory of the archive holds more than its entries";
            return Err(Error::corrupt(message).at(window.position()));
        }
        entries.sort_by_key(|entry| entry.offset);
        let ends = entries.iter().map(least_end).collect::<Result<Vec<u64>>>()?;
        let starts = entries.iter().skip(1).map(|entry| entry.offset).chain([directory.offset]);
        if let Some((_, start)) = ends.iter().zip(starts).find(|(end, start)| *end > start) {
            return Err(Error::corrupt("two entries of the archive overlap").at(start));
        }
        let mut names = BTreeMap::new();
        for (number, entry) in entries.iter().enumerate() {
            if names.insert(entry.name.clone(), number).is_some() {
                let name = entry.name.escape_debug();
                return Err(Error::corrupt(format!("the archive holds \"{name}\" twice")).at(entry.offset));
            }
        }
        let mut archive = Self { source, directory, entries, names, patch: None, unpacked: Recent::default() };
        if let Some(number) = archive.names.get(PATCH_ENTRY) {
            archive.source.will_read(&[archive.reach(&archive.entries[*number])]);
            let patch = read_patch(&mut archive.content(&archive.entries[*number])?, &archive.entries[*number])?;
            archive.check(&patch)?;
            archive.patch = Some(patch);
        }
        Ok(archive)
    }

    /// Checks that the patch makes a whole tree of exactly the files that are there.
    fn check(&self, patch: &Patch) -> Result<()> {
        let wrong = |path: &TreePath, why: &str| Err(Error::corrupt(format!("{path} in the archive {why}")));
        let mut files = 0;
        for (path, change) in &patch.changes {
            match (&change.new, &change.content) {
                (None, _) => return wrong(path, "is deleted by what should be a whole release"),
                (Some(Item::File(file)), Some(Made::Whole)) => match self.entry(path.as_str()) {
                    Some(entry) if entry.size == file.size => files += 1,
                    _ => return wrong(path, "is missing, or of another size than promised"),
                },
                (Some(Item::File(_)), _) => return wrong(path, "is made from what an empty directory does not have"),
                (Some(_), _) => {}
            }
        }
        match files + 1 == self.entries.len() {
            true => Ok(()),
            false => Err(Error::corrupt("the archive holds files that its patch does not name")),
        }
    }

    /// What the archive promises, where it says so itself.
    pub fn patch(&self) -> Option<&Patch> {
        self.patch.as_ref()
    }

    /// The bytes of all of it.
    pub fn size(&self) -> u64 {
        self.source.size()
    }

    /// Where the directory begins, behind all entries.
    pub fn directory_offset(&self) -> u64 {
        self.directory.offset
    }

    /// The entries, in the order in which they lie.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.names.get(name).map(|number| &self.entries[*number])
    }

    /// Where the packed bytes of an entry begin; its header is checked.
    pub fn start_of(&self, entry: &Entry) -> Result<u64> {
        let start = entry.offset + local_len(&*self.source, entry, self.directory.offset)?;
        match start.checked_add(entry.packed) {
            Some(end) if end <= self.directory.offset => Ok(start),
            _ => Err(Error::corrupt("an entry reaches into the directory of the archive").at(start)),
        }
    }

    /// All bytes that an entry of ours may take, its header included.
    fn reach(&self, entry: &Entry) -> Range<u64> {
        let header = (LOCAL_LEN + entry.name.len()) as u64 + LONGEST_EXTRA;
        entry.offset..entry.offset.saturating_add(header).saturating_add(entry.packed).min(self.directory.offset)
    }

    /// The bytes of the archive wherever they are.
    pub fn source(&self) -> &dyn ReadAt {
        &*self.source
    }

    fn content<'a>(&'a self, entry: &'a Entry) -> Result<Content<'a>> {
        Content::new(&*self.source, entry, self.start_of(entry)?)
    }

    /// What an archive without a patch makes: all that is in it, with the digests that `digest` knows of files.
    pub fn tree_by(&self, mut digest: impl FnMut(&TreePath, &mut dyn Read) -> Result<Item>) -> Result<Tree> {
        let mut tree = Tree::default();
        for entry in &self.entries {
            let path = TreePath::parse(bare(&entry.name))?;
            for ancestor in path.ancestors() {
                tree.items.insert(ancestor, Item::Directory);
            }
            let item = if entry.name.ends_with('/') {
                Item::Directory
            } else if entry.is_link {
                Item::Symlink(self.target(entry, &path)?)
            } else {
                let mut content = self.content(entry)?;
                match digest(&path, &mut content)? {
                    Item::File(file) => Item::File(crate::tree::FileItem { executable: entry.executable, ..file }),
                    other => other,
                }
            };
            tree.items.insert(path, item);
        }
        Ok(tree)
    }

    fn target(&self, entry: &Entry, path: &TreePath) -> Result<String> {
        let unsafe_link = |why: &str| Error::new(Status::UnsafePath, format!("the link {path} in the archive {why}"));
        if entry.size > MAX_TARGET {
            return Err(unsafe_link("is too long"));
        }
        let mut target = Vec::new();
        self.content(entry)?.read_to_end(&mut target)?;
        let target = String::from_utf8(target).map_err(|_| unsafe_link("points to what is not UTF-8"))?;
        check_link_target(path, &target)?;
        Ok(target)
    }
}

/// The patch that makes all of `tree`, whatever stands there, but for what the patterns `keep_local` mean.
pub(crate) fn whole_patch(tree: &Tree, keep_local: &[String]) -> Result<Patch> {
    let rules = Rules::new(keep_local)?;
    let change = |path: &TreePath, item: &Item| {
        let keep_local = rules.cover(path.as_str(), *item == Item::Directory);
        Change {
            old: if keep_local { Expected::Absent } else { Expected::Anything },
            new: Some(item.clone()),
            content: item.file().map(|_| Made::Whole),
            whole_directory: false,
            keep_local,
        }
    };
    Ok(Patch {
        new_tree: Some(tree.digest()),
        changes: tree.items.iter().map(|(path, item)| (path.clone(), change(path, item))).collect(),
        grown: true,
        ..Patch::default()
    })
}

/// The tree that a patch of a whole release makes.
pub(crate) fn tree_of(patch: &Patch) -> Tree {
    let items = patch.changes.iter().filter_map(|(path, change)| Some((path.clone(), change.new.clone()?)));
    Tree { items: items.collect() }
}

impl Package for ReleaseArchive {
    fn visit(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&str, &mut dyn Read) -> Result<()>,
    ) -> Result<()> {
        let path = self.source.path();
        let wanted: Vec<&Entry> = self.entries.iter().filter(|entry| wanted(&entry.name)).collect();
        self.source.will_read(&wanted.iter().map(|entry| self.reach(entry)).collect::<Vec<_>>());
        for entry in wanted {
            let visited = self.content(entry).and_then(|mut content| {
                visit(&entry.name, &mut content)?;
                content.finish()
            });
            in_source(visited, path)?;
        }
        Ok(())
    }
}

impl OpenFile for ReleaseArchive {
    fn open_file(&self, path: &TreePath) -> Result<Box<dyn ReadAt>> {
        let missing = || Error::new(Status::NotFound, format!("{path} is not in the archive"));
        let entry = self.entry(path.as_str()).ok_or_else(missing)?;
        if let Some(bytes) = self.unpacked.get(&entry.name) {
            return Ok(Box::new(Unpacked(bytes)));
        }
        let mut out = SpooledTempFile::new(UNPACKED_IN_MEMORY);
        io::copy(&mut self.content(entry)?, &mut out)?;
        Ok(match out.into_inner() {
            SpooledData::InMemory(bytes) => {
                let bytes: Arc<[u8]> = bytes.into_inner().into();
                self.unpacked.keep(&entry.name, bytes.clone());
                Box::new(Unpacked(bytes))
            }
            SpooledData::OnDisk(file) => Box::new(FileSource::from_file(file, &std::env::temp_dir())?),
        })
    }
}

/// The bytes of a file that was unpacked in memory.
struct Unpacked(Arc<[u8]>);

impl ReadAt for Unpacked {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.0.read_at(offset, buf)
    }

    fn short_reads_are_cheap(&self) -> bool {
        true
    }
}

/// Files that were unpacked last: whoever compares versions looks at each several times.
#[derive(Default)]
struct Recent(Mutex<VecDeque<(String, Arc<[u8]>)>>);

impl Recent {
    fn get(&self, name: &str) -> Option<Arc<[u8]>> {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes.clone())
    }

    fn keep(&self, name: &str, bytes: Arc<[u8]>) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.push_back((name.to_owned(), bytes));
        while files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > RECENT_BYTES {
            files.pop_front();
        }
    }
}

/// Names of folders end with a slash, and some tools begin names with `./`.
fn bare(name: &str) -> &str {
    name.strip_prefix("./").unwrap_or(name).trim_end_matches('/')
}

/// The bytes that an entry takes at least: some write a longer header.
fn least_end(entry: &Entry) -> Result<u64> {
    let header = (LOCAL_LEN + entry.name.len()) as u64;
    let end = entry.offset.checked_add(header).and_then(|start| start.checked_add(entry.packed));
    end.ok_or_else(|| Error::corrupt("an entry of the archive ends beyond all bounds"))
}

/// The directory, by reading no more than it takes; one behind which a comment stands takes more.
fn find_directory(source: &dyn ReadAt) -> Result<Directory> {
    let tail = |len: usize| -> Result<Vec<u8>> {
        let mut tail = vec![0; source.size().min(len as u64) as usize];
        source.read_at(source.size() - tail.len() as u64, &mut tail)?;
        Ok(tail)
    };
    match Directory::parse(&tail(END_LEN + LOCATOR_LEN + END64_LEN)?, source.size()) {
        Ok(directory) => Ok(directory),
        Err(e) if e.status() == Status::Corrupt => Directory::find(&tail(MAX_TAIL)?, source.size()),
        Err(e) => Err(e),
    }
}

//! Reads packages, and refuses those that two readers could understand differently.

use std::collections::HashMap;
use std::io::Read;

use crate::error::{Error, Result};
use crate::io::ReadAt;
use crate::tree::package::codec::Content;
use crate::tree::package::format::{
    Directory, END_LEN, END64_LEN, Entry, LOCAL_LEN, LOCATOR_LEN, Method, Window, check_local, parse_central,
};
use crate::tree::package::{DELTA_FOLDER, PATCH_ENTRY, in_source};
use crate::tree::patch::{Content as Made, Patch};
use crate::tree::path::TreePath;

/// The most entries that a package may have.
pub(super) const MAX_ENTRIES: u64 = 1 << 24;
/// The longest `patch.json` that is read, in bytes.
pub(super) const MAX_PATCH: u64 = 256 << 20;

/// A package whose every header was checked. The content of an entry is checked when it is read.
pub(super) struct Reader {
    source: Box<dyn ReadAt>,
    entries: Places,
}

impl Reader {
    /// Reads the directory and the patch.
    pub fn open(source: Box<dyn ReadAt>) -> Result<(Self, Patch)> {
        let path = source.path().map(ToOwned::to_owned);
        Self::open_named(source).map_err(|e| match &path {
            Some(path) => e.in_file(path),
            None => e,
        })
    }

    fn open_named(source: Box<dyn ReadAt>) -> Result<(Self, Patch)> {
        let size = source.size();
        let mut tail = vec![0; size.min((END_LEN + LOCATOR_LEN + END64_LEN) as u64) as usize];
        source.read_at(size - tail.len() as u64, &mut tail)?;
        let directory = Directory::parse(&tail, size)?;
        if directory.entries > MAX_ENTRIES {
            return Err(Error::limit(format!("the package has more than {MAX_ENTRIES} entries")));
        }
        let (entries, gap) = read_directory(&*source, &directory)?;
        let reader = Self { entries, source };
        let patch = reader.patch()?;
        if let Some(offset) = gap.filter(|_| !patch.grown) {
            return Err(Error::corrupt("the package has bytes that belong to no entry").at(offset));
        }
        reader.check_names(&patch)?;
        Ok((reader, patch))
    }

    /// Hands the content of every entry that `wanted` names to `visit`, in the order in which they stand.
    pub fn visit(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&str, &mut dyn Read) -> Result<()>,
    ) -> Result<()> {
        for (entry, start) in self.entries.iter().filter(|(entry, _)| wanted(&entry.name)) {
            let mut content = Content::new(&*self.source, entry, *start)?;
            let visited = visit(&entry.name, &mut content).and_then(|()| content.finish());
            in_source(visited, self.source.path())?;
        }
        Ok(())
    }

    pub fn size(&self) -> u64 {
        self.source.size()
    }

    fn patch(&self) -> Result<Patch> {
        let Some((entry, start)) = self.entries.iter().find(|(entry, _)| entry.name == PATCH_ENTRY) else {
            return Err(no_patch());
        };
        read_patch(&mut Content::new(&*self.source, entry, *start)?, entry)
    }

    /// Checks that the package holds what the patch needs, as large as it promises, and nothing else.
    fn check_names(&self, patch: &Patch) -> Result<()> {
        let mut entries: HashMap<&str, &Entry> =
            self.entries.iter().map(|(entry, _)| (entry.name.as_str(), entry)).collect();
        entries.remove(PATCH_ENTRY);
        let of_changes = patch.changes.iter().filter_map(|(path, change)| match &change.content {
            Some(Made::Whole) => Some((path.as_str(), change.new_file().map(|file| file.size))),
            Some(Made::Delta { entry, .. }) => Some((entry.as_str(), None)),
            Some(Made::Copy(_) | Made::Joined { .. }) | None => None,
        });
        let joined = patch.joined.iter().map(|joined| (joined.entry.as_str(), None));
        for (name, size_of_whole) in of_changes.chain(joined) {
            let wrong =
                |why: &str| Err(Error::corrupt(format!("the entry \"{}\" of the package {why}", name.escape_debug())));
            let Some(entry) = entries.remove(name) else { return wrong("is missing, or there for two files") };
            match size_of_whole {
                None if !name.starts_with(DELTA_FOLDER) => return wrong("is no place for a delta"),
                None if entry.method != Method::Stored => return wrong("is a compressed delta"),
                Some(size) if size != entry.size => return wrong("is not as large as the file that it should be"),
                _ => {}
            }
        }
        match entries.into_keys().min() {
            None => Ok(()),
            Some(name) => {
                let message = format!("the package holds \"{}\", which its patch does not name", name.escape_debug());
                Err(Error::corrupt(message))
            }
        }
    }
}

/// Reads the patch out of its entry.
pub(super) fn read_patch(content: &mut Content<'_>, entry: &Entry) -> Result<Patch> {
    if entry.size > MAX_PATCH {
        return Err(Error::limit(format!("{PATCH_ENTRY} is larger than 256 MiB")));
    }
    let mut text = Vec::new();
    content.read_to_end(&mut text)?;
    Patch::from_json(&text)
}

fn no_patch() -> Error {
    let message = format!(
        "this ZIP file is no tree patch: it has no {PATCH_ENTRY}; a whole release in a plain ZIP file is installed by an update \
         that names it as the full package"
    );
    Error::corrupt(message)
}

/// Entries in the order in which they stand, and where the bytes of each begin.
type Places = Vec<(Entry, u64)>;

/// Reads all headers: each entry begins where the one before it ends, and the directory where the last one does. Where one
/// begins later, the second value says where.
fn read_directory(source: &dyn ReadAt, directory: &Directory) -> Result<(Places, Option<u64>)> {
    // The names end up in the patch, so the lists here are for the time of reading; they grow with what is there.
    let mut entries = Vec::new();
    let mut names = std::collections::HashSet::new();
    let mut window = Window::new(source, directory.offset, directory.offset + directory.len);
    let mut offset = 0;
    let mut gap = None;
    for _ in 0..directory.entries {
        let position = window.position();
        let (entry, len) = parse_central(window.ahead()?).map_err(|e| e.at(position))?;
        if entry.name.ends_with('/') {
            return Err(Error::corrupt("the package has an entry for a folder").at(window.position()));
        }
        TreePath::parse(&entry.name)?;
        if entry.offset > offset {
            gap.get_or_insert(offset);
        }
        if entry.offset < offset {
            let message = format!("\"{}\" does not begin where the entry before it ends", entry.name.escape_debug());
            return Err(Error::corrupt(message).at(window.position()));
        }
        if !names.insert(entry.name.clone()) {
            let message = format!("the package holds \"{}\" twice", entry.name.escape_debug());
            return Err(Error::corrupt(message).at(window.position()));
        }
        if entry.method == Method::Stored && entry.size != entry.packed {
            let message = format!("\"{}\" is not compressed and yet of two sizes", entry.name.escape_debug());
            return Err(Error::corrupt(message).at(window.position()));
        }
        let start = entry.offset + local_len(source, &entry, directory.offset)? as u64;
        offset = start
            .checked_add(entry.packed)
            .filter(|end| *end <= directory.offset)
            .ok_or_else(|| Error::corrupt("an entry reaches into the directory of the package").at(start))?;
        entries.push((entry, start));
        window.advance(len);
    }
    if !window.is_at_end() {
        return Err(Error::corrupt("the directory of the package holds more than its entries").at(window.position()));
    }
    if offset != directory.offset {
        gap.get_or_insert(offset);
    }
    Ok((entries, gap))
}

pub(super) fn local_len(source: &dyn ReadAt, entry: &Entry, end: u64) -> Result<usize> {
    let mut len = LOCAL_LEN + entry.name.len();
    loop {
        if end.checked_sub(entry.offset).is_none_or(|left| left < len as u64) {
            return Err(Error::corrupt("an entry reaches into the directory of the package").at(entry.offset));
        }
        let mut header = vec![0; len];
        source.read_at(entry.offset, &mut header)?;
        match check_local(&header, entry)? {
            Ok(len) => return Ok(len),
            Err(more) => len = more,
        }
    }
}

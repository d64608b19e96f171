//! Writes archives of whole releases: anew, or behind the end of the one before, whose entries stay where they are.

use std::collections::HashMap;
use std::io::{BufWriter, Write};

use crate::error::{Error, Result, Status};
use crate::io::{ReadAt, Section, SourceReader};
use crate::progress::{Phase, Task, Unit};
use crate::tree::diff::changed;
use crate::tree::item::{FileItem, Item, Tree};
use crate::tree::package::archive::ReleaseArchive;
use crate::tree::package::format::{Directory, Entry};
use crate::tree::package::writer::{Packed, Writer};
use crate::tree::package::{Compression, PATCH_ENTRY, Payload, Spool};
use crate::tree::parallel;
use crate::tree::patch::Patch;
use crate::tree::path::TreePath;
use crate::tree::scan::Snapshot;

/// What an archive of a release keeps of the one before, and what it gains.
pub(crate) struct Growth<'a> {
    old: Option<&'a ReleaseArchive>,
    /// In the order in which they lie.
    kept: Vec<Entry>,
    files: Vec<(TreePath, FileItem)>,
    /// Links, by where they lead, and folders with nothing in them: what a patch says, and only a plain archive holds.
    others: Vec<(String, Option<String>)>,
}

impl<'a> Growth<'a> {
    /// What becomes of `old`, the archive of the tree beside it, when it is to hold `new`; all of `new` where there is none.
    pub fn new(old: Option<(&'a ReleaseArchive, &Tree)>, new: &Tree, plain: bool) -> Self {
        let mut growth =
            Self { old: old.map(|(archive, _)| archive), kept: Vec::new(), files: Vec::new(), others: Vec::new() };
        let mut wanted: HashMap<String, &Item> = HashMap::new();
        for (path, item) in &new.items {
            match item {
                Item::Directory if has_children(new, path) => {}
                Item::Directory => drop(wanted.insert(format!("{path}/"), item)),
                Item::File(_) | Item::Symlink(_) => drop(wanted.insert(path.to_string(), item)),
            }
        }
        if let Some((archive, tree)) = old {
            for entry in archive.entries() {
                let Some(item) = wanted.get(entry.name.as_str()) else { continue };
                let path = TreePath::parse(entry.name.trim_end_matches('/'));
                let before = path.ok().and_then(|path| tree.items.get(&path));
                if before.is_some_and(|before| has_same_bytes(before, item)) {
                    let executable = item.file().is_some_and(|file| file.executable);
                    growth.kept.push(Entry { executable, ..entry.clone() });
                }
            }
            for entry in &growth.kept {
                wanted.remove(entry.name.as_str());
            }
        }
        for (path, item) in &new.items {
            let name = if *item == Item::Directory { format!("{path}/") } else { path.to_string() };
            match item {
                _ if !wanted.contains_key(&name) => {}
                Item::File(file) => growth.files.push((path.clone(), *file)),
                Item::Symlink(target) if plain => growth.others.push((name, Some(target.clone()))),
                Item::Directory if plain => growth.others.push((name, None)),
                Item::Symlink(_) | Item::Directory => {}
            }
        }
        growth
    }

    /// Packs what is gained, and the patch where there is one.
    pub fn pack(
        self,
        new: &Snapshot,
        patch: Option<&Patch>,
        compression: Compression,
        threads: usize,
        task: &mut Task<'_>,
    ) -> Result<PackedRelease<'a>> {
        let spool = Spool::new();
        task.begin(Phase::Pack, self.files.iter().map(|(_, file)| file.size).sum(), Unit::Bytes)?;
        let payloads = parallel::run(
            &self.files,
            threads,
            task,
            || new.reader(),
            |reader, (path, file), report| {
                let source = reader.open(path)?;
                let packed = spool.add_file(&*source, compression, u64::MAX, &mut |n| report.advance(n))?;
                match packed {
                    Some((payload, sha256)) if (payload.size, sha256) == (file.size, file.sha256) => Ok(payload),
                    _ => Err(changed(path)),
                }
            },
        )?;
        let mut added: Vec<Added> = Vec::with_capacity(payloads.len() + self.others.len() + 1);
        for ((path, file), payload) in self.files.iter().zip(payloads) {
            added.push(Added { name: path.to_string(), payload, executable: file.executable, is_link: false });
        }
        let stored = |text: &[u8], compression| -> Result<Payload> {
            let packed = spool.add_file(&text, compression, u64::MAX, &mut |_| Ok(()))?;
            packed.map(|(payload, _)| payload).ok_or_else(|| Error::new(Status::Internal, "a text could not be packed"))
        };
        for (name, target) in &self.others {
            let payload = stored(target.as_deref().unwrap_or_default().as_bytes(), Compression::Stored)?;
            added.push(Added { name: name.clone(), payload, executable: false, is_link: target.is_some() });
        }
        if let Some(patch) = patch {
            // The last one, beside the directory: who asks for the end of the archive gets both.
            let payload = stored(patch.to_json().as_bytes(), Compression::Deflate)?;
            added.push(Added { name: PATCH_ENTRY.to_owned(), payload, executable: false, is_link: false });
        }
        task.finish()?;
        Ok(PackedRelease { old: self.old, kept: self.kept, added, bytes: spool.into_source()? })
    }
}

fn has_children(tree: &Tree, path: &TreePath) -> bool {
    let start = path.clone();
    tree.items
        .range(start..)
        .skip(1)
        .take_while(|(other, _)| other.as_str().starts_with(path.as_str()))
        .any(|(other, _)| other.is_below(path))
}

fn has_same_bytes(before: &Item, after: &Item) -> bool {
    match (before, after) {
        (Item::File(before), Item::File(after)) => (before.size, before.sha256) == (after.size, after.sha256),
        _ => before == after,
    }
}

/// An entry that an archive gains.
struct Added {
    name: String,
    payload: Payload,
    executable: bool,
    is_link: bool,
}

impl Added {
    fn entry(&self, offset: u64) -> Entry {
        let Payload { method, crc, packed, size, .. } = self.payload;
        Entry {
            name: self.name.clone(),
            method,
            crc,
            packed,
            size,
            offset,
            executable: self.executable,
            is_link: self.is_link,
        }
    }
}

/// Where the parts of an archive are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Where its directory begins, behind all entries.
    pub directory_offset: u64,
    /// The bytes of all of it.
    pub size: u64,
}

/// An archive that is ready to be written.
pub(crate) struct PackedRelease<'a> {
    old: Option<&'a ReleaseArchive>,
    kept: Vec<Entry>,
    added: Vec<Added>,
    bytes: Box<dyn ReadAt>,
}

impl PackedRelease<'_> {
    /// Where everything will be when what is new is written from `position` on; when all of it is, where that is nothing.
    pub fn layout(&self, position: Option<u64>) -> Layout {
        let mut directory = Vec::new();
        let mut offset = position.unwrap_or(0);
        let mut place = |entry: &Entry| {
            Entry { offset, ..entry.clone() }.central(&mut directory);
            offset += entry.local().len() as u64 + entry.packed;
        };
        if position.is_none() {
            self.kept.iter().for_each(&mut place);
        }
        self.added.iter().for_each(|added| place(&added.entry(0)));
        if position.is_some() {
            self.kept.iter().for_each(|entry| entry.central(&mut directory));
        }
        let entries = (self.kept.len() + self.added.len()) as u64;
        let ending = Directory { offset, len: directory.len() as u64, entries };
        Layout { directory_offset: offset, size: offset + ending.len + ending.end().len() as u64 }
    }

    /// Where the directory of the archive before begins.
    pub fn old_directory_offset(&self) -> Option<u64> {
        self.old.map(ReleaseArchive::directory_offset)
    }

    /// How many files, links and folders the archive holds, the patch apart.
    pub fn entries(&self) -> u64 {
        let patch = self.added.iter().filter(|added| added.name == PATCH_ENTRY).count();
        (self.kept.len() + self.added.len() - patch) as u64
    }

    /// Writes what turns the archive before into this one from `position` on, which is behind all that stays. Says how large it
    /// is then.
    pub fn append(&self, out: impl Write, position: u64, task: &mut Task<'_>) -> Result<u64> {
        let kept: Vec<&Entry> = self.kept.iter().collect();
        self.finish(Writer::growing(BufWriter::with_capacity(128 << 10, out), position, &kept), task)
    }

    /// Writes the whole archive without anything that is dead. What stays is copied as it is packed.
    pub fn rewrite(&self, out: impl Write, task: &mut Task<'_>) -> Result<u64> {
        let mut writer = Writer::new(BufWriter::with_capacity(128 << 10, out));
        let missing = || Error::new(Status::Internal, "what should stay is in no archive");
        for entry in &self.kept {
            let old = self.old.ok_or_else(missing)?;
            let packed = Section::new(old.source(), old.start_of(entry)?, entry.packed)?;
            writer.add(Packed {
                name: &entry.name,
                method: entry.method,
                crc: entry.crc,
                packed: entry.packed,
                size: entry.size,
                executable: entry.executable,
                is_link: entry.is_link,
                bytes: &mut SourceReader::new(&packed),
            })?;
            task.check()?;
        }
        self.finish(writer, task)
    }

    fn finish<W: Write>(&self, mut writer: Writer<BufWriter<W>>, task: &mut Task<'_>) -> Result<u64> {
        for Added { name, payload, executable, is_link } in &self.added {
            let Payload { method, crc, packed, size, offset } = *payload;
            let section = Section::new(&*self.bytes, offset, packed)?;
            let bytes = &mut SourceReader::new(&section);
            writer.add(Packed {
                name,
                method,
                crc,
                packed,
                size,
                executable: *executable,
                is_link: *is_link,
                bytes,
            })?;
            task.check()?;
        }
        let (mut out, size) = writer.finish()?;
        out.flush()?;
        Ok(size)
    }
}

//! Packages: a tree patch and the bytes that it needs, in one file.
//!
//! A package is a ZIP file in which whole files lie at their own paths and everything of ours below `.patchcore`, or, for
//! [operations](crate::tree::PatchOperations), a tar file whose operations stand beside it.

mod archive;
mod codec;
mod foreign;
mod format;
mod grow;
mod plain;
mod reader;
mod spool;
mod writer;

use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, ReadAt};
use crate::progress::Task;
use crate::tree::ignore::Rules;
use crate::tree::item::Item;
use crate::tree::operations::{Archive, PatchOperations};
use crate::tree::package::codec::pack;
use crate::tree::package::format::Method;
use crate::tree::package::plain::{Found, Plain};
use crate::tree::package::writer::{Packed, Writer};
use crate::tree::patch::{Change, Expected, Patch};
use crate::tree::path::TreePath;
use crate::tree::stage::Package;
use crate::version::Version;

pub(crate) use archive::{ReleaseArchive, tree_of, whole_patch};
pub use codec::Compression;
pub(crate) use grow::{Growth, PackedRelease};
pub(super) use spool::{IN_MEMORY, Payload, Spool};

/// The entry that holds the patch.
const PATCH_ENTRY: &str = ".patchcore/patch.json";
/// Where deltas lie.
pub(super) const DELTA_FOLDER: &str = ".patchcore/deltas/";

/// A tree patch with the bytes that it needs, opened and checked.
///
/// The file stays open: what was checked is what is used, whoever replaces the file meanwhile.
pub struct TreePackage {
    patch: Patch,
    form: Form,
}

enum Form {
    Zip(reader::Reader),
    Plain(plain::Plain),
    Operations(Archive),
    Release(Arc<ReleaseArchive>),
}

/// The longest text of operations that is read, in bytes.
const MAX_OPERATIONS: u64 = 256 << 20;

impl TreePackage {
    /// Opens the package at `path`, told apart by its content: a ZIP file, or a `.tar.gz` with the operations in the file
    /// `operations`. CORRUPT, UNSAFE_PATH, LIMIT or UNSUPPORTED say why it cannot be used.
    pub fn open(path: &Path, operations: Option<&Path>, task: &mut Task<'_>) -> Result<Self> {
        Self::open_source(FileSource::open(path)?, operations, task)
    }

    /// [`open`](Self::open) for a file that is open already, such as one whose signature was verified
    /// ([`Verified`](crate::trust::Verified)) and that gives out only what was.
    pub fn open_source(source: impl ReadAt + 'static, operations: Option<&Path>, task: &mut Task<'_>) -> Result<Self> {
        let path = source.path().map(Path::to_owned);
        let text = operations.map(read_operations).transpose()?;
        Self::read(Box::new(source), text.as_deref(), task).map_err(|e| match (e.status(), &path) {
            (Status::Corrupt | Status::UnsafePath | Status::Limit | Status::Unsupported, Some(path)) => e.in_file(path),
            _ => e,
        })
    }

    /// [`open`](Self::open) for bytes wherever they are; `operations` is the text of the operations.
    pub fn read(source: Box<dyn ReadAt>, operations: Option<&[u8]>, task: &mut Task<'_>) -> Result<Self> {
        let mut magic = [0; 4];
        let known = source.size().min(4) as usize;
        source.read_at(0, &mut magic[..known])?;
        match magic {
            [b'P', b'K', 3, 4] => {
                if operations.is_some() {
                    let message =
                        "this package is a ZIP file and says by itself what it does; operations go with a .tar.gz";
                    return Err(Error::invalid(message));
                }
                let (reader, patch) = reader::Reader::open(source)?;
                Ok(Self { patch, form: Form::Zip(reader) })
            }
            [0x1F, 0x8B, ..] => {
                let Some(text) = operations else {
                    let message = "this package is a .tar.gz; give the operations that belong to it with --operations";
                    return Err(Error::invalid(message));
                };
                let operations = PatchOperations::from_json(text)?;
                let (archive, patch) = Archive::open(source, &operations, task)?;
                Ok(Self { patch, form: Form::Operations(archive) })
            }
            _ => Err(Error::corrupt("this is no tree patch: neither a ZIP file nor a .tar.gz")),
        }
    }

    /// [`read`](Self::read) for a package of a whole release: a `.tar.gz` needs no operations, a ZIP file may be anybody's,
    /// and every file in either is put in place.
    pub fn read_whole(source: Box<dyn ReadAt>, task: &mut Task<'_>) -> Result<Self> {
        let mut magic = [0; 2];
        if source.size() >= 2 {
            source.read_at(0, &mut magic)?;
        }
        match magic {
            [0x1F, 0x8B] => {
                let (operations, source) = Archive::operations_of(source)?;
                let (archive, patch) = Archive::open(source, &operations, task)?;
                Ok(Self { patch, form: Form::Operations(archive) })
            }
            [b'P', b'K'] => Ok(match Plain::open(source, task)? {
                Found::Package(reader, patch) => Self { patch, form: Form::Zip(reader) },
                Found::Plain(plain, patch) => Self { patch, form: Form::Plain(plain) },
            }),
            _ => Self::read(source, None, task),
        }
    }

    /// Opens the archive of a whole release, of which the directory and the patch are read now and a file when it is needed:
    /// `source` may be on the other side of a network. What is installed already is then never read.
    ///
    /// Nothing vouches for the archive as a whole, so the caller compares the digest of the tree that it makes
    /// ([`Patch::new_tree`]) with one that he trusts. What that digest does not cover is UNSUPPORTED: the archive then has to be
    /// verified and read as a whole.
    pub fn read_release(source: Arc<dyn ReadAt>) -> Result<Self> {
        let unsupported =
            |why: &str| Error::new(Status::Unsupported, format!("all of this ZIP file has to be read: {why}"));
        let archive = ReleaseArchive::open(source)?;
        let said = archive.patch().ok_or_else(|| unsupported("it says no digests of its files"))?;
        if let Some((path, _)) = said.changes.iter().find(|(_, change)| change.whole_directory || change.keep_local) {
            return Err(unsupported(&format!("it does more with {path} than putting it in place")));
        }
        let patch = Patch { version: said.version, ..whole_patch(&tree_of(said), &[])? };
        patch.check()?;
        Ok(Self { patch, form: Form::Release(Arc::new(archive)) })
    }

    /// Deletes these paths, too, whatever stands there.
    pub fn deleting(mut self, paths: impl IntoIterator<Item = TreePath>) -> Result<Self> {
        for path in paths {
            let change =
                Change { old: Expected::Anything, new: None, content: None, whole_directory: false, keep_local: false };
            if self.patch.changes.insert(path.clone(), change).is_some() {
                return Err(Error::corrupt(format!("{path} is both in the package and deleted")));
            }
        }
        self.patch.check()?;
        Ok(self)
    }

    /// Says which version the package makes, where it does not say so itself. Another one than it says is TARGET_MISMATCH, so
    /// that an older package is never taken for a newer one.
    pub fn making(mut self, version: Version) -> Result<Self> {
        match self.patch.version {
            Some(own) if own != version => {
                let message = format!("the package makes version {own}, and {version} was promised");
                Err(Error::new(Status::TargetMismatch, message))
            }
            _ => {
                self.patch.version = Some(version);
                Ok(self)
            }
        }
    }

    /// Says which tree the package makes, where it does not say so itself. Another one than it says is TARGET_MISMATCH.
    pub fn making_tree(mut self, tree: Digest) -> Result<Self> {
        match self.patch.new_tree {
            Some(own) if own != tree => {
                let message = format!("the package makes the tree {own}, and {tree} was promised");
                Err(Error::new(Status::TargetMismatch, message))
            }
            _ => {
                self.patch.new_tree = Some(tree);
                Ok(self)
            }
        }
    }

    /// Leaves alone whatever stands at the paths that these patterns mean, written as in `.gitignore`. Where nothing stands, it
    /// is put in place. A directory that would be replaced as a whole keeps what is in it.
    pub fn keeping(self, patterns: &[String]) -> Result<Self> {
        if patterns.is_empty() {
            return Ok(self);
        }
        let rules = Rules::new(patterns)?;
        Ok(self.keeping_where(|path, directory| rules.cover(path.as_str(), directory)))
    }

    /// [`keeping`](Self::keeping) by a question about each path, and whether it is a directory.
    pub(crate) fn keeping_where(mut self, keep: impl Fn(&TreePath, bool) -> bool) -> Self {
        let changes = &mut self.patch.changes;
        let replaced: Vec<TreePath> =
            changes.iter().filter(|(_, change)| change.whole_directory).map(|(path, _)| path.clone()).collect();
        for (path, change) in changes {
            // What is moved away as a whole would take along what is to be kept.
            if std::mem::take(&mut change.whole_directory) || path.ancestors().any(|above| replaced.contains(&above)) {
                change.old = Expected::Anything;
            }
            let directory = change.new == Some(Item::Directory) || change.old_item() == Some(&Item::Directory);
            change.keep_local |= keep(path, directory);
        }
        self
    }

    /// What the package promises.
    pub fn patch(&self) -> &Patch {
        &self.patch
    }

    /// The size of the package in bytes.
    pub fn size(&self) -> u64 {
        match &self.form {
            Form::Zip(reader) => reader.size(),
            Form::Plain(plain) => plain.size(),
            Form::Operations(archive) => archive.size(),
            Form::Release(archive) => archive.size(),
        }
    }
}

impl Package for TreePackage {
    fn visit(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&str, &mut dyn Read) -> Result<()>,
    ) -> Result<()> {
        match &self.form {
            Form::Zip(reader) => reader.visit(wanted, visit),
            Form::Plain(plain) => plain.visit(wanted, visit),
            Form::Operations(archive) => archive.visit(wanted, visit),
            Form::Release(archive) => archive.visit(wanted, visit),
        }
    }
}

/// Names the file where something in it is wrong.
fn in_source<T>(result: Result<T>, path: Option<&Path>) -> Result<T> {
    result.map_err(|e| match (e.status(), path) {
        (Status::Corrupt | Status::Limit, Some(path)) => e.in_file(path),
        _ => e,
    })
}

/// Reads a file of operations whole.
fn read_operations(path: &Path) -> Result<Vec<u8>> {
    let source = FileSource::open(path)?;
    if source.size() > MAX_OPERATIONS {
        return Err(Error::limit("these operations are larger than 256 MiB").in_file(path));
    }
    let mut text = vec![0; source.size() as usize];
    source.read_at(0, &mut text)?;
    Ok(text)
}

/// Begins a package with its patch.
fn begin<W: Write>(out: W, patch: &Patch) -> Result<Writer<BufWriter<W>>> {
    let mut writer = Writer::new(BufWriter::with_capacity(128 << 10, out));
    let text = patch.to_json();
    let mut packed = Vec::new();
    let summary = pack(&mut text.as_bytes(), Compression::Deflate, u64::MAX, &mut packed, &mut |_| Ok(()))?
        .ok_or_else(|| Error::new(Status::Internal, "the patch does not fit the memory"))?;
    writer.add(Packed {
        name: PATCH_ENTRY,
        method: Method::Deflated,
        crc: summary.crc,
        packed: summary.packed,
        size: summary.size,
        executable: false,
        is_link: false,
        bytes: &mut &packed[..],
    })?;
    Ok(writer)
}

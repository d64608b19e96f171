//! Several patches in a row into one, without any tree.
//!
//! A patch says states, so what becomes of a path is the first one's old state and the last one's new state. Where the
//! bytes come from is followed back through the patches, from each old file that a delta or a copy was made from to what
//! made that one, until it is a file of the first tree or one that a package holds whole.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;

use tempfile::SpooledTempFile;

use crate::delta::{self, ApplyOptions, EncodeOptions};
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, OutputOptions, ReadAt, Section, SourceReader};
use crate::limits::Limits;
use crate::progress::{Phase, Task, Unit};
use crate::tree::history::{Base, History, Recipe};
use crate::tree::package::{Compression, DELTA_FOLDER, IN_MEMORY, Payload, Spool, TreePackage};
use crate::tree::patch::{ChangeKind, Content, Patch};
use crate::tree::path::TreePath;
use crate::tree::stage::{Package, within};

/// How patches are squashed. The default of every field is what most callers want.
#[derive(Clone, Copy, Debug, Default)]
pub struct TreeSquashOptions {
    /// How deltas are encoded that others make together.
    pub encode: EncodeOptions,
    /// What composing and applying deltas may use.
    pub limits: Limits,
    /// How whole files are compressed.
    pub compression: Compression,
    /// How a package that is there already is treated.
    pub output: OutputOptions,
}

/// What came of squashing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeSquashStats {
    /// The bytes of the package.
    pub package_size: u64,
    /// How many paths change, by what is done to them.
    pub changes: BTreeMap<ChangeKind, u64>,
}

/// Writes the package that does what `packages` do one after the other as `out`.
///
/// SOURCE_MISMATCH where one does not go on from what the one before makes.
pub fn squash(
    packages: &[&TreePackage],
    out: &Path,
    options: &TreeSquashOptions,
    task: &mut Task<'_>,
) -> Result<TreeSquashStats> {
    let mut patches = packages.iter().map(|package| package.patch());
    let first = patches.next().ok_or_else(|| Error::invalid("no package to squash"))?;
    let mut history = History::begin(first);
    patches.try_for_each(|patch| history.follow(patch))?;
    let (mut patch, recipes) = history.finish();

    let taken = Taken::collect(packages, &recipes, task)?;
    let spool = Spool::new()?;
    let mut payloads: HashMap<TreePath, Payload> = HashMap::new();
    task.begin(Phase::Compose, recipes.len() as u64, Unit::Items)?;
    let mut number = 0;
    for (path, recipe) in &recipes {
        let (content, payload) =
            within(task, 1, |task| content_of(path, recipe, &patch, &taken, &spool, options, task))?;
        let content = match content {
            Content::Delta { source, .. } => {
                number += 1;
                Content::Delta { entry: format!("{DELTA_FOLDER}{}", number - 1), source }
            }
            content => content,
        };
        if let Some(change) = patch.changes.get_mut(path) {
            change.content = Some(content);
        }
        payloads.extend(payload.map(|payload| (path.clone(), payload)));
    }
    task.finish()?;
    patch.check()?;
    let package_size = spool.write(&patch, |path| payloads.get(path), out, options.output, task)?;
    let mut changes = BTreeMap::new();
    for change in patch.changes.values() {
        *changes.entry(change.kind()).or_default() += 1;
    }
    Ok(TreeSquashStats { package_size, changes })
}

/// Makes the bytes of one file, or what makes them.
fn content_of(
    path: &TreePath,
    recipe: &Recipe,
    patch: &Patch,
    taken: &Taken,
    spool: &Spool,
    options: &TreeSquashOptions,
    task: &mut Task<'_>,
) -> Result<(Content, Option<Payload>)> {
    let missing = || Error::new(Status::Internal, format!("nothing says what {path} becomes"));
    let file = *patch.changes.get(path).and_then(|change| change.new_file()).ok_or_else(missing)?;
    let wrong =
        || Error::new(Status::TargetMismatch, format!("the packages make another file of {path} than they promise"));
    match (&recipe.base, &recipe.deltas[..]) {
        (Base::Old(source), []) => Ok((Content::Copy(source.clone()), None)),
        (Base::Old(source), deltas) => {
            let sections =
                deltas.iter().map(|(package, entry)| taken.get(*package, entry)).collect::<Result<Vec<_>>>()?;
            let deltas: Vec<&dyn ReadAt> = sections.iter().map(|section| section as _).collect();
            let mut composed = SpooledTempFile::new(IN_MEMORY);
            match &deltas[..] {
                [delta] => drop(io::copy(&mut SourceReader::new(*delta), &mut composed)?),
                deltas => {
                    let header = delta::compose(deltas, &mut composed, &options.encode, &options.limits, task)?;
                    if (header.old_digest, header.new_digest) != (source.sha256, file.sha256) {
                        return Err(wrong());
                    }
                }
            }
            let payload = spool.add_delta(&mut composed)?;
            Ok((Content::Delta { entry: String::new(), source: source.clone() }, Some(payload)))
        }
        (Base::Whole { package, entry }, deltas) => {
            let base = taken.get(*package, entry)?;
            let made = apply_all(&base, deltas, taken, &options.limits, task)?;
            let source: &dyn ReadAt = made.as_ref().map_or(&base, |made| made);
            let packed = spool.add_file(source, options.compression, u64::MAX, &mut |_| task.check())?;
            let (payload, sha256) = packed.ok_or_else(wrong)?;
            match (payload.size, sha256) == (file.size, file.sha256) {
                true => Ok((Content::Whole, Some(payload))),
                false => Err(wrong()),
            }
        }
    }
}

/// Applies deltas, one after the other, to a file that a package holds whole.
fn apply_all(
    base: &dyn ReadAt,
    deltas: &[(usize, String)],
    taken: &Taken,
    limits: &Limits,
    task: &mut Task<'_>,
) -> Result<Option<FileSource>> {
    let mut made: Option<FileSource> = None;
    for (package, entry) in deltas {
        let delta = taken.get(*package, entry)?;
        let mut next = temporary()?;
        let old: &dyn ReadAt = made.as_ref().map_or(base, |made| made);
        let mut buffered = io::BufWriter::new(&mut next);
        delta::apply(old, &mut SourceReader::new(&delta), &mut buffered, &ApplyOptions::from(*limits), task)?;
        io::Write::flush(&mut buffered)?;
        drop(buffered);
        made = Some(FileSource::from_file(next, &std::env::temp_dir())?);
    }
    Ok(made)
}

fn temporary() -> Result<File> {
    let folder = std::env::temp_dir();
    tempfile::tempfile_in(&folder).map_err(|e| Error::from(e).in_file(&folder))
}

/// The entries of all packages that are needed, unpacked into one temporary file: an archive can only be read in its order.
struct Taken {
    file: FileSource,
    places: HashMap<(usize, String), (u64, u64)>,
}

impl Taken {
    fn collect(packages: &[&TreePackage], recipes: &BTreeMap<TreePath, Recipe>, task: &mut Task<'_>) -> Result<Self> {
        let mut wanted: Vec<HashSet<&str>> = packages.iter().map(|_| HashSet::new()).collect();
        for recipe in recipes.values() {
            if let Base::Whole { package, entry } = &recipe.base {
                wanted[*package].insert(entry);
            }
            for (package, entry) in &recipe.deltas {
                wanted[*package].insert(entry);
            }
        }
        task.begin(Phase::Read, wanted.iter().map(HashSet::len).sum::<usize>() as u64, Unit::Items)?;
        let mut file = temporary()?;
        let mut places = HashMap::new();
        for (number, (package, wanted)) in packages.iter().zip(&wanted).enumerate() {
            package.visit(&|name| wanted.contains(name), &mut |name, bytes| {
                let start = file.stream_position()?;
                let len = io::copy(bytes, &mut file)?;
                places.insert((number, name.to_owned()), (start, len));
                task.advance(1)
            })?;
        }
        task.finish()?;
        Ok(Self { file: FileSource::from_file(file, &std::env::temp_dir())?, places })
    }

    fn get(&self, package: usize, entry: &str) -> Result<Section<'_>> {
        let place = self.places.get(&(package, entry.to_owned()));
        let (start, len) =
            place.ok_or_else(|| Error::corrupt(format!("a package lacks \"{}\"", entry.escape_debug())))?;
        Section::new(&self.file, *start, *len)
    }
}

//! Several patches in a row into one, without any tree.
//!
//! A patch says states, so what becomes of a path is the first one's old state and the last one's new state. Where the
//! bytes come from is followed back through the patches, from each old file that a delta or a copy was made from to what
//! made that one, until it is a file of the first tree or one that a package holds whole.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use tempfile::SpooledTempFile;

use crate::delta::{self, ApplyOptions, Composition, EncodeOptions, Ends, Joint};
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, Joined, OutputOptions, ReadAt, Section, SourceReader};
use crate::limits::Limits;
use crate::order;
use crate::progress::{Phase, Task, Unit};
use crate::tree::history::{DeltaRecipe, History, Recipe};
use crate::tree::item::FileItem;
use crate::tree::package::{Compression, DELTA_FOLDER, IN_MEMORY, Payload, Spool, TreePackage};
use crate::tree::patch::{Change, ChangeKind, Content, JoinedDelta, Patch, Source};
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
    let mut history = History::begin(first)?;
    patches.try_for_each(|patch| history.follow(patch))?;
    let (mut patch, recipes) = history.finish();

    let taken = Taken::collect(packages, &recipes, task)?;
    let spool = Spool::new();
    let mut payloads: HashMap<TreePath, Payload> = HashMap::new();
    let mut joined: Vec<Payload> = Vec::new();
    let mut squasher = Squasher { taken: &taken, spool: &spool, options, made: HashMap::new() };
    let mut groups: BTreeMap<(usize, &str), Vec<(&TreePath, usize)>> = BTreeMap::new();
    task.begin(Phase::Compose, recipes.len() as u64, Unit::Items)?;
    for (path, recipe) in &recipes {
        let file = file_at(&patch, path)?;
        if let Recipe::Old(source) = recipe {
            patch.set_content(path, Content::Copy(source.clone()));
            task.advance(1)?;
        } else if let Some(payload) = within(task, 1, |task| squasher.whole(recipe, &file, task))? {
            patch.set_content(path, Content::Whole);
            payloads.insert(path.clone(), payload);
        } else if let Recipe::Part(delta, number) = recipe {
            groups.entry((delta.package, &delta.entry)).or_default().push((path, *number));
        }
    }
    for mut files in groups.into_values() {
        let size = |path: &TreePath| patch.changes.get(path).and_then(Change::new_file).map(|file| file.size);
        order::sort_by_key(&mut files, |(path, _)| (Reverse(size(path)), *path));
        let Some(Recipe::Part(delta, _)) = files.first().and_then(|(path, _)| recipes.get(*path)) else { continue };
        let made = within(task, files.len() as u64, |task| squasher.delta(delta, &files, &patch, task))?;
        match (&made.sources[..], &files[..]) {
            ([source], [(path, _)]) => {
                patch.set_content(path, Content::Delta { entry: String::new(), source: source.clone() });
                payloads.insert((*path).clone(), made.payload);
            }
            _ => {
                let delta = patch.joined.len();
                for ((path, _), from) in files.iter().zip(made.from) {
                    patch.set_content(path, Content::Joined { delta, from });
                }
                patch.joined.push(JoinedDelta { entry: String::new(), sources: made.sources });
                joined.push(made.payload);
            }
        }
    }
    task.finish()?;
    patch.number_deltas(DELTA_FOLDER);
    patch.check()?;
    let package_size = spool.write(&patch, |path| payloads.get(path), &joined, out, options.output, task)?;
    let mut changes = BTreeMap::new();
    for change in patch.changes.values() {
        *changes.entry(change.kind()).or_default() += 1;
    }
    Ok(TreeSquashStats { package_size, changes })
}

fn file_at(patch: &Patch, path: &TreePath) -> Result<FileItem> {
    let missing = || Error::new(Status::Internal, format!("nothing says what {path} becomes"));
    patch.changes.get(path).and_then(|change| change.new_file()).copied().ok_or_else(missing)
}

/// A delta of the package that comes out.
struct MadeDelta {
    sources: Vec<Source>,
    /// Which of the sources each of its files is made from.
    from: Vec<Vec<usize>>,
    payload: Payload,
}

struct Squasher<'a> {
    taken: &'a Taken,
    spool: &'a Spool,
    options: &'a TreeSquashOptions,
    /// What deltas make that begin with whole files only, by package and entry; nothing where they do not.
    made: HashMap<(usize, String), Option<Arc<FileSource>>>,
}

impl Squasher<'_> {
    /// Packs a file whose bytes the packages hold, made by deltas or not; nothing where old files are in it.
    fn whole(&mut self, recipe: &Recipe, file: &FileItem, task: &mut Task<'_>) -> Result<Option<Payload>> {
        let Some(bytes) = self.bytes(recipe, task)? else { return Ok(None) };
        let wrong = || Error::new(Status::TargetMismatch, "the packages make another file than they promise");
        let packed = self.spool.add_file(&bytes, self.options.compression, u64::MAX, &mut |_| task.check())?;
        let (payload, sha256) = packed.ok_or_else(wrong)?;
        match (payload.size, sha256) == (file.size, file.sha256) {
            true => Ok(Some(payload)),
            false => Err(wrong()),
        }
    }

    /// The bytes of a file, where no old files are in it.
    fn bytes(&mut self, recipe: &Recipe, task: &mut Task<'_>) -> Result<Option<Bytes>> {
        let (delta, number) = match recipe {
            Recipe::Old(_) => return Ok(None),
            Recipe::Whole { package, entry } => {
                let (start, len) = self.taken.place(*package, entry)?;
                return Ok(Some(Bytes { file: self.taken.file.clone(), start, len }));
            }
            Recipe::Part(delta, number) => (delta, *number),
        };
        let key = (delta.package, delta.entry.clone());
        let made = match self.made.get(&key) {
            Some(made) => made.clone(),
            None => {
                let made = self.apply(delta, task)?.map(Arc::new);
                self.made.insert(key, made.clone());
                made
            }
        };
        let range = delta.ends.new.range(number);
        Ok(made.map(|file| Bytes { file, start: range.start, len: range.end - range.start }))
    }

    /// Applies a delta that begins with whole files only.
    fn apply(&mut self, delta: &DeltaRecipe, task: &mut Task<'_>) -> Result<Option<FileSource>> {
        let mut sources = Vec::with_capacity(delta.sources.len());
        for source in &delta.sources {
            let Some(bytes) = self.bytes(source, task)? else { return Ok(None) };
            sources.push((bytes.len, Some(bytes)));
        }
        let all: Vec<usize> = (0..sources.len()).collect();
        let wanted = vec![Some(&all[..]); delta.ends.new.len()];
        let mut file = temporary()?;
        let mut out = io::BufWriter::new(&mut file);
        let section = self.taken.get(delta.package, &delta.entry)?;
        let options = ApplyOptions::from(self.options.limits);
        let reader = &mut SourceReader::new(&section);
        delta::apply_joined(&Joined::new(sources)?, reader, &delta.ends, &wanted, &mut out, &options, task)?;
        io::Write::flush(&mut out)?;
        drop(out);
        Ok(Some(FileSource::from_file(file, &std::env::temp_dir())?))
    }

    /// The delta from files of the first tree to those of `files`, which `delta` makes in the end.
    fn delta(
        &self,
        delta: &DeltaRecipe,
        files: &[(&TreePath, usize)],
        patch: &Patch,
        task: &mut Task<'_>,
    ) -> Result<MadeDelta> {
        let mut promised = Vec::with_capacity(files.len());
        for (path, _) in files {
            let file = file_at(patch, path)?;
            promised.push((file.size, file.sha256));
        }
        let new = Joint::new(promised);
        let mut out = SpooledTempFile::new(IN_MEMORY);
        let as_it_is = delta.sources.iter().map(|recipe| match recipe {
            Recipe::Old(source) => Some(source.clone()),
            Recipe::Whole { .. } | Recipe::Part(..) => None,
        });
        let all_in_order =
            files.len() == delta.ends.new.len() && files.iter().map(|(_, number)| *number).eq(0..files.len());
        if let (Some(sources), true) = (as_it_is.collect::<Option<Vec<_>>>(), all_in_order) {
            let section = self.taken.get(delta.package, &delta.entry)?;
            let ends = Ends { old: delta.ends.old.clone(), new };
            let reader = &mut SourceReader::new(&section);
            let from = delta::sources_of_joined(reader, &ends, &self.options.limits, task)?;
            io::copy(&mut SourceReader::new(&section), &mut out)?;
            return Ok(MadeDelta { sources, from, payload: self.spool.add_delta(&mut out)? });
        }
        let mut space = Space::default();
        let mut composer = Squashed { squasher: self, space: &mut space, made: HashMap::new(), held: 0 };
        let made = composer.delta(delta, task)?;
        let mut composition = Composition::new(&self.options.limits, composer.held);
        for (_, number) in files {
            composition.push_part(&made, delta.ends.new.range(*number))?;
        }
        drop((made, composer));
        let over = Ends { old: space.joint(), new: new.clone() };
        let from = composition.sources(&over)?;
        let mut kept: Vec<usize> = from.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let sources = &space.sources;
        order::sort_by_key(&mut kept, |at| (Reverse(sources[*at].size), &sources[*at].path));
        let place = |old: &usize| kept.iter().position(|kept| kept == old).unwrap_or_default();
        let sorted = |mut places: Vec<usize>| {
            places.sort_unstable();
            places
        };
        let from = from.iter().map(|from| sorted(from.iter().map(place).collect())).collect();
        let sources: Vec<Source> = kept.iter().map(|at| space.sources[*at].clone()).collect();
        let ends = Ends { old: Joint::new(sources.iter().map(|source| (source.size, source.sha256))), new };
        composition.write(&over, &kept, &ends, &mut out, &self.options.encode)?;
        Ok(MadeDelta { sources, from, payload: self.spool.add_delta(&mut out)? })
    }
}

/// Files of the first tree, one after the other.
#[derive(Default)]
struct Space {
    sources: Vec<Source>,
    starts: HashMap<TreePath, u64>,
    end: u64,
}

impl Space {
    /// Where a file lies.
    fn place(&mut self, source: &Source) -> Result<u64> {
        if let Some(start) = self.starts.get(&source.path) {
            return Ok(*start);
        }
        let start = self.end;
        let end = start.checked_add(source.size).filter(|end| *end < 1 << 63);
        self.end = end.ok_or_else(|| Error::limit("the files of the first tree are too large together"))?;
        self.starts.insert(source.path.clone(), start);
        self.sources.push(source.clone());
        Ok(start)
    }

    fn joint(&self) -> Joint {
        Joint::new(self.sources.iter().map(|source| (source.size, source.sha256)))
    }
}

/// Deltas of all packages as operations over files of the first tree.
struct Squashed<'a, 'b> {
    squasher: &'a Squasher<'b>,
    space: &'a mut Space,
    made: HashMap<(usize, String), Rc<Composition>>,
    /// Bytes of memory in use.
    held: u64,
}

impl Squashed<'_, '_> {
    /// What `delta` makes. It begins with files that earlier packages make, so this ends.
    fn delta(&mut self, delta: &DeltaRecipe, task: &mut Task<'_>) -> Result<Rc<Composition>> {
        let key = (delta.package, delta.entry.clone());
        if let Some(made) = self.made.get(&key) {
            return Ok(made.clone());
        }
        let mut parts = Vec::with_capacity(delta.sources.len());
        for source in &delta.sources {
            parts.push(match source {
                Recipe::Part(delta, _) => Some(self.delta(delta, task)?),
                Recipe::Old(_) | Recipe::Whole { .. } => None,
            });
        }
        let Squasher { taken, options, .. } = self.squasher;
        let mut before = Composition::new(&options.limits, self.held);
        for (source, part) in delta.sources.iter().zip(parts) {
            match (source, part) {
                (Recipe::Old(source), _) => before.push_old(self.space.place(source)?, source.size)?,
                (Recipe::Whole { package, entry }, _) => before.push_bytes(&taken.get(*package, entry)?, task)?,
                (Recipe::Part(delta, number), Some(part)) => before.push_part(&part, delta.ends.new.range(*number))?,
                (Recipe::Part(..), None) => {}
            }
        }
        let made = Rc::new(before.followed_by(&taken.get(delta.package, &delta.entry)?, &delta.ends, task)?);
        self.held += made.memory();
        self.made.insert(key, made.clone());
        Ok(made)
    }
}

/// A part of a file that is shared.
struct Bytes {
    file: Arc<FileSource>,
    start: u64,
    len: u64,
}

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        Section::new(&*self.file, self.start, self.len)?.read_at(offset, buf)
    }
}

fn temporary() -> Result<File> {
    let folder = std::env::temp_dir();
    tempfile::tempfile_in(&folder).map_err(|e| Error::from(e).in_file(&folder))
}

/// The entries of all packages that are needed, unpacked into one temporary file: an archive can only be read in its order.
struct Taken {
    file: Arc<FileSource>,
    places: HashMap<(usize, String), (u64, u64)>,
}

impl Taken {
    fn collect(packages: &[&TreePackage], recipes: &BTreeMap<TreePath, Recipe>, task: &mut Task<'_>) -> Result<Self> {
        let mut wanted: Vec<HashSet<&str>> = packages.iter().map(|_| HashSet::new()).collect();
        let mut recipes: Vec<&Recipe> = recipes.values().collect();
        while let Some(recipe) = recipes.pop() {
            match recipe {
                Recipe::Old(_) => {}
                Recipe::Whole { package, entry } => drop(wanted[*package].insert(entry)),
                Recipe::Part(delta, _) => {
                    if wanted[delta.package].insert(&delta.entry) {
                        recipes.extend(&delta.sources);
                    }
                }
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
        Ok(Self { file: Arc::new(FileSource::from_file(file, &std::env::temp_dir())?), places })
    }

    fn place(&self, package: usize, entry: &str) -> Result<(u64, u64)> {
        let place = self.places.get(&(package, entry.to_owned())).copied();
        place.ok_or_else(|| Error::corrupt(format!("a package lacks \"{}\"", entry.escape_debug())))
    }

    fn get(&self, package: usize, entry: &str) -> Result<Section<'_>> {
        let (start, len) = self.place(package, entry)?;
        Section::new(&*self.file, start, len)
    }
}

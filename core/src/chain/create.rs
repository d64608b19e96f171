//! A new chain from a row of deltas.

use std::io::Write;
use std::path::Path;

use super::index::{Index, Place};
use super::write::Writer;
use super::{Chain, format, names};
use crate::delta;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, OutputFile, OutputOptions, ReadAt};
use crate::limits::Limits;
use crate::progress::{Phase, Task, Unit};

/// The name of a chain that nobody named.
const DEFAULT_ID: &str = "chain";

/// What a new chain is called and whether it may replace another.
#[derive(Clone, Debug, Default)]
pub struct CreateOptions {
    /// The name of the chain; the file's name without its extension unless given.
    pub chain_id: Option<String>,
    /// The names of the first versions, in order; the others are called `v1`, `v2`, … by their position.
    pub names: Vec<String>,
    /// Replace an existing chain, and its history with it.
    pub force: bool,
}

impl Chain {
    /// Writes a new chain of `deltas` as `path`. Each must start at a version that those before it brought.
    ///
    /// An existing chain is not replaced, unless `options` force it.
    pub fn create(
        path: &Path,
        deltas: &[&dyn ReadAt],
        options: &CreateOptions,
        limits: &Limits,
        mut output: OutputOptions,
        task: &mut Task<'_>,
    ) -> Result<()> {
        if !options.force {
            refuse_chain(path)?;
            // Nor is one replaced that somebody else creates meanwhile.
            output.no_clobber |= std::fs::symlink_metadata(path).is_err();
        }
        let chain_id = options.chain_id.clone().unwrap_or_else(|| default_id(path));
        let planned = Planned::new(chain_id, deltas, options, limits, task)?;
        let mut file = OutputFile::create(path, output)?;
        planned.write(&mut file, task)?;
        task.finish()?;
        file.commit(task.commit_point())
    }

    /// Writes a new chain of `deltas` to `out`. It is called `chain` unless `options` say otherwise; what they say about an
    /// existing chain has no meaning here.
    pub fn create_to(
        out: &mut dyn Write,
        deltas: &[&dyn ReadAt],
        options: &CreateOptions,
        limits: &Limits,
        task: &mut Task<'_>,
    ) -> Result<()> {
        let chain_id = options.chain_id.clone().unwrap_or_else(|| DEFAULT_ID.to_owned());
        Planned::new(chain_id, deltas, options, limits, task)?.write(out, task)?;
        task.finish()
    }
}

/// A chain whose deltas were checked and found their places.
struct Planned<'a> {
    index: Index,
    places: Vec<Place>,
    deltas: &'a [&'a dyn ReadAt],
}

impl<'a> Planned<'a> {
    fn new(
        chain_id: String,
        deltas: &'a [&'a dyn ReadAt],
        options: &CreateOptions,
        limits: &Limits,
        task: &mut Task<'_>,
    ) -> Result<Self> {
        names::check(&chain_id).map_err(|why| Error::invalid(format!("the chain id {chain_id:?} {why}")))?;
        let mut index = Index { chain_id, ..Index::default() };
        let mut given = options.names.iter().cloned();
        let places = place_all(&mut index, deltas, &mut given, limits, task)?;
        if given.next().is_some() {
            let (names, versions) = (options.names.len(), index.versions.len());
            return Err(Error::invalid(format!("{names} names were given for {versions} versions")));
        }
        Ok(Self { index, places, deltas })
    }

    fn write(mut self, out: &mut dyn Write, task: &mut Task<'_>) -> Result<()> {
        task.begin(Phase::Encode, self.deltas.iter().map(|delta| delta.size()).sum(), Unit::Bytes)?;
        let mut writer = Writer::begin(out)?;
        for (place, delta) in self.places.iter().zip(self.deltas) {
            let offset = writer.link(*delta, task)?;
            self.index.links.push(place.link(offset, delta.size()));
        }
        writer.index(&self.index)
    }
}

/// Fails where `path` is a chain: it holds history, which is not replaced by accident.
pub(super) fn refuse_chain(path: &Path) -> Result<()> {
    if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return Ok(());
    }
    let mut magic = [0; format::MAGIC.len()];
    let existing = FileSource::open(path)?;
    if existing.size() >= magic.len() as u64 {
        existing.read_at(0, &mut magic)?;
    }
    if magic == format::MAGIC {
        let message = "a chain exists here and its history would be lost; append to it, or write elsewhere (a forced \
                       create replaces it)";
        return Err(Error::invalid(message).in_file(path));
    }
    Ok(())
}

fn default_id(path: &Path) -> String {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    stem.filter(|stem| names::check(stem).is_ok()).unwrap_or(DEFAULT_ID).to_owned()
}

/// Checks each delta as a whole and finds its place; the versions that they bring are added to `index`, the links,
/// whose offsets are not known yet, are not.
pub(super) fn place_all(
    index: &mut Index,
    deltas: &[&dyn ReadAt],
    names: &mut impl Iterator<Item = String>,
    limits: &Limits,
    task: &mut Task<'_>,
) -> Result<Vec<Place>> {
    if deltas.is_empty() {
        return Err(Error::invalid("a chain is made of deltas, and none was given"));
    }
    let known = index.links.len();
    let mut places = Vec::with_capacity(deltas.len());
    for delta in deltas {
        let named = |e: Error| match (e.status(), delta.path()) {
            (Status::Corrupt | Status::Unsupported | Status::Limit | Status::SourceMismatch, Some(path)) => {
                e.in_file(path)
            }
            _ => e,
        };
        let header = delta::verify(*delta, None, limits, task).map_err(named)?.header;
        if header.delta_size != delta.size() {
            return Err(Error::corrupt("the delta goes on after its end").at(header.delta_size));
        }
        let place = index.admit(&header, names).map_err(named)?;
        index.links.push(place.link(0, header.delta_size));
        places.push(place);
    }
    index.links.truncate(known);
    Ok(places)
}

//! One delta to the newest version from each version that is several links behind.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::chain::Chain;
use crate::delta::{self, EncodeOptions};
use crate::digest::Digest;
use crate::error::{Error, Result, Status};
use crate::io::{FileSource, ReadAt, digest};
use crate::limits::Limits;
use crate::progress::{LogLevel, Task};

/// A delta to the newest version.
pub(super) struct Squash {
    /// The ordinal of the version that it starts from.
    pub from: usize,
    /// Where it was made.
    pub path: PathBuf,
    pub size: u64,
    pub hash: Digest,
}

/// Makes in `folder` those deltas that are fewer bytes than the links that they stand for, and than the newest version itself.
///
/// Going backward, each is one link and the delta from where that leads, so that no link is read twice.
pub(super) fn squash_all(
    chain: &Chain,
    folder: &Path,
    encode: &EncodeOptions,
    limits: &Limits,
    task: &mut Task<'_>,
) -> Result<Vec<Squash>> {
    let last = chain.versions().len() - 1;
    let whole = chain.versions()[last].size;
    let place = |from: usize| folder.join(format!("{from}.squash"));
    let mut squashes = Vec::new();
    for from in (0..last).rev() {
        task.check()?;
        let version = &chain.versions()[from];
        // A digest means the latest version that has it.
        if chain.find_digest(&version.digest) != Some(from) {
            continue;
        }
        let Ok(route) = chain.route(from, last) else { continue };
        let [_, rest @ ..] = &route[..] else { continue };
        let Some(second) = rest.first() else { continue };
        // What the rest makes together is there already, unless it is one link, or did not work out.
        let squashed = if rest.len() == 1 { None } else { FileSource::open(&place(second.from)).ok() };
        let needed = if squashed.is_some() { &route[..1] } else { &route[..] };
        let links = needed.iter().map(|link| chain.delta(link)).collect::<Result<Vec<_>>>()?;
        let mut deltas: Vec<&dyn ReadAt> = links.iter().map(|link| link as _).collect();
        deltas.extend(squashed.iter().map(|squashed| squashed as &dyn ReadAt));
        let made = File::options().read(true).write(true).create_new(true).open(place(from));
        let mut out = made.map_err(|e| Error::from(e).in_file(&place(from)))?;
        match delta::compose(&deltas, &mut out, encode, limits, task) {
            Ok(_) => {}
            // Its links lead there all the same.
            Err(error) if matches!(error.status(), Status::NotComposable | Status::Limit) => {
                task.log(LogLevel::Warning, || format!("{}: not squashed: {error}", version.name));
                fs::remove_file(place(from)).map_err(|e| Error::from(e).in_file(&place(from)))?;
                continue;
            }
            Err(error) => return Err(error),
        }
        let source = FileSource::from_file(out, &place(from))?;
        let linked: u64 = route.iter().map(|link| link.size).sum();
        if source.size() < linked.min(whole) {
            let hash = digest(&source, task)?;
            squashes.push(Squash { from, path: place(from), size: source.size(), hash });
        }
    }
    squashes.reverse();
    Ok(squashes)
}

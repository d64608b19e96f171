//! Which manifest of a repository a tree saw last, so that nobody offers it an older one as the newest.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, Status};
use crate::io::Folder;
use crate::progress::Task;
use crate::tree::path::WORK_FOLDER;
use crate::tree::sealed;
use crate::tree::work::{FORMAT_VERSION, Work};

/// The file in the work folder.
const REPOSITORIES: &str = "repositories.json";

#[derive(Default, Serialize, Deserialize)]
struct Repositories {
    format_version: u32,
    /// The highest sequence that was accepted, by the name of the repository.
    sequences: BTreeMap<String, u64>,
}

/// STALE where the tree at `root` has accepted a later manifest of `repository` than number `sequence`. Nothing is written.
pub(crate) fn check_sequence(root: &Path, repository: &str, sequence: u64) -> Result<()> {
    let folder = Folder::open(root)?;
    match folder.entry(WORK_FOLDER)? {
        None => Ok(()),
        Some(_) => known(&folder.open_folder(WORK_FOLDER)?, repository, sequence).map(drop),
    }
}

/// [`check_sequence`], after which the tree accepts none that is older.
pub(crate) fn accept_sequence(root: &Path, repository: &str, sequence: u64, task: &mut Task<'_>) -> Result<()> {
    let work = Work::open(root, task)?;
    let mut repositories = known(work.folder(), repository, sequence)?;
    if repositories.sequences.insert(repository.to_owned(), sequence) == Some(sequence) {
        return Ok(());
    }
    sealed::write(work.folder(), REPOSITORIES, &repositories)?;
    // The work folder may be as new as what is in it.
    work.root().sync()
}

fn known(folder: &Folder, repository: &str, sequence: u64) -> Result<Repositories> {
    let repositories: Repositories = sealed::read(folder, REPOSITORIES)?
        .unwrap_or(Repositories { format_version: FORMAT_VERSION, ..Default::default() });
    let path = folder.path().join(REPOSITORIES);
    if repositories.format_version != FORMAT_VERSION {
        return Err(Error::new(Status::Unsupported, "a newer patchcore wrote this; update patchcore").in_file(&path));
    }
    match repositories.sequences.get(repository) {
        Some(accepted) if *accepted > sequence => {
            let message = format!(
                "the manifest of {repository} is number {sequence}, and number {accepted} was accepted before: an old one is \
                 offered. If the repository was begun anew, remove {}",
                path.display()
            );
            Err(Error::new(Status::Stale, message))
        }
        _ => Ok(repositories),
    }
}

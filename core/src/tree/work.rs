//! The hidden folder of a tree that belongs to us: its lock, what is known of the tree, and the change that is under way.
//!
//! ```text
//! .patchcore/lock          held while a process changes the tree
//! .patchcore/state.json    which change was the last one committed, and what the tree is since
//! .patchcore/7/            change number 7
//!     new/  old/           items that are not in place yet, items that were taken away
//!     journal.json         what is moved where; while it is missing, nothing was touched
//! ```
//!
//! `state.json` decides: a change whose number it holds is committed, a later one with a journal is finished by whoever comes
//! next, a later one without is dropped.

use std::fs::{File, TryLockError};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::{Error, Outcome, Result, Status};
use crate::io::Folder;
use crate::progress::{LogLevel, Task};
use crate::tree::clash;
use crate::tree::journal::{Journal, NEW, OLD, Places};
use crate::tree::path::WORK_FOLDER;
use crate::tree::sealed;
use crate::version::Version;

/// The version of the format of the files in the work folder.
pub(super) const FORMAT_VERSION: u32 = 1;

const LOCK: &str = "lock";
const STATE: &str = "state.json";
const JOURNAL: &str = "journal.json";

/// What a tree is known to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The version that was installed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The digest of the tree that was installed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<Digest>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    format_version: u32,
    /// The number of the last change that was committed.
    committed: u64,
    /// Whether that one can still be taken back.
    backup: bool,
    /// Whether that one is being taken back.
    going_back: bool,
    installed: Option<Installed>,
}

impl Default for State {
    fn default() -> Self {
        Self { format_version: FORMAT_VERSION, committed: 0, backup: false, going_back: false, installed: None }
    }
}

impl State {
    /// The state once the change of this number is committed.
    fn after(committed: u64, journal: &Journal) -> Self {
        Self { committed, backup: journal.keep_backup, installed: journal.after.clone(), ..Self::default() }
    }
}

/// The work folder of a tree, locked.
pub(super) struct Work {
    root: Folder,
    folder: Folder,
    state: State,
    _lock: File,
}

impl Work {
    /// Locks the tree at `path` and finishes what a crash left. BUSY where another process changes it.
    pub fn open(path: &Path, task: &mut Task<'_>) -> Result<Self> {
        let root = Folder::open(path)?;
        if root.entry(WORK_FOLDER)?.is_none() {
            match root.create_folder(WORK_FOLDER) {
                Err(_) if root.entry(WORK_FOLDER)?.is_some() => {}
                result => result?,
            }
        }
        let folder = root.open_folder(WORK_FOLDER)?;
        let lock = match folder.create_file(LOCK, 0o666) {
            Err(_) if folder.entry(LOCK)?.is_some() => folder.open_file(LOCK)?,
            result => result?,
        };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(
                    Status::Busy,
                    "another process is changing this tree; try again when it is done",
                )
                .in_file(path));
            }
            Err(TryLockError::Error(e)) => return Err(Error::from(e).in_file(&folder.path().join(LOCK))),
        }
        let state: State = sealed::read(&folder, STATE)?.unwrap_or_default();
        if state.format_version != FORMAT_VERSION {
            return Err(
                Error::new(Status::Unsupported, "a newer patchcore manages this tree; update patchcore").in_file(path)
            );
        }
        let mut work = Self { root, folder, state, _lock: lock };
        let begun = work.is_begun()?;
        let outcome = if begun { Outcome::RollbackFailed } else { Outcome::Unchanged };
        // Whoever cancels while a crash is being recovered from is to wait for the end of that, not of what comes after.
        let recovered = task.commit_point().pass().and_then(|()| work.recover(begun, task));
        task.commit_point().go_back();
        recovered.map_err(|e| e.with_outcome(outcome))?;
        Ok(work)
    }

    /// Whether there is something at `path` that a crash may have left.
    pub fn exists(path: &Path) -> Result<bool> {
        Ok(Folder::open(path)?.entry(WORK_FOLDER)?.is_some())
    }

    /// What the tree at `path` is known to be; nothing is locked or written.
    pub fn read_installed(path: &Path) -> Result<Option<Installed>> {
        let root = Folder::open(path)?;
        match root.entry(WORK_FOLDER)? {
            None => Ok(None),
            Some(_) => {
                Ok(sealed::read::<State>(&root.open_folder(WORK_FOLDER)?, STATE)?.and_then(|state| state.installed))
            }
        }
    }

    /// Records what the tree is found to be.
    pub fn record(&mut self, installed: Installed) -> Result<()> {
        if self.state.installed.as_ref() == Some(&installed) {
            return Ok(());
        }
        self.set_state(State { installed: Some(installed), ..self.state })?;
        // The work folder may be as new as the record in it.
        self.root.sync()
    }

    /// The root of the tree.
    pub fn root(&self) -> &Folder {
        &self.root
    }

    /// The work folder itself.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// What the tree is known to be.
    pub fn installed(&self) -> Option<&Installed> {
        self.state.installed.as_ref()
    }

    /// Makes room for the new items of a change.
    pub fn begin(&self) -> Result<Transaction<'_>> {
        let name = (self.state.committed + 1).to_string();
        self.folder.remove_all(&name)?;
        self.folder.create_folder(&name)?;
        let folder = self.folder.open_folder(&name)?;
        folder.create_folder(NEW)?;
        folder.create_folder(OLD)?;
        Ok(Transaction { places: Places::open(&self.root, &folder)?, folder })
    }

    /// Drops what [`begin`](Self::begin) made, as if nothing had been.
    pub fn abandon(&self) -> Result<()> {
        let name = (self.state.committed + 1).to_string();
        if self.folder.entry(&name)?.is_none() {
            return Ok(());
        }
        // Without its journal nobody takes what is left for a change that is to be finished.
        let folder = self.folder.open_folder(&name)?;
        folder.remove_file(JOURNAL)?;
        folder.sync()?;
        self.folder.remove_all(&name)
    }

    /// Does what the journal says, whole or not at all; the new items are staged and durable. What failed says what became
    /// of the tree.
    pub fn commit(&mut self, journal: &Journal, task: &mut Task<'_>) -> Result<()> {
        let number = self.state.committed + 1;
        let written = self.folder.open_folder(number.to_string()).and_then(|folder| {
            sealed::write(&folder, JOURNAL, journal)?;
            // The work folder itself may be as new as what is in it.
            self.folder.sync()?;
            self.root.sync()?;
            Ok(folder)
        });
        let folder = match written {
            Ok(folder) => folder,
            Err(error) => {
                return Err(match self.abandon() {
                    Ok(()) => error.with_outcome(Outcome::Unchanged),
                    Err(_) => error.with_outcome(Outcome::RollbackFailed),
                });
            }
        };
        let forward = Places::open(&self.root, &folder).and_then(|places| places.forward(&journal.steps, task));
        let done = forward.and_then(|()| self.set_state(State::after(number, journal)));
        match done {
            Ok(()) => {}
            Err(error) if self.reread().is_ok_and(|state| state.committed == number) => {
                // The record is there, though not known to be durable: the tree is new, and a power cut leaves either.
                task.log(LogLevel::Warning, || format!("the change may be undone by a power cut: {error}"));
                self.state = State::after(number, journal);
            }
            Err(error) => {
                let back = Places::open(&self.root, &folder)
                    .and_then(|places| Places { interrupted: true, ..places }.back(&journal.steps, task));
                return Err(match back.and_then(|()| self.abandon()) {
                    Ok(()) => error.with_outcome(Outcome::RolledBack),
                    Err(_) => error.with_outcome(Outcome::RollbackFailed),
                });
            }
        }
        self.tidy(task);
        Ok(())
    }

    /// Takes the last change back, whole or not at all. The caller has seen that nobody changed its files since. What failed
    /// says what became of the tree.
    pub fn roll_back(&mut self, task: &mut Task<'_>) -> Result<()> {
        let before = self.state.clone();
        let begun = self.set_state(State { going_back: true, ..before.clone() });
        let done = begun.and_then(|()| self.finish_going_back(false, task));
        match (done, self.reread()) {
            (Ok(()), _) => Ok(()),
            (Err(error), Ok(state)) if !state.backup => {
                // The record is there, though not known to be durable: a power cut leaves either.
                task.log(LogLevel::Warning, || format!("the rollback may be undone by a power cut: {error}"));
                self.state = state;
                self.tidy(task);
                Ok(())
            }
            (Err(error), _) => Err(match self.go_forward_again(before, task) {
                Ok(()) => error.with_outcome(Outcome::RolledBack),
                Err(_) => error.with_outcome(Outcome::RollbackFailed),
            }),
        }
    }

    /// Brings the tree back to where it was before a rollback that cannot be finished.
    fn go_forward_again(&mut self, before: State, task: &mut Task<'_>) -> Result<()> {
        let (places, journal) = self.last_change(true)?;
        places.forward(&journal.steps, task)?;
        drop(places);
        self.set_state(State { going_back: false, ..before })
    }

    /// The journal of the change that is the last one, and where its items lie.
    fn last_change(&self, interrupted: bool) -> Result<(Places<'_>, Journal)> {
        let folder = self.folder.open_folder(self.state.committed.to_string())?;
        let journal = sealed::read::<Journal>(&folder, JOURNAL)?
            .ok_or_else(|| Error::corrupt("the journal of a rollback is gone").in_file(&folder.path().join(JOURNAL)))?
            .check()?;
        Ok((Places { interrupted, ..Places::open(&self.root, &folder)? }, journal))
    }

    /// The journal of the last change, if it can be taken back.
    pub fn backup(&self) -> Result<Option<Journal>> {
        match self.state.backup {
            true => sealed::read::<Journal>(&self.folder.open_folder(self.state.committed.to_string())?, JOURNAL)?
                .map(Journal::check)
                .transpose(),
            false => Ok(None),
        }
    }

    /// Gives up the way back from the last change. Says whether there was one.
    pub fn drop_backup(&mut self) -> Result<bool> {
        let had = self.state.backup;
        if had {
            self.set_state(State { backup: false, installed: self.state.installed.clone(), ..self.state })?;
            self.folder.remove_all(self.state.committed.to_string())?;
        }
        Ok(had)
    }

    /// Whether a process may have been interrupted while it changed the tree, or prepared to.
    fn is_begun(&self) -> Result<bool> {
        Ok(self.state.going_back || self.folder.entry((self.state.committed + 1).to_string())?.is_some())
    }

    /// Finishes what a crash left: forward where everything was staged, back where that fails or was asked for.
    fn recover(&mut self, begun: bool, task: &mut Task<'_>) -> Result<()> {
        let name = (self.state.committed + 1).to_string();
        if begun || self.unneeded().is_ok_and(|names| !names.is_empty()) {
            // What whoever was interrupted wrote last decides what is done now, so it must not be lost any more.
            self.folder.sync()?;
            self.root.sync()?;
        }
        if self.state.going_back {
            task.log(LogLevel::Info, || "finishing a rollback that was interrupted".to_owned());
            if let Err(error) = self.finish_going_back(true, task) {
                task.log(LogLevel::Warning, || format!("it cannot be finished and is taken back: {error}"));
                self.go_forward_again(self.state.clone(), task)?;
            }
        }
        if self.folder.entry(&name)?.is_some() {
            let folder = self.folder.open_folder(&name)?;
            match sealed::read::<Journal>(&folder, JOURNAL)? {
                None => self.abandon()?,
                Some(journal) => {
                    task.log(LogLevel::Info, || "finishing a change that was interrupted".to_owned());
                    let journal = journal.check()?;
                    folder.sync()?;
                    let places = Places { interrupted: true, ..Places::open(&self.root, &folder)? };
                    match places.forward(&journal.steps, task) {
                        Ok(()) => self.set_state(State::after(self.state.committed + 1, &journal))?,
                        Err(error) => {
                            task.log(LogLevel::Warning, || format!("it cannot be finished and is taken back: {error}"));
                            places.back(&journal.steps, task)?;
                            self.abandon()?;
                        }
                    }
                }
            }
        }
        self.tidy(task);
        Ok(())
    }

    fn finish_going_back(&mut self, interrupted: bool, task: &mut Task<'_>) -> Result<()> {
        let (places, journal) = self.last_change(interrupted)?;
        places.back(&journal.steps, task)?;
        drop(places);
        self.set_state(State {
            committed: self.state.committed,
            installed: journal.before.clone(),
            ..State::default()
        })?;
        self.tidy(task);
        Ok(())
    }

    /// Removes what nobody needs any more. What cannot be removed now is removed at the next open.
    fn tidy(&self, task: &mut Task<'_>) {
        let removed = self.unneeded().and_then(|names| names.iter().try_for_each(|name| self.folder.remove_all(name)));
        if let Err(error) = removed {
            task.log(LogLevel::Warning, || format!("what is left of an earlier change stays for now: {error}"));
        }
    }

    /// The names of what an earlier change left.
    fn unneeded(&self) -> Result<Vec<String>> {
        let mut names = self.folder.names()?;
        names.retain(|name| match name.parse::<u64>() {
            Ok(number) => number < self.state.committed || (number == self.state.committed && !self.state.backup),
            Err(_) => name == clash::NAMES || *name == sealed::temporary(STATE),
        });
        Ok(names)
    }

    /// The state as it stands on the disk.
    fn reread(&self) -> Result<State> {
        Ok(sealed::read(&self.folder, STATE)?.unwrap_or_default())
    }

    fn set_state(&mut self, state: State) -> Result<()> {
        sealed::write(&self.folder, STATE, &state)?;
        self.state = state;
        Ok(())
    }
}

/// A change that is being prepared.
pub(super) struct Transaction<'a> {
    places: Places<'a>,
    folder: Folder,
}

impl Transaction<'_> {
    /// Where new items are staged, each under the number of its step.
    pub fn new_items(&self) -> &Folder {
        &self.places.new
    }

    /// Makes what was staged durable; the content of files is already.
    pub fn sync(&self) -> Result<()> {
        self.places.new.sync()?;
        self.folder.sync()
    }
}

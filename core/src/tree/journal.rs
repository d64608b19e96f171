//! What a change of a tree is going to do, written down before it begins, so that whoever comes after a crash can finish it or
//! take it back.
//!
//! Every step is judged by what is on the disk: what lies in the folder of new items is not in place yet, what lies in the
//! folder of old ones was taken away already. So a step may be repeated, in either direction, however often the power fails.
//! Old items are all taken away and made durable before the first new one is put in place; so whatever a power cut keeps of the
//! last renames, no name ever loses the only copy of what it held.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, Status};
use crate::io::{Folder, Kind};
use crate::progress::{Phase, Task, Unit};
use crate::tree::item::Item;
use crate::tree::path::TreePath;
use crate::tree::reach::Reach;
use crate::tree::work::Installed;

/// The folder of a transaction that holds new items until they are in place.
pub(super) const NEW: &str = "new";
/// The folder of a transaction that holds old items from when they were taken away.
pub(super) const OLD: &str = "old";

/// All that one change of a tree does.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Journal {
    pub format_version: u32,
    /// In the order of their paths.
    pub steps: Vec<Step>,
    /// Whether what was taken away is kept, so that the change can be taken back later.
    pub keep_backup: bool,
    /// What the tree was before, and what it is after.
    pub before: Option<Installed>,
    pub after: Option<Installed>,
}

/// What is done at one path: first something is taken away, then something is put in place. New and old items lie under the
/// number of the step.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Step {
    pub path: TreePath,
    pub take: Take,
    pub put: Put,
    /// What stands there afterwards, as far as it is known.
    pub new: Option<Item>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Take {
    Nothing,
    /// Whatever stands there goes to the old items.
    Move,
    /// A folder with these permissions is removed, unless something is in it that the patch does not know.
    RemoveDirectory(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Put {
    Nothing,
    /// The staged item.
    Staged,
    /// A new folder.
    Directory,
    /// Other permissions.
    Mode {
        old: u32,
        new: u32,
    },
}

/// The folders that a change moves items between.
pub(super) struct Places<'a> {
    pub root: &'a Folder,
    pub new: Folder,
    pub old: Folder,
    /// Whether it was begun with and broken off, by a failure or with the process, so that of what is in place nothing is
    /// known to be durable.
    pub interrupted: bool,
}

impl<'a> Places<'a> {
    /// Opens the folders of a transaction, whose own folder is `transaction`.
    pub fn open(root: &'a Folder, transaction: &Folder) -> Result<Self> {
        Ok(Self { root, new: transaction.open_folder(NEW)?, old: transaction.open_folder(OLD)?, interrupted: false })
    }

    /// Brings the tree to its new state, which nobody can stop. Nothing is left to do where it is there already.
    pub fn forward(&self, steps: &[Step], task: &mut Task<'_>) -> Result<()> {
        task.unstoppable(|task| self.take_and_put(steps, task))
    }

    /// Brings the tree back to its old state, which nobody can stop. Nothing is left to do where it is there already.
    pub fn back(&self, steps: &[Step], task: &mut Task<'_>) -> Result<()> {
        task.unstoppable(|task| self.put_and_take_back(steps, task))
    }

    fn take_and_put(&self, steps: &[Step], task: &mut Task<'_>) -> Result<()> {
        task.begin(Phase::Commit, 2 * steps.len() as u64, Unit::Items)?;
        let mut reach = Reach::new(self.root);
        if self.interrupted {
            // What was moved out of a folder that was removed since has no other place to be found in.
            self.new.sync()?;
            self.sync(steps, &mut reach)?;
        }
        for (number, step) in steps.iter().enumerate().rev() {
            self.take(&number.to_string(), step, &mut reach)?;
            task.advance(1)?;
        }
        reach.forget();
        self.old.sync()?;
        self.sync(steps, &mut reach)?;
        for (number, step) in steps.iter().enumerate() {
            self.put(&number.to_string(), step, &mut reach)?;
            task.advance(1)?;
        }
        self.sync(steps, &mut reach)?;
        self.new.sync()?;
        task.finish()
    }

    fn put_and_take_back(&self, steps: &[Step], task: &mut Task<'_>) -> Result<()> {
        task.begin(Phase::Rollback, 2 * steps.len() as u64, Unit::Items)?;
        let mut reach = Reach::new(self.root);
        if self.interrupted {
            self.old.sync()?;
            self.sync(steps, &mut reach)?;
        }
        for (number, step) in steps.iter().enumerate().rev() {
            self.put_back(&number.to_string(), step, &mut reach)?;
            task.advance(1)?;
        }
        reach.forget();
        // What was moved into a folder that a power cut takes away would be gone with it.
        for step in steps {
            self.make_folder_again(step, &mut reach)?;
        }
        self.new.sync()?;
        self.sync(steps, &mut reach)?;
        for (number, step) in steps.iter().enumerate() {
            self.take_back(&number.to_string(), step, &mut reach)?;
            task.advance(1)?;
        }
        self.sync(steps, &mut reach)?;
        self.old.sync()?;
        task.finish()
    }

    /// Makes durable what was changed in the tree, also by whoever was interrupted.
    fn sync(&self, steps: &[Step], reach: &mut Reach<'_>) -> Result<()> {
        if self.interrupted {
            steps.iter().for_each(|step| reach.touch(&step.path));
        }
        reach.sync()
    }

    fn take(&self, number: &str, step: &Step, reach: &mut Reach<'_>) -> Result<()> {
        match step.take {
            Take::Nothing => Ok(()),
            Take::Move => {
                let Some(there) = reach.entry(&step.path)? else { return Ok(()) };
                let in_place = match step.put {
                    Put::Staged => self.new.entry(number)?.is_none(),
                    Put::Directory => there.kind == Kind::Directory,
                    Put::Nothing | Put::Mode { .. } => false,
                };
                if in_place || self.old.entry(number)?.is_some() {
                    return Ok(());
                }
                reach.changing(&step.path)?.rename(step.path.name(), &self.old, number)
            }
            Take::RemoveDirectory(_) => match reach.entry(&step.path)? {
                Some(there) if there.kind == Kind::Directory => {
                    reach.changing(&step.path)?.remove_folder(step.path.name()).map(|_| ())
                }
                _ => Ok(()),
            },
        }
    }

    fn put(&self, number: &str, step: &Step, reach: &mut Reach<'_>) -> Result<()> {
        let name = step.path.name();
        match step.put {
            Put::Nothing => Ok(()),
            Put::Staged => match self.new.entry(number)? {
                Some(_) => self.new.rename(number, reach.changing(&step.path)?, name),
                None if reach.entry(&step.path)?.is_some() => Ok(()),
                None => Err(Error::corrupt(format!("the new {} was staged and is gone", step.path))),
            },
            Put::Directory => match reach.entry(&step.path)? {
                Some(there) if there.kind == Kind::Directory => Ok(()),
                _ => reach.changing(&step.path)?.create_folder(name),
            },
            Put::Mode { new, .. } => reach.changing(&step.path)?.set_mode(name, new),
        }
    }

    fn put_back(&self, number: &str, step: &Step, reach: &mut Reach<'_>) -> Result<()> {
        let Some(there) = reach.entry(&step.path)? else { return Ok(()) };
        let name = step.path.name();
        match step.put {
            Put::Nothing => Ok(()),
            Put::Staged => match self.new.entry(number)? {
                Some(_) => Ok(()),
                None => reach.changing(&step.path)?.rename(name, &self.new, number),
            },
            // What somebody put into it meanwhile stays, and so does the folder.
            Put::Directory if there.kind == Kind::Directory => {
                reach.changing(&step.path)?.remove_folder(name).map(|_| ())
            }
            Put::Directory => Ok(()),
            Put::Mode { old, .. } => reach.changing(&step.path)?.set_mode(name, old),
        }
    }

    fn make_folder_again(&self, step: &Step, reach: &mut Reach<'_>) -> Result<()> {
        let Take::RemoveDirectory(_) = step.take else { return Ok(()) };
        match reach.entry(&step.path)? {
            None => reach.changing(&step.path)?.create_folder(step.path.name()),
            Some(there) if there.kind == Kind::Directory => Ok(()),
            Some(_) => Err(Error::new(Status::Conflict, format!("something stands where {} was", step.path))),
        }
    }

    fn take_back(&self, number: &str, step: &Step, reach: &mut Reach<'_>) -> Result<()> {
        let name = step.path.name();
        match step.take {
            Take::Nothing => Ok(()),
            Take::Move => match self.old.entry(number)? {
                Some(_) => self.old.rename(number, reach.changing(&step.path)?, name),
                None => Ok(()),
            },
            Take::RemoveDirectory(mode) => reach.changing(&step.path)?.set_mode(name, mode),
        }
    }
}

impl Journal {
    /// Refuses what a newer version wrote.
    pub fn check(self) -> Result<Self> {
        match self.format_version {
            crate::tree::work::FORMAT_VERSION => Ok(self),
            _ => Err(Error::new(Status::Unsupported, "a newer patchcore was changing this tree; finish with that one")),
        }
    }
}

//! The way from the root of a tree to the folder of a path, one name at a time, never through a link.

use std::collections::BTreeSet;

use crate::error::{Error, Result, Status};
use crate::io::{Entry, Folder};
use crate::tree::path::TreePath;

/// From how many files or folders on one sync of all that the file system holds is faster than one of each, on any disk.
pub(super) const MANY: usize = 32;

/// Opens folders of a tree. Paths in order cost one opened folder each at the most.
pub(super) struct Reach<'a> {
    root: &'a Folder,
    /// The folders on the way to the last one, the nearest to the root first.
    way: Vec<(String, Folder)>,
    /// The folders whose names have changed since they were last made durable; the root is the empty name.
    touched: BTreeSet<String>,
}

impl<'a> Reach<'a> {
    pub fn new(root: &'a Folder) -> Self {
        Self { root, way: Vec::new(), touched: BTreeSet::new() }
    }

    /// The folder that holds `path`; `None` where there is none, or something on the way is none.
    pub fn parent(&mut self, path: &TreePath) -> Result<Option<&Folder>> {
        let mut names: Vec<&str> = path.names().collect();
        names.pop();
        self.folder(&names)
    }

    fn folder(&mut self, names: &[&str]) -> Result<Option<&Folder>> {
        let common = self.way.iter().zip(names).take_while(|((have, _), want)| have == *want).count();
        self.way.truncate(common);
        for name in &names[common..] {
            let last = self.way.last().map_or(self.root, |(_, folder)| folder);
            match last.open_folder(name) {
                Ok(folder) => self.way.push(((*name).to_owned(), folder)),
                Err(e) if is_no_way(&e) => return Ok(None),
                Err(e) => return Err(e),
            }
        }
        Ok(Some(self.way.last().map_or(self.root, |(_, folder)| folder)))
    }

    /// What stands at `path`; `None` where nothing does.
    pub fn entry(&mut self, path: &TreePath) -> Result<Option<Entry>> {
        match self.parent(path)? {
            Some(parent) => parent.entry(path.name()),
            None => Ok(None),
        }
    }

    /// The folder that holds `path`, whose names are about to change.
    pub fn changing(&mut self, path: &TreePath) -> Result<&Folder> {
        self.touch(path);
        let missing = self.root.path().to_owned();
        self.parent(path)?.ok_or_else(|| {
            Error::new(Status::Conflict, "a folder on the way is no longer there").in_file(&path.below(&missing))
        })
    }

    /// Counts the names in the folder that holds `path` among those that are to be made durable.
    pub fn touch(&mut self, path: &TreePath) {
        self.touched.insert(path.parent().map(|parent| parent.to_string()).unwrap_or_default());
    }

    /// Forgets folders that are about to be removed or moved, so that nothing is reached through them.
    pub fn forget(&mut self) {
        self.way.clear();
    }

    /// Makes every change since the last call durable.
    pub fn sync(&mut self) -> Result<()> {
        let touched = std::mem::take(&mut self.touched);
        if touched.len() > MANY && self.root.sync_file_system()? {
            return Ok(());
        }
        for path in touched {
            let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
            // A folder that is gone has nothing to be made durable; that it is gone stands in the one above.
            if let Some(folder) = self.folder(&names)? {
                folder.sync()?;
            }
        }
        Ok(())
    }
}

/// Whether a folder could not be opened because there is none: nothing, a file or a link.
fn is_no_way(error: &Error) -> bool {
    let kind = error.system_code().map(|code| std::io::Error::from_raw_os_error(code).kind());
    error.status() == Status::NotFound || kind == Some(std::io::ErrorKind::NotADirectory)
}

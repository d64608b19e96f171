//! The links of a chain as files of their own again.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Chain, Link, names, write};
use crate::error::{Error, Result};
use crate::io::{OutputFile, OutputOptions};
use crate::limits::Limits;
use crate::progress::{Phase, Task, Unit};
use crate::route::Routes;

impl Chain {
    /// Writes links as files such as `0000_v1_to_v2.delta` into `folder`, which is made where it is missing: the
    /// whole history, or, where an end is given, the links that lead from one version to the other.
    ///
    /// Every link is checked before the first file is written. Returns the links and their files.
    pub fn extract(
        &self,
        folder: &Path,
        from: Option<&str>,
        to: Option<&str>,
        limits: &Limits,
        output: OutputOptions,
        task: &mut Task<'_>,
    ) -> Result<Vec<(Link, PathBuf)>> {
        let links: Vec<&Link> = match (from, to) {
            (None, None) => self.links().collect(),
            _ => {
                let (from, to) = self.range(from, to)?;
                match self.history_route(from, to) {
                    Some(route) => route,
                    None => self.route(from, to)?,
                }
            }
        };
        links.iter().try_for_each(|link| self.verify_link(link, limits, task))?;

        let is_new_folder = !folder.exists();
        fs::create_dir_all(folder).map_err(|e| Error::from(e).in_file(folder))?;
        let mut made = Vec::new();
        let result = self.write_all(&links, folder, output, &mut made, task);
        if result.is_err() {
            // The error that stopped the work is the one to report, whatever becomes of the rest.
            made.iter().for_each(|path| drop(fs::remove_file(path)));
            if is_new_folder {
                let _ = fs::remove_dir(folder);
            }
        }
        result
    }

    /// The way along the history alone; after a prune there may be none.
    fn history_route(&self, from: usize, to: usize) -> Option<Vec<&Link>> {
        let history: Vec<&Link> = self.links().collect();
        let edges: Vec<_> = self.links().map(Link::edge).collect();
        let route = Routes::to(to, &edges).from(from)?;
        Some(route.into_iter().map(|i| history[i]).collect())
    }

    /// Writes the files; those that were not there before are added to `made`.
    fn write_all(
        &self,
        links: &[&Link],
        folder: &Path,
        output: OutputOptions,
        made: &mut Vec<PathBuf>,
        task: &mut Task<'_>,
    ) -> Result<Vec<(Link, PathBuf)>> {
        task.begin(Phase::Encode, links.iter().map(|link| link.size).sum(), Unit::Bytes)?;
        let mut written = Vec::with_capacity(links.len());
        for link in links {
            let path = folder.join(names::file_name(link, &self.index.versions));
            let is_new = fs::symlink_metadata(&path).is_err();
            let mut file = OutputFile::create(&path, output)?;
            write::copy(&self.delta(link)?, &mut file, task)?;
            file.commit(task.commit_point())?;
            // The other files can still be stopped, and then this one goes again.
            task.commit_point().go_back();
            if is_new {
                made.push(path.clone());
            }
            written.push(((*link).clone(), path));
        }
        task.finish()?;
        Ok(written)
    }
}

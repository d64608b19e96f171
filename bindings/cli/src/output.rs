//! Where `-o` leads: a file through the core, or standard output for `-`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use patchcore::io::OutputOptions;
use patchcore::{Error, Result, Status};

use crate::context::Context;
use crate::interrupt;

/// A result on its way to where `-o` says.
pub(crate) struct Output<'a> {
    path: &'a Path,
    no_clobber: bool,
    to_stdout: bool,
}

impl<'a> Output<'a> {
    /// Takes note of `-o PATH` before any work is done.
    pub(crate) fn new(path: &'a Path, no_clobber: bool, context: &Context) -> Result<Self> {
        let to_stdout = path == Path::new("-") || path == Path::new("/dev/stdout");
        if to_stdout {
            context.printer.reserve_stdout();
            if context.printer.json() {
                let message = "--json and -o - both want standard output; write to a file, or leave --json away";
                return Err(Error::new(Status::InvalidArgument, message));
            }
        } else if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
            interrupt::may_block();
        }
        Ok(Self { path, no_clobber, to_stdout })
    }

    pub(crate) fn path(&self) -> &Path {
        self.path
    }

    /// The path as reports name it.
    pub(crate) fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    pub(crate) fn options(&self) -> OutputOptions {
        OutputOptions { no_clobber: self.no_clobber }
    }

    pub(crate) fn is_stdout(&self) -> bool {
        self.to_stdout
    }

    /// Lets `write` make the file. Standard output gets it when it is complete.
    pub(crate) fn deliver<T>(&self, write: impl FnOnce(&Path, OutputOptions) -> Result<T>) -> Result<T> {
        if !self.to_stdout {
            return write(self.path, self.options());
        }
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("output");
        let result = write(&path, OutputOptions::default())?;
        let mut complete = File::open(&path)?;
        // From here on nothing is left to clean up, and the reader may take its time.
        drop(folder);
        interrupt::may_block();
        let mut stdout = io::stdout().lock();
        io::copy(&mut complete, &mut stdout)?;
        stdout.flush()?;
        Ok(result)
    }
}

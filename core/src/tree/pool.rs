//! Many files of which a few are open at a time: systems grant a process no more than some hundreds.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::error::{Error, Result, Status};
use crate::io::ReadAt;

/// So many files are open at a time.
const MOST_OPEN: usize = 32;

/// Opens files by their numbers when they are read.
pub(super) struct Pool<F> {
    state: Mutex<State<F>>,
}

struct State<F> {
    open: F,
    /// The file that was used last is the last one.
    files: VecDeque<(usize, Box<dyn ReadAt>)>,
}

impl<F: FnMut(usize) -> Result<Box<dyn ReadAt>> + Send> Pool<F> {
    /// Files that `open` opens.
    pub fn new(open: F) -> Self {
        Self { state: Mutex::new(State { open, files: VecDeque::new() }) }
    }

    /// A file of `size` bytes.
    pub fn file(&self, number: usize, size: u64) -> Pooled<'_, F> {
        Pooled { pool: self, number, size }
    }
}

/// A file of a [`Pool`].
pub(super) struct Pooled<'a, F> {
    pool: &'a Pool<F>,
    number: usize,
    size: u64,
}

impl<F: FnMut(usize) -> Result<Box<dyn ReadAt>> + Send> ReadAt for Pooled<'_, F> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let mut state = self.pool.state.lock().map_err(|_| Error::new(Status::Internal, "a reader panicked"))?;
        let State { open, files } = &mut *state;
        let file = match files.iter().position(|(number, _)| *number == self.number) {
            Some(at) => files.remove(at),
            None => None,
        };
        let file = match file {
            Some(file) => file,
            None => {
                if files.len() == MOST_OPEN {
                    files.pop_front();
                }
                (self.number, open(self.number)?)
            }
        };
        let read = file.1.read_at(offset, buf);
        files.push_back(file);
        read
    }
}

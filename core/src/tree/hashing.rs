//! Digests of many files of a tree, on as many threads as the caller grants.

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};

use crate::cancel::CancelToken;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result, Status};
use crate::io::Folder;
use crate::progress::Task;
use crate::tree::path::TreePath;
use crate::tree::reach::Reach;

const BUFFER_LEN: usize = 128 << 10;

enum Message {
    Read(u64),
    Done(usize, Digest),
}

/// The digest of each file, in the order given; paths in order are found fastest. `task` advances by the bytes read.
pub(super) fn digests(root: &Folder, files: &[TreePath], threads: usize, task: &mut Task<'_>) -> Result<Vec<Digest>> {
    let threads = threads.clamp(1, files.len().max(1));
    if threads == 1 {
        let (mut reach, mut buffer) = (Reach::new(root), vec![0; BUFFER_LEN]);
        return files.iter().map(|path| digest(&mut reach, path, &mut buffer, |read| task.advance(read))).collect();
    }
    let mut digests = vec![None; files.len()];
    let next = AtomicUsize::new(0);
    let stop = CancelToken::new();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let (sender, next, stop) = (sender.clone(), &next, &stop);
                scope.spawn(move || work(root, files, next, &sender, stop))
            })
            .collect();
        drop(sender);
        let mut outcome = Ok(());
        for message in receiver {
            match message {
                Message::Read(read) if outcome.is_ok() => {
                    outcome = task.advance(read);
                    if outcome.is_err() {
                        stop.cancel();
                    }
                }
                Message::Read(_) => {}
                Message::Done(index, digest) => digests[index] = Some(digest),
            }
        }
        for worker in workers {
            let result =
                worker.join().unwrap_or_else(|_| Err(Error::new(Status::Internal, "a hashing thread panicked")));
            outcome = outcome.and(result);
        }
        outcome
    })?;
    digests
        .into_iter()
        .map(|digest| digest.ok_or_else(|| Error::new(Status::Internal, "a file was not hashed")))
        .collect()
}

fn work(
    root: &Folder,
    files: &[TreePath],
    next: &AtomicUsize,
    sender: &Sender<Message>,
    stop: &CancelToken,
) -> Result<()> {
    let (mut reach, mut buffer) = (Reach::new(root), vec![0; BUFFER_LEN]);
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(path) = files.get(index) else { return Ok(()) };
        let read = |read| match stop.is_cancelled() {
            true => Err(Error::new(Status::Cancelled, "cancelled")),
            false => {
                // Nobody listens any more only where the outcome is known already.
                let _ = sender.send(Message::Read(read));
                Ok(())
            }
        };
        let result = digest(&mut reach, path, &mut buffer, read);
        match result {
            Ok(digest) => drop(sender.send(Message::Done(index, digest))),
            Err(error) => {
                stop.cancel();
                return Err(error);
            }
        }
    }
}

fn digest(
    reach: &mut Reach<'_>,
    path: &TreePath,
    buffer: &mut [u8],
    mut read: impl FnMut(u64) -> Result<()>,
) -> Result<Digest> {
    let gone = || Error::new(Status::NotFound, format!("{path} went away while it was looked at"));
    let parent = reach.parent(path)?.ok_or_else(gone)?;
    let file_path = parent.path().join(path.name());
    let mut file = parent.open_file(path.name())?;
    let mut hasher = Hasher::new();
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                read(n as u64)?;
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::from(e).in_file(&file_path)),
        }
    }
}

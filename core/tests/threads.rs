//! Applying on two threads keeps every promise of applying on one: the same bytes, the same failures, nothing published
//! that is not verified, and no hanging whatever fails.

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread::{self, ThreadId};

use patchcore::chain::{self, Chain, CreateOptions};
use patchcore::delta::{self, ApplyOptions};
use patchcore::io::{OutputOptions, ReadAt};
use patchcore::{CancelToken, Error, Limits, Phase, Result, Status, Stop, Task};
use proptest::prelude::*;

use support::calls::{at_level, diff};
use support::files::{Noise, versions};

fn on(threads: usize) -> ApplyOptions {
    ApplyOptions { threads, ..ApplyOptions::default() }
}

fn apply_on(threads: usize, old: &[u8], delta: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    delta::apply(&old, &mut &delta[..], &mut out, &on(threads), &mut Task::new())?;
    Ok(out)
}

/// Two files of `len` bytes that go through an applier's buffers many times: copies with and without addends from near
/// and far, and bytes that are new.
fn pair(len: usize) -> (Vec<u8>, Vec<u8>) {
    let old = Noise(1).bytes(len);
    let mut new = old.clone();
    new.rotate_left(len / 3);
    new.iter_mut().step_by(50).take(len / 200).for_each(|byte| *byte = byte.wrapping_add(1));
    new[len / 2..len / 2 + len / 10].copy_from_slice(&Noise(2).bytes(len / 10));
    (old, new)
}

/// A folder with `old`, a `target` that holds something else, and a delta from `old` to another file.
struct Lab {
    folder: tempfile::TempDir,
    new: Vec<u8>,
    delta: Vec<u8>,
}

impl Lab {
    fn new() -> Self {
        let (old, new) = pair(3 << 20);
        let lab = Self { folder: tempfile::tempdir().unwrap(), delta: diff(&old, &new, &at_level(1)).unwrap(), new };
        fs::write(lab.old(), old).unwrap();
        fs::write(lab.target(), b"as it was").unwrap();
        lab
    }

    fn old(&self) -> PathBuf {
        self.folder.path().join("old")
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("target")
    }

    fn apply(&self, delta: &mut dyn Read, task: &mut Task<'_>) -> Result<delta::ApplyStats> {
        delta::apply_file(&self.old(), delta, &self.target(), &on(2), OutputOptions::default(), task)
    }

    /// Applies, which must fail and leave no trace.
    #[track_caller]
    fn fails(&self, delta: &mut dyn Read, task: &mut Task<'_>) -> Error {
        let error = self.apply(delta, task).unwrap_err();
        assert_eq!(fs::read(self.target()).unwrap(), b"as it was", "{error}");
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 2, "{error}");
        error
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_number_of_threads_makes_the_same_file(versions in versions(1, 300 << 10), threads in 0..5usize) {
        let files = versions.files();
        let delta = diff(&files[0], &files[1], &at_level(1)).unwrap();
        prop_assert!(apply_on(threads, &files[0], &delta).unwrap() == files[1]);
        let folder = tempfile::tempdir().unwrap();
        let (old, out) = (folder.path().join("old"), folder.path().join("out"));
        fs::write(&old, &files[0]).unwrap();
        for out in [&out, &old] {
            let options = OutputOptions::default();
            delta::apply_file(&old, &mut &delta[..], out, &on(threads), options, &mut Task::new()).unwrap();
            prop_assert!(fs::read(out).unwrap() == files[1]);
        }
    }

    #[test]
    fn any_number_of_threads_fails_alike(
        versions in versions(1, 100 << 10),
        threads in 2..5usize,
        flipped in any::<(u16, u8)>(),
        stranger in any::<Option<u16>>(),
    ) {
        let files = versions.files();
        let mut delta = diff(&files[0], &files[1], &at_level(1)).unwrap();
        let at = delta.len() * usize::from(flipped.0) / 65_536;
        delta[at] ^= flipped.1;
        let mut old = files[0].clone();
        if let (Some(place), false) = (stranger, old.is_empty()) {
            let at = old.len() * usize::from(place) / 65_536;
            old[at] ^= 1;
        }
        let folder = tempfile::tempdir().unwrap();
        let (path, out) = (folder.path().join("old"), folder.path().join("out"));
        fs::write(&path, &old).unwrap();
        let status = |threads| {
            let options = OutputOptions::default();
            let result = delta::apply_file(&path, &mut &delta[..], &out, &on(threads), options, &mut Task::new());
            result.map(|stats| stats.new_digest).map_err(|e| e.status())
        };
        prop_assert_eq!(status(threads), status(1));
    }
}

#[test]
fn a_large_file_goes_through_all_buffers() {
    let (old, new) = pair(9 << 20);
    let delta = diff(&old, &new, &at_level(1)).unwrap();
    for threads in [1, 2, 3] {
        assert!(apply_on(threads, &old, &delta).unwrap() == new);
    }
}

#[test]
fn a_wrong_old_file_leaves_the_target_as_it_was_wherever_it_differs() {
    let lab = Lab::new();
    let right = fs::read(lab.old()).unwrap();
    for at in [0, right.len() / 2, right.len() - 1] {
        let mut wrong = right.clone();
        wrong[at] ^= 1;
        fs::write(lab.old(), wrong).unwrap();
        let error = lab.fails(&mut &lab.delta[..], &mut Task::new());
        assert_eq!((error.status(), error.path()), (Status::SourceMismatch, Some(lab.old().as_path())));
    }
    fs::write(lab.old(), &right[1..]).unwrap();
    assert_eq!(lab.fails(&mut &lab.delta[..], &mut Task::new()).status(), Status::SourceMismatch);
    fs::write(lab.old(), right).unwrap();
    lab.apply(&mut &lab.delta[..], &mut Task::new()).unwrap();
    assert!(fs::read(lab.target()).unwrap() == lab.new);
}

#[test]
fn a_wrong_old_file_that_nothing_is_copied_from_is_still_told() {
    let lab = Lab::new();
    let right = vec![7; 5 << 20];
    let delta = diff(&right, b"tiny", &at_level(1)).unwrap();
    let mut wrong = right;
    wrong[4 << 20] ^= 1;
    fs::write(lab.old(), wrong).unwrap();
    assert_eq!(lab.fails(&mut &delta[..], &mut Task::new()).status(), Status::SourceMismatch);
}

/// Hands out a delta in small parts and does something before one of them.
struct Eventful<'a> {
    delta: &'a [u8],
    reads_left: usize,
    event: &'a dyn Fn() -> io::Result<()>,
}

impl Read for Eventful<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.reads_left == 0 {
            (self.event)()?;
        }
        self.reads_left = self.reads_left.wrapping_sub(1);
        let n = buf.len().min(1000);
        self.delta.read(&mut buf[..n])
    }
}

/// Applies and lets `event` happen at several moments; all of them must fail and leave no trace.
fn fails_whenever(
    lab: &Lab,
    token: impl Fn() -> CancelToken,
    event: &dyn Fn(&CancelToken) -> io::Result<()>,
) -> Vec<Status> {
    let reads = lab.delta.len() / 1000;
    let at = |reads_left| {
        let token = token();
        let event = || event(&token);
        let mut delta = Eventful { delta: &lab.delta, reads_left, event: &event };
        lab.fails(&mut delta, &mut Task::with_cancel(token.clone())).status()
    };
    [1, 2, 4, reads / 2, reads - 1].map(at).to_vec()
}

#[test]
fn cancelling_ends_both_threads_at_any_moment() {
    let lab = Lab::new();
    let statuses = fails_whenever(&lab, CancelToken::new, &|token| {
        token.cancel();
        Ok(())
    });
    assert!(statuses.iter().all(|status| *status == Status::Cancelled), "{statuses:?}");
}

#[test]
fn a_delta_that_cannot_be_read_on_ends_both_threads() {
    let lab = Lab::new();
    let statuses = fails_whenever(&lab, CancelToken::new, &|_| Err(io::ErrorKind::PermissionDenied.into()));
    assert!(statuses.iter().all(|status| *status == Status::Permission), "{statuses:?}");
}

#[test]
fn an_old_file_that_shrinks_meanwhile_is_an_error() {
    let lab = Lab::new();
    let right = fs::read(lab.old()).unwrap();
    for reads_left in [2, 3] {
        fs::write(lab.old(), &right).unwrap();
        let shrink = || OpenOptions::new().write(true).open(lab.old())?.set_len(0);
        let mut delta = Eventful { delta: &lab.delta, reads_left, event: &shrink };
        let status = lab.fails(&mut delta, &mut Task::new()).status();
        assert!(matches!(status, Status::Corrupt | Status::SourceMismatch), "{status:?}");
    }
}

#[test]
fn an_observer_may_stop_in_any_phase() {
    let lab = Lab::new();
    let observed = |stop_at: Phase| {
        Task::new().observed(move |event| if event.phase == stop_at { Err(Stop::Callback(-3)) } else { Ok(()) })
    };
    let error = lab.fails(&mut &lab.delta[..], &mut observed(Phase::Apply));
    assert_eq!((error.status(), error.callback_value()), (Status::Callback, Some(-3)));
}

#[test]
fn events_come_from_the_callers_thread_and_end_with_everything_done() {
    let lab = Lab::new();
    let seen = Mutex::new(Vec::new());
    let mut task = Task::new().observed(|event| {
        seen.lock().unwrap().push((thread::current().id(), *event));
        Ok(())
    });
    lab.apply(&mut &lab.delta[..], &mut task).unwrap();
    drop(task);
    let seen = seen.into_inner().unwrap();
    assert!(seen.iter().all(|(thread, _)| *thread == thread::current().id()));
    let (_, last) = seen.last().unwrap();
    assert_eq!(last.done, last.total);
}

/// Writes until there is no room.
struct Full {
    room: usize,
}

impl Write for Full {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = buf.len().min(self.room);
        self.room -= n;
        if n == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(n) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_fails_ends_both_threads() {
    let (old, new) = pair(3 << 20);
    let delta = diff(&old, &new, &at_level(1)).unwrap();
    for room in [0, 1, 300 << 10, 1 << 20, new.len() - 1] {
        let result = delta::apply(&old, &mut &delta[..], &mut Full { room }, &on(2), &mut Task::new());
        assert_eq!(result.unwrap_err().status(), Status::NoSpace, "{room}");
    }
}

/// A caller's callbacks, which note who calls.
struct Noted<'a, T> {
    inner: T,
    threads: &'a Mutex<Vec<ThreadId>>,
    /// How many calls succeed.
    calls: usize,
}

impl<T> Noted<'_, T> {
    fn note(&self) -> Result<()> {
        let mut threads = self.threads.lock().unwrap();
        threads.push(thread::current().id());
        let failed = Error::from(io::Error::from(io::ErrorKind::PermissionDenied));
        if threads.len() > self.calls { Err(failed) } else { Ok(()) }
    }
}

impl ReadAt for Noted<'_, Vec<u8>> {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.note()?;
        self.inner.read_at(offset, buf)
    }
}

impl Read for Noted<'_, &[u8]> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.note()?;
        self.inner.read(buf)
    }
}

impl Write for Noted<'_, Vec<u8>> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.note()?;
        self.inner.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.note()?)
    }
}

#[test]
fn callbacks_are_called_on_the_callers_thread_alone_and_may_fail_at_any_call() {
    let (old, new) = pair(3 << 20);
    let delta = diff(&old, &new, &at_level(1)).unwrap();
    let run = |calls| {
        let threads = Mutex::new(Vec::new());
        let source = Noted { inner: old.clone(), threads: &threads, calls };
        let mut reader = Noted { inner: &delta[..], threads: &threads, calls };
        let mut out = Noted { inner: Vec::new(), threads: &threads, calls };
        let result = delta::apply(&source, &mut reader, &mut out, &on(2), &mut Task::new());
        let result = result.map(|_| out.inner);
        let threads = threads.into_inner().unwrap();
        assert!(threads.iter().all(|thread| *thread == thread::current().id()));
        (result, threads.len())
    };
    let (result, calls) = run(usize::MAX);
    assert!(result.unwrap() == new);
    for calls in (0..calls).step_by(7).chain([calls - 1]) {
        assert_eq!(run(calls).0.unwrap_err().status(), Status::Permission, "{calls}");
    }
}

#[test]
fn a_chain_is_applied_on_two_threads_like_on_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (first, second) = pair(1 << 20);
    let mut third = second.clone();
    third.rotate_left(1000);
    let deltas = [diff(&first, &second, &at_level(1)).unwrap(), diff(&second, &third, &at_level(1)).unwrap()];
    let deltas: Vec<&dyn ReadAt> = deltas.iter().map(|delta| delta as _).collect();
    let (limits, output) = (Limits::default(), OutputOptions::default());
    Chain::create(&at("chain"), &deltas, &CreateOptions::default(), &limits, output, &mut Task::new()).unwrap();
    let chain = Chain::open(&at("chain")).unwrap();
    let apply = |old: &[u8], streaming| {
        fs::write(at("file"), old).unwrap();
        let options = chain::ApplyOptions { threads: 2, streaming, ..chain::ApplyOptions::default() };
        let result = chain.apply_file(&at("file"), &at("file"), None, &options, output, &mut Task::new());
        (result.map_err(|e| e.status()).map(drop), fs::read(at("file")).unwrap())
    };
    for streaming in [false, true] {
        for old in [&first, &second, &third] {
            assert!(apply(old, streaming) == (Ok(()), third.clone()));
        }
        let mut stranger = first.clone();
        stranger[1 << 19] ^= 1;
        assert!(apply(&stranger, streaming) == (Err(Status::SourceMismatch), stranger));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[cfg(unix)]
#[test]
fn a_pipe_gets_nothing_made_of_a_wrong_old_file() {
    let lab = Lab::new();
    let pipe = lab.folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let send = |old: &Path| {
        let reader = thread::spawn({
            let pipe = pipe.clone();
            move || {
                let mut got = Vec::new();
                File::open(pipe).unwrap().read_to_end(&mut got).unwrap();
                got
            }
        });
        let options = OutputOptions::default();
        let result = delta::apply_file(old, &mut &lab.delta[..], &pipe, &on(2), options, &mut Task::new());
        (result.map_err(|e| e.status()).map(drop), reader.join().unwrap())
    };
    assert!(send(&lab.old()) == (Ok(()), lab.new.clone()));
    let mut wrong = fs::read(lab.old()).unwrap();
    *wrong.last_mut().unwrap() ^= 1;
    fs::write(lab.old(), wrong).unwrap();
    assert!(send(&lab.old()) == (Err(Status::SourceMismatch), Vec::new()));
}

//! Ctrl-C and its kin end a command at any moment, leave nothing behind and exit with 130.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Folder, noise, versions};

const PATIENCE: Duration = Duration::from_secs(30);

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

fn exit_status(mut child: Child) -> Option<i32> {
    wait_until("the command ends", || child.try_wait().unwrap().is_some());
    child.wait().unwrap().code()
}

fn has_temporary(folder: &Folder) -> bool {
    folder.contents().keys().any(|path| path.to_string_lossy().contains(".patchcore-"))
}

fn pair() -> Folder {
    let [v1, v2, ..] = versions(300_000);
    let folder = Folder::with(&[("v1", &v1), ("v2", &v2)]);
    folder.ok("diff v1 v2 -o delta");
    folder
}

#[test]
fn a_command_that_waits_for_its_input_ends_and_leaves_nothing() {
    for name in ["-INT", "-TERM", "-HUP"] {
        let folder = pair();
        folder.write("out", b"as it was");
        let before = folder.contents();
        let mut command = folder.command(&["apply", "v1", "-", "-o", "out"]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&folder.read("delta")[..200]).unwrap();
        wait_until("the temporary file is there", || has_temporary(&folder));
        signal(&child, name);
        let mut stderr = child.stderr.take().unwrap();
        assert_eq!(exit_status(child), Some(130), "{name}");
        assert!(folder.contents() == before, "{name}");
        assert!(std::io::read_to_string(&mut stderr).unwrap().starts_with("error: cancelled"));
    }
}

#[test]
fn a_command_that_works_ends_and_leaves_nothing() {
    let folder = Folder::with(&[("v1", &noise(1, 24 << 20)), ("v2", &noise(2, 24 << 20))]);
    let before = folder.contents();
    let child = folder.command(&["diff", "v1", "v2", "-o", "delta", "-9"]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the temporary file is there", || has_temporary(&folder));
    signal(&child, "-INT");
    assert_eq!(exit_status(child), Some(130));
    assert!(folder.contents() == before);
}

#[test]
fn a_command_that_waits_for_a_reader_ends() {
    let folder = pair();
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    let before = folder.contents();
    for arguments in [["apply", "v1", "delta", "-o", "pipe"], ["diff", "v1", "v2", "-o", "pipe"]] {
        let child = folder.command(&arguments).spawn().unwrap();
        thread::sleep(Duration::from_millis(300));
        signal(&child, "-TERM");
        assert_eq!(exit_status(child), Some(130), "{arguments:?}");
        assert!(folder.contents() == before);
    }
}

#[test]
fn a_command_that_waits_for_a_writer_ends() {
    let folder = pair();
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    let before = folder.contents();
    let child = folder.command(&["apply", "v1", "pipe", "-o", "out"]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the temporary file is there", || has_temporary(&folder));
    signal(&child, "-INT");
    assert_eq!(exit_status(child), Some(130));
    assert!(folder.contents() == before);
}

#[test]
fn a_program_reads_that_the_command_was_interrupted() {
    let folder = pair();
    let mut command = folder.command(&["apply", "v1", "-", "-o", "out", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let stdin = child.stdin.take();
    wait_until("the temporary file is there", || has_temporary(&folder));
    signal(&child, "-INT");
    let ended = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(ended.status.code(), Some(130));
    let object: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&object["type"], &object["code"]), (&"error".into(), &"CANCELLED".into()));
}

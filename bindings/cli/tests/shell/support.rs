//! A folder to run commands in, and what came of one. Commands run inside their folder and name files relative to
//! it, so that no temporary path ever shows in what they print.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use patchcore::Digest;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn with(files: &[(&str, &[u8])]) -> Self {
        let folder = Self::new();
        files.iter().for_each(|(name, bytes)| folder.write(name, bytes));
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.join(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn size(&self, name: &str) -> u64 {
        fs::metadata(self.join(name)).unwrap().len()
    }

    /// The first 8 digits of the digest of a file.
    pub(crate) fn digits(&self, name: &str) -> String {
        Digest::of(&self.read(name)).short()
    }

    /// Every file in the folder and beneath, hidden ones too, with its content.
    pub(crate) fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut contents = BTreeMap::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let kind = fs::symlink_metadata(&path).unwrap().file_type();
                let bytes = if kind.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
                if kind.is_dir() {
                    folders.push(path.clone());
                }
                contents.insert(path, bytes);
            }
        }
        contents
    }

    /// The command, for tests that need more than its arguments.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("patchcore"));
        command.current_dir(self.path()).args(arguments).stdin(Stdio::null()).env_remove("COLUMNS");
        command
    }

    /// Runs a command given as a person would type it; no argument may contain a space.
    pub(crate) fn run(&self, line: &str) -> Outcome {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        self.command(&arguments).output().unwrap().into()
    }

    /// Runs a command that must succeed without a word on standard error.
    pub(crate) fn ok(&self, line: &str) -> String {
        let outcome = self.run(line);
        assert!(outcome.status == 0 && outcome.stderr.is_empty(), "{line}\n{outcome}");
        outcome.stdout
    }

    /// Runs a command that must succeed and whose log goes to standard error.
    pub(crate) fn ok_verbose(&self, line: &str) -> String {
        let outcome = self.run(&format!("{line} --verbose"));
        let is_log = |line: &str| ["warning: ", "info: ", "debug: "].iter().any(|level| line.starts_with(level));
        assert!(outcome.status == 0 && outcome.stderr.lines().all(is_log), "{line}\n{outcome}");
        outcome.stdout
    }

    /// Runs a command that must succeed with one JSON object on standard output.
    pub(crate) fn json(&self, line: &str) -> Value {
        let value: Value = serde_json::from_str(&self.ok(&format!("{line} --json"))).unwrap();
        assert_eq!(value["format_version"], 1, "{value}");
        value
    }

    /// Runs a command that must fail and leave the folder exactly as it was.
    pub(crate) fn fails(&self, line: &str) -> Outcome {
        let before = self.contents();
        let outcome = self.run(line);
        assert_ne!(outcome.status, 0, "{line}\n{outcome}");
        assert!(self.contents() == before, "{line} left the folder changed\n{outcome}");
        outcome
    }

    /// Runs a command that must fail with this status, and leave the folder as it was, as a person and as a program.
    pub(crate) fn fails_with(&self, status: i32, line: &str) -> Outcome {
        let outcome = self.fails(line);
        assert_eq!(outcome.status, status, "{line}\n{outcome}");
        assert!(outcome.stdout.is_empty() && outcome.stderr.starts_with("error: "), "{line}\n{outcome}");
        let for_programs = self.fails(&format!("{line} --json"));
        let object: Value = serde_json::from_str(&for_programs.stdout).unwrap();
        assert_eq!((&object["type"], &object["format_version"]), (&"error".into(), &1.into()), "{line}");
        assert_eq!((&object["status"], for_programs.status), (&status.into(), status), "{line}");
        outcome
    }
}

/// What came of a command: its exit status and what it printed.
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit status: {}\n--- stdout\n{}--- stderr\n{}", self.status, self.stdout, self.stderr)
    }
}

/// A number as the command shows it, with thousands separators.
pub(crate) fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}

/// Replaces how long things took, which no test can know.
pub(crate) fn without_times(text: &str) -> String {
    let mut parts = text.split(" in ");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        result.push_str(" in ");
        let digits = part.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(0);
        match part[digits..].strip_prefix(" s") {
            Some(rest) if digits > 0 => result.extend(["[time]", rest]),
            _ => result.push_str(part),
        }
    }
    result
}

/// Bytes that look random and are the same every time.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Four versions of a file as training or building makes them: a few bytes change everywhere, a part moves, a part is
/// new, and the size changes.
pub(crate) fn versions(len: usize) -> [Vec<u8>; 4] {
    let first = noise(1, len);
    let step = |before: &[u8], seed: u64| {
        let mut after = before.to_vec();
        let third = after.len() / 3;
        for (i, byte) in after[..third].iter_mut().enumerate().filter(|(i, _)| i % 50 == 0) {
            *byte = byte.wrapping_add((i as u64 * seed) as u8 % 3);
        }
        after.rotate_left(third / 7);
        after.splice(third..third + third / 20, noise(seed, third / 10));
        after
    };
    let second = step(&first, 2);
    let third = step(&second, 3);
    let fourth = step(&third, 4);
    [first, second, third, fourth]
}

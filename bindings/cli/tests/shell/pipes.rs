//! Standard input and output, pipes and devices, links, and an output that is also an input.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::thread;

use crate::support::{Folder, Outcome, versions};

fn pair() -> Folder {
    let [v1, v2, ..] = versions(300_000);
    let folder = Folder::with(&[("v1", &v1), ("v2", &v2)]);
    folder.ok("diff v1 v2 -o delta");
    folder.ok("diff v2 v1 -o back");
    folder.ok("chain create delta -o chain");
    folder
}

fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn apply_reads_the_delta_from_standard_input() {
    let folder = pair();
    for options in [&[][..], &["--streaming"], &["--threads", "2"]] {
        let arguments = [&["apply", "v1", "-", "-o", "out"], options].concat();
        let mut child = folder.command(&arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        for part in folder.read("delta").chunks(1000) {
            stdin.write_all(part).unwrap();
        }
        drop(stdin);
        assert!(child.wait().unwrap().success());
        assert!(folder.read("out") == folder.read("v2"));
    }
}

#[test]
fn a_dash_as_output_is_standard_output_and_nothing_else_goes_there() {
    let folder = pair();
    folder.ok("squash delta back -o squashed");
    for (arguments, same) in [
        (&["diff", "v1", "v2"][..], "delta"),
        (&["squash", "delta", "back"], "squashed"),
        (&["apply", "v1", "delta"], "v2"),
        (&["chain", "create", "delta", "--chain-id", "chain"], "chain"),
        (&["chain", "apply", "v1", "chain"], "v2"),
    ] {
        let printed = output(&mut folder.command(&[arguments, &["-o", "-"]].concat())).stdout;
        assert!(printed == folder.read(same), "{arguments:?}");
    }
    let squashed = output(&mut folder.command(&["chain", "squash", "chain", "-o", "-"])).stdout;
    folder.write("squashed", &squashed);
    folder.ok("apply v1 squashed -o out");
    assert!(!folder.join("-").exists());
}

#[test]
fn standard_output_is_written_where_it_stands() {
    let folder = pair();
    folder.write("log", b"before ");
    for dash in ["-", "/dev/stdout"] {
        let log = OpenOptions::new().append(true).open(folder.join("log")).unwrap();
        output(folder.command(&["apply", "v1", "delta", "-o", dash]).stdout(log));
    }
    let v2 = folder.read("v2");
    assert!(folder.read("log") == [b"before ", &v2[..], &v2[..]].concat());
}

#[test]
fn json_and_standard_output_as_output_exclude_one_another() {
    let folder = pair();
    for line in ["diff v1 v2", "apply v1 delta", "squash delta back", "chain squash chain", "chain apply v1 chain"] {
        let outcome = folder.fails(&format!("{line} -o - --json"));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (10, ""), "{outcome}");
    }
}

#[test]
fn a_wrong_old_file_sends_nothing_to_standard_output() {
    let folder = pair();
    for line in ["apply v2 delta -o -", "apply v2 delta -o - --threads 2"] {
        let outcome = folder.fails(line);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (40, ""), "{outcome}");
    }
}

#[test]
fn the_output_may_be_the_old_file_itself() {
    let folder = pair();
    let v2 = folder.read("v2");
    folder.ok("apply v1 delta -o v1");
    assert!(folder.read("v1") == v2);
    folder.ok("apply v1 back -o v1");
    folder.ok("chain apply v1 chain -o v1");
    assert!(folder.read("v1") == v2);
    folder.ok("diff v2 v1 -o v2");
    folder.ok("info v2");
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{FileTypeExt, symlink};

    use super::*;

    #[test]
    fn a_named_pipe_as_output_gets_the_bytes_and_stays_a_pipe() {
        let folder = pair();
        assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
        folder.ok("squash delta back -o squashed");
        for (line, same) in [
            ("apply v1 delta", "v2"),
            ("apply v1 delta --threads 2", "v2"),
            ("diff v1 v2", "delta"),
            ("squash delta back", "squashed"),
            ("chain apply v1 chain", "v2"),
            ("chain apply v1 chain --streaming", "v2"),
            ("chain apply v1 chain --threads 2", "v2"),
        ] {
            let pipe = folder.join("pipe");
            let reader = thread::spawn(move || fs::read(pipe).unwrap());
            folder.ok(&format!("{line} -o pipe"));
            assert!(reader.join().unwrap() == folder.read(same), "{line}");
            assert!(fs::metadata(folder.join("pipe")).unwrap().file_type().is_fifo());
        }
    }

    #[test]
    fn the_delta_may_be_a_named_pipe() {
        let folder = pair();
        assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
        let (pipe, delta) = (folder.join("pipe"), folder.read("delta"));
        let writer = thread::spawn(move || fs::write(pipe, delta).unwrap());
        folder.ok("apply v1 pipe -o out");
        writer.join().unwrap();
        assert!(folder.read("out") == folder.read("v2"));
    }

    #[test]
    fn devices_are_written_and_never_replaced() {
        let folder = pair();
        for line in ["apply v1 delta -o /dev/null", "diff v1 v2 -o /dev/null", "squash delta back -o /dev/null"] {
            folder.ok(line);
        }
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }

    #[test]
    fn links_are_followed_and_modes_kept() {
        use std::os::unix::fs::PermissionsExt;
        let folder = pair();
        folder.write("real", b"");
        fs::set_permissions(folder.join("real"), fs::Permissions::from_mode(0o750)).unwrap();
        symlink("real", folder.join("link")).unwrap();
        folder.ok("apply v1 delta -o link");
        assert!(folder.read("real") == folder.read("v2"));
        assert!(fs::symlink_metadata(folder.join("link")).unwrap().is_symlink());
        assert_eq!(fs::metadata(folder.join("real")).unwrap().permissions().mode() & 0o777, 0o750);
    }

    #[test]
    fn file_names_are_bytes() {
        let folder = pair();
        let [old, delta, new] = [&b"old-\xff"[..], b"delta-\xfe", b"new-\x80"].map(OsStr::from_bytes);
        fs::copy(folder.join("v1"), folder.join(old)).unwrap();
        let run = |arguments: &[&OsStr]| output(&mut folder.command(arguments));
        run(&["diff".as_ref(), old, "v2".as_ref(), "-o".as_ref(), delta, "--json".as_ref()]);
        run(&["apply".as_ref(), old, delta, "-o".as_ref(), new, "--json".as_ref()]);
        assert!(fs::read(folder.join(new)).unwrap() == folder.read("v2"));
    }

    #[test]
    fn a_reader_that_has_left_is_no_failure() {
        let folder = pair();
        for line in
            ["apply v1 delta -o -", "diff v1 v2 -o -", "info delta", "chain info chain --json", "completions bash"]
        {
            let arguments: Vec<&str> = line.split(' ').collect();
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let ended = folder.command(&arguments).stdout(writer).output().unwrap();
            assert!(ended.status.success() && ended.stderr.is_empty(), "{line}: {ended:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_report_that_cannot_be_written_is_a_failure() {
        let folder = pair();
        for line in ["info delta", "info delta --json", "apply v1 delta -o -", "apply v1 delta -o - --threads 2"] {
            let arguments: Vec<&str> = line.split(' ').collect();
            let full = File::options().write(true).open("/dev/full").unwrap();
            let outcome = Outcome::from(folder.command(&arguments).stdout(full).output().unwrap());
            assert_eq!(outcome.status, 22, "{line}\n{outcome}");
        }
    }
}

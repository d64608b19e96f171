//! `diff`, `apply`, `info`, `verify` and `squash` on files of every kind.

use patchcore::Digest;

use crate::support::{Folder, grouped, noise, versions, without_times};

/// Two versions of a file of 100,000 bytes and the delta between them.
fn pair() -> Folder {
    let [v1, v2, ..] = versions(100_000);
    let folder = Folder::with(&[("v1", &v1), ("v2", &v2)]);
    folder.ok("diff v1 v2 -o delta -q");
    folder
}

#[test]
fn any_two_files_make_a_delta_that_gives_back_the_second() {
    let files: [&[u8]; 7] = [b"", b"x", b"y", b"xyzzy", &[0; 5000], &noise(1, 5000), &noise(2, 3000)];
    for (old, new) in files.iter().flat_map(|old| files.iter().map(move |new| (old, new))) {
        for engine in ["auto", "bsdiff"] {
            let folder = Folder::with(&[("old", old), ("new", new)]);
            folder.ok(&format!("diff old new -o delta --engine {engine}"));
            folder.ok("apply old delta -o out");
            assert!(folder.read("out") == *new, "{engine}: {} to {} bytes", old.len(), new.len());
            folder.ok("verify delta --old old");
            folder.ok("info delta");
            assert_eq!(folder.contents().len(), 4);
        }
    }
}

#[test]
fn identical_files_make_a_delta_of_at_most_200_bytes() {
    let bytes = noise(3, 200_000);
    let folder = Folder::with(&[("old", &bytes), ("new", &bytes)]);
    folder.ok("diff old new -o delta");
    assert!(folder.size("delta") <= 200);
}

#[test]
fn diff_and_apply_say_in_one_line_what_they_wrote() {
    let folder = pair();
    let text = without_times(&folder.ok("diff v1 v2 -o delta"));
    let [delta, new] = ["delta", "v2"].map(|name| folder.size(name));
    let share = format!("{:.1}%", delta as f64 * 100.0 / new as f64);
    let (delta, new) = (grouped(delta), grouped(new));
    assert_eq!(text, format!("delta: {delta} bytes ({share} of the new file) in [time]\n"));
    assert_eq!(without_times(&folder.ok("apply v1 delta -o out")), format!("out: {new} bytes, verified, in [time]\n"));
}

#[test]
fn info_shows_both_ends_and_what_applying_takes() {
    let folder = pair();
    let (old, new) = (Digest::of(&folder.read("v1")), Digest::of(&folder.read("v2")));
    let text = folder.ok("info delta");
    assert!(text.starts_with("Delta: delta\n============\nSize: "), "{text}");
    let new_size = grouped(folder.size("v2"));
    let ends = format!("Old file: 100,000 bytes, {old}\nNew file: {new_size} bytes, {new}\n");
    assert!(text.contains(&ends), "{text}");
    assert!(text.contains("Segments: ") && text.contains("Memory to apply: "), "{text}");
}

#[test]
fn verify_says_what_it_checked_and_what_not() {
    let folder = pair();
    let text = folder.ok("verify delta");
    assert!(text.starts_with("delta: an intact delta, "), "{text}");
    assert!(text.contains("Signature: not checked, since no key was given\n"), "{text}");
    assert!(!text.contains("Old file"), "{text}");
    let text = folder.ok("verify delta --old v1");
    assert!(text.contains("Old file: v1 fits and becomes what was promised\n"), "{text}");
}

#[test]
fn squash_needs_no_version_of_the_file() {
    let [v1, v2, v3, v4] = versions(60_000);
    let folder = Folder::with(&[("v1", &v1), ("v2", &v2), ("v3", &v3), ("v4", &v4)]);
    folder.ok("diff v1 v2 -o a");
    folder.ok("diff v2 v3 -o b");
    folder.ok("diff v3 v4 -o c");
    for name in ["v2", "v3"] {
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    for level in ["", "-1", "--level 9"] {
        folder.ok(&format!("squash a b c -o abc {level}"));
        folder.ok("apply v1 abc -o out");
        assert!(folder.read("out") == v4);
    }
    let [size, a, b, c] = ["abc", "a", "b", "c"].map(|name| folder.size(name));
    assert!(size <= a + b + c);
}

#[test]
fn every_level_engine_and_number_of_threads_is_accepted() {
    let folder = pair();
    let new = folder.read("v2");
    let levels = (1..=9).map(|level| format!("-{level}")).chain((1..=9).map(|level| format!("--level {level}")));
    let others = ["--engine bsdiff", "--engine auto", "--threads 2", "--threads 0", "--max-apply-memory 256K"];
    let sizes = ["12M", "1G", "1000000", "0"].map(|size| format!("--max-apply-memory {size}"));
    for options in levels.chain(others.map(str::to_owned)).chain(sizes) {
        folder.ok(&format!("diff v1 v2 -o delta {options}"));
        folder.ok("apply v1 delta -o out --streaming");
        assert!(folder.read("out") == new, "{options}");
    }
}

#[test]
fn the_number_of_threads_does_not_change_the_delta() {
    let folder = pair();
    let one = folder.read("delta");
    folder.ok("diff v1 v2 -o delta --threads 4");
    assert!(folder.read("delta") == one);
}

#[test]
fn a_program_reads_what_a_person_reads() {
    let folder = pair();
    let (old, new) = (folder.read("v1"), folder.read("v2"));
    let [old, new] =
        [&old, &new].map(|bytes| serde_json::json!({ "size": bytes.len(), "sha256": Digest::of(bytes).to_string() }));

    let diff = folder.json("diff v1 v2 -o delta");
    assert_eq!((&diff["type"], &diff["output"]), (&"diff".into(), &"delta".into()));
    assert_eq!((&diff["old"], &diff["new"], &diff["delta_size"]), (&old, &new, &folder.size("delta").into()));
    assert!(diff["seconds"].is_f64() && diff["engine"] == "auto", "{diff}");

    let apply = folder.json("apply v1 delta -o out");
    assert_eq!((&apply["type"], &apply["output"], &apply["new"]), (&"apply".into(), &"out".into(), &new));

    let info = folder.json("info delta");
    assert_eq!((&info["type"], &info["old"], &info["new"]), (&"delta_info".into(), &old, &new));
    assert_eq!((&info["segments"], &info["apply_memory"]), (&diff["segments"], &diff["apply_memory"]));

    let verify = folder.json("verify delta --old v1");
    assert_eq!((&verify["type"], &verify["kind"]), (&"verify".into(), &"delta".into()));
    assert_eq!((&verify["old_checked"], &verify["signature"]), (&true.into(), &"not_checked".into()));
    let made = verify["copied_bytes"].as_u64().unwrap() + verify["inserted_bytes"].as_u64().unwrap();
    assert_eq!(made, folder.size("v2"));

    folder.ok("diff v2 v1 -o back");
    let squash = folder.json("squash delta back -o there-and-back");
    assert_eq!((&squash["type"], &squash["old"], &squash["new"]), (&"squash".into(), &old, &old));
    assert_eq!(squash["deltas"], serde_json::json!(["delta", "back"]));
}

#[test]
fn quiet_prints_nothing_and_verbose_prints_more() {
    let folder = pair();
    for line in ["diff v1 v2 -o delta", "apply v1 delta -o out", "verify delta", "info delta"] {
        assert_eq!(folder.ok(&format!("{line} -q")), "", "{line}");
        assert_eq!(folder.ok(&format!("--quiet {line}")), "", "{line}");
    }
    let verbose = folder.run("diff v1 v2 -o delta --verbose");
    assert!(verbose.status == 0 && verbose.stdout.contains("Segments: "), "{verbose}");
    assert!(verbose.stdout.contains(&Digest::of(&folder.read("v1")).to_string()), "{verbose}");
    assert!(verbose.stderr.contains("debug: match: "), "{verbose}");
}

#[test]
fn progress_is_shown_off_a_terminal_only_when_asked_for() {
    let folder = pair();
    for line in ["diff v1 v2 -o delta", "apply v1 delta -o out", "verify delta"] {
        folder.ok(line);
        folder.ok(&format!("{line} --progress never"));
        let outcome = folder.run(&format!("{line} --progress always -q"));
        assert!(outcome.status == 0 && outcome.stdout.is_empty(), "{line}\n{outcome}");
        assert!(outcome.stderr.contains("/s, ETA "), "{line}\n{outcome}");
    }
}

#[test]
fn a_file_is_told_by_its_content_and_not_by_its_name() {
    let folder = pair();
    std::fs::rename(folder.join("delta"), folder.join("x.mchn")).unwrap();
    assert!(folder.ok("info x.mchn").starts_with("Delta: x.mchn\n"));
    assert!(folder.ok("verify x.mchn").contains("an intact delta"));
}

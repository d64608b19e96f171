//! What the command says about itself.

use crate::support::Folder;

const VERBS: [&str; 38] = [
    "diff",
    "apply",
    "info",
    "verify",
    "squash",
    "chain",
    "chain create",
    "chain append",
    "chain info",
    "chain apply",
    "chain squash",
    "chain extract",
    "chain verify",
    "chain prune",
    "chain publish",
    "tree",
    "tree diff",
    "tree apply",
    "tree rollback",
    "tree recover",
    "tree verify",
    "tree squash",
    "tree clean",
    "release",
    "release init",
    "release publish",
    "release info",
    "release plan",
    "release verify",
    "release prune",
    "release withdraw",
    "release new-base",
    "release rebuild",
    "update",
    "serve",
    "keygen",
    "sign",
    "completions",
];

#[test]
fn the_help_is_a_page() {
    insta::assert_snapshot!(Folder::new().ok("--help"));
}

#[test]
fn every_verb_has_a_page_with_an_example() {
    let folder = Folder::new();
    let pages: Vec<_> = VERBS
        .iter()
        .map(|verb| format!("$ patchcore {verb} --help\n{}", folder.ok(&format!("{verb} --help"))))
        .collect();
    for (verb, page) in VERBS.iter().zip(&pages) {
        assert!(
            ["chain", "tree", "release"].contains(verb) || page.contains(&format!("Example: patchcore {verb} ")),
            "{page}"
        );
        assert!(page.contains("Example: ") && page.contains("Usage: patchcore "), "{page}");
        assert!(page.lines().all(|line| line.chars().count() <= 100), "{page}");
    }
    insta::assert_snapshot!(pages.join("\n"));
}

#[test]
fn usage_is_an_exit_status_of_its_own() {
    let folder = Folder::with(&[("v1", b"1"), ("v2", b"2")]);
    for (line, says) in [
        ("", "Usage: patchcore"),
        ("frobnicate", "unrecognized subcommand 'frobnicate'"),
        ("chain", "Usage: patchcore chain"),
        ("diff v1 v2", "--output <DELTA>"),
        ("apply v1 -o x", "<DELTA>"),
        ("squash v1 -o x", "2 values required by '<DELTA> <DELTA>...'; only 1 was provided"),
        ("diff v1 v2 -o x --level 10", "10 is not in 1..=9"),
        ("diff v1 v2 -o x -10", "10 is not in 1..=9"),
        ("diff v1 v2 -o x -0", "0 is not in 1..=9"),
        ("squash v1 v2 -o x -12", "12 is not in 1..=9"),
        ("diff v1 v2 -o x --engine magic", "[possible values: auto, bsdiff]"),
        ("diff v1 v2 -o x --max-apply-memory 12Q", "a size is a number of bytes, or one with K, M or G, such as 12M"),
        ("diff v1 v2 -o x --progress sometimes", "[possible values: auto, always, never]"),
        ("completions tcsh", "[possible values: bash, elvish, fish, powershell, zsh]"),
        ("tree frobnicate", "unrecognized subcommand 'frobnicate'"),
    ] {
        let outcome = folder.fails(line);
        assert!(outcome.status == 2 && outcome.stdout.is_empty(), "{line}\n{outcome}");
        assert!(outcome.stderr.contains(says), "{line}\n{outcome}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(Folder::new().ok("--version"), format!("patchcore {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_shell_gets_a_script_that_knows_the_verbs() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = folder.ok(&format!("completions {shell}"));
        assert!(["squash", "extract", "no-clobber"].iter().all(|word| script.contains(word)), "{shell}\n{script}");
        assert_eq!(folder.json(&format!("completions {shell}"))["script"], script);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_script_for_bash_is_one() {
    let folder = Folder::new();
    folder.write("script", folder.ok("completions bash").as_bytes());
    let status = std::process::Command::new("bash").arg("-n").arg(folder.join("script")).status().unwrap();
    assert!(status.success());
}

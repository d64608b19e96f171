//! Every way to fail has its status, says what is wrong, and leaves the folder exactly as it was.

use std::collections::HashMap;

use patchcore::Digest;

use crate::support::{Folder, noise, versions};

/// `v1` to `v4`, the deltas `v1_to_v2` and so on, and the chain of the first two of them.
fn folder() -> Folder {
    let [v1, v2, v3, v4] = versions(20_000);
    let folder = Folder::with(&[("v1", &v1), ("v2", &v2), ("v3", &v3), ("v4", &v4)]);
    for (from, to) in [(1, 2), (2, 3), (3, 4)] {
        folder.ok(&format!("diff v{from} v{to} -o v{from}_to_v{to}"));
    }
    folder.ok("chain create v1_to_v2 v2_to_v3 -o chain");
    folder
}

#[test]
fn the_wrong_old_file_is_a_source_mismatch() {
    let folder = folder();
    folder.write("same-size", &noise(9, 20_000));
    for old in ["v2", "same-size"] {
        let message = folder.fails_with(40, &format!("apply {old} v1_to_v2 -o out")).stderr;
        assert!(message.contains("the old file is not the one that the delta was made for"), "{message}");
        folder.fails_with(40, &format!("apply {old} v1_to_v2 -o v1"));
        folder.fails_with(40, &format!("apply {old} v1_to_v2 -o out --streaming"));
        folder.fails_with(40, &format!("apply {old} v1_to_v2 -o v1 --threads 0"));
        folder.fails_with(40, &format!("verify v1_to_v2 --old {old}"));
    }
    folder.fails_with(40, "chain apply same-size chain -o out");
    folder.fails_with(40, "chain apply v4 chain -o out --streaming");
    folder.fails_with(40, "chain apply v4 chain -o v1 --threads 2");
    folder.fails_with(40, "verify chain --old v4");
    folder.fails_with(40, "squash v1_to_v2 v3_to_v4 -o out");
    folder.fails_with(40, "chain create v1_to_v2 v3_to_v4 -o out");
    folder.ok("diff v4 v1 -o v4_to_v1");
    let message = folder.fails_with(40, "chain append chain v4_to_v1").stderr;
    assert!(message.contains("the head is v3"), "{message}");
}

#[test]
fn a_damaged_delta_is_corrupt_and_named() {
    let folder = folder();
    let whole = folder.read("v1_to_v2");
    for len in [0, 5, 8, 131, 132, 200, whole.len() / 2, whole.len() - 1] {
        folder.write("cut", &whole[..len]);
        let message = folder.fails_with(30, "apply v1 cut -o out").stderr;
        assert!(message.starts_with("error: cut: ") && message.contains("(at byte "), "{message}");
        for line in
            ["verify cut", "verify cut --old v1", "info cut", "squash cut v2_to_v3 -o out", "chain create cut -o out"]
        {
            if line != "info cut" || len < whole.len() {
                folder.fails_with(30, line);
            }
        }
        folder.fails_with(30, "chain append chain cut");
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    folder.write("flipped", &flipped);
    folder.write("longer", &[&whole[..], b"\0"].concat());
    for bad in ["flipped", "longer"] {
        for line in [&format!("apply v1 {bad} -o out"), &format!("verify {bad}"), &format!("chain create {bad} -o out")]
        {
            folder.fails_with(30, line);
        }
    }
}

#[test]
fn what_is_no_file_of_ours_is_corrupt() {
    let folder = folder();
    folder.write("empty", b"");
    for line in ["info v1", "verify v1", "info empty", "verify empty --old v1"] {
        let message = folder.fails_with(30, line).stderr;
        assert!(message.contains("neither a delta nor a chain"), "{message}");
    }
    for line in ["apply v1 chain -o out", "chain info v1_to_v2", "chain apply v1 v2 -o out", "chain append v1 v1_to_v2"]
    {
        folder.fails_with(30, line);
    }
}

#[test]
fn a_damaged_chain_is_corrupt() {
    let folder = folder();
    let whole = folder.read("chain");
    for i in [whole.len() / 5, whole.len() / 2] {
        let mut flipped = whole.clone();
        flipped[i] ^= 1;
        folder.write("flipped", &flipped);
        folder.fails_with(30, "chain verify flipped");
        folder.fails_with(30, "verify flipped");
        folder.fails_with(30, "chain apply v1 flipped -o out");
    }
    folder.write("cut", &whole[..whole.len() / 2]);
    folder.fails_with(30, "chain info cut");
}

#[test]
fn an_unknown_version_is_never_the_head() {
    let folder = folder();
    let unknown = "0000000000000000000000000000000000000000000000000000000000000000";
    for version in ["v9", "ffff", "abc", "zzzz", unknown] {
        for line in [
            format!("chain apply v1 chain -o out --target {version}"),
            format!("chain squash chain -o out --from {version}"),
            format!("chain squash chain -o out --to {version} --shortcut"),
            format!("chain extract chain -o out --from {version}"),
            format!("chain prune chain --before {version}"),
        ] {
            let message = folder.fails_with(43, &line).stderr;
            assert!(message.contains("v1 (") && message.contains("v3 ("), "{message}");
        }
    }
}

#[test]
fn an_ambiguous_prefix_lists_what_it_fits() {
    let folder = Folder::new();
    let mut seen = HashMap::new();
    let (prefix, first, second) = (0u32..)
        .find_map(|n| {
            let prefix = Digest::of(&n.to_le_bytes()).to_string()[..4].to_owned();
            let earlier = seen.insert(prefix.clone(), n)?;
            Some((prefix, earlier, n))
        })
        .unwrap();
    folder.write("a", &first.to_le_bytes());
    folder.write("b", &second.to_le_bytes());
    folder.write("c", b"the third version");
    folder.ok("diff a b -o a_to_b");
    folder.ok("diff b c -o b_to_c");
    folder.ok("chain create a_to_b b_to_c -o chain");
    for line in [
        format!("chain apply a chain -o out --target {prefix}"),
        format!("chain squash chain -o out --from {prefix}"),
        format!("chain extract chain -o out --to {prefix}"),
        format!("chain prune chain --before {prefix}"),
    ] {
        let message = folder.fails_with(44, &line).stderr;
        let [a, b] = ["a", "b"].map(|name| folder.digits(name));
        assert!(message.contains(&a) && message.contains(&b) && !message.contains(&folder.digits("c")), "{message}");
    }
    folder.ok(&format!("chain apply a chain -o out --target {}", folder.digits("b")));
}

#[test]
fn nothing_leads_back() {
    let folder = folder();
    let message = folder.fails_with(42, "chain apply v3 chain -o out --target v1").stderr;
    assert!(message.contains("nothing leads back from v3"), "{message}");
    folder.fails_with(42, "chain squash chain -o out --from v3 --to v2");
    folder.fails_with(42, "chain extract chain -o out --from v3 --to v2");
}

#[test]
fn no_clobber_refuses_an_existing_output() {
    let folder = folder();
    folder.write("out", b"precious");
    for line in [
        "diff v1 v2",
        "apply v1 v1_to_v2",
        "squash v1_to_v2 v2_to_v3",
        "chain create v1_to_v2",
        "chain apply v1 chain",
        "chain apply v1 chain --streaming",
        "chain squash chain",
        "chain squash chain --shortcut",
    ] {
        let message = folder.fails_with(10, &format!("{line} -o out --no-clobber")).stderr;
        assert!(message.contains("out: the output exists already"), "{message}");
    }
    folder.ok("chain extract chain -o patches");
    folder.fails_with(10, "chain extract chain -o patches --no-clobber");
}

#[test]
fn a_chain_is_not_replaced_without_force() {
    let folder = folder();
    let message = folder.fails_with(10, "chain create v3_to_v4 -o chain").stderr;
    assert!(message.contains("append to it") && message.contains("force"), "{message}");
    folder.ok("chain create v3_to_v4 -o chain --force");
    assert!(folder.ok("chain info chain").contains("Links: 1\n"));
}

#[test]
fn what_a_chain_has_already_is_refused() {
    let folder = folder();
    let message = folder.fails_with(10, "chain append chain v2_to_v3").stderr;
    assert!(message.contains("v2→v3"), "{message}");
    folder.fails_with(10, "chain append chain v3_to_v4 --name v1");
    folder.fails_with(10, "chain append chain v3_to_v4 v3_to_v4");
}

#[test]
fn a_missing_file_is_named() {
    let folder = folder();
    for line in [
        "diff missing v2 -o out",
        "diff v1 missing -o out",
        "apply missing v1_to_v2 -o out",
        "apply v1 missing -o out",
        "info missing",
        "verify missing",
        "verify v1_to_v2 --old missing",
        "squash v1_to_v2 missing -o out",
        "chain create missing -o out",
        "chain append missing v1_to_v2",
        "chain append chain missing",
        "chain info missing",
        "chain apply missing chain -o out",
        "chain apply v1 missing -o out",
        "chain squash missing -o out",
        "chain extract missing -o out",
        "chain verify missing",
        "chain prune missing --before v1",
    ] {
        let message = folder.fails_with(21, line).stderr;
        assert!(message.contains("missing: "), "{line}: {message}");
    }
    folder.fails_with(21, "diff v1 v2 -o no/such/folder/out");
}

#[test]
fn directories_are_another_verb() {
    let folder = folder();
    std::fs::create_dir(folder.join("a")).unwrap();
    std::fs::create_dir(folder.join("b")).unwrap();
    let message = folder.fails_with(10, "diff a b -o out").stderr;
    assert!(message.contains("tree diff"), "{message}");
    folder.fails_with(10, "apply v1 a -o out");
    folder.fails_with(10, "apply a v1_to_v2 -o out");
    folder.fails_with(10, "diff v1 v2 -o a");
    folder.fails_with(10, "info a");
}

#[test]
fn streaming_refuses_a_delta_that_needs_more_memory() {
    let folder = Folder::with(&[("v1", b""), ("v2", &noise(2, 40 << 20))]);
    folder.ok("diff v1 v2 -o delta -1 --max-apply-memory 64M");
    let message = folder.fails_with(31, "apply v1 delta -o out --streaming").stderr;
    assert!(message.contains("--max-apply-memory"), "{message}");
    folder.ok("apply v1 delta -o out");
    folder.ok("diff v1 v2 -o delta -1");
    folder.ok("apply v1 delta -o out --streaming");
}

#[test]
fn too_little_memory_for_any_applier_is_an_invalid_argument() {
    let message = folder().fails_with(10, "diff v1 v2 -o out --max-apply-memory 1K").stderr;
    assert!(message.contains("262144"), "{message}");
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_or_written_is_a_permission() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let mode =
        |name: &str, mode| std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::create_dir(folder.join("locked")).unwrap();
    mode("locked", 0o555);
    if std::fs::write(folder.join("locked/probe"), b"").is_ok() {
        return; // A superuser may do anything.
    }
    folder.fails_with(25, "diff v1 v2 -o locked/out");
}

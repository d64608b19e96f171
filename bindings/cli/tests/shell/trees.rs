//! What the tree verbs say and keep.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::{Folder, versions, without_times};

/// The directories `old`, `new` and `newer`, the patches `p.zip` and `q.zip` between them, and `game`, a copy of `old`.
fn folder() -> Folder {
    let folder = Folder::new();
    for (root, big) in ["old", "new", "newer", "game"].iter().zip([0, 1, 2, 0]) {
        fs::create_dir(folder.join(root)).unwrap();
        folder.write(&format!("{root}/data"), &versions(30_000)[big]);
        folder.write(&format!("{root}/notes"), format!("notes {big}\n").as_bytes());
    }
    folder.write("old/gone", b"gone\n");
    folder.write("game/gone", b"gone\n");
    for root in ["new", "newer"] {
        fs::create_dir(folder.join(root).join("more")).unwrap();
        folder.write(&format!("{root}/more/file"), b"more\n");
    }
    folder.ok("tree diff old new -o p.zip --from-version 1.0.0 --to-version 1.1.0");
    folder.ok("tree diff new newer -o q.zip --to-version 1.2.0");
    folder
}

/// Whether two directories hold the same, our own folder apart.
fn same(folder: &Folder, a: &str, b: &str) -> bool {
    let within = |root: &str| {
        let contents = folder.contents();
        let inside = contents.into_iter().filter_map(|(path, bytes)| {
            let path = path.strip_prefix(folder.path()).unwrap_or(&path).to_owned();
            Some((path.strip_prefix(root).ok()?.to_owned(), bytes))
        });
        inside.filter(|(path, _)| !path.starts_with(".patchcore")).collect::<std::collections::BTreeMap<_, _>>()
    };
    within(a) == within(b)
}

#[test]
fn a_patch_is_applied_verified_and_taken_back() {
    let folder = folder();
    let differs = folder.run("tree verify game p.zip");
    assert_eq!(differs.status, 41, "{differs}");
    assert!(
        differs.stdout.contains("different   data\n") && differs.stdout.contains("unexpected  gone\n"),
        "{differs}"
    );
    let applied = without_times(&folder.ok("tree apply game p.zip"));
    assert_eq!(applied, "game: 5 changes, 30,513 bytes, verified, in [time]\n");
    assert!(same(&folder, "game", "new"));
    assert_eq!(folder.json("tree verify game p.zip")["clean"], true);
    assert_eq!(folder.ok("tree recover game"), "game: whole, version 1.1.0\n");
    assert_eq!(folder.ok("tree apply game p.zip"), "game: nothing to do, it is new already\n");
    folder.ok("tree rollback game");
    assert!(same(&folder, "game", "old"));
    let again = folder.fails_with(10, "tree rollback game");
    assert!(again.stderr.ends_with("The tree is unchanged.\n"), "{again}");
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let folder = folder();
    let before = folder.contents();
    let plan = folder.json("tree apply -n game p.zip");
    assert_eq!(plan["type"], "tree_plan");
    assert_eq!(plan["actions"][0], json!({ "path": "data", "kind": "delta", "bytes": 30_500 }));
    assert_eq!((&plan["conflicts"], &plan["bytes"]), (&json!([]), &json!(30_513)));
    assert!(folder.ok("tree apply --dry-run game p.zip").contains("  delta      30,500  data\n"));
    assert!(folder.contents() == before);
}

#[test]
fn what_somebody_changed_is_named_and_kept_unless_told_otherwise() {
    let folder = folder();
    folder.write("game/notes", b"mine\n");
    folder.write("game/saved", b"saved\n");
    let dry = folder.run("tree apply -n game p.zip --json");
    assert_eq!(dry.status, 45, "{dry}");
    let plan: serde_json::Value = serde_json::from_str(dry.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(plan["type"], "tree_plan");
    assert_eq!(plan["conflicts"], json!([{ "path": "notes", "reason": "modified" }]));
    let refused = folder.run("tree apply game p.zip --json");
    assert_eq!(refused.status, 45, "{refused}");
    assert!(refused.stdout.contains(r#""outcome":"unchanged""#), "{refused}");
    assert_eq!(folder.read("game/notes"), b"mine\n");
    folder.ok("tree apply game p.zip --overwrite-local --no-backup");
    assert_eq!((folder.read("game/notes"), folder.read("game/saved")), (folder.read("new/notes"), b"saved\n".to_vec()));
    assert_eq!(folder.ok("tree clean game"), "game: there was no backup\n");
}

#[test]
fn several_patches_are_squashed_into_one() {
    let folder = folder();
    folder.ok("tree squash p.zip q.zip -o r.zip");
    folder.ok("tree apply game r.zip");
    assert!(same(&folder, "game", "newer"));
    assert!(folder.ok("info r.zip").contains("Makes: 1.2.0\n"));
}

#[test]
fn operations_go_beside_an_archive() {
    let folder = folder();
    folder.ok("tree diff old new -o p.tar.gz --operations operations.json --package-info info.json");
    let changes = folder.json("tree diff old new -o again.tar.gz --operations again.json")["changes"].clone();
    assert_eq!(changes, json!({ "replace": 3, "delete": 1, "directory": 1 }));
    assert!(folder.read("info.json").starts_with(br#"{"url":"","hash":""#));
    let missing = folder.run("tree apply game p.tar.gz");
    assert_eq!(missing.status, 10, "{missing}");
    folder.ok("tree apply game p.tar.gz --operations operations.json");
    assert!(same(&folder, "game", "new"));
    assert_eq!(folder.json("verify p.tar.gz --operations operations.json")["files"], 3);
}

#[test]
fn info_and_verify_know_a_tree_patch_and_a_damaged_one() {
    let folder = folder();
    let info = folder.json("info p.zip");
    assert_eq!(info["type"], "tree_patch_info");
    assert_eq!(info["applies_to"], json!({ "min": "1.0.0", "max": "1.0.0" }));
    let verified = folder.json("verify p.zip");
    assert_eq!((&verified["kind"], &verified["deltas"]), (&json!("tree_patch"), &json!(1)));
    let mut bytes = folder.read("p.zip");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    folder.write("p.zip", &bytes);
    folder.fails_with(30, "verify p.zip");
    assert!(Path::new(&folder.join("p.zip")).exists());
}

#[test]
fn with_a_key_only_what_it_signed_is_unpacked() {
    let folder = folder();
    folder.ok("keygen -o key");
    folder.ok("keygen -o other");
    let before = folder.contents();
    let message = folder.fails_with(50, "tree apply game p.zip -p key.pub").stderr;
    assert!(message.contains("a signature is required and there is none"), "{message}");
    folder.fails_with(10, "tree apply game p.zip -x p.zip.minisig");
    assert!(folder.contents() == before);
    folder.ok("sign p.zip --key key");
    folder.fails_with(51, "tree apply game p.zip -p other.pub");
    folder.ok("sign q.zip --key key");
    folder.fails_with(50, "tree apply game p.zip -p key.pub -x q.zip.minisig");
    assert_eq!(folder.json("tree apply -n game p.zip -p key.pub")["signature"], "verified");
    let said = folder.ok("tree apply game p.zip -p other.pub -p key.pub");
    assert!(said.contains("Signature: verified, by the key "), "{said}");
    assert!(same(&folder, "game", "new"));
    assert_eq!(folder.json("tree apply game p.zip")["signature"], "not_checked");
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_text_is_named_and_can_be_left_out() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder();
    fs::write(folder.join("new/more").join(std::ffi::OsStr::from_bytes(b"caf\xe9.txt")), b"x").unwrap();
    let message = folder.fails_with(32, "tree diff old new -o r.zip").stderr;
    assert!(message.contains(r"caf\xe9.txt") && message.contains("more") && message.contains("--exclude"), "{message}");
    folder.fails_with(32, "tree diff old new -o r.zip --exclude caf?.txt/");
    for pattern in ["caf?.txt", "more/caf*", "*.txt"] {
        let changes = folder.json(&format!("tree diff old new -o r.zip --exclude {pattern}"))["changes"].clone();
        assert_eq!(changes["replace"].as_u64().unwrap_or(0) + changes["delta"].as_u64().unwrap_or(0), 3, "{pattern}");
    }
}

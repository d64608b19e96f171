//! Updates at a shell.

use patchcore::Digest;
use serde_json::json;

use crate::server::{Server, serve};
use crate::support::Folder;

/// A game of version 1.0.0.1, and the patch to 1.0.0.2 with all that announces it.
fn folder() -> Folder {
    let folder = Folder::new();
    for (name, content) in [("old/bin", "old program"), ("new/bin", "new program"), ("game/bin", "old program")] {
        std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        folder.write(name, content.as_bytes());
    }
    folder.ok("tree diff old new -o patch.zip --from-version 1.0.0.0 --to-version 1.0.0.2");
    folder.ok("keygen -o key");
    folder.ok("sign patch.zip --key key");
    announce(&folder, "patch.zip");
    folder
}

/// Writes `manifest.json` and `info.json` for a patch at `url`.
fn announce(folder: &Folder, url: &str) {
    let info = json!({
        "url": url,
        "hash": Digest::of(&folder.read("patch.zip")).to_string(),
        "signature": String::from_utf8(folder.read("patch.zip.minisig")).unwrap(),
        "version": "1.0.0.2",
    });
    folder.write("info.json", info.to_string().as_bytes());
    let manifest = json!({
        "version": "1.0.0.2", "release_date": "", "release_notes": "",
        "packages": null, "platforms": null, "patch": { "x86_64": info },
    });
    folder.write("manifest.json", manifest.to_string().as_bytes());
}

const UPDATE: &str = "update game --service-manifest manifest.json --arch x86_64 -p key.pub";

#[test]
fn a_directory_is_updated_and_knows_its_version() {
    let folder = folder();
    let said = folder.ok(&format!("{UPDATE} --from 1.0.0.1 -n"));
    assert!(said.starts_with("game: would go from version 1.0.0.1 to 1.0.0.2 (patch: patch available)\n"), "{said}");
    assert!(!folder.join("game/.patchcore").exists());
    let said = folder.ok(&format!("{UPDATE} --from 1.0.0.1"));
    assert!(said.contains("from version 1.0.0.1 to 1.0.0.2") && said.contains("Signature: verified"), "{said}");
    assert_eq!(folder.read("game/bin"), b"new program");
    let said = folder.ok(UPDATE);
    assert_eq!(said, "game: nothing to do (up to date), version 1.0.0.2\n");
    let object = folder.json("update game --package-info info.json");
    assert_eq!((&object["action"], &object["reason"]), (&"nothing".into(), &"up_to_date".into()));
}

#[test]
fn what_was_downloaded_is_applied_without_a_network() {
    let folder = folder();
    let package = folder.read("patch.zip");
    {
        let server = Server::start(move |asked, stream| serve(asked, stream, &package, "\"one\""));
        announce(&folder, &server.url("patch.zip"));
        let object = folder.json(&format!("{UPDATE} --from 1.0.0.1 --download-only --proxy none"));
        assert_eq!(object["action"], "downloaded", "{object}");
        assert_eq!(folder.read("game/bin"), b"old program");
    }
    folder.ok(&format!("{UPDATE} --from 1.0.0.1 --proxy none --retries 0"));
    assert_eq!(folder.read("game/bin"), b"new program");
}

#[test]
fn every_failure_has_its_status_and_says_what_became_of_the_tree() {
    let folder = folder();
    // What a failed update may leave is its own folder, which is made here for all of them.
    folder.ok(&format!("{UPDATE} --from 1.0.0.1 --download-only"));
    folder.ok("tree recover game");
    let message = folder.fails_with(42, UPDATE).stderr;
    assert!(message.contains("no full package") && message.contains("The tree is unchanged."), "{message}");
    folder.fails_with(42, &format!("{UPDATE} --from 1.0.0.1 --full"));
    folder.fails_with(42, &format!("{UPDATE} --from 1.0.0.1 --require missing"));
    folder.fails_with(42, &UPDATE.replace("x86_64", "riscv64 --from 1.0.0.1"));
    folder.fails_with(32, &format!("{UPDATE} --require ../x"));
    folder.fails_with(10, &format!("{UPDATE} --from one"));
    folder.fails_with(52, "update game --package-info info.json --from 1.0.0.3");
    folder.fails_with(21, "update missing --package-info info.json");
    folder.fails_with(21, "update game --package-info missing");
    folder.fails_with(30, "update game --package-info key.pub");
    folder.fails_with(30, "update game --service-manifest key.pub");
    folder.ok("keygen -o other");
    folder.fails_with(51, "update game --package-info info.json -p other.pub");
    for usage in [
        "update game",
        "update game --package-info a --service-manifest b",
        "update game --url a --package-info b",
        "update game --package-info a --repair",
        "update game --url a --repair --full",
    ] {
        assert_eq!(folder.fails(usage).status, 2);
    }
    folder.write("game/bin", b"changed by hand");
    let message = folder.fails_with(45, "update game --package-info info.json").stderr;
    assert!(message.contains("The tree is unchanged."), "{message}");
    folder.ok("update game --package-info info.json --overwrite-local");
    assert_eq!(folder.read("game/bin"), b"new program");
}

#[test]
fn a_server_that_is_gone_is_a_failing_network() {
    let folder = folder();
    folder.ok("tree recover game");
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let line = format!("update game --service-manifest http://{address}/m.json --retries 0 --proxy none");
    folder.fails_with(23, &line);
}

/// A repository `repo` with the versions 1.0.1 and 1.0.2 of a game.
fn repository(folder: &Folder) {
    for (name, content) in [
        ("v1/bin", "program of version 1"),
        ("v1/data", "data"),
        ("v2/bin", "program of version 2"),
        ("v2/data", "data"),
        ("empty/x", ""),
        ("repo/x", ""),
    ] {
        std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        folder.write(name, content.as_bytes());
    }
    for name in ["empty/x", "repo/x"] {
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    let mut patches = Vec::new();
    for (old, new, from, to, file) in [
        ("empty", "v1", "0.0.0", "1.0.1", "base_1.0.1.zip"),
        ("v1", "v2", "1.0.1", "1.0.2", "delta_1.0.1_1.0.2.zip"),
        ("empty", "v2", "0.0.0", "1.0.2", "combined_0.0.0_1.0.2.zip"),
    ] {
        let made = folder.json(&format!("tree diff {old} {new} -o repo/{file} --to-version {to}"));
        let package = folder.read(&format!("repo/{file}"));
        patches.push(json!({
            "from": from, "to": to, "file": file, "size": package.len(), "sha256": Digest::of(&package).to_string(),
            "is_base": file.starts_with("base"), "is_combined": file.starts_with("combined"),
            "tree": made["new_tree"], "notes": format!("what is new in {to}\nand \u{1b}[31mmore"),
        }));
    }
    let manifest = json!({ "latest_version": "1.0.2", "sequence": 3, "patches": patches });
    folder.write("repo/manifest.json", manifest.to_string().as_bytes());
    folder.ok("keygen -o key");
    folder.ok("sign repo/manifest.json --key key");
}

const FROM_REPOSITORY: &str = "update game --url repo -p key.pub";

#[test]
fn a_directory_is_installed_updated_and_repaired_from_a_repository() {
    let folder = Folder::new();
    repository(&folder);
    let said = folder.ok(&format!("{FROM_REPOSITORY} -n"));
    assert!(said.starts_with("game: would go from nothing to version 1.0.2 (full: new installation)\n"), "{said}");
    assert!(!folder.join("game").exists());
    let said = folder.ok(&format!("{FROM_REPOSITORY} --to 1.0.1"));
    assert!(said.contains("from nothing to version 1.0.1 (full: new installation)"), "{said}");
    let said = folder.ok(FROM_REPOSITORY);
    assert!(said.starts_with("game: from version 1.0.1 to version 1.0.2 (deltas: fewest bytes), 1 change, "), "{said}");
    // Nobody steers a terminal from afar.
    assert!(said.contains("\nNotes of 1.0.2: what is new in 1.0.2\n    and \u{fffd}[31mmore\n"), "{said:?}");
    assert!(said.contains("Signature: verified, by the key "), "{said}");
    assert_eq!(folder.read("game/bin"), b"program of version 2");
    assert_eq!(folder.ok(FROM_REPOSITORY), "game: nothing to do (up to date), version 1.0.2\n");
    folder.write("game/data", b"changed by hand");
    folder.write("game/save", b"mine");
    let object = folder.json(&format!("{FROM_REPOSITORY} --repair --keep-local data"));
    assert_eq!((&object["kept"], &object["unlisted"]), (&json!(["data"]), &json!(["save"])), "{object}");
    let said = folder.ok(&format!("{FROM_REPOSITORY} --repair"));
    assert!(said.contains("(repair: repair asked), 1 change, ") && said.contains("left alone: save\n"), "{said}");
    assert_eq!((folder.read("game/data"), folder.read("game/save")), (b"data".to_vec(), b"mine".to_vec()));
}

#[test]
fn every_failure_with_a_repository_has_its_status() {
    let folder = Folder::new();
    repository(&folder);
    folder.ok(&format!("{FROM_REPOSITORY} --to 1.0.1"));
    folder.fails_with(43, &format!("{FROM_REPOSITORY} --to 3.0.0"));
    folder.fails_with(21, "update game --url nowhere");
    folder.fails_with(10, "update game/bin --url repo");
    folder.fails_with(10, "update game --url ftp://host/repo");
    folder.fails_with(10, &format!("{FROM_REPOSITORY} --keep-local [a"));
    folder.ok("keygen -o other");
    folder.fails_with(51, "update game --url repo -p other.pub");
    // What a failed update may leave is what it downloaded, which is here before.
    folder.ok(&format!("{FROM_REPOSITORY} --download-only"));
    folder.write("game/bin", b"changed by hand");
    let message = folder.fails_with(45, FROM_REPOSITORY).stderr;
    assert!(message.contains("bin") && message.contains("The tree is unchanged."), "{message}");
    folder.ok(&format!("{FROM_REPOSITORY} --overwrite-local"));
    let manifest = String::from_utf8(folder.read("repo/manifest.json")).unwrap();
    for (older, status) in [("\"sequence\":2", 52), ("\"sequence\":3,\"expires_at\":\"2020-01-01T00:00:00Z\"", 52)] {
        folder.write("repo/manifest.json", manifest.replace("\"sequence\":3", older).as_bytes());
        folder.fails_with(50, FROM_REPOSITORY);
        folder.ok("sign repo/manifest.json --key key");
        folder.fails_with(status, FROM_REPOSITORY);
    }
}

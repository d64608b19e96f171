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
    for usage in ["update game", "update game --package-info a --service-manifest b"] {
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

//! Channels at a shell: published once, updated from everywhere.

use patchcore::Digest;

use crate::server::{Server, head, serve};
use crate::support::{Folder, versions, without_times};

/// Four versions of a file, and their chain.
fn folder() -> Folder {
    let folder = Folder::new();
    for (number, bytes) in versions(60_000).iter().enumerate() {
        folder.write(&format!("v{}.bin", number + 1), bytes);
    }
    for number in 1..4 {
        folder.ok(&format!("diff -1 v{number}.bin v{}.bin -o {number}.delta", number + 1));
    }
    folder.ok("chain create 1.delta 2.delta 3.delta -o model.chain");
    folder
}

/// A web server of the folder `public`.
fn server(folder: &Folder) -> Server {
    let public = folder.join("public");
    Server::start(move |asked, stream| match std::fs::read(public.join(&asked.path[1..])) {
        Ok(bytes) => serve(asked, stream, &bytes, &format!("\"{}\"", Digest::of(&bytes).short())),
        Err(_) => head(stream, "404 Not Found", &[("Content-Length", "0")]),
    })
}

#[test]
fn what_is_published_brings_every_version_to_the_newest() {
    let folder = folder();
    let said = folder.ok("chain publish public model.chain v4.bin --family my-model");
    assert!(
        said.starts_with("public: v4 of my-model published, 2 squashed deltas for versions far behind, "),
        "{said}"
    );
    let said = folder.ok("chain publish public model.chain v4.bin");
    assert_eq!(said, "public: v4 of my-model is published already, nothing changed\n");
    let server = server(&folder);
    let url = server.url("");
    for (version, strategy) in [(1, "squashed"), (2, "squashed"), (3, "links"), (4, "none")] {
        folder.write("model.bin", &folder.read(&format!("v{version}.bin")));
        let plan = folder.json(&format!("update model.bin --url {url} -n --proxy none"));
        assert_eq!(plan["means"], strategy, "{plan}");
        let object = folder.json(&format!("update model.bin --url {url} --proxy none"));
        assert_eq!((&object["means"], &object["to"]), (&strategy.into(), &"v4".into()), "{object}");
        assert_eq!(object["downloaded_bytes"], plan["planned_bytes"], "{object}");
        assert!(folder.read("model.bin") == folder.read("v4.bin"));
    }
    // Where there is no file, it is made.
    let said = without_times(&folder.ok(&format!("update new.bin --url {url}manifest.json --proxy none")));
    let size = crate::support::grouped(folder.size("v4.bin"));
    let expected = format!(
        "new.bin: to version v4 (full: no file), {size} bytes downloaded, in [time]\n\
         Signature: not checked, since no key was given\n"
    );
    assert_eq!(said, expected);
    let said = folder.ok(&format!("update new.bin --url {url} --proxy none"));
    assert_eq!(said, "new.bin: nothing to do (up to date), version v4\n");
    folder.write("model.bin", &folder.read("v1.bin"));
    let said = folder.ok(&format!("update model.bin --url {url} --to v2 -n --proxy none"));
    assert!(said.starts_with("model.bin: would go from version v1 to version v2 (links: fewest bytes)\n"), "{said}");
}

#[test]
fn a_signed_channel_is_checked() {
    let folder = folder();
    folder.ok("keygen -o key");
    folder.ok("keygen -o other");
    folder.ok("chain publish public model.chain v4.bin --key key --expires-at 2100-01-01T00:00:00Z");
    folder.write("model.bin", &folder.read("v1.bin"));
    folder.fails_with(51, "update model.bin --url public -p other.pub");
    let said = folder.ok("update model.bin --url public -p key.pub");
    assert!(said.contains("Signature: verified, by the key "), "{said}");
    assert!(folder.read("model.bin") == folder.read("v4.bin"));
    folder.fails_with(10, "chain publish public model.chain v4.bin");
}

#[test]
fn failures_have_their_status_and_leave_everything_as_it_was() {
    let folder = folder();
    folder.fails_with(41, "chain publish public model.chain v3.bin");
    folder.fails_with(40, "chain publish public model.chain 1.delta");
    folder.fails_with(21, "chain publish public missing v4.bin");
    folder.fails_with(30, "chain publish public v1.bin v4.bin");
    folder.fails_with(10, "chain publish public model.chain v4.bin --expires-at tomorrow");
    folder.ok("chain publish public model.chain v4.bin");
    folder.write("model.bin", &folder.read("v2.bin"));
    folder.fails_with(40, "update model.bin --url public --from v1");
    folder.fails_with(42, "update model.bin --url public --to v1");
    folder.fails_with(43, "update model.bin --url public --to v9");
    folder.fails_with(50, "update model.bin --url public -p key.pub".replace("key.pub", &key(&folder)).as_str());
    folder.fails_with(21, "update model.bin --url elsewhere");
    assert_eq!(folder.fails("update model.bin").status, 2);
    assert_eq!(folder.fails("update model.bin --to v2 --package-info x").status, 2);
}

/// A key that signed nothing.
fn key(folder: &Folder) -> String {
    folder.ok("keygen -o unused");
    "unused.pub".to_owned()
}

//! What the chain verbs say and keep, beyond the walkthrough.

use serde_json::json;

use crate::support::{Folder, grouped, versions, without_times};

/// `v1` to `v4`, the deltas `d1` to `d3` between them, and the chain of all three.
fn folder() -> Folder {
    let folder = Folder::new();
    for (name, bytes) in ["v1", "v2", "v3", "v4"].iter().zip(versions(30_000)) {
        folder.write(name, &bytes);
    }
    folder.ok("diff v1 v2 -o d1");
    folder.ok("diff v2 v3 -o d2");
    folder.ok("diff v3 v4 -o d3");
    folder.ok("chain create d1 d2 d3 -o updates.chain");
    folder
}

#[test]
fn create_and_append_say_what_the_chain_holds() {
    let folder = folder();
    let [d1, d2, d3] = ["d1", "d2", "d3"].map(|name| folder.size(name));
    let created = without_times(&folder.ok("chain create d1 -o c"));
    assert_eq!(created, format!("c: 1 link, {} bytes in [time]\n", grouped(d1)));
    let appended = without_times(&folder.ok("chain append c d2 d3"));
    let expected = format!(
        "Appended the link v2→v3 ({} bytes)\nAppended the link v3→v4 ({} bytes)\nc: 3 links, {} bytes in [time]\n",
        grouped(d2),
        grouped(d3),
        grouped(d1 + d2 + d3)
    );
    assert_eq!(appended, expected);
}

#[test]
fn a_chain_is_called_after_its_file_unless_told_otherwise() {
    let folder = folder();
    assert_eq!(folder.json("chain info updates.chain")["chain_id"], "updates");
    folder.ok("chain create d1 -o c --chain-id größe");
    assert!(folder.ok("chain info c").starts_with("Patch Chain: größe\n==================\nLinks: 1\n"));
}

#[test]
fn info_without_verbose_is_the_header_alone_and_info_of_any_file_is_the_same() {
    let folder = folder();
    let text = folder.ok("chain info updates.chain");
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(folder.ok("chain info updates.chain --verbose").starts_with(&text));
    for options in ["", "-v", "--json"] {
        let [chain, any] = ["chain info", "info"].map(|verb| folder.ok(&format!("{verb} updates.chain {options}")));
        assert_eq!(chain, any);
    }
}

#[test]
fn a_program_reads_the_whole_history() {
    let folder = folder();
    let info = folder.json("info updates.chain");
    assert_eq!(info["type"], "chain_info");
    let names: Vec<_> = info["versions"].as_array().unwrap().iter().map(|version| &version["name"]).collect();
    assert_eq!(names, ["v1", "v2", "v3", "v4"]);
    assert_eq!(info["versions"][3]["size"], folder.size("v4"));
    assert!(info["versions"][3]["sha256"].as_str().unwrap().starts_with(&folder.digits("v4")));
    let links = info["links"].as_array().unwrap();
    let sizes: Vec<_> = links.iter().map(|link| link["size"].as_u64().unwrap()).collect();
    assert_eq!(sizes, ["d1", "d2", "d3"].map(|name| folder.size(name)));
    assert_eq!((&links[1]["from"], &links[1]["to"]), (&json!("v2"), &json!("v3")));
    assert_eq!((&info["total_size"], &info["shortcuts"]), (&json!(sizes.iter().sum::<u64>()), &json!([])));
}

#[test]
fn apply_says_which_links_it_used() {
    let folder = folder();
    let text = without_times(&folder.ok("chain apply v2 updates.chain -o out"));
    let [size, links] = [folder.size("v4"), folder.size("d2") + folder.size("d3")].map(grouped);
    let expected = format!("out: v4, {size} bytes, verified, in [time]\nLinks used: v2→v3, v3→v4 ({links} bytes)\n");
    assert_eq!(text, expected);

    let object = folder.json("chain apply v1 updates.chain -o out --target v2");
    assert_eq!((&object["type"], &object["from"], &object["to"]), (&json!("chain_apply"), &json!("v1"), &json!("v2")));
    assert_eq!(object["links"].as_array().unwrap().len(), 1);
    assert!(folder.read("out") == folder.read("v2"));
}

#[test]
fn a_file_that_is_at_the_target_already_is_a_success_and_said() {
    let folder = folder();
    for options in ["", "--streaming", "--target v4"] {
        let text = folder.ok(&format!("chain apply v4 updates.chain -o out {options}"));
        assert!(text.contains("The old file is already at v4\n"), "{text}");
        assert!(folder.read("out") == folder.read("v4"));
    }
    assert_eq!(folder.json("chain apply v4 updates.chain -o v4")["links"], json!([]));
}

#[test]
fn a_version_is_a_name_or_a_digest_or_its_first_digits_in_either_case() {
    let folder = folder();
    let info = folder.json("info updates.chain");
    let digest = info["versions"][1]["sha256"].as_str().unwrap().to_owned();
    let forms = [
        "v2".to_owned(),
        digest[..4].to_owned(),
        digest[..8].to_uppercase(),
        format!("sha256:{digest}"),
        format!("sha256:{}", &digest[..12]),
        digest,
    ];
    for form in forms {
        folder.ok(&format!("chain apply v1 updates.chain -o out --target {form}"));
        assert!(folder.read("out") == folder.read("v2"), "{form}");
    }
}

#[test]
fn a_given_name_names_the_last_version() {
    let folder = folder();
    folder.ok("chain create d1 -o c");
    folder.ok("chain append c d2 d3 --name 2.0-final");
    folder.ok("chain apply v1 c -o out --target 2.0-final");
    assert!(folder.read("out") == folder.read("v4"));
    assert!(folder.ok("chain info c -v").ends_with("v3→2.0-final\n"));
}

#[test]
fn a_shortcut_is_stored_shown_apart_and_used() {
    let folder = folder();
    let before = folder.ok("chain info updates.chain -v");
    let text = folder.ok("chain squash updates.chain -o d --shortcut --from v1 --to v3 -9");
    assert!(text.ends_with("Links used: v1→v2, v2→v3\nStored in the chain as a shortcut\n"), "{text}");

    let [from, to] = ["v1", "v3"].map(|name| folder.digits(name));
    let size = grouped(folder.size("d"));
    let shortcut = format!("\nShortcuts:\n  [0] {from} → {to} ({size} bytes) - v1→v3\n");
    assert_eq!(folder.ok("chain info updates.chain -v"), before + &shortcut);

    assert!(folder.ok("chain apply v1 updates.chain -o out").contains("Links used: v1→v3, v3→v4 ("));
    assert!(folder.read("out") == folder.read("v4"));
    let again = folder.json("chain squash updates.chain -o d --shortcut --from v1 --to v3");
    assert_eq!((&again["type"], &again["shortcut_stored"]), (&json!("chain_squash"), &json!(false)));
}

#[test]
fn extract_names_its_files() {
    let folder = folder();
    let text = without_times(&folder.ok("chain extract updates.chain -o patches --from v2"));
    let rows = ["0001_v2_to_v3", "0002_v3_to_v4"].map(|name| {
        let file = format!("patches/{name}.delta");
        format!("{file} ({} bytes)\n", grouped(folder.size(&file)))
    });
    assert_eq!(text, format!("{}2 files in [time]\n", rows.concat()));
    let object = folder.json("chain extract updates.chain -o patches --to v2");
    assert_eq!(object["files"][0]["file"], "patches/0000_v1_to_v2.delta");
    assert!(folder.read("patches/0000_v1_to_v2.delta") == folder.read("d1"));
}

#[test]
fn verify_tells_a_chain_and_checks_an_old_file_against_it() {
    let folder = folder();
    let text = without_times(&folder.ok("verify updates.chain --old v2"));
    assert_eq!(
        text,
        "updates.chain: an intact chain, 3 links checked in [time]\n\
         Old file: v2 fits and becomes what was promised\n\
         Signature: not checked, since no key was given\n"
    );
    let text = without_times(&folder.ok("chain verify updates.chain"));
    assert_eq!(text, "updates.chain: an intact chain, 3 links checked in [time]\n");
    let object = folder.json("verify updates.chain");
    assert_eq!((&object["kind"], &object["signature"]), (&json!("chain"), &json!("not_checked")));
    assert_eq!(folder.json("chain verify updates.chain")["links"], 3);
}

#[test]
fn an_append_that_did_not_finish_is_ignored_and_said() {
    let folder = folder();
    folder.ok("chain create d1 -o c");
    let whole = folder.read("c");
    folder.ok("chain append c d2");
    let longer = folder.read("c");
    for end in [whole.len() + 1, (whole.len() + longer.len()) / 2, longer.len() - 1] {
        folder.write("torn", &longer[..end]);
        let text = folder.ok("chain verify torn");
        assert!(
            text.contains(&format!("the last {} bytes are ignored", grouped((end - whole.len()) as u64))),
            "{text}"
        );
        folder.ok("chain append torn d2");
        folder.ok("chain apply v1 torn -o out");
        assert!(folder.read("out") == folder.read("v3"));
    }
}

#[test]
fn prune_keeps_a_way_from_every_version_unless_they_are_dropped() {
    let folder = folder();
    folder.ok("chain create d1 d2 d3 -o c");
    let text = without_times(&folder.ok("chain prune c --before v3"));
    assert!(
        text.starts_with("c: 2 links removed, 2 shortcuts added, from ") && text.ends_with(" in [time]\n"),
        "{text}"
    );
    for old in ["v1", "v2", "v3"] {
        folder.ok(&format!("chain apply {old} c -o out"));
        assert!(folder.read("out") == folder.read("v4"), "{old}");
    }
    let object = folder.json("chain prune updates.chain --before v3 --drop");
    assert_eq!((&object["removed_versions"], &object["added_shortcuts"]), (&json!(2), &json!(0)));
    assert_eq!(object["size_after"], folder.size("updates.chain"));
    folder.fails_with(40, "chain apply v2 updates.chain -o out2");
    folder.ok("chain apply v3 updates.chain -o out");
    assert!(folder.read("out") == folder.read("v4"));
}

#[test]
fn quiet_chain_verbs_print_nothing() {
    let folder = folder();
    for line in [
        "chain create d1 -o c",
        "chain append c d2",
        "chain info c --verbose",
        "chain apply v1 c -o out",
        "chain squash c -o d --shortcut",
        "chain extract c -o patches",
        "chain verify c",
        "chain prune c --before v2",
    ] {
        assert_eq!(folder.ok(&format!("{line} -q")), "", "{line}");
    }
}

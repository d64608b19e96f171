//! The chain walkthrough as the README tells it, word for word, on files of every kind.

use patchcore::Digest;

use crate::support::{Folder, grouped, noise, versions};

/// Does the walkthrough and checks every file that it makes.
fn walk(versions: &[Vec<u8>; 4]) -> Folder {
    let folder = Folder::new();
    let model = |v: usize| format!("model_v{v}.tflite");
    (1..=4).for_each(|v| folder.write(&model(v), &versions[v - 1]));
    let digits = |v: usize| Digest::of(&versions[v - 1]).short();
    let expect = |name: &str, v: usize| {
        assert!(folder.read(name) == versions[v - 1], "{name} is not version {v}");
    };
    let keep_only = |old: usize| {
        (1..=4).filter(|&v| v != old).for_each(|v| drop(std::fs::remove_file(folder.join(model(v)))));
        folder.write(&model(old), &versions[old - 1]);
    };

    folder.ok("diff model_v1.tflite model_v2.tflite -o v1_to_v2.tflp");
    folder.ok("chain create v1_to_v2.tflp -o updates.mchn --chain-id my-model");
    folder.ok("diff model_v2.tflite model_v3.tflite -o v2_to_v3.tflp");
    folder.ok("chain append updates.mchn v2_to_v3.tflp");
    folder.ok("diff model_v3.tflite model_v4.tflite -o v3_to_v4.tflp");
    folder.ok("chain append updates.mchn v3_to_v4.tflp");
    folder.ok("chain info updates.mchn --verbose");

    keep_only(1);
    folder.ok("chain apply model_v1.tflite updates.mchn -o model_v4.tflite");
    expect("model_v4.tflite", 4);
    keep_only(2);
    folder.ok("chain apply model_v2.tflite updates.mchn -o model_v4.tflite");
    expect("model_v4.tflite", 4);
    keep_only(1);
    folder.ok(&format!("chain apply model_v1.tflite updates.mchn -o model_v3.tflite --target {}", digits(3)));
    expect("model_v3.tflite", 3);

    (1..=4).for_each(|v| drop(std::fs::remove_file(folder.join(model(v)))));
    folder.ok("chain squash updates.mchn -o v1_to_v4.tflp");
    keep_only(1);
    folder.ok("apply model_v1.tflite v1_to_v4.tflp -o model_v4.tflite");
    expect("model_v4.tflite", 4);
    folder.ok(&format!("chain squash updates.mchn -o v2_to_v4.tflp --from {} --to {}", digits(2), digits(4)));
    keep_only(2);
    folder.ok("apply model_v2.tflite v2_to_v4.tflp -o model_v4.tflite");
    expect("model_v4.tflite", 4);

    folder.ok("chain extract updates.mchn -o patches/");
    for (number, link) in ["v1_to_v2", "v2_to_v3", "v3_to_v4"].iter().enumerate() {
        let extracted = folder.read(&format!("patches/{number:04}_{link}.delta"));
        assert!(extracted == folder.read(&format!("{link}.tflp")), "{link}");
    }
    folder.ok(&format!("chain extract updates.mchn -o patches/ --from {} --to {}", digits(2), digits(4)));
    assert_eq!(std::fs::read_dir(folder.join("patches")).unwrap().count(), 3);

    for v in 1..=4 {
        folder.write("model.tflite", &versions[v - 1]);
        folder.ok("chain apply model.tflite updates.mchn -o updated.tflite --streaming");
        expect("updated.tflite", 4);
    }
    folder.ok("chain verify updates.mchn");
    assert!(folder.contents().keys().all(|path| !path.to_string_lossy().contains(".patchcore-")));
    folder
}

#[test]
fn the_walkthrough_works_on_files_that_changed_here_and_there() {
    let versions = versions(200_000);
    let folder = walk(&versions);
    let [first, second, third, fourth] = versions.each_ref().map(|bytes| Digest::of(bytes).short());
    let sizes = ["v1_to_v2.tflp", "v2_to_v3.tflp", "v3_to_v4.tflp"].map(|name| folder.size(name));
    let [a, b, c] = sizes.map(grouped);
    let total = grouped(sizes.iter().sum());
    assert_eq!(
        folder.ok("chain info updates.mchn --verbose"),
        format!(
            "Patch Chain: my-model\n\
             =====================\n\
             Links: 3\n\
             Total size: {total} bytes\n\
             \n\
             Chain History:\n  \
               [0] {first} → {second} ({a} bytes) - v1→v2\n  \
               [1] {second} → {third} ({b} bytes) - v2→v3\n  \
               [2] {third} → {fourth} ({c} bytes) - v3→v4\n"
        )
    );
}

#[test]
fn the_walkthrough_works_on_files_that_have_nothing_in_common() {
    walk(&[noise(1, 40_000), noise(2, 1), noise(3, 80_000), noise(4, 40_000)]);
}

#[test]
fn the_walkthrough_works_on_empty_and_tiny_files() {
    walk(&[vec![], vec![b'x'], b"xy".to_vec(), b"y".to_vec()]);
    walk(&[vec![b'x'], vec![b'y'], vec![b'z'], vec![]]);
}

#[test]
fn the_walkthrough_works_where_a_version_comes_back() {
    walk(&[b"one".to_vec(), b"two".to_vec(), b"one".to_vec(), b"three".to_vec()]);
    walk(&[vec![], b"two".to_vec(), vec![], vec![]]);
}

#[test]
fn the_walkthrough_works_where_nothing_changed() {
    let same = noise(5, 10_000);
    walk(&[same.clone(), same.clone(), same.clone(), same]);
    walk(&[vec![], vec![], vec![], vec![]]);
}

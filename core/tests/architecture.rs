//! The house stays as drawn: who may import whom, who may write `unsafe`, whose licences we pass on.
//!
//! `core/ARCHITECTURE.md` gives the reasons. A new module or crate gets its place in the tables here, or fails.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The layers of this crate from the ground up: a module may use those of its own layer and of the layers named last.
const LAYERS: &[(&str, &[&str], &[&str])] = &[
    ("words", &["cancel", "digest", "error", "json", "limits", "order", "progress", "route", "version"], &[]),
    ("io", &["io"], &["words"]),
    ("delta", &["delta"], &["words", "io"]),
    ("chain", &["chain"], &["words", "io", "delta"]),
    ("tree", &["tree"], &["words", "io", "delta"]),
    ("trust", &["trust"], &["words", "io"]),
    ("transfer", &["transfer"], &["words", "io"]),
    ("repository", &["repository"], &["words", "io", "delta", "chain", "tree", "trust"]),
    ("update", &["update"], &["words", "io", "delta", "chain", "tree", "trust", "transfer", "repository"]),
];

/// What is said in some files only, tests apart: the words, where they are looked for, and the files or folders that
/// may say them.
const HOMES: &[(&str, &str, &[&str])] = &[
    // A codec, a digest or an index can be replaced in one place.
    ("zstd::", "", &["delta/codec/mod.rs", "delta/codec/zstandard.rs", "tree/package/codec.rs"]),
    ("flate2::", "", &["tree/package/codec.rs", "tree/operations/"]),
    ("tar::", "", &["tree/operations/"]),
    ("fast_glob::", "", &["tree/ignore.rs"]),
    (
        "serde_json::",
        "",
        &[
            "json.rs",
            "tree/document.rs",
            "tree/sealed.rs",
            "tree/operations/",
            "transfer/partial.rs",
            "repository/manifest.rs",
            "repository/channel/manifest.rs",
        ],
    ),
    ("liblzma::", "", &["delta/codec/lzma.rs"]),
    ("sha2::", "", &["digest.rs"]),
    ("minisign_verify::", "", &["trust/"]),
    ("minisign::", "", &["trust/sign.rs"]),
    ("ureq::", "", &["transfer/http.rs"]),
    ("libsais::", "", &["delta/matching/suffix.rs"]),
    ("bsdiff::diff", "", &["delta/matching/bsdiff.rs"]),
    // The delta layer works on bytes wherever they are; one module of it knows paths, and none opens one itself.
    ("std::fs", "delta/", &[]),
    ("std::path", "delta/", &["delta/files.rs"]),
    // Matching sees bytes and knows no format; it only asks the codec how small literals would be.
    ("format::", "delta/matching/", &[]),
    ("codec::Column", "delta/matching/", &[]),
    ("encode::", "delta/matching/", &[]),
    ("decode::", "delta/matching/", &[]),
    ("lanes::", "delta/matching/", &[]),
    // Whoever applies a patch has not compared any trees, and knows packages by what they hand out.
    ("compare::", "tree/", &["tree/diff.rs", "tree/sketch.rs", "tree/operations/write.rs"]),
    (
        "package::",
        "tree/",
        &["tree/mod.rs", "tree/diff.rs", "tree/join.rs", "tree/squash.rs", "tree/verify.rs", "tree/package/"],
    ),
    // Whoever decodes has not compared any files.
    ("matching::", "delta/", &["delta/diff.rs", "delta/matching/"]),
];

/// Which crate of the workspace may depend on which other, tests included.
const CRATES: &[(&str, &[&str])] = &[
    ("patchcore", &[]),
    ("patchcore-ffi", &["patchcore"]),
    ("patchcore-capi", &["patchcore-ffi"]),
    ("patchcore-http", &["patchcore"]),
    ("patchcore-cli", &["patchcore", "patchcore-http"]),
    // The command line for its command alone.
    ("patchcore-python", &["patchcore-ffi", "patchcore-cli"]),
    ("patchcore-node", &["patchcore-ffi", "patchcore-cli"]),
];

/// Files or folders that may say `unsafe`, relative to the workspace.
const UNSAFE_ALLOWED: &[&str] = &["ffi/capi/src/", "bindings/python/src/buffer.rs"];

/// Files or folders that may export symbols to other languages: in a crate that others link they would leak.
const EXPORTS_ALLOWED: &[&str] = &["ffi/capi/src/"];

/// Licences that what we ship may carry.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Apache-2.0 WITH LLVM-exception",
    // The root certificates of the web, which are data.
    "CDLA-Permissive-2.0",
];

#[test]
fn modules_import_only_the_layers_below_them() {
    let layer_of: BTreeMap<&str, &str> =
        LAYERS.iter().flat_map(|(layer, modules, _)| modules.iter().map(|module| (*module, *layer))).collect();
    let src = workspace().join("core/src");
    let exports = root_exports(&code(&src.join("lib.rs")));
    let mut broken = Vec::new();
    for file in rust_files(&src) {
        let path = module_path(file.strip_prefix(&src).unwrap());
        let Some(module) = path.first() else { continue };
        let Some(layer) = layer_of.get(module.as_str()) else {
            broken.push(format!("{}: `{module}` has no layer", file.display()));
            continue;
        };
        let (_, _, below) = LAYERS.iter().find(|(name, ..)| name == layer).unwrap();
        for name in names_from_root(&code(&file), path.len()) {
            let target = exports.get(&name).unwrap_or(&name);
            match layer_of.get(target.as_str()) {
                Some(used) if used == layer || below.contains(used) => {}
                Some(used) => broken.push(format!("{}: {layer} must not use {used} (`{name}`)", file.display())),
                None => broken.push(format!("{}: `{name}` belongs to no layer", file.display())),
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn what_has_a_home_is_named_nowhere_else() {
    let src = workspace().join("core/src");
    let mut broken = Vec::new();
    for path in rust_files(&src) {
        let text = code(&path);
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let file = path.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
        for (words, within, homes) in HOMES {
            let at_home = homes.iter().any(|home| file.starts_with(home));
            if file.starts_with(within) && !at_home && text.contains(words) {
                broken.push(format!("{file} must not name {words}"));
            }
        }
    }
    let gone: Vec<_> = HOMES.iter().flat_map(|(.., homes)| *homes).filter(|home| !src.join(home).exists()).collect();
    assert!(broken.is_empty() && gone.is_empty(), "\n{}\nhomes that are gone: {gone:?}", broken.join("\n"));
}

#[test]
fn crates_depend_only_as_drawn() {
    let tree = cargo_tree(&["--edges", "normal,build,dev", "--depth", "1", "--prefix", "depth", "--format", " {p}"]);
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut of = "";
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let (depth, package) = line.split_once(' ').unwrap();
        let name = package.split(' ').next().unwrap();
        if depth == "0" {
            of = name;
            edges.entry(of).or_default();
        } else if package.contains(&*workspace().to_string_lossy()) {
            edges.entry(of).or_default().push(name);
        }
    }
    let broken: Vec<_> = edges
        .iter()
        .filter_map(|(name, used)| match CRATES.iter().find(|(known, _)| known == name) {
            Some((_, allowed)) => {
                let extra: Vec<_> = used.iter().filter(|used| !allowed.contains(used)).collect();
                (!extra.is_empty()).then(|| format!("{name} must not depend on {extra:?}"))
            }
            None => Some(format!("{name} has no place in the house")),
        })
        .collect();
    assert!(edges.contains_key("patchcore"), "cargo tree said nothing of use:\n{tree}");
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn unsafe_and_exported_symbols_stand_only_where_allowed() {
    for (word, allowed) in [("unsafe", UNSAFE_ALLOWED), ("no_mangle", EXPORTS_ALLOWED)] {
        let root = workspace();
        let found: Vec<_> = ["core/src", "ffi", "bindings"]
            .iter()
            .flat_map(|dir| rust_files(&root.join(dir)))
            .filter(|file| words(&code(file)).any(|found| found == word))
            .map(|file| file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/"))
            .collect();
        let broken: Vec<_> = found.iter().filter(|file| !allowed.iter().any(|home| file.starts_with(home))).collect();
        assert!(broken.is_empty(), "{word} in {broken:?}");
        assert_eq!(found.is_empty(), allowed.is_empty(), "nothing says {word} any more");
    }
}

#[test]
fn licences_of_what_we_ship_are_permissive() {
    let tree = cargo_tree(&["--edges", "normal,build", "--prefix", "none", "--format", "{p}\t{l}"]);
    let broken: Vec<_> = tree.lines().filter(|line| !line.is_empty() && !permissive(line)).collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// Whether every `AND` of the licence expression after the tab has an alternative that is allowed.
fn permissive(line: &str) -> bool {
    let Some((_, licence)) = line.split_once('\t') else { return false };
    let licence = licence.trim_end_matches(" (*)").replace(['(', ')'], "").replace(" / ", " OR ").replace('/', " OR ");
    licence.split(" AND ").all(|part| part.split(" OR ").any(|name| LICENCES.contains(&name)))
}

/// What `cargo tree` prints for the whole workspace, on every platform and with every feature, one line per edge.
fn cargo_tree(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--workspace",
            "--target",
            "all",
            "--all-features",
            "--no-dedupe",
            "--locked",
            "--manifest-path",
        ])
        .arg(workspace().join("Cargo.toml"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file under `dir`, build output apart.
fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with("node_modules") {
                files.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The text of a file without its line comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// `delta/ops.rs` is `delta`, `ops`; `delta/mod.rs` is `delta`; `lib.rs` is the root.
fn module_path(file: &Path) -> Vec<String> {
    let mut path: Vec<_> = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    path.pop_if(|last| last == "mod" || last == "lib");
    path
}

/// Which module a name that the crate root re-exports comes from.
fn root_exports(lib: &str) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for statement in lib.split("pub use ").skip(1) {
        let (module, names) = statement.split(';').next().unwrap().split_once("::").unwrap();
        for name in words(names).filter(|name| !name.is_empty()) {
            exports.insert(name.to_owned(), module.to_owned());
        }
    }
    exports
}

/// The first name after each path that starts at the crate root, be it written `crate::` or with as many `super::` as
/// lead there from a file that is `depth` modules deep.
fn names_from_root(code: &str, depth: usize) -> Vec<String> {
    let mut names = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        names.extend(first_names(&code[start + "crate::".len()..]));
    }
    // rustfmt puts the braces of a module in the file's own scope at the line's start.
    let mut nested = 0;
    for line in code.split_inclusive('\n') {
        let declares = line.starts_with("mod ") || line.starts_with("pub mod ") || line.starts_with("pub(crate) mod ");
        match line.trim_end() {
            "}" => nested = 0,
            line if declares && line.ends_with('{') => nested = 1,
            _ => {}
        }
        let to_root = "super::".repeat(depth + nested);
        let offset = line.as_ptr() as usize - code.as_ptr() as usize;
        for (start, _) in line.match_indices(&to_root) {
            names.extend(first_names(&code[offset + start + to_root.len()..]));
        }
    }
    names
}

/// `a::b` gives `a`; `{a::b, c}` gives `a` and `c`.
fn first_names(path: &str) -> Vec<String> {
    let first = |path: &str| words(path.trim_start()).next().unwrap_or_default().to_owned();
    let Some(group) = path.strip_prefix('{') else { return vec![first(path)] };
    let mut names = Vec::new();
    let mut depth = 0;
    let mut item = 0;
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' => {
                names.push(first(&group[item..i]));
                break;
            }
            ',' if depth == 0 => {
                names.push(first(&group[item..i]));
                item = i + 1;
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn imports_are_found_however_they_are_written() {
    let code = "use crate::a::X;\nuse crate::{b::{Y, Z}, c,\n    d::W};\nlet x = super::e::f();\n\
                mod tests {\n    use super::*;\n    use super::super::g;\n}\nfn f() { super::h() }\n";
    assert_eq!(names_from_root(code, 1), ["a", "b", "c", "d", "e", "g", "h"]);
    assert_eq!(names_from_root("use super::a;\nuse super::super::b;\n", 2), ["b"]);
    assert!(permissive("x\t(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(!permissive("x\tMIT AND GPL-3.0-only"));
    assert!(!permissive("x\t"));
}

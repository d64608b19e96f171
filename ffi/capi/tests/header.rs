//! `include/patchcore.h` is what the sources of the library say; `BLESS=1` writes it anew.
//!
//! cbindgen would put all constants first, then all types, then all functions. So it is asked for one section at a time, and
//! what it cannot know (macros, inline functions) is taken from `header/` and stands at the end of the section.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use cbindgen::{Builder, Config};

/// The sections in their order: title, source file and, in `header/`, what goes with it.
const SECTIONS: &[(&str, &str)] = &[
    ("Version", "version"),
    ("Status", "status"),
    ("Errors", "error"),
    ("Buffers", "buffer"),
    ("Input", "input"),
    ("Output", "output"),
    ("Jobs: progress, log, cancellation", "job"),
    ("Digests", "digest"),
    ("Deltas", "delta"),
    ("Explanations", "explanation"),
    ("Applier for devices: fed as bytes arrive", "applier"),
    ("Chains", "chain"),
    ("Using chains", "chain_apply"),
    ("Making and changing chain files", "chain_file"),
    ("Files", "file_kind"),
    ("Keys and signatures", "trust"),
    ("Directories", "tree"),
    ("Tree patches: from one directory to another", "tree_patch"),
    ("Applying tree patches", "tree_apply"),
    ("Making tree patches", "tree_make"),
    ("Fetching files", "transfer"),
    ("Updates of directories", "update"),
    ("Release repositories", "repository"),
    ("Channels: the versions of one file", "channel"),
];

#[test]
fn the_header_is_what_the_sources_say() {
    let made = header();
    let path = here().join("../../include/patchcore.h");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    let drift = made.lines().zip(committed.lines()).position(|(made, committed)| made != committed);
    let line = drift.unwrap_or_else(|| made.lines().count().min(committed.lines().count())) + 1;
    assert!(made == committed, "include/patchcore.h differs from line {line} on; BLESS=1 cargo test -p patchcore-capi");
}

#[test]
fn every_function_says_all_that_a_caller_must_know() {
    let header = header();
    let blocks = header.split("/**").skip(1).filter_map(|block| block.split_once("*/"));
    let functions: Vec<_> =
        blocks.filter(|(_, code)| code.trim_start().split(['{', ';']).next().unwrap().ends_with(')')).collect();
    let functions: Vec<_> = functions.into_iter().filter(|(_, code)| !code.trim_start().starts_with('#')).collect();
    assert!(functions.len() > 50, "only {} functions were found", functions.len());
    let mut missing = Vec::new();
    for (comment, code) in functions {
        let signature = code.trim_start().split(['{', ';']).next().unwrap();
        let Some((before, parameters)) = signature.split_once("(") else { continue };
        if before.starts_with("typedef") {
            continue;
        }
        let name = before.split([' ', '*']).next_back().unwrap();
        let mut demanded = vec!["Thread-safety:".to_owned(), "@since ".to_owned()];
        demanded.extend((!before.starts_with("void ")).then(|| "@return ".to_owned()));
        let parameters = parameters.trim_end_matches(')').split(',').filter(|parameter| parameter.trim() != "void");
        demanded.extend(parameters.map(|parameter| {
            let name = parameter.split([' ', '*']).next_back().unwrap();
            format!("@param {} ", name.split('[').next().unwrap())
        }));
        let lacking = demanded.into_iter().filter(|word| !comment.contains(word.as_str()));
        missing.extend(lacking.map(|word| format!("{name}: {word}")));
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

#[test]
fn the_version_is_that_of_the_package() {
    assert!(header().contains(&format!("#define PATCHCORE_VERSION \"{}\"\n", env!("CARGO_PKG_VERSION"))));
}

fn header() -> String {
    let mut header = text("conventions").unwrap();
    header.push_str("#ifndef PATCHCORE_H\n#define PATCHCORE_H\n\n");
    header.push_str(&text("includes").unwrap());
    header.push_str("\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    for (title, name) in SECTIONS {
        let rule = "-".repeat(110 - title.len());
        let _ = write!(header, "\n/* ---- {title} {rule} */\n\n{}", section(name).trim_start());
        if let Some(more) = text(name) {
            let _ = write!(header, "\n{more}");
        }
    }
    header.push_str("\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* PATCHCORE_H */\n");
    header
}

/// What cbindgen makes of one source file; it prints types of other sections by their names.
fn section(name: &str) -> String {
    let source = here().join("src").join(name).with_extension("rs");
    let mut config = Config::from_file(here().join("cbindgen.toml")).unwrap();
    // Types that only functions of other sections use would be left out.
    config.export.include = declared_types(&fs::read_to_string(&source).unwrap());
    let mut written = Vec::new();
    Builder::new().with_config(config).with_src(source).generate().unwrap().write(&mut written);
    tidy(&String::from_utf8(written).unwrap())
}

fn declared_types(source: &str) -> Vec<String> {
    let declared =
        source.lines().filter_map(|line| line.strip_prefix("pub struct ").or(line.strip_prefix("pub type ")));
    declared.filter_map(|rest| rest.split([' ', '(', ';']).next()).map(str::to_owned).collect()
}

/// Puts short comments on one line, constants one below the other, and the names of types without their `struct`, as types
/// of other sections come.
fn tidy(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if let [.., open, only] = &lines[..]
            && line.trim() == "*/"
            && open.trim() == "/**"
        {
            let short = format!("{indent}/** {} */", only.trim().trim_start_matches("* ")).replacen(" /**", "/**", 1);
            lines.truncate(lines.len() - 2);
            lines.push(short);
        } else if let [.., define, empty, comment] = &lines[..]
            && line.starts_with("#define ")
            && define.starts_with("#define ")
            && empty.is_empty()
            && comment.starts_with("/**")
        {
            lines.remove(lines.len() - 2);
            lines.push(line.to_owned());
        } else if line.starts_with("typedef struct ") {
            lines.push(line.to_owned());
        } else {
            lines.push(line.replace("struct patchcore_", "patchcore_"));
        }
    }
    lines.join("\n") + "\n"
}

fn text(name: &str) -> Option<String> {
    fs::read_to_string(here().join("header").join(name).with_extension("h")).ok().map(|text| text.replace("\r\n", "\n"))
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

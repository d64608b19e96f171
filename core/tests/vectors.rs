//! Every vector of `tests/vectors` gives the file, or the refusal, that it says.

#![allow(missing_docs, reason = "a test binary")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use patchcore::chain::{self, Chain};
use patchcore::delta::{self, ApplyOptions};
use patchcore::{Limits, Result, Status, Task};
use serde_json::Value;

/// One vector, with the content of its files.
struct Vector {
    fields: Value,
    old: Vec<u8>,
    file: Vec<u8>,
    new: Option<Vec<u8>>,
}

impl Vector {
    fn text(&self, key: &str) -> &str {
        self.fields[key].as_str().unwrap_or_default()
    }

    fn limits(&self) -> Limits {
        let limit = |key: &str| self.fields.get(key).map_or(u64::MAX, |value| value.as_u64().unwrap());
        Limits { memory: limit("memory_limit"), output: limit("output_limit"), ..Limits::default() }
    }

    /// Fails unless `result` is what the vector says. What a failure wrote before counts for nothing.
    fn judge(&self, how: &str, result: Result<Vec<u8>>) {
        let name = self.text("name");
        let status = result.as_ref().map_or_else(|e| e.status(), |_| Status::Ok);
        let why = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert_eq!(i64::from(status.code()), self.fields["status"].as_i64().unwrap(), "{name}, {how}: {why}");
        assert_eq!(status.name(), self.text("status_name"), "{name}");
        assert!(result.ok() == self.new, "{name}, {how}: another file");
    }
}

/// The vectors of one kind.
fn vectors(kind: &str) -> Vec<Vector> {
    let index: Value = serde_json::from_slice(&read("vectors.json")).unwrap();
    assert_eq!(index["format_version"], 1);
    let of_kind = index["vectors"].as_array().unwrap().iter().filter(|vector| vector["kind"] == kind);
    let vectors: Vec<_> = of_kind
        .map(|fields| Vector {
            old: read(fields["old"].as_str().unwrap()),
            file: read(fields["file"].as_str().unwrap()),
            new: fields.get("new").map(|new| read(new.as_str().unwrap())),
            fields: fields.clone(),
        })
        .collect();
    assert!(!vectors.is_empty(), "there are no vectors of the kind {kind}");
    vectors
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors")
}

fn read(path: &str) -> Vec<u8> {
    fs::read(folder().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Gives a few bytes at a time, as a network does.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(7);
        self.0.read(&mut buffer[..len])
    }
}

fn apply(vector: &Vector, limits: Limits, threads: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let options = ApplyOptions { limits, threads };
    delta::apply(&&vector.old[..], &mut Dribble(&vector.file), &mut out, &options, &mut Task::new())?;
    Ok(out)
}

#[test]
fn every_delta_makes_its_file_or_is_refused() {
    for vector in vectors("delta") {
        for threads in [1, 2] {
            vector.judge(&format!("{threads} threads"), apply(&vector, vector.limits(), threads));
        }
    }
}

#[test]
fn every_delta_file_makes_its_file_or_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let [old, file, out] = ["old", "file", "out"].map(|name| folder.path().join(name));
    for vector in vectors("delta") {
        fs::write(&old, &vector.old).unwrap();
        fs::write(&file, &vector.file).unwrap();
        for threads in [1, 2] {
            let options = ApplyOptions { limits: vector.limits(), threads };
            let mut delta = fs::File::open(&file).unwrap();
            let applied = delta::apply_file(&old, &mut delta, &out, &options, Default::default(), &mut Task::new());
            vector.judge(&format!("files, {threads} threads"), applied.map(|_| fs::read(&out).unwrap()));
            let _ = fs::remove_file(&out);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "{}", vector.text("name"));
        }
    }
}

#[test]
fn verifying_says_what_applying_says() {
    for vector in vectors("delta") {
        let verified = delta::verify(&&vector.file[..], Some(&&vector.old[..]), &vector.limits(), &mut Task::new());
        vector.judge("verify", verified.map(|_| vector.new.clone().unwrap_or_default()));
    }
}

#[test]
fn every_delta_takes_the_memory_that_its_header_says() {
    for vector in vectors("delta").iter().filter(|vector| vector.new.is_some()) {
        let header = delta::verify(&&vector.file[..], None, &vector.limits(), &mut Task::new()).unwrap().header;
        let limits = |memory| Limits { memory, ..Limits::default() };
        vector.judge("just enough memory", apply(vector, limits(header.apply_memory), 1));
        let refused = apply(vector, limits(header.apply_memory - 1), 1).unwrap_err();
        assert_eq!(refused.status(), Status::Limit, "{}", vector.text("name"));
    }
}

#[test]
fn every_chain_makes_its_file_or_is_refused() {
    for vector in vectors("chain") {
        for streaming in [false, true] {
            let result = Chain::from_source(Box::new(vector.file.clone())).and_then(|chain| {
                let target = vector.fields.get("version").map(|name| chain.resolve(name.as_str().unwrap()));
                let options = chain::ApplyOptions { streaming, ..Default::default() };
                let mut out = Vec::new();
                chain.apply(&&vector.old[..], &mut out, target.transpose()?, &options, &mut Task::new())?;
                Ok(out)
            });
            vector.judge(if streaming { "streaming" } else { "in memory" }, result);
        }
    }
}

#[test]
fn the_links_of_a_chain_lie_where_its_index_says() {
    for vector in vectors("chain").into_iter().filter(|vector| vector.new.is_some()) {
        let file = vector.file.clone();
        let chain = Chain::from_source(Box::new(vector.file)).unwrap();
        let verified = chain.verify(&Limits::default(), &mut Task::new());
        assert!(verified.is_ok(), "{}: {verified:?}", vector.fields["name"]);
        for link in chain.links() {
            let start = usize::try_from(link.offset).unwrap();
            assert_eq!(file[start..][..8], delta::MAGIC, "{}", vector.fields["name"]);
        }
    }
}

/// What `decode.py` found in the deltas; it fails where a vector says something else.
#[test]
fn every_codec_coding_level_and_status_of_a_reader_has_a_vector() {
    let (deltas, chains) = (vectors("delta"), vectors("chain"));
    let words = |key: &str| -> BTreeSet<String> {
        deltas.iter().flat_map(|vector| vector.text(key).split(' ').map(str::to_owned)).collect()
    };
    let missing = |found: BTreeSet<String>, wanted: &[&str]| -> Vec<String> {
        wanted.iter().map(ToString::to_string).filter(|word| !found.contains(word)).collect()
    };
    assert_eq!(missing(words("codecs"), &["empty", "raw", "zstd", "lzma"]), [""; 0]);
    assert_eq!(missing(words("codings"), &["0", "1", "2", "4", "8", "16", "17", "18", "20", "24"]), [""; 0]);
    let levels: Vec<String> = (1..=9).map(|level| format!("code-level-{level}")).collect();
    assert_eq!(missing(words("name"), &levels.iter().map(String::as_str).collect::<Vec<_>>()), [""; 0]);
    let statuses = deltas.iter().chain(&chains).map(|vector| vector.text("status_name").to_owned()).collect();
    let of_a_reader = ["OK", "UNSUPPORTED", "CORRUPT", "LIMIT", "SOURCE_MISMATCH", "TARGET_MISMATCH", "NO_ROUTE"];
    assert_eq!(missing(statuses, &of_a_reader), [""; 0]);
}

#[test]
fn every_file_of_the_vectors_is_one_that_a_vector_names() {
    let mut named = BTreeMap::new();
    let vectors: Vec<_> = ["delta", "chain"].into_iter().flat_map(vectors).collect();
    for vector in &vectors {
        let keys = ["old", "file", "new"].into_iter().filter_map(|key| vector.fields[key].as_str());
        keys.for_each(|path| *named.entry(path.to_owned()).or_insert(0) += 1);
    }
    let index: Value = serde_json::from_slice(&read("vectors.json")).unwrap();
    assert_eq!(index["vectors"].as_array().unwrap().len(), vectors.len(), "a vector of another kind");
    let names: BTreeSet<&str> = vectors.iter().map(|vector| vector.text("name")).collect();
    assert_eq!(names.len(), vectors.len(), "two vectors of one name");
    let mut found = BTreeSet::new();
    for kind in ["files", "deltas", "chains"] {
        for entry in fs::read_dir(folder().join(kind)).unwrap() {
            let path = format!("{kind}/{}", entry.unwrap().file_name().into_string().unwrap());
            assert!(named.contains_key(&path), "no vector names {path}");
            found.insert(path);
        }
    }
    assert_eq!(found.len(), named.len());
}

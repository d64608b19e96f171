//! Results of the facade as the classes of `results.py`.

use std::ops::Range;

use patchcore_ffi::chain::Chain;
use patchcore_ffi::job::Progress;
use patchcore_ffi::results::{
    ApplyStats, ChainApplyStats, ChainInfo, DeltaContents, DeltaInfo, ExplainedPart, ExplainedSegment, Explanation,
    LinkInfo, PruneStats, VersionInfo,
};
use pyo3::call::PyCallArgs;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

type Object<'py> = PyResult<Bound<'py, PyAny>>;

/// An instance of a class of `results.py`, with its fields in their order.
pub(crate) fn make<'py>(py: Python<'py>, class: &str, fields: impl PyCallArgs<'py>) -> Object<'py> {
    py.import(intern!(py, "patchcore.results"))?.getattr(class)?.call1(fields)
}

/// What a JSON text says, in plain dictionaries and lists.
pub(crate) fn plain<'py>(py: Python<'py>, text: &str) -> Object<'py> {
    py.import(intern!(py, "json"))?.call_method1(intern!(py, "loads"), (text,))
}

pub(crate) fn tuple<'py, T>(
    py: Python<'py>,
    items: &[T],
    convert: impl Fn(&T) -> Object<'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, items.iter().map(convert).collect::<PyResult<Vec<_>>>()?)
}

pub(crate) fn progress<'py>(py: Python<'py>, event: &Progress) -> Object<'py> {
    make(py, "Progress", (event.phase.name(), event.done, event.total, event.unit.name()))
}

pub(crate) fn delta_info<'py>(py: Python<'py>, info: &DeltaInfo) -> Object<'py> {
    let &DeltaInfo { old_size, new_size, delta_size, segments, stream_bytes, apply_memory, .. } = info;
    let (old_digest, new_digest) = (info.old_digest.to_string(), info.new_digest.to_string());
    make(
        py,
        "DeltaInfo",
        (old_size, new_size, old_digest, new_digest, delta_size, segments, stream_bytes, apply_memory),
    )
}

fn delta_contents<'py>(py: Python<'py>, contents: &DeltaContents) -> Object<'py> {
    let &DeltaContents { copies, copied_bytes, changed_bytes, inserted_bytes } = contents;
    make(py, "DeltaContents", (copies, copied_bytes, changed_bytes, inserted_bytes))
}

pub(crate) fn verified<'py>(py: Python<'py>, info: &DeltaInfo, contents: &DeltaContents) -> Object<'py> {
    make(py, "Verified", (delta_info(py, info)?, delta_contents(py, contents)?))
}

pub(crate) fn apply_stats<'py>(py: Python<'py>, stats: &ApplyStats) -> Object<'py> {
    make(py, "ApplyStats", (stats.new_digest.to_string(), stats.new_size))
}

pub(crate) fn explanation<'py>(py: Python<'py>, explanation: &Explanation) -> Object<'py> {
    let fields = (
        delta_info(py, &explanation.info)?,
        delta_contents(py, &explanation.contents)?,
        tuple(py, &explanation.parts, |part| explained_part(py, part))?,
        tuple(py, &explanation.segments, |segment| explained_segment(py, segment))?,
        explanation.insertions,
        tuple(py, &explanation.longest_insertions, |range| Ok(ends(range).into_pyobject(py)?.into_any()))?,
    );
    make(py, "Explanation", fields)
}

fn explained_part<'py>(py: Python<'py>, part: &ExplainedPart) -> Object<'py> {
    let &ExplainedPart { stream, codec, lane, lanes, width, delta_bytes, decoded_bytes } = part;
    make(py, "ExplainedPart", (stream, codec, lane, lanes, width, delta_bytes, decoded_bytes))
}

fn explained_segment<'py>(py: Python<'py>, segment: &ExplainedSegment) -> Object<'py> {
    let fields = (
        ends(&segment.output),
        ends(&segment.delta),
        segment.copies,
        segment.copied_bytes,
        segment.changed_bytes,
        segment.inserted_bytes,
        segment.addends,
        segment.lanes,
        segment.width,
        segment.has_check,
        segment.memory,
    );
    make(py, "ExplainedSegment", fields)
}

fn ends(range: &Range<u64>) -> (u64, u64) {
    (range.start, range.end)
}

pub(crate) fn chain_info<'py>(py: Python<'py>, info: &ChainInfo) -> Object<'py> {
    let &ChainInfo { versions, links, shortcuts, total_size, shortcut_size, overhead, ignored_tail, .. } = info;
    let fields = (&info.chain_id, versions, links, shortcuts, total_size, shortcut_size, overhead, ignored_tail);
    make(py, "ChainInfo", fields)
}

pub(crate) fn versions<'py>(py: Python<'py>, versions: &[VersionInfo]) -> PyResult<Bound<'py, PyTuple>> {
    tuple(py, versions, |version| make(py, "Version", (&version.name, version.digest.to_string(), version.size)))
}

/// Links of `chain`, whose versions give them their names.
pub(crate) fn links<'py>(py: Python<'py>, chain: &Chain, links: &[LinkInfo]) -> PyResult<Bound<'py, PyTuple>> {
    let (known, versions) = (chain.links(), chain.versions());
    let name = |ordinal: u64| {
        let version = usize::try_from(ordinal).ok().and_then(|ordinal| versions.get(ordinal));
        version.map_or("?", |version| &version.name)
    };
    tuple(py, links, |link| {
        let index = known.iter().position(|other| other == link).unwrap_or_default();
        let names = format!("{}→{}", name(link.from), name(link.to));
        make(py, "Link", (index, link.from, link.to, names, link.number, link.offset, link.size, link.shortcut))
    })
}

pub(crate) fn chain_apply_stats<'py>(py: Python<'py>, chain: &Chain, stats: &ChainApplyStats) -> Object<'py> {
    let &ChainApplyStats { from, to, one_pass, new_size, .. } = stats;
    let links = links(py, chain, &stats.links)?;
    make(py, "ChainApplyStats", (from, to, links, one_pass, stats.new_digest.to_string(), new_size))
}

pub(crate) fn prune_stats<'py>(py: Python<'py>, stats: &PruneStats) -> Object<'py> {
    let &PruneStats { removed_links, removed_versions, added_shortcuts, size_before, size_after } = stats;
    make(py, "PruneStats", (removed_links, removed_versions, added_shortcuts, size_before, size_after))
}

//! What operations say, as objects of JavaScript. Sizes and offsets are its numbers: exact below 2^53, which is 9 petabytes.

use std::ops::Range;
use std::path::PathBuf;

use napi::bindgen_prelude::{Buffer, Either};
use napi_derive::napi;
use patchcore_ffi::output::Written;
use patchcore_ffi::results as facade;

use crate::output::path_to_js;

/// What was made: the bytes, where no file was named, else what is to be said of it.
pub type Made<T> = Either<Buffer, T>;

/// The bytes without a copy of them where there are any, else what is to be said.
pub fn made<S, T: From<S>>((said, written): (S, Written)) -> Made<T> {
    match written {
        Some(bytes) => Either::A(bytes.into()),
        None => Either::B(said.into()),
    }
}

/// What a delta says about itself.
#[napi(object, object_from_js = false)]
pub struct DeltaInfo {
    /// The size of the old file in bytes.
    pub old_size: f64,
    /// The size of the new file in bytes.
    pub new_size: f64,
    /// The SHA-256 of the old file, in hex.
    pub old_digest: String,
    /// The SHA-256 of the new file, in hex.
    pub new_digest: String,
    /// Bytes of memory that applying it takes.
    pub apply_memory: f64,
    /// Bytes of all segments after decompression.
    pub stream_bytes: f64,
    /// The number of segments.
    pub segments: f64,
    /// The size of the delta in bytes.
    pub delta_size: f64,
}

impl From<facade::DeltaInfo> for DeltaInfo {
    fn from(info: facade::DeltaInfo) -> Self {
        Self {
            old_size: info.old_size as f64,
            new_size: info.new_size as f64,
            old_digest: info.old_digest.to_string(),
            new_digest: info.new_digest.to_string(),
            apply_memory: info.apply_memory as f64,
            stream_bytes: info.stream_bytes as f64,
            segments: info.segments as f64,
            delta_size: info.delta_size as f64,
        }
    }
}

/// What checking a whole delta counted.
#[napi(object, object_from_js = false)]
pub struct DeltaContents {
    /// Copies from the old file.
    pub copies: f64,
    /// Bytes of the new file that copies make.
    pub copied_bytes: f64,
    /// Bytes of those to which something other than zero is added.
    pub changed_bytes: f64,
    /// Bytes of the new file that the delta brings along.
    pub inserted_bytes: f64,
}

impl From<facade::DeltaContents> for DeltaContents {
    fn from(contents: facade::DeltaContents) -> Self {
        Self {
            copies: contents.copies as f64,
            copied_bytes: contents.copied_bytes as f64,
            changed_bytes: contents.changed_bytes as f64,
            inserted_bytes: contents.inserted_bytes as f64,
        }
    }
}

/// What applying a delta made.
#[napi(object, object_from_js = false)]
pub struct ApplyStats {
    /// The SHA-256 of the new file, in hex.
    pub new_digest: String,
    /// The size of the new file in bytes.
    pub new_size: f64,
}

impl From<facade::ApplyStats> for ApplyStats {
    fn from(stats: facade::ApplyStats) -> Self {
        Self { new_digest: stats.new_digest.to_string(), new_size: stats.new_size as f64 }
    }
}

/// What a chain holds as a whole.
#[napi(object, object_from_js = false)]
pub struct ChainInfo {
    /// The name of the chain.
    pub chain_id: String,
    /// How many versions it holds.
    pub versions: f64,
    /// How many links its history has.
    pub links: f64,
    /// How many links span others.
    pub shortcuts: f64,
    /// Bytes of the links of the history.
    pub total_size: f64,
    /// Bytes of the shortcuts.
    pub shortcut_size: f64,
    /// Bytes of the file that are no link.
    pub overhead: f64,
    /// Bytes that an unfinished append left at the end.
    pub ignored_tail: f64,
}

impl From<facade::ChainInfo> for ChainInfo {
    fn from(info: facade::ChainInfo) -> Self {
        Self {
            chain_id: info.chain_id,
            versions: info.versions as f64,
            links: info.links as f64,
            shortcuts: info.shortcuts as f64,
            total_size: info.total_size as f64,
            shortcut_size: info.shortcut_size as f64,
            overhead: info.overhead as f64,
            ignored_tail: info.ignored_tail as f64,
        }
    }
}

/// One version of the file that a chain is about.
#[napi(object, object_from_js = false)]
pub struct VersionInfo {
    /// Its name, which no other version of the chain has.
    pub name: String,
    /// The SHA-256 of the file, in hex.
    pub digest: String,
    /// The size of the file in bytes.
    pub size: f64,
}

impl From<facade::VersionInfo> for VersionInfo {
    fn from(version: facade::VersionInfo) -> Self {
        Self { name: version.name, digest: version.digest.to_string(), size: version.size as f64 }
    }
}

/// One delta in a chain.
#[napi(object, object_from_js = false)]
pub struct LinkInfo {
    /// The ordinal of the version that it starts at.
    pub from: f64,
    /// The ordinal of the version that it leads to.
    pub to: f64,
    /// Its number in the history.
    pub number: f64,
    /// Where its delta starts in the chain file.
    pub offset: f64,
    /// The size of its delta in bytes.
    pub size: f64,
    /// Whether it spans other links.
    pub shortcut: bool,
}

impl From<facade::LinkInfo> for LinkInfo {
    fn from(link: facade::LinkInfo) -> Self {
        Self {
            from: link.from as f64,
            to: link.to as f64,
            number: link.number as f64,
            offset: link.offset as f64,
            size: link.size as f64,
            shortcut: link.shortcut,
        }
    }
}

/// What applying a chain did.
#[napi(object, object_from_js = false)]
pub struct ChainApplyStats {
    /// The ordinal of the version that the old file was.
    pub from: f64,
    /// The ordinal of the version that was made.
    pub to: f64,
    /// The links that were used, in order.
    pub links: Vec<LinkInfo>,
    /// Whether no intermediate file was made.
    pub one_pass: bool,
    /// The SHA-256 of the new file, in hex.
    pub new_digest: String,
    /// The size of the new file in bytes.
    pub new_size: f64,
}

impl From<facade::ChainApplyStats> for ChainApplyStats {
    fn from(stats: facade::ChainApplyStats) -> Self {
        Self {
            from: stats.from as f64,
            to: stats.to as f64,
            links: stats.links.into_iter().map(LinkInfo::from).collect(),
            one_pass: stats.one_pass,
            new_digest: stats.new_digest.to_string(),
            new_size: stats.new_size as f64,
        }
    }
}

/// What pruning a chain did.
#[napi(object, object_from_js = false)]
pub struct PruneStats {
    /// Links and shortcuts that are gone.
    pub removed_links: f64,
    /// Versions that are gone.
    pub removed_versions: f64,
    /// Shortcuts that were added.
    pub added_shortcuts: f64,
    /// The size of the chain file before, in bytes.
    pub size_before: f64,
    /// The size of the chain file now, in bytes.
    pub size_after: f64,
}

impl From<facade::PruneStats> for PruneStats {
    fn from(stats: facade::PruneStats) -> Self {
        Self {
            removed_links: stats.removed_links as f64,
            removed_versions: stats.removed_versions as f64,
            added_shortcuts: stats.added_shortcuts as f64,
            size_before: stats.size_before as f64,
            size_after: stats.size_after as f64,
        }
    }
}

/// A stretch of a file.
#[napi(object, object_from_js = false)]
pub struct ByteRange {
    /// Where it begins.
    pub offset: f64,
    /// How many bytes it has.
    pub length: f64,
}

impl From<Range<u64>> for ByteRange {
    fn from(range: Range<u64>) -> Self {
        Self { offset: range.start as f64, length: (range.end - range.start) as f64 }
    }
}

/// What one codec made of one stream, over all segments.
#[napi(object, object_from_js = false)]
pub struct ExplainedPart {
    /// What the bytes mean.
    pub stream: String,
    /// How they are coded.
    pub codec: String,
    /// Which lane of addends they belong to, from 0 on.
    pub lane: u32,
    /// How many lanes there are; 0 where the stream is none of a lane.
    pub lanes: u32,
    /// The bytes of the numbers that addends belong to, where they are coded as such; else 0.
    pub width: u32,
    /// Bytes of the delta.
    pub delta_bytes: f64,
    /// Bytes after decoding.
    pub decoded_bytes: f64,
}

impl From<facade::ExplainedPart> for ExplainedPart {
    fn from(part: facade::ExplainedPart) -> Self {
        Self {
            stream: part.stream.to_owned(),
            codec: part.codec.to_owned(),
            lane: part.lane.into(),
            lanes: part.lanes.into(),
            width: part.width.into(),
            delta_bytes: part.delta_bytes as f64,
            decoded_bytes: part.decoded_bytes as f64,
        }
    }
}

/// One segment of a delta.
#[napi(object, object_from_js = false)]
pub struct ExplainedSegment {
    /// What it makes of the new file.
    pub output: ByteRange,
    /// Where it lies in the delta.
    pub delta: ByteRange,
    /// Its copies.
    pub copies: f64,
    /// Bytes of its output that copies make.
    pub copied_bytes: f64,
    /// Bytes of those to which something other than zero is added.
    pub changed_bytes: f64,
    /// Bytes of its output that it brings along.
    pub inserted_bytes: f64,
    /// How its addends are coded.
    pub addends: String,
    /// Into how many lanes they are dealt; else 0.
    pub lanes: u32,
    /// The bytes of the numbers that they belong to, where they are coded as such; else 0.
    pub width: u32,
    /// Whether a check of its output follows.
    pub has_check: bool,
    /// Bytes of memory that applying a delta of such segments takes.
    pub memory: f64,
}

impl From<facade::ExplainedSegment> for ExplainedSegment {
    fn from(segment: facade::ExplainedSegment) -> Self {
        Self {
            output: segment.output.into(),
            delta: segment.delta.into(),
            copies: segment.copies as f64,
            copied_bytes: segment.copied_bytes as f64,
            changed_bytes: segment.changed_bytes as f64,
            inserted_bytes: segment.inserted_bytes as f64,
            addends: segment.addends.to_owned(),
            lanes: segment.lanes.into(),
            width: segment.width.into(),
            has_check: segment.has_check,
            memory: segment.memory as f64,
        }
    }
}

/// Where the bytes of a delta went, and how the new file comes to be.
#[napi(object, object_from_js = false)]
pub struct Explanation {
    /// What the delta says about itself.
    pub info: DeltaInfo,
    /// What it holds as a whole.
    pub contents: DeltaContents,
    /// Every byte of it, by stream and codec.
    pub parts: Vec<ExplainedPart>,
    /// The segments that take most of it, in the order in which they make the new file.
    pub segments: Vec<ExplainedSegment>,
    /// How many stretches of the new file are inserted.
    pub insertions: f64,
    /// The longest of them in the new file, the longest first.
    pub longest_insertions: Vec<ByteRange>,
}

impl From<facade::Explanation> for Explanation {
    fn from(explanation: facade::Explanation) -> Self {
        Self {
            info: explanation.info.into(),
            contents: explanation.contents.into(),
            parts: explanation.parts.into_iter().map(ExplainedPart::from).collect(),
            segments: explanation.segments.into_iter().map(ExplainedSegment::from).collect(),
            insertions: explanation.insertions as f64,
            longest_insertions: explanation.longest_insertions.into_iter().map(ByteRange::from).collect(),
        }
    }
}

/// A link as a file of its own.
#[napi(object, object_from_js = false)]
pub struct ExtractedLink {
    /// The link.
    pub link: LinkInfo,
    /// The file.
    pub path: Either<String, Buffer>,
}

impl From<(facade::LinkInfo, PathBuf)> for ExtractedLink {
    fn from(extracted: (facade::LinkInfo, PathBuf)) -> Self {
        Self { link: extracted.0.into(), path: path_to_js(&extracted.1) }
    }
}

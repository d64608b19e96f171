//! What operations say about what they read or made: plain numbers, names and digests.

use std::ops::Range;

use patchcore::chain::{Link, Version};
use patchcore::delta::{AddendCoding, Header, Inspection, Lane, Part, Stream};

use crate::digest::Digest;

/// What a delta says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeltaInfo {
    /// The size of the old file in bytes.
    pub old_size: u64,
    /// The size of the new file in bytes.
    pub new_size: u64,
    /// The SHA-256 of the old file.
    pub old_digest: Digest,
    /// The SHA-256 of the new file.
    pub new_digest: Digest,
    /// Bytes of memory that applying it takes.
    pub apply_memory: u64,
    /// Bytes of all segments after decompression.
    pub stream_bytes: u64,
    /// The number of segments.
    pub segments: u64,
    /// The size of the delta in bytes.
    pub delta_size: u64,
}

impl From<&Header> for DeltaInfo {
    fn from(header: &Header) -> Self {
        Self {
            old_size: header.old_size,
            new_size: header.new_size,
            old_digest: header.old_digest,
            new_digest: header.new_digest,
            apply_memory: header.apply_memory,
            stream_bytes: header.stream_bytes,
            segments: header.segments.into(),
            delta_size: header.delta_size,
        }
    }
}

/// What checking a whole delta counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeltaContents {
    /// Copies from the old file.
    pub copies: u64,
    /// Bytes of the new file that copies make.
    pub copied_bytes: u64,
    /// Bytes of those to which something other than zero is added.
    pub changed_bytes: u64,
    /// Bytes of the new file that the delta brings along.
    pub inserted_bytes: u64,
}

impl From<&Inspection> for DeltaContents {
    fn from(inspection: &Inspection) -> Self {
        let &Inspection { copies, copied_bytes, changed_bytes, inserted_bytes, .. } = inspection;
        Self { copies, copied_bytes, changed_bytes, inserted_bytes }
    }
}

/// What applying a delta made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplyStats {
    /// The SHA-256 of the new file.
    pub new_digest: Digest,
    /// The size of the new file in bytes.
    pub new_size: u64,
}

impl From<patchcore::delta::ApplyStats> for ApplyStats {
    fn from(stats: patchcore::delta::ApplyStats) -> Self {
        Self { new_digest: stats.new_digest, new_size: stats.new_size }
    }
}

/// Where the bytes of a delta went, and how the new file comes to be.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub insertions: u64,
    /// The longest of them as ranges of the new file, the longest first.
    pub longest_insertions: Vec<Range<u64>>,
}

impl From<patchcore::delta::Explanation> for Explanation {
    fn from(explanation: patchcore::delta::Explanation) -> Self {
        Self {
            info: (&explanation.inspection.header).into(),
            contents: (&explanation.inspection).into(),
            parts: explanation.parts.iter().map(ExplainedPart::from).collect(),
            segments: explanation.largest_segments.iter().map(ExplainedSegment::from).collect(),
            insertions: explanation.insertions,
            longest_insertions: explanation.largest_insertions,
        }
    }
}

/// What one codec made of one stream, over all segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExplainedPart {
    /// What the bytes mean, by the names of the format's description.
    pub stream: &'static str,
    /// How they are coded.
    pub codec: &'static str,
    /// Which lane of addends they belong to, from 0 on.
    pub lane: u8,
    /// How many lanes there are; 0 where the stream is none of a lane.
    pub lanes: u8,
    /// The bytes of the numbers that addends belong to, where they are coded as such; else 0.
    pub width: u8,
    /// Bytes of the delta.
    pub delta_bytes: u64,
    /// Bytes after decoding.
    pub decoded_bytes: u64,
}

impl From<&Part> for ExplainedPart {
    fn from(part: &Part) -> Self {
        let (Lane { lanes, lane }, width) = match part.stream {
            Stream::Zeros(lane) | Stream::Runs(lane) | Stream::Values(lane) => (lane, 0),
            Stream::Elements(width) => (Lane { lanes: 0, lane: 0 }, width),
            _ => (Lane { lanes: 0, lane: 0 }, 0),
        };
        Self {
            stream: part.stream.name(),
            codec: part.codec.name(),
            lane,
            lanes,
            width,
            delta_bytes: part.delta_bytes,
            decoded_bytes: part.decoded_bytes,
        }
    }
}

/// One segment of a delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedSegment {
    /// What it makes of the new file.
    pub output: Range<u64>,
    /// Where it lies in the delta.
    pub delta: Range<u64>,
    /// Its copies.
    pub copies: u64,
    /// Bytes of its output that copies make.
    pub copied_bytes: u64,
    /// Bytes of those to which something other than zero is added.
    pub changed_bytes: u64,
    /// Bytes of its output that it brings along.
    pub inserted_bytes: u64,
    /// How its addends are coded.
    pub addends: &'static str,
    /// Into how many lanes they are dealt; else 0.
    pub lanes: u8,
    /// The bytes of the numbers that they belong to, where they are coded as such; else 0.
    pub width: u8,
    /// Whether a check of its output follows.
    pub has_check: bool,
    /// Bytes of memory that applying a delta of such segments takes.
    pub memory: u64,
}

impl From<&patchcore::delta::ExplainedSegment> for ExplainedSegment {
    fn from(segment: &patchcore::delta::ExplainedSegment) -> Self {
        let (lanes, width) = match segment.addends {
            AddendCoding::Lanes(lanes) => (lanes, 0),
            AddendCoding::Elements(width) => (0, width),
            _ => (0, 0),
        };
        Self {
            output: segment.output.clone(),
            delta: segment.delta.clone(),
            copies: segment.copies,
            copied_bytes: segment.copied_bytes,
            changed_bytes: segment.changed_bytes,
            inserted_bytes: segment.inserted_bytes,
            addends: segment.addends.name(),
            lanes,
            width,
            has_check: segment.has_check,
            memory: segment.memory,
        }
    }
}

/// What a chain holds as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainInfo {
    /// The name of the chain.
    pub chain_id: String,
    /// How many versions it holds.
    pub versions: u64,
    /// How many links its history has.
    pub links: u64,
    /// How many links span others.
    pub shortcuts: u64,
    /// Bytes of the links of the history.
    pub total_size: u64,
    /// Bytes of the shortcuts.
    pub shortcut_size: u64,
    /// Bytes of the file that are no link.
    pub overhead: u64,
    /// Bytes that an unfinished append left at the end.
    pub ignored_tail: u64,
}

/// One version of the file that a chain is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    /// Its name, which no other version of the chain has.
    pub name: String,
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// The size of the file in bytes.
    pub size: u64,
}

impl From<&Version> for VersionInfo {
    fn from(version: &Version) -> Self {
        Self { name: version.name.clone(), digest: version.digest, size: version.size }
    }
}

/// One delta in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// The ordinal of the version that it starts at.
    pub from: u64,
    /// The ordinal of the version that it leads to.
    pub to: u64,
    /// Its number in the history: the link that made the second version is number 0.
    pub number: u64,
    /// Where its delta starts in the chain file.
    pub offset: u64,
    /// The size of its delta in bytes.
    pub size: u64,
    /// Whether it spans other links.
    pub shortcut: bool,
}

impl From<&Link> for LinkInfo {
    fn from(link: &Link) -> Self {
        Self {
            from: link.from as u64,
            to: link.to as u64,
            number: link.number() as u64,
            offset: link.offset,
            size: link.size,
            shortcut: link.shortcut,
        }
    }
}

/// What applying a chain did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainApplyStats {
    /// The ordinal of the version that the old file was.
    pub from: u64,
    /// The ordinal of the version that was made.
    pub to: u64,
    /// The links that were used, in order; none where the old file was at the target already.
    pub links: Vec<LinkInfo>,
    /// Whether no intermediate file was made.
    pub one_pass: bool,
    /// The SHA-256 of the new file.
    pub new_digest: Digest,
    /// The size of the new file in bytes.
    pub new_size: u64,
}

impl From<patchcore::chain::Applied> for ChainApplyStats {
    fn from(applied: patchcore::chain::Applied) -> Self {
        Self {
            from: applied.from as u64,
            to: applied.to as u64,
            links: applied.links.iter().map(LinkInfo::from).collect(),
            one_pass: applied.one_pass,
            new_digest: applied.new_digest,
            new_size: applied.new_size,
        }
    }
}

/// What pruning a chain did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PruneStats {
    /// Links and shortcuts that are gone.
    pub removed_links: u64,
    /// Versions that are gone.
    pub removed_versions: u64,
    /// Shortcuts that were added.
    pub added_shortcuts: u64,
    /// The size of the chain file before, in bytes.
    pub size_before: u64,
    /// The size of the chain file now, in bytes.
    pub size_after: u64,
}

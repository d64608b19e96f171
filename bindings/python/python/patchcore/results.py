"""What operations say about what they read or made. All of it can be compared, hashed and pickled.

Sizes and offsets are bytes. Digests are SHA-256 as 64 lower-case hex digits. Versions of a chain are counted from 0.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One progress event. At most ten come in a second, and the last one of each phase always comes."""

    phase: str
    """What is being done: ``hash``, ``match``, ``encode``, ``read``, ``compose``, ``apply`` or ``verify``; ``files`` where
    many operations report together."""
    done: int
    """How much of this phase is done, in ``unit``."""
    total: int
    """How much there is to do in this phase, in ``unit``."""
    unit: str
    """``bytes`` or ``items``."""


@dataclass(frozen=True, slots=True)
class DeltaInfo:
    """What a delta says about itself."""

    old_size: int
    """Bytes of the old file."""
    new_size: int
    """Bytes of the new file."""
    old_digest: str
    """The SHA-256 of the old file, 64 hex digits."""
    new_digest: str
    """The SHA-256 of the new file, 64 hex digits."""
    delta_size: int
    """Bytes of the delta."""
    segments: int
    """How many segments it has."""
    stream_bytes: int
    """Bytes of all segments after decompression."""
    apply_memory: int
    """Bytes of memory that applying it takes."""


@dataclass(frozen=True, slots=True)
class DeltaContents:
    """What checking a whole delta counted. ``copied_bytes + inserted_bytes`` is the size of the new file."""

    copies: int
    """Copies from the old file."""
    copied_bytes: int
    """Bytes of the new file that copies make."""
    changed_bytes: int
    """Bytes of those to which something other than zero is added."""
    inserted_bytes: int
    """Bytes of the new file that the delta brings along."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A delta that passed every check."""

    info: DeltaInfo
    contents: DeltaContents


@dataclass(frozen=True, slots=True)
class ApplyStats:
    """What applying a delta made."""

    new_digest: str
    """The SHA-256 of the new file, 64 hex digits."""
    new_size: int
    """Bytes of the new file."""


@dataclass(frozen=True, slots=True)
class ExplainedPart:
    """Bytes of a delta that mean one thing and are coded in one way."""

    stream: str
    """What the bytes mean."""
    codec: str
    """How they are coded."""
    lane: int
    """Which lane of addends they belong to, from 0 on."""
    lanes: int
    """How many lanes there are; 0 where the stream is none of a lane."""
    width: int
    """Bytes of the numbers that addends belong to, where they are coded as such; else 0."""
    delta_bytes: int
    """Bytes of the delta."""
    decoded_bytes: int
    """Bytes after decoding."""


@dataclass(frozen=True, slots=True)
class ExplainedSegment:
    """One segment of a delta."""

    output: tuple[int, int]
    """What it makes of the new file: the first byte, and the one behind the last."""
    delta: tuple[int, int]
    """Where it lies in the delta: the first byte, and the one behind the last."""
    copies: int
    """Its copies."""
    copied_bytes: int
    """Bytes of its output that copies make."""
    changed_bytes: int
    """Bytes of those to which something other than zero is added."""
    inserted_bytes: int
    """Bytes of its output that it brings along."""
    addends: str
    """How its addends are coded."""
    lanes: int
    """Into how many lanes they are dealt; else 0."""
    width: int
    """Bytes of the numbers that they belong to, where they are coded as such; else 0."""
    has_check: bool
    """Whether a check of its output follows."""
    memory: int
    """Bytes of memory that applying a delta of such segments takes."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where the bytes of a delta went, and how the new file comes to be."""

    info: DeltaInfo
    contents: DeltaContents
    parts: tuple[ExplainedPart, ...]
    """Every byte of the delta, by stream and codec."""
    segments: tuple[ExplainedSegment, ...]
    """The segments that take most of it, in the order in which they make the new file."""
    insertions: int
    """How many stretches of the new file are inserted."""
    longest_insertions: tuple[tuple[int, int], ...]
    """The longest of them, each as its first byte in the new file and the one behind its last."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the file that a chain is about."""

    name: str
    """Its name, which no other version of the chain has."""
    digest: str
    """The SHA-256 of the file, 64 hex digits."""
    size: int
    """Bytes of the file."""


@dataclass(frozen=True, slots=True)
class Link:
    """One delta in a chain."""

    index: int
    """Its index in :attr:`patchcore.Chain.links`."""
    start: int
    """The version that it starts at, counted from 0."""
    end: int
    """The version that it leads to, counted from 0."""
    name: str
    """The names of the two, such as ``v1→v2``."""
    number: int
    """Its number in the history: the link that made the second version is number 0."""
    offset: int
    """Where its delta starts in the chain file."""
    size: int
    """Bytes of its delta."""
    shortcut: bool
    """Whether it spans other links."""


@dataclass(frozen=True, slots=True)
class ChainInfo:
    """What a chain holds as a whole."""

    chain_id: str
    """The name of the chain."""
    versions: int
    """How many versions it holds."""
    links: int
    """How many links its history has."""
    shortcuts: int
    """How many links span others."""
    total_size: int
    """Bytes of the links of the history."""
    shortcut_size: int
    """Bytes of the shortcuts."""
    overhead: int
    """Bytes of the file that are no link."""
    ignored_tail: int
    """Bytes that an unfinished append left at the end."""


@dataclass(frozen=True, slots=True)
class ChainApplyStats:
    """What applying a chain did."""

    start: int
    """The version that the old file was, counted from 0."""
    end: int
    """The version that was made, counted from 0."""
    links: tuple[Link, ...]
    """The links that were used, in order; none where the old file was at the target already."""
    one_pass: bool
    """Whether no intermediate file was made."""
    new_digest: str
    """The SHA-256 of the new file, 64 hex digits."""
    new_size: int
    """Bytes of the new file."""


@dataclass(frozen=True, slots=True)
class PruneStats:
    """What pruning a chain did."""

    removed_links: int
    """Links and shortcuts that are gone."""
    removed_versions: int
    """Versions that are gone."""
    added_shortcuts: int
    """Shortcuts that were added."""
    size_before: int
    """Bytes of the chain file before."""
    size_after: int
    """Bytes of the chain file now."""

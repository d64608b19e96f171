"""What operations say about what they read or made. All of it can be compared, hashed and pickled.

Sizes and offsets are bytes. Digests are SHA-256 as 64 lower-case hex digits. Versions of a chain are counted from 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Progress:
    """One progress event. At most ten come in a second, and the last one of each phase always comes."""

    phase: str
    """What is being done: ``hash``, ``match``, ``encode``, ``read``, ``compose``, ``apply`` or ``verify``; with directories
    also ``scan``, ``pack``, ``download``, ``stage``, ``commit`` or ``rollback``; ``files`` where many operations report
    together."""
    done: int
    """How much of this phase is done, in ``unit``."""
    total: int
    """How much there is to do in this phase, in ``unit``; :data:`patchcore.NO_LIMIT` as long as nobody knows."""
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


@dataclass(frozen=True, slots=True)
class TreeItem:
    """One thing in a directory."""

    path: str
    """Where it is: names with ``/`` between, from the root."""
    kind: str
    """``file``, ``directory`` or ``symlink``."""
    size: int
    """Bytes of a file; else 0."""
    digest: str | None
    """The SHA-256 of a file, 64 hex digits."""
    executable: bool
    """Whether a file may be executed."""
    target: str | None
    """Where a symbolic link points."""


@dataclass(frozen=True, slots=True)
class TreeSnapshot:
    """What stands in a directory."""

    digest: str
    """The digest that names the tree, 64 hex digits."""
    size: int
    """Bytes of all files."""
    items: tuple[TreeItem, ...]
    """The items in the order of their paths."""


@dataclass(frozen=True, slots=True)
class TreeChangeCounts:
    """How many paths change, by what is done to them."""

    replace: int = 0
    """Files whose bytes are in the package."""
    delta: int = 0
    """Files made from an old one and a delta."""
    copy: int = 0
    """Files whose bytes are those of an old one: renames, moves and copies."""
    mode: int = 0
    """Files that become executable, or no longer are."""
    directory: int = 0
    """Directories that are made."""
    symlink: int = 0
    """Symbolic links."""
    delete: int = 0
    """What goes away."""


@dataclass(frozen=True, slots=True)
class TreeDiffStats:
    """What two directories and the package between them are."""

    old_tree: str
    """The digest of the old tree, 64 hex digits."""
    new_tree: str
    """The digest of the new tree, 64 hex digits."""
    new_tree_size: int
    """Bytes of the files of the new tree."""
    package_size: int
    """Bytes of the package."""
    new_size: int
    """Bytes of the files that applying it writes."""
    changes: TreeChangeCounts
    unchanged: int
    """How many paths stay as they are."""


@dataclass(frozen=True, slots=True)
class TreeSquashStats:
    """What came of squashing packages."""

    package_size: int
    """Bytes of the package."""
    changes: TreeChangeCounts


@dataclass(frozen=True, slots=True)
class TreePatchInfo:
    """What a tree patch says about itself."""

    package_size: int
    """Bytes of the package."""
    old_tree: str | None
    """The digest of the tree that it was made from, where that is known."""
    new_tree: str | None
    """The digest of the tree that it makes, where that is known."""
    min_version: str | None
    """The lowest version that it applies to; any where there is none."""
    max_version: str | None
    """The highest version that it applies to."""
    version: str | None
    """The version that it makes."""
    new_size: int
    """Bytes of the files that applying it writes."""
    changes: TreeChangeCounts
    key_id: str | None
    """The identifier of the trusted key that signed it, where one was required."""


@dataclass(frozen=True, slots=True)
class TreeChange:
    """What becomes of one path."""

    path: str
    """Where: names with ``/`` between, from the root."""
    kind: str
    """What is done: the name of a field of :class:`TreeChangeCounts`."""
    bytes: int
    """Bytes of the new file; else 0."""


@dataclass(frozen=True, slots=True)
class TreeConflict:
    """Something that stands in the way of a patch."""

    path: str
    """Where it is."""
    reason: str
    """What is wrong with it: ``modified``, ``source``, ``not_empty`` or ``no_directory``."""


@dataclass(frozen=True, slots=True)
class TreePlan:
    """What applying a patch would do."""

    actions: tuple[TreeChange, ...]
    """What would be done, by path."""
    conflicts: tuple[TreeConflict, ...]
    """What stands in the way; with any, nothing is done."""
    done_before: int
    """Changes that are made already."""
    kept: tuple[str, ...]
    """Paths that are there and would be kept as they are."""
    bytes: int
    """Bytes of the new files."""


@dataclass(frozen=True, slots=True)
class TreeApplyStats:
    """What applying a patch did."""

    changed: int
    """Paths that were changed."""
    done_before: int
    """Changes that were made already."""
    kept: tuple[str, ...]
    """Paths that are there and were kept as they are, since the patch only installs them once."""
    bytes: int
    """Bytes of the new files."""


@dataclass(frozen=True, slots=True)
class TreeVerification:
    """How a directory differs from what a patch makes of it."""

    is_clean: bool
    """Whether it does not."""
    matches: int
    """How many paths of the patch are as it promises."""
    missing: tuple[str, ...]
    """What should be there and is not."""
    different: tuple[str, ...]
    """What is there and should be something else."""
    unexpected: tuple[str, ...]
    """What is there and should not be."""


@dataclass(frozen=True, slots=True)
class TreePatchContents:
    """What a tree patch was found to hold."""

    files: int
    """Whole files."""
    deltas: int
    """Deltas."""
    bytes: int
    """Bytes of both, unpacked."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What a directory is known to be."""

    version: str | None
    """The version that was installed last, where it had one."""
    tree: str | None
    """The digest of the tree that was installed last, where it is known."""


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A file whose signature was verified."""

    digest: str
    """The SHA-256 of the file, 64 hex digits."""
    key_id: str
    """The identifier of the key that signed it, as ``minisign`` shows it."""


@dataclass(frozen=True, slots=True)
class SignatureFile:
    """A signature that was made."""

    path: Path
    """Where it is."""
    key_id: str
    """The identifier of the key that made it."""
    trusted_comment: str
    """What was signed beside the file."""


@dataclass(frozen=True, slots=True)
class FetchStats:
    """A file that was fetched."""

    size: int
    """Bytes of the file."""
    digest: str
    """The SHA-256 of the file, 64 hex digits."""
    transferred: int
    """Bytes that came now; the others were there from an earlier try."""
    source: int | None
    """Which of the places it came from last, counted from 0; None where nothing had to come."""


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What an update did, and why."""

    action: str
    """What was done: ``nothing``, ``decided``, ``downloaded`` or ``applied``."""
    strategy: str
    """Which kind of package was chosen: ``none``, ``patch`` or ``full``."""
    reason: str
    """Why, such as ``up_to_date`` or ``forced``."""
    start: str | None
    """The version that was installed, where that is known."""
    end: str | None
    """The version that the document leads to, where it says so."""
    url: str | None
    """Where the package is."""
    file: Path | None
    """Where it was downloaded to, if it is there still."""
    fetched: FetchStats | None
    """What came over the network."""
    key_id: str | None
    """The identifier of the trusted key that signed the package, where one was required."""
    applied: TreeApplyStats | None
    """What applying it did."""


@dataclass(frozen=True, slots=True)
class ChannelPublishStats:
    """What publishing a channel did."""

    changed: bool
    """Whether anything had to be written."""
    family: str
    """The name of the file through all its versions."""
    version: str
    """The name of the newest version."""
    digest: str
    """The SHA-256 of the newest version, 64 hex digits."""
    sequence: int
    """The number of the manifest, which grows."""
    squashed: int
    """How many squashed deltas there are."""
    written: tuple[str, ...]
    """The files that were written."""
    written_bytes: int
    """Bytes that were written, those of the manifest apart."""
    removed: tuple[str, ...]
    """The files that are gone."""


@dataclass(frozen=True, slots=True)
class FileUpdateReport:
    """What the update of a file did, and why."""

    action: str
    """What was done: ``nothing``, ``decided``, ``downloaded`` or ``applied``."""
    means: str
    """How: ``none``, ``squashed``, ``links`` or ``full``."""
    reason: str
    """Why, such as ``up_to_date`` or ``fewest_bytes``."""
    family: str
    """The name of the file through all its versions."""
    start: str | None
    """The version that the file was, where its name is known."""
    start_digest: str | None
    """The SHA-256 of the file before, 64 hex digits; None where there was none."""
    end: str
    """The version that it is brought to."""
    end_digest: str
    """The SHA-256 of that version, 64 hex digits."""
    links: int
    """How many links of the chain are needed."""
    planned_bytes: int | None
    """Bytes that have to come, the manifest apart, where that is known."""
    transferred_bytes: int
    """Bytes that came now, the manifest apart."""
    sequence: int
    """The number of the manifest."""
    file: Path | None
    """Where it was downloaded to, if it is there still."""
    key_id: str | None
    """The identifier of the trusted key that signed the manifest, where one was required."""

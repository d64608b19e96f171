"""What a release repository says: plain dictionaries, as :func:`json.loads` makes them, with the names of the files themselves
and of the command line's ``--json``.

Sizes are bytes. Digests are SHA-256 as 64 lower-case hex digits. Versions are texts such as ``"1.1.0"``; ``"0.0.0"`` is what is
installed where nothing is. Newer versions may say more.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

# `from` is a word of the language, so a class cannot say it.
_Step = TypedDict("_Step", {"from": str, "to": str})
_Way = TypedDict("_Way", {"from": str | None, "to": str})


class RepositoryPackage(_Step):
    """One package: ``from`` and ``to`` are the versions that it leads from and to."""

    file: str
    """Its name within the repository."""
    size: int
    """Its size. What the file has beyond that is the beginning of a later one."""
    file_count: int
    """The files in it."""
    is_base: bool
    """Whether it is a version in full that later ones start from."""
    is_combined: bool
    """Whether it is the newest version in full."""
    created_at: str | None
    """When it was made: RFC 3339, in UTC."""
    sha256: str | None
    """The digest of its bytes."""
    arch: NotRequired[str]
    """The architecture that it is for, where it is not for all."""
    tree: NotRequired[str]
    """The digest of the directory that it makes."""
    from_tree: NotRequired[str]
    """The digest of the directory that a delta starts from."""
    notes: NotRequired[str]
    """What people should know of the version that it makes."""
    deleted: NotRequired[list[str]]
    """Paths that go away, where the package cannot say so itself."""
    is_squashed: NotRequired[bool]
    """Whether it was made from the deltas between, which lead there, too."""
    operations: NotRequired[dict[str, int]]
    """How many paths it changes, by what is done to them."""


class RepositoryManifest(TypedDict):
    """The packages of a repository. What others wrote into ``manifest.json`` is in it as well."""

    latest_version: str | None
    """The newest version; None before the first one is published."""
    generated_at: str | None
    """When the manifest was written: RFC 3339, in UTC."""
    sequence: int
    """Grows with every manifest that is written."""
    expires_at: NotRequired[str]
    """When the manifest is to be believed no longer."""
    plain: NotRequired[bool]
    """Whether packages hold whole files alone, for readers that only unzip."""
    patches: list[RepositoryPackage]
    """The packages."""


class PublishReport(TypedDict):
    """What publishing did, or would do."""

    version: str
    """The version."""
    previous: str | None
    """The version before."""
    tree: str
    """The digest of the directory."""
    changed: bool
    """Whether anything is other than before."""
    dry_run: bool
    """Whether that was only said."""
    packages: list[RepositoryPackage]
    """The packages that were made."""
    written_bytes: int
    """The bytes of all that was written for them."""
    dead_bytes: int
    """The bytes of the archive of everything that belong to nothing any more."""
    compacted: bool
    """Whether the archive was written anew, since too much of it was dead."""
    removed: list[str]
    """Files that nobody needs any more and that are gone."""
    warnings: list[str]
    """What its publisher should think about."""


class UpdatePlan(_Way):
    """What brings a client from one version, where that is known, to another."""

    means: Literal["none", "deltas", "full"]
    """How. Newer versions may know more ways."""
    reason: str
    """Why so, such as ``fewest_bytes`` or ``unknown_version``."""
    bytes: int
    """The bytes of all packages."""
    packages: list[RepositoryPackage]
    """The packages, in the order in which they are applied."""


class PruneReport(TypedDict):
    """What pruning removed, or would remove."""

    dry_run: bool
    """Whether that was only said."""
    removed: list[str]
    """The files."""
    bytes: int
    """Their bytes."""
    needed: int
    """How many deltas stay although they are old, since nothing else leads on from where they start."""


class WithdrawReport(TypedDict):
    """What withdrawing a version did, or would do."""

    version: str
    """The version that is gone."""
    dry_run: bool
    """Whether that was only said."""
    latest_version: str | None
    """The newest version now."""
    removed: list[str]
    """The files that went."""
    packages: list[RepositoryPackage]
    """The packages that were made in their place."""
    warnings: list[str]
    """What its publisher should think about."""


class RepositoryProblem(TypedDict):
    """A file, and what is to be said about it."""

    file: str
    """Its name within the repository."""
    reason: str
    """What is wrong, or why it was left out."""


class RebuildReport(TypedDict):
    """What rebuilding found and made, or would make."""

    dry_run: bool
    """Whether that was only said."""
    latest_version: str | None
    """The newest version."""
    packages: int
    """The packages that are in the manifest now."""
    adopted: list[str]
    """Those that it did not name before."""
    left_out: list[RepositoryProblem]
    """Those that are of no use."""
    missing: list[str]
    """Those that it named and that are gone."""
    made: list[str]
    """The archives that were made."""


class RepositoryVerification(TypedDict):
    """Whether everything in a repository is as its manifest says."""

    packages: int
    """The packages that are right."""
    bytes: int
    """Their bytes."""
    key_id: str | None
    """The identifier of the key that signed the manifest, where keys were given."""
    problems: list[RepositoryProblem]
    """What is wrong."""


class UpdatePackage(TypedDict):
    """A package that an update takes."""

    file: str
    """Its name within the repository."""
    size: int
    """Its size."""
    path: str | None
    """Where it was downloaded to, if it is there still."""


class UpdateNote(TypedDict):
    """What people should know of a version."""

    version: str
    """The version."""
    text: str
    """The text, as its publisher wrote it."""


class UpdateFallback(TypedDict):
    """Why the planned way was left for another one."""

    status: str
    """The status of what went wrong, such as ``NOT_FOUND``."""
    message: str
    """What went wrong."""


class RepositoryUpdateReport(_Way):
    """What an update from a repository did, and why."""

    action: Literal["nothing", "decided", "downloaded", "applied"]
    """What was done."""
    means: Literal["none", "deltas", "full", "repair"]
    """How. Newer versions may know more ways."""
    reason: str
    """Why so, such as ``fewest_bytes`` or ``unknown_version``."""
    packages: list[UpdatePackage]
    """The packages that were taken, in order."""
    downloaded_bytes: int
    """The bytes of packages that came over the network."""
    notes: list[UpdateNote]
    """What people should know of each version on the way."""
    fallback: UpdateFallback | None
    """Why the planned way was left, where it was."""
    key_id: str | None
    """The identifier of the trusted key that signed the manifest, where one was required."""
    changed: int | None
    """Paths that were changed; None where nothing was applied."""
    bytes: int | None
    """The bytes of the new files."""
    kept: list[str] | None
    """Paths that are there and were kept as they are."""
    unlisted: list[str]
    """After a whole version was installed: what stands in the directory and is no part of it."""

"""Small deltas between versions of a file or a directory, chains of them, and any version from any earlier one.

    >>> import patchcore
    >>> delta = patchcore.diff(b"an old file", b"a new file")
    >>> patchcore.apply(b"an old file", delta)
    b'a new file'

**Files** are paths (``str``, ``os.PathLike``) or bytes-like objects: bytes, bytearray, memoryview, NumPy arrays, mmap.
Read-only buffers are borrowed while an operation runs, writable ones are copied when it begins. Results go to ``out``: to a
path, where they appear whole or not at all; to a writable buffer; or, where ``out`` is None, to new bytes that are returned.

**Directories** go from one version to the next whole or not at all, whatever happens meanwhile, and back again::

    patchcore.tree_diff("game-1.0", "game-1.1", "update.zip")
    patchcore.TreePatch("update.zip").apply("game")
    patchcore.tree_rollback("game")

**Releases** are versions of a directory as static files. Any web host serves them, and clients take the fewest bytes::

    repository = patchcore.Repository.init("site")
    repository.publish("game-1.0", "1.0.0")
    patchcore.Updater("game").update_from_repository("site")

**Channels** are the versions of one file as static files: :func:`publish_channel` makes them of a chain, and
:func:`update_file` brings a file to the newest version by the fewest bytes.

:class:`Updater` does the whole way of an update, :func:`fetch` brings files, :func:`sign_file` and :func:`verify_file` make
and check signatures as ``minisign`` does.

**Operations** run on a thread of their own without the GIL. The calling thread waits, runs the callbacks and looks for
signals, so Ctrl-C and a callback that raises end an operation within a tenth of a second, and nothing is published. Where
that comes too late, since the result is being put in place, the call waits for it, a token is ignored, and an exception gets
a note that says what came of the operation. Any number of threads may call at once; ``asyncio.to_thread(patchcore.apply, …)`` is all that asyncio needs.

**Progress** goes to a callback, and :func:`on_bar` makes one for tqdm::

    with tqdm(unit="B", unit_scale=True) as bar:
        patchcore.apply("old.bin", "update.delta", "new.bin", progress=patchcore.on_bar(bar))

**Errors** are subclasses of :class:`PatchcoreError`, one per status, and built-in exceptions where one says the same: see
:mod:`patchcore.errors`. What was decided, and what it took, goes to the logger ``patchcore``.
"""

import atexit

from ._patchcore import (
    NO_LIMIT,
    Applier,
    CancelToken,
    Chain,
    Repository,
    TreePatch,
    Updater,
    __version__,
    _wait_for_workers,
    apply,
    compose,
    create_key_files,
    diff,
    digest,
    explain,
    fetch,
    file_kind,
    inspect,
    key_id,
    publish_channel,
    sign_file,
    tree_clean,
    tree_diff,
    tree_diff_operations,
    tree_installed,
    tree_recover,
    tree_rollback,
    tree_scan,
    tree_squash,
    update_file,
    verify,
    verify_file,
)
from .errors import (
    AmbiguousVersionError,
    BadSignatureError,
    BusyError,
    CallbackError,
    CancelledError,
    ConflictError,
    CorruptError,
    InternalError,
    InvalidArgumentError,
    IoError,
    LimitError,
    NetworkError,
    NoMemoryError,
    NoRouteError,
    NoSpaceError,
    NotComposableError,
    NotFoundError,
    PatchcoreError,
    SourceMismatchError,
    StaleError,
    TargetMismatchError,
    UnknownVersionError,
    UnsafePathError,
    UnsupportedError,
    UntrustedKeyError,
)

# `from patchcore import *` must not hide the built-in exceptions of these names.
from .errors import PermissionError as PermissionError
from .errors import TimeoutError as TimeoutError
from .many import apply_many, diff_many
from .progress import on_bar
from .repository import (
    PruneReport,
    PublishReport,
    RebuildReport,
    RepositoryManifest,
    RepositoryPackage,
    RepositoryProblem,
    RepositoryUpdateReport,
    RepositoryVerification,
    UpdateFallback,
    UpdateNote,
    UpdatePackage,
    UpdatePlan,
    WithdrawReport,
)
from .results import (
    ApplyStats,
    ChainApplyStats,
    ChainInfo,
    ChannelPublishStats,
    DeltaContents,
    DeltaInfo,
    ExplainedPart,
    ExplainedSegment,
    Explanation,
    FetchStats,
    FileUpdateReport,
    Installed,
    Link,
    Progress,
    PruneStats,
    SignatureFile,
    SignedFile,
    TreeApplyStats,
    TreeChange,
    TreeChangeCounts,
    TreeConflict,
    TreeDiffStats,
    TreeItem,
    TreePatchContents,
    TreePatchInfo,
    TreePlan,
    TreeSnapshot,
    TreeSquashStats,
    TreeVerification,
    UpdateReport,
    Verified,
    Version,
)

__all__ = [
    "NO_LIMIT",
    "AmbiguousVersionError",
    "Applier",
    "ApplyStats",
    "BadSignatureError",
    "BusyError",
    "CallbackError",
    "CancelToken",
    "CancelledError",
    "Chain",
    "ChainApplyStats",
    "ChainInfo",
    "ChannelPublishStats",
    "ConflictError",
    "CorruptError",
    "DeltaContents",
    "DeltaInfo",
    "ExplainedPart",
    "ExplainedSegment",
    "Explanation",
    "FetchStats",
    "FileUpdateReport",
    "Installed",
    "InternalError",
    "InvalidArgumentError",
    "IoError",
    "LimitError",
    "Link",
    "NetworkError",
    "NoMemoryError",
    "NoRouteError",
    "NoSpaceError",
    "NotComposableError",
    "NotFoundError",
    "PatchcoreError",
    "Progress",
    "PruneReport",
    "PruneStats",
    "PublishReport",
    "RebuildReport",
    "Repository",
    "RepositoryManifest",
    "RepositoryPackage",
    "RepositoryProblem",
    "RepositoryUpdateReport",
    "RepositoryVerification",
    "SignatureFile",
    "SignedFile",
    "SourceMismatchError",
    "StaleError",
    "TargetMismatchError",
    "TreeApplyStats",
    "TreeChange",
    "TreeChangeCounts",
    "TreeConflict",
    "TreeDiffStats",
    "TreeItem",
    "TreePatch",
    "TreePatchContents",
    "TreePatchInfo",
    "TreePlan",
    "TreeSnapshot",
    "TreeSquashStats",
    "TreeVerification",
    "UnknownVersionError",
    "UnsafePathError",
    "UnsupportedError",
    "UntrustedKeyError",
    "UpdateFallback",
    "UpdateNote",
    "UpdatePackage",
    "UpdatePlan",
    "UpdateReport",
    "Updater",
    "Verified",
    "Version",
    "WithdrawReport",
    "__version__",
    "apply",
    "apply_many",
    "compose",
    "create_key_files",
    "diff",
    "diff_many",
    "digest",
    "explain",
    "fetch",
    "file_kind",
    "inspect",
    "key_id",
    "on_bar",
    "publish_channel",
    "sign_file",
    "tree_clean",
    "tree_diff",
    "tree_diff_operations",
    "tree_installed",
    "tree_recover",
    "tree_rollback",
    "tree_scan",
    "tree_squash",
    "update_file",
    "verify",
    "verify_file",
]

# What a cancelled caller left behind removes its temporary files before the process ends.
atexit.register(_wait_for_workers, 5.0)

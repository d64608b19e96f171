"""Small deltas between versions of a file, chains of them, and any version from any earlier one.

    >>> import patchcore
    >>> delta = patchcore.diff(b"an old file", b"a new file")
    >>> patchcore.apply(b"an old file", delta)
    b'a new file'

**Files** are paths (``str``, ``os.PathLike``) or bytes-like objects: bytes, bytearray, memoryview, NumPy arrays, mmap.
Read-only buffers are borrowed while an operation runs, writable ones are copied when it begins. Results go to ``out``: to a
path, where they appear whole or not at all; to a writable buffer; or, where ``out`` is None, to new bytes that are returned.

**Operations** run on a thread of their own without the GIL. The calling thread waits, runs the callbacks and looks for
signals, so Ctrl-C and a callback that raises end an operation within a tenth of a second, and nothing is published. Any
number of threads may call at once; ``asyncio.to_thread(patchcore.apply, …)`` is all that asyncio needs.

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
    __version__,
    _wait_for_workers,
    apply,
    compose,
    diff,
    digest,
    explain,
    file_kind,
    inspect,
    verify,
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
from .results import (
    ApplyStats,
    ChainApplyStats,
    ChainInfo,
    DeltaContents,
    DeltaInfo,
    ExplainedPart,
    ExplainedSegment,
    Explanation,
    Link,
    Progress,
    PruneStats,
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
    "ConflictError",
    "CorruptError",
    "DeltaContents",
    "DeltaInfo",
    "ExplainedPart",
    "ExplainedSegment",
    "Explanation",
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
    "PruneStats",
    "SourceMismatchError",
    "StaleError",
    "TargetMismatchError",
    "UnknownVersionError",
    "UnsafePathError",
    "UnsupportedError",
    "UntrustedKeyError",
    "Verified",
    "Version",
    "__version__",
    "apply",
    "apply_many",
    "compose",
    "diff",
    "diff_many",
    "digest",
    "explain",
    "file_kind",
    "inspect",
    "on_bar",
    "verify",
]

# What a cancelled caller left behind removes its temporary files before the process ends.
atexit.register(_wait_for_workers, 5.0)

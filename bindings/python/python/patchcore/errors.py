"""Every way in which an operation can fail: one class per status.

All of them are a :class:`PatchcoreError`. Where a built-in exception says the same, the class is one of those too, so that
``except FileNotFoundError`` and ``except OSError`` work as they do elsewhere in Python.
"""

from __future__ import annotations

import builtins
import errno as _errno
import os
from typing import ClassVar


class PatchcoreError(Exception):
    """What every error of this package is.

    An error of this very class has a status that this version of the package does not know.
    """

    status: int = -1
    """The number of the status; it is the exit status of the command line as well."""
    status_name: str = "UNKNOWN"
    """The name of the status, such as ``SOURCE_MISMATCH``."""
    message: str
    """What happened and what to do, without path and offset."""
    path: str | None
    """The file that the error is about."""
    offset: int | None
    """The byte in that file, or in the buffer where there is no file, that the error is about."""
    outcome: str | None
    """What became of the tree that was to be changed: ``unchanged``, ``rolled_back``, or ``rollback_failed``: then
    :func:`~patchcore.tree_recover` finishes it once the cause is gone. None where no tree was to be changed."""

    _default_errno: ClassVar[int] = _errno.EIO

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        offset: int | None = None,
        errno: int | None = None,
        outcome: str | None = None,
    ) -> None:
        if isinstance(self, OSError):
            number = self._default_errno if errno is None else errno
            super().__init__(number, os.strerror(number), path)
        else:
            super().__init__(message)
        self.message = message
        self.path = path
        self.offset = offset
        self.outcome = outcome

    def __str__(self) -> str:
        where = "" if self.path is None else f"{self.path}: "
        at = "" if self.offset is None else f" (at byte {self.offset})"
        return f"{where}{self.message}{at}"

    def __reduce__(self) -> tuple[object, ...]:
        """An error that a process pool sends home arrives as it was raised."""
        fields = (type(self), self.message, self.path, self.offset, getattr(self, "errno", None), self.outcome)
        return _restore, fields, self.__dict__


class InvalidArgumentError(PatchcoreError, ValueError):
    """The call itself is wrong."""

    status = 10
    status_name = "INVALID_ARGUMENT"


class UnsupportedError(PatchcoreError):
    """The file was made by a newer version, or asks for what this one does not have."""

    status = 11
    status_name = "UNSUPPORTED"


class CancelledError(PatchcoreError):
    """A :class:`~patchcore.CancelToken` stopped the operation; nothing was changed."""

    status = 12
    status_name = "CANCELLED"


class CallbackError(PatchcoreError):
    """A callback failed without an exception; one that raises ends the operation with what it raised."""

    status = 13
    status_name = "CALLBACK"


class BusyError(PatchcoreError, BlockingIOError):
    """Another process holds the lock."""

    status = 14
    status_name = "BUSY"
    _default_errno = _errno.EWOULDBLOCK


class InternalError(PatchcoreError, RuntimeError):
    """A bug in this package, please report it."""

    status = 15
    status_name = "INTERNAL"


class NoMemoryError(PatchcoreError, MemoryError):
    """An allocation failed."""

    status = 16
    status_name = "NO_MEMORY"


class IoError(PatchcoreError, OSError):
    """The operating system failed; ``errno`` and ``filename`` say how and where."""

    status = 20
    status_name = "IO"


class NotFoundError(PatchcoreError, FileNotFoundError):
    """A file or directory is missing; ``filename`` says which."""

    status = 21
    status_name = "NOT_FOUND"
    _default_errno = _errno.ENOENT


class NoSpaceError(PatchcoreError, OSError):
    """No space is left where the result was to go."""

    status = 22
    status_name = "NO_SPACE"
    _default_errno = _errno.ENOSPC


class NetworkError(PatchcoreError, ConnectionError):
    """The network failed."""

    status = 23
    status_name = "NETWORK"
    _default_errno = _errno.ECONNABORTED


class TimeoutError(PatchcoreError, builtins.TimeoutError):
    """Nothing arrived for too long."""

    status = 24
    status_name = "TIMEOUT"
    _default_errno = _errno.ETIMEDOUT


class PermissionError(PatchcoreError, builtins.PermissionError):
    """Not permitted; ``filename`` says what."""

    status = 25
    status_name = "PERMISSION"
    _default_errno = _errno.EACCES


class CorruptError(PatchcoreError, ValueError):
    """Malformed, truncated or failing its own check; :attr:`offset` says where."""

    status = 30
    status_name = "CORRUPT"


class LimitError(PatchcoreError):
    """Larger than the limits in force allow."""

    status = 31
    status_name = "LIMIT"


class UnsafePathError(PatchcoreError, ValueError):
    """A name that leaves the root, or that the platform cannot hold."""

    status = 32
    status_name = "UNSAFE_PATH"


class SourceMismatchError(PatchcoreError, ValueError):
    """The old file is not the one that the delta or the chain was made for."""

    status = 40
    status_name = "SOURCE_MISMATCH"


class TargetMismatchError(PatchcoreError):
    """The result is not what was promised."""

    status = 41
    status_name = "TARGET_MISMATCH"


class NoRouteError(PatchcoreError, LookupError):
    """Both versions are known, and nothing leads from one to the other."""

    status = 42
    status_name = "NO_ROUTE"


class UnknownVersionError(PatchcoreError, LookupError):
    """No version fits what was asked for."""

    status = 43
    status_name = "UNKNOWN_VERSION"


class AmbiguousVersionError(PatchcoreError, LookupError):
    """Several versions fit what was asked for; the message lists them."""

    status = 44
    status_name = "AMBIGUOUS_VERSION"


class ConflictError(PatchcoreError):
    """The tree holds changes that the patch would overwrite."""

    status = 45
    status_name = "CONFLICT"


class NotComposableError(PatchcoreError, ValueError):
    """Making one delta of these needs the old file."""

    status = 46
    status_name = "NOT_COMPOSABLE"


class BadSignatureError(PatchcoreError):
    """The signature does not verify."""

    status = 50
    status_name = "BAD_SIGNATURE"


class UntrustedKeyError(PatchcoreError):
    """Signed, but by no trusted key."""

    status = 51
    status_name = "UNTRUSTED_KEY"


class StaleError(PatchcoreError):
    """Older than what was already accepted, or expired."""

    status = 52
    status_name = "STALE"


_CLASSES = {kind.status: kind for kind in PatchcoreError.__subclasses__()}


def _restore(
    kind: type[PatchcoreError],
    message: str,
    path: str | None,
    offset: int | None,
    errno: int | None,
    outcome: str | None,
) -> PatchcoreError:
    return kind(message, path=path, offset=offset, errno=errno, outcome=outcome)


def _from_status(
    status: int,
    status_name: str,
    message: str,
    path: str | None,
    offset: int | None,
    errno: int | None,
    outcome: str | None = None,
) -> PatchcoreError:
    """The exception for what the library said; the base class where its number is new to us."""
    kind = _CLASSES.get(status, PatchcoreError)
    error = kind(message, path=path, offset=offset, errno=errno, outcome=outcome)
    if kind is PatchcoreError:
        error.status, error.status_name = status, status_name
    return error

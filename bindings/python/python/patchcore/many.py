"""Many files at once, over the cores of one machine or the machines of a cluster.

Both functions take jobs ``(old, new, out)`` or ``(old, delta, out)`` and any :class:`concurrent.futures.Executor`. What goes
to another process is pickled: give paths that every worker can read, or bytes; errors come back as they were raised.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from . import _patchcore
from .results import ApplyStats, DeltaInfo, Progress

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from ._patchcore import _Engine, _Source, _Target

_T = TypeVar("_T")


def diff_many(
    jobs: Iterable[tuple[_Source, _Source, _Target | None]],
    *,
    executor: Executor | None = None,
    progress: Callable[[Progress], object] | None = None,
    level: int | None = None,
    engine: _Engine = "auto",
    threads: int | None = None,
    max_apply_memory: int | None = None,
    no_clobber: bool = False,
) -> list[bytes | DeltaInfo]:
    """Makes a delta of each ``(old, new, out)``, as :func:`patchcore.diff` does.

    :param jobs: the files; relative paths are those of this process.
    :param executor: where the work is done: a thread or process pool, ``dask.distributed.Client(…).get_executor()`` or any
        other; a thread for each core of this machine unless given.
    :param progress: called as files get done, here, with a :class:`~patchcore.Progress` that counts them.
    :return: what each job returns, in the order of the jobs: the delta as bytes where its ``out`` is None, else a
        :class:`~patchcore.DeltaInfo`.
    :raises patchcore.PatchcoreError: the first failure, with a note that says which job it was. Jobs that have not begun
        are then cancelled; on an executor of yours those that have begun run to their end.
    """
    options = {
        "level": level,
        "engine": engine,
        "threads": threads,
        "max_apply_memory": max_apply_memory,
        "no_clobber": no_clobber,
    }
    return _run(_diff_one, jobs, executor, progress, options)


def apply_many(
    jobs: Iterable[tuple[_Source, _Source, _Target | None]],
    *,
    executor: Executor | None = None,
    progress: Callable[[Progress], object] | None = None,
    threads: int | None = None,
    streaming: bool = False,
    max_memory: int | None = None,
    max_output: int | None = None,
    no_clobber: bool = False,
) -> list[bytes | ApplyStats]:
    """Applies the delta of each ``(old, delta, out)``, as :func:`patchcore.apply` does.

    :param jobs: the files; relative paths are those of this process.
    :param executor: where the work is done: a thread or process pool, ``dask.distributed.Client(…).get_executor()`` or any
        other; a thread for each core of this machine unless given.
    :param progress: called as files get done, here, with a :class:`~patchcore.Progress` that counts them.
    :return: what each job returns, in the order of the jobs: the new file as bytes where its ``out`` is None, else an
        :class:`~patchcore.ApplyStats`.
    :raises patchcore.PatchcoreError: the first failure, with a note that says which job it was. Jobs that have not begun
        are then cancelled; on an executor of yours those that have begun run to their end.
    """
    options = {
        "threads": threads,
        "streaming": streaming,
        "max_memory": max_memory,
        "max_output": max_output,
        "no_clobber": no_clobber,
    }
    return _run(_apply_one, jobs, executor, progress, options)


def _diff_one(old: _Source, new: _Source, out: _Target | None, options: dict[str, Any]) -> bytes | DeltaInfo:
    return _patchcore.diff(old, new, out, **options)


def _apply_one(old: _Source, delta: _Source, out: _Target | None, options: dict[str, Any]) -> bytes | ApplyStats:
    return _patchcore.apply(old, delta, out, **options)


def _run(
    function: Callable[[_Source, _Source, _Target | None, dict[str, Any]], _T],
    jobs: Iterable[tuple[_Source, _Source, _Target | None]],
    executor: Executor | None,
    progress: Callable[[Progress], object] | None,
    options: dict[str, Any],
) -> list[_T]:
    if executor is not None:
        return _collect(_submit(function, jobs, executor, options), progress)
    from concurrent.futures import ThreadPoolExecutor

    # Threads of ours see neither Ctrl-C nor what other jobs come to, but all of them see this.
    token = _patchcore.CancelToken()
    with ThreadPoolExecutor(_cores(), thread_name_prefix="patchcore") as pool:
        try:
            return _collect(_submit(function, jobs, pool, {**options, "cancel": token}), progress)
        except BaseException:
            token.cancel()
            raise


def _submit(
    function: Callable[[_Source, _Source, _Target | None, dict[str, Any]], _T],
    jobs: Iterable[tuple[_Source, _Source, _Target | None]],
    executor: Executor,
    options: dict[str, Any],
) -> list[Future[_T]]:
    # A worker need not have our working directory.
    paths = [tuple(_absolute(file) for file in job) for job in jobs]
    return [executor.submit(function, old, new, out, options) for old, new, out in paths]


def _collect(futures: list[Future[_T]], progress: Callable[[Progress], object] | None) -> list[_T]:
    from concurrent.futures import as_completed

    places = {future: place for place, future in enumerate(futures)}
    future = None
    try:
        if progress is not None:
            progress(Progress("files", 0, len(futures), "items"))
        for done, future in enumerate(as_completed(futures), 1):
            future.result()
            if progress is not None:
                progress(Progress("files", done, len(futures), "items"))
    except BaseException as error:
        for other in futures:
            other.cancel()
        if future is not None and future.done() and not future.cancelled() and future.exception() is error:
            error.add_note(f"in job {places[future]} of {len(futures)}, counted from 0")
        raise
    return [future.result() for future in futures]


def _absolute(file: Any) -> Any:
    return os.path.abspath(os.fsdecode(file)) if isinstance(file, (str, os.PathLike)) else file


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

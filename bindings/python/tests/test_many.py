"""Many files: any executor, other processes, and a cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest
from conftest import content

import patchcore
from patchcore import Progress

P = ParamSpec("P")
T = TypeVar("T")

SHARDS = 12


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    folder = os.environ.get("TMPDIR", "/tmp")
    with (
        distributed.LocalCluster(
            n_workers=3,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=folder,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@contextmanager
def no_executor() -> Iterator[None]:
    yield None


EXECUTORS: dict[str, Callable[[], Any]] = {
    "none": no_executor,
    "threads": lambda: ThreadPoolExecutor(3),
    "processes": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
}


@pytest.fixture
def shards(tmp_path: Path) -> list[tuple[Path, Path, Path]]:
    files = []
    for number in range(SHARDS):
        paths = tuple(tmp_path / f"{kind}-{number}" for kind in ("old", "new", "delta"))
        paths[0].write_bytes(content(0, 20_000 + number))
        paths[1].write_bytes(content(1, 20_000 + number))
        files.append((paths[0], paths[1], paths[2]))
    return files


def round_trip(shards: list[tuple[Path, Path, Path]], executor: Executor | None) -> None:
    made = patchcore.diff_many(shards, executor=executor, level=3)
    assert [info.delta_size for info in made if isinstance(info, patchcore.DeltaInfo)] == [
        delta.stat().st_size for _, _, delta in shards
    ]
    results = [delta.with_suffix(".result") for _, _, delta in shards]
    applied = patchcore.apply_many(
        [(old, delta, result) for (old, _, delta), result in zip(shards, results)], executor=executor
    )
    assert len(applied) == SHARDS
    assert all(result.read_bytes() == new.read_bytes() for (_, new, _), result in zip(shards, results))
    in_memory = [(old.read_bytes(), delta.read_bytes(), None) for old, _, delta in shards]
    assert patchcore.apply_many(in_memory, executor=executor) == [new.read_bytes() for _, new, _ in shards]


def failure(shards: list[tuple[Path, Path, Path]], executor: Executor | None) -> patchcore.PatchcoreError:
    patchcore.diff_many(shards, executor=executor)
    old, delta = shards[5][1], shards[5][2]
    jobs = [(old, delta, None) for old, _, delta in shards]
    jobs[5] = (old, delta, None)
    with pytest.raises(patchcore.SourceMismatchError) as raised:
        patchcore.apply_many(jobs, executor=executor)
    assert raised.value.path == str(old)
    assert f"in job 5 of {SHARDS}" in raised.value.__notes__[-1]
    return raised.value


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    roots = tmp_path / "tree-1", tmp_path / "tree-2"
    for version, root in enumerate(roots):
        for number in range(SHARDS):
            (root / f"{number % 3}").mkdir(parents=True, exist_ok=True)
            (root / f"{number % 3}" / f"file-{number}").write_bytes(content(number * 10 + version))
    return roots


def tree_package(trees: tuple[Path, Path], out: Path, executor: Executor | None, **options: Any) -> bytes:
    patchcore.tree_diff(*trees, out, executor=executor, level=3, **options)
    return out.read_bytes()


@pytest.mark.parametrize("kind", EXECUTORS)
def test_a_tree_patch_is_the_same_wherever_its_deltas_are_made(
    kind: str, trees: tuple[Path, Path], tmp_path: Path
) -> None:
    alone = tree_package(trees, tmp_path / "alone.zip", None)
    with EXECUTORS[kind]() as executor:
        assert tree_package(trees, tmp_path / "package.zip", executor) == alone
    assert patchcore.TreePatch(tmp_path / "alone.zip").apply(trees[0]).changed > 0
    assert patchcore.tree_scan(trees[0]).digest == patchcore.tree_scan(trees[1]).digest


def test_a_cluster_makes_the_deltas_of_a_tree_patch(cluster: Any, trees: tuple[Path, Path], tmp_path: Path) -> None:
    alone = tree_package(trees, tmp_path / "alone.zip", None)
    with cluster.get_executor() as executor:
        assert tree_package(trees, tmp_path / "package.zip", executor) == alone


def test_what_workers_make_is_checked(trees: tuple[Path, Path], tmp_path: Path) -> None:
    class Wrong(ThreadPoolExecutor):
        def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
            return super().submit(lambda: bytes(reversed(fn(*args, **kwargs))))  # type: ignore[arg-type, call-overload, return-value]

    with Wrong(1) as executor, pytest.raises(patchcore.CorruptError):
        tree_package(trees, tmp_path / "package.zip", executor)
    assert not (tmp_path / "package.zip").exists()


@pytest.mark.parametrize("kind", EXECUTORS)
def test_any_executor_does_it(kind: str, shards: list[tuple[Path, Path, Path]]) -> None:
    with EXECUTORS[kind]() as executor:
        round_trip(shards, executor)
        failure(shards, executor)


def test_a_cluster_does_it(cluster: Any, shards: list[tuple[Path, Path, Path]]) -> None:
    assert len(cluster.scheduler_info()["workers"]) == 3
    with cluster.get_executor() as executor:
        round_trip(shards, executor)
        failure(shards, executor)


def test_the_workers_of_a_cluster_are_other_processes(cluster: Any) -> None:
    assert len({*cluster.run(os.getpid).values(), os.getpid()}) == 4


def test_a_chain_is_opened_by_the_workers_of_a_cluster(
    cluster: Any, chain_path: Path, versions: list[bytes]
) -> None:
    chain = patchcore.Chain(chain_path)
    made = cluster.submit(chain.apply, versions[0]).result()
    assert made == versions[3]


def test_progress_counts_files(shards: list[tuple[Path, Path, Path]]) -> None:
    events: list[Progress] = []
    patchcore.diff_many(shards, progress=events.append)
    assert [event.done for event in events] == list(range(SHARDS + 1))
    assert {(event.phase, event.unit, event.total) for event in events} == {("files", "items", SHARDS)}


def test_a_failure_cancels_what_has_not_begun(tmp_path: Path) -> None:
    begun: list[int] = []

    class Lazy(Executor):
        """Runs a job when its result is asked for, and the first one at once."""

        def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
            future: Future[T] = Future()
            if not begun:
                begun.append(1)
                future.set_running_or_notify_cancel()
                try:
                    future.set_result(function(*args, **kwargs))
                except Exception as error:
                    future.set_exception(error)
            self.futures = [*getattr(self, "futures", []), future]
            return future

    executor = Lazy()
    jobs: list[tuple[Path, bytes, None]] = [(tmp_path / "missing", b"", None)] * 3
    with pytest.raises(FileNotFoundError):
        patchcore.apply_many(jobs, executor=executor)
    assert [future.cancelled() for future in executor.futures] == [False, True, True]


def test_relative_paths_are_those_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, versions: list[bytes], deltas: list[bytes]
) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        executor.submit(os.getpid).result()
        monkeypatch.chdir(tmp_path)
        Path("old").write_bytes(versions[0])
        patchcore.apply_many([("old", deltas[0], "new")], executor=executor)
    assert (tmp_path / "new").read_bytes() == versions[1]


def test_nothing_to_do_is_done() -> None:
    assert patchcore.diff_many([]) == patchcore.apply_many([]) == []


def test_cores_are_those_that_we_may_use() -> None:
    from patchcore.many import _cores

    assert 1 <= _cores() <= (os.cpu_count() or sys.maxsize)

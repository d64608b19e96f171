"""Deltas: what goes in and comes out, in every shape that Python has for it."""

from __future__ import annotations

import array
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import patchcore


class PathOfBytes:
    """A path as some systems have them: bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> bytes:
        return bytes(self.path)


def as_numpy(data: bytes) -> np.ndarray[Any, Any]:
    return np.frombuffer(data, dtype=np.uint8)


def as_matrix_of_floats(data: bytes) -> np.ndarray[Any, Any]:
    return np.frombuffer(data, dtype=np.float32).reshape(100, -1).copy()


def as_steps(data: bytes) -> memoryview:
    spread = bytearray(2 * len(data))
    spread[::2] = data
    return memoryview(spread)[::2]


SHAPES: list[Callable[[bytes], Any]] = [
    bytes,
    bytearray,
    memoryview,
    lambda data: array.array("B", data),
    as_numpy,
    as_matrix_of_floats,
    as_steps,
]


@pytest.mark.parametrize("shape", SHAPES)
def test_anything_with_bytes_in_it_is_read(shape: Callable[[bytes], Any], versions: list[bytes]) -> None:
    old, new = versions[:2]
    delta = patchcore.diff(shape(old), shape(new))
    assert delta == patchcore.diff(old, new)
    assert patchcore.apply(shape(old), delta) == new


def test_paths_are_read_however_they_are_written(tmp_path: Path, versions: list[bytes]) -> None:
    old = tmp_path / "ölt"
    old.write_bytes(versions[0])
    delta = patchcore.diff(old, versions[1])
    for path in (old, str(old), PathOfBytes(old)):
        assert patchcore.apply(path, delta) == versions[1]


def test_a_mapped_file_is_read_in_place_and_can_be_closed_afterwards(tmp_path: Path, versions: list[bytes]) -> None:
    path = tmp_path / "old"
    path.write_bytes(versions[0])
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        delta = patchcore.diff(mapped, versions[1])
        assert patchcore.apply(mapped, delta) == versions[1]
        mapped.close()


def test_a_path_gets_the_result_whole_and_the_caller_what_became_of_it(tmp_path: Path, versions: list[bytes]) -> None:
    old, new = versions[:2]
    made = patchcore.diff(old, new, tmp_path / "delta")
    assert (made.old_size, made.new_size) == (len(old), len(new))
    assert made.delta_size == (tmp_path / "delta").stat().st_size
    assert patchcore.inspect(tmp_path / "delta") == made
    stats = patchcore.apply(old, tmp_path / "delta", str(tmp_path / "new"))
    assert stats == patchcore.ApplyStats(patchcore.digest(new), len(new))
    assert (tmp_path / "new").read_bytes() == new


@pytest.mark.parametrize("target", [bytearray(300_000), np.zeros(300_000, dtype=np.uint8)])
def test_a_writable_buffer_gets_the_result_at_its_start(target: Any, versions: list[bytes], deltas: list[bytes]) -> None:
    stats = patchcore.apply(versions[0], deltas[0], target)
    assert bytes(target[: stats.new_size]) == versions[1]
    assert not any(target[stats.new_size :])


def test_a_buffer_that_is_too_small_or_read_only_is_refused(versions: list[bytes], deltas: list[bytes]) -> None:
    with pytest.raises(patchcore.LimitError, match="does not fit into the 10 bytes"):
        patchcore.apply(versions[0], deltas[0], bytearray(10))
    with pytest.raises(TypeError, match="writable"):
        patchcore.apply(versions[0], deltas[0], bytes(300_000))


def test_the_old_file_may_be_replaced_by_the_new_one(tmp_path: Path, versions: list[bytes], deltas: list[bytes]) -> None:
    path = tmp_path / "file"
    path.write_bytes(versions[0])
    patchcore.apply(path, deltas[0], path)
    assert path.read_bytes() == versions[1]
    with pytest.raises(patchcore.SourceMismatchError) as raised:
        patchcore.apply(path, deltas[0], path)
    assert raised.value.path == str(path)
    assert path.read_bytes() == versions[1]
    with pytest.raises(patchcore.InvalidArgumentError):
        patchcore.apply(versions[0], deltas[0], path, no_clobber=True)


def test_composing_needs_no_file_and_makes_the_same(versions: list[bytes], deltas: list[bytes], tmp_path: Path) -> None:
    delta = patchcore.compose(deltas)
    assert patchcore.apply(versions[0], delta) == versions[3]
    assert patchcore.compose(iter(deltas), tmp_path / "delta").new_digest == patchcore.digest(versions[3])
    with pytest.raises(patchcore.PatchcoreError):
        patchcore.compose([deltas[1], deltas[0]])
    for single in (deltas[0], "a path"):
        with pytest.raises(TypeError, match="several"):
            patchcore.compose(single)  # type: ignore[arg-type]


def test_verifying_counts_and_explaining_adds_up(versions: list[bytes], deltas: list[bytes]) -> None:
    verified = patchcore.verify(deltas[0], versions[0])
    assert verified.info == patchcore.inspect(deltas[0])
    assert verified.contents.copied_bytes + verified.contents.inserted_bytes == len(versions[1])
    explanation = patchcore.explain(deltas[0], most=3)
    assert sum(part.delta_bytes for part in explanation.parts) == len(deltas[0])
    assert len(explanation.longest_insertions) <= 3
    with pytest.raises(patchcore.SourceMismatchError):
        patchcore.verify(deltas[0], versions[1])
    with pytest.raises(patchcore.CorruptError):
        patchcore.verify(deltas[0][:-1])


def test_options_reach_the_library(versions: list[bytes], deltas: list[bytes]) -> None:
    old, new = versions[:2]
    assert patchcore.diff(old, new, level=1) != deltas[0]
    assert patchcore.apply(old, patchcore.diff(old, new, engine="bsdiff", threads=2), threads=2) == new
    assert patchcore.inspect(patchcore.diff(old, new, max_apply_memory=1 << 18)).apply_memory <= 1 << 18
    with pytest.raises(patchcore.LimitError):
        patchcore.apply(old, deltas[0], max_output=10)
    with pytest.raises(patchcore.LimitError):
        patchcore.apply(old, deltas[0], max_memory=10)
    assert patchcore.apply(old, deltas[0], max_memory=patchcore.NO_LIMIT) == new
    for level in (10, -1):
        with pytest.raises(patchcore.InvalidArgumentError):
            patchcore.diff(old, new, level=level)
    with pytest.raises(ValueError, match="engines are"):
        patchcore.diff(old, new, engine="magic")  # type: ignore[call-overload]


def test_a_wrong_type_is_told_by_name(deltas: list[bytes]) -> None:
    with pytest.raises(TypeError, match="expected a path .* not int") as raised:
        patchcore.apply(7, deltas[0])  # type: ignore[call-overload]
    assert "'old'" in raised.value.__notes__[0]
    with pytest.raises(TypeError, match="argument 'progress': expected a callable"):
        patchcore.apply(b"", deltas[0], progress=7)  # type: ignore[call-overload]


def test_files_are_told_apart_by_their_content(chain_path: Path, deltas: list[bytes]) -> None:
    assert patchcore.file_kind(chain_path) == "chain"
    assert patchcore.file_kind(deltas[0]) == "delta"
    with pytest.raises(patchcore.CorruptError):
        patchcore.file_kind(b"neither")


def test_empty_files_are_files() -> None:
    assert patchcore.apply(b"", patchcore.diff(b"", b"")) == b""
    assert patchcore.apply(b"", patchcore.diff(b"", b"x")) == b"x"
    assert patchcore.digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_header_that_promises_too_much_costs_nothing(versions: list[bytes]) -> None:
    """A delta of nothing but zeros may make far more than it weighs, and what it says is not allocated on its word."""
    zeros = bytes(8 << 20)
    delta = patchcore.diff(b"", zeros)
    assert len(delta) < 20_000
    assert patchcore.apply(b"", delta) == zeros

"""The deltas and chains that every reader must agree on, in every way in which Python reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY

import patchcore

FOLDER = REPOSITORY / "tests" / "vectors"
VECTORS: list[dict[str, Any]] = json.loads((FOLDER / "vectors.json").read_text())["vectors"]


def apply(vector: dict[str, Any], old: Any, file: Any, out: Any, threads: int = 1) -> Any:
    if vector["kind"] == "chain":
        return patchcore.Chain(file).apply(old, out, target=vector.get("version"), threads=threads)
    memory, output = vector.get("memory_limit"), vector.get("output_limit")
    return patchcore.apply(old, file, out, threads=threads, max_memory=memory, max_output=output)


def push(vector: dict[str, Any], old: bytes, file: bytes) -> bytes:
    new = bytearray()
    memory = vector.get("memory_limit", patchcore.NO_LIMIT)
    applier = patchcore.Applier(old, new.extend, max_memory=memory, max_output=vector.get("output_limit"))
    for start in range(0, len(file), 100):
        applier.push(file[start : start + 100])
    applier.finish()
    return bytes(new)


def test_there_are_vectors_of_both_kinds() -> None:
    assert {vector["kind"] for vector in VECTORS} == {"delta", "chain"}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector(vector: dict[str, Any], tmp_path: Path) -> None:
    old, file = FOLDER / vector["old"], FOLDER / vector["file"]
    if vector["status"] == 0:
        new = (FOLDER / vector["new"]).read_bytes()
        assert apply(vector, old.read_bytes(), file.read_bytes(), None) == new
        for threads in (1, 2):
            stats = apply(vector, old, file, tmp_path / "new", threads)
            assert (tmp_path / "new").read_bytes() == new
            assert (stats.new_size, stats.new_digest) == (len(new), patchcore.digest(new))
        if vector["kind"] == "delta":
            assert push(vector, old.read_bytes(), file.read_bytes()) == new
            assert patchcore.verify(file, old).info == patchcore.inspect(file)
        return
    ways: list[Callable[[], object]] = [
        lambda: apply(vector, old.read_bytes(), file.read_bytes(), None),
        lambda: apply(vector, old, file, tmp_path / "new"),
        lambda: apply(vector, old, file, tmp_path / "new", 2),
    ]
    if vector["kind"] == "delta":
        ways.append(lambda: push(vector, old.read_bytes(), file.read_bytes()))
    for way in ways:
        with pytest.raises(patchcore.PatchcoreError) as raised:
            way()
        assert (raised.value.status, raised.value.status_name) == (vector["status"], vector["status_name"])
    assert not list(tmp_path.iterdir())

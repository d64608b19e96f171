"""The tree patches that every reader must agree on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY

import patchcore
from patchcore import TreePatch

FOLDER = REPOSITORY / "tests" / "vectors"
INDEX: dict[str, Any] = json.loads((FOLDER / "trees.json").read_text())
VECTORS: list[dict[str, Any]] = INDEX["vectors"]


def digest(root: Path) -> str:
    return patchcore.tree_scan(root).digest


def old_tree(vector: dict[str, Any], root: Path) -> Path:
    root.mkdir()
    if "setup" in vector:
        TreePatch(FOLDER / vector["setup"]).apply(root)
        shutil.rmtree(root / ".patchcore")
    assert digest(root) == vector["old_tree"]
    if "change" in vector:
        changed = root / vector["change"]
        changed.parent.mkdir(parents=True, exist_ok=True)
        changed.write_text("changed")
    return root


def open_patch(vector: dict[str, Any], in_memory: bool) -> TreePatch:
    file = FOLDER / vector["file"]
    operations = FOLDER / vector["operations"] if "operations" in vector else None
    if in_memory:
        return TreePatch(file.read_bytes(), operations=operations and operations.read_bytes())
    return TreePatch(file, operations=operations)


def test_these_are_vectors_that_this_test_reads() -> None:
    assert INDEX["format_version"] == 1
    assert {vector["status"] == 0 for vector in VECTORS} == {True, False}


@pytest.mark.parametrize("in_memory", [False, True], ids=["file", "memory"])
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector(vector: dict[str, Any], in_memory: bool, tmp_path: Path) -> None:
    root = old_tree(vector, tmp_path / "root")
    before = digest(root)
    if vector["status"] != 0:
        with pytest.raises(patchcore.PatchcoreError) as raised:
            open_patch(vector, in_memory).apply(root)
        error = raised.value
        assert (error.status, error.status_name) == (vector["status"], vector["status_name"])
        assert error.outcome == vector.get("outcome")
        assert digest(root) == before
        return
    patch = open_patch(vector, in_memory)
    patch.apply(root)
    if "second" in vector:
        first, before = patch, digest(root)
        patch = TreePatch(FOLDER / vector["second"])
        patch.apply(root)
        patchcore.tree_squash([first, patch], tmp_path / "squashed.zip")
        other = old_tree(vector, tmp_path / "other")
        TreePatch(tmp_path / "squashed.zip").apply(other)
        assert digest(other) == vector["new_tree"]
    assert digest(root) == vector["new_tree"]
    assert patch.verify_tree(root).is_clean
    assert not patch.plan(root).actions
    if before != vector["new_tree"]:
        patchcore.tree_rollback(root)
        assert digest(root) == before

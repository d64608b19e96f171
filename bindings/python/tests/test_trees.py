"""Directories: made, applied, taken back, recovered and squashed."""

from __future__ import annotations

import json
import os
import pickle
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from conftest import House

import patchcore
from patchcore import TreePatch


class PathOfBytes:
    """A path as some systems have them: bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> bytes:
        return bytes(self.path)


def test_a_directory_goes_to_the_next_version_and_back(house: House) -> None:
    stats = house.diff("one", "two", "p.zip", min_version="1.0.0", max_version="1.0.9", version="v1.1.0")
    patch = TreePatch(house / "p.zip")
    info = patch.info
    assert (info.old_tree, info.new_tree) == (stats.old_tree, stats.new_tree) == (house.digest("one"), house.digest("two"))
    assert info.package_size == stats.package_size == (house / "p.zip").stat().st_size
    assert (info.min_version, info.max_version, info.version) == ("1.0.0", "1.0.9", "1.1.0")
    assert info.changes == patchcore.TreeChangeCounts(replace=1, delta=1, directory=1, delete=1)
    changes = [(change.path, change.kind) for change in patch.changes()]
    assert changes == [("big", "delta"), ("docs", "directory"), ("docs/new", "replace"), ("gone", "delete")]
    assert patch.path == house / "p.zip" and "4 changes" in repr(patch)
    assert patch.verify().deltas == 1
    assert patchcore.file_kind(house / "p.zip") == "tree_patch"

    root = house / "one"
    plan = patch.plan(root)
    assert [action.path for action in plan.actions] == [path for path, _ in changes] and not plan.conflicts
    applied = patch.apply(root)
    assert (applied.changed, applied.done_before, applied.kept, applied.bytes) == (4, 0, (), plan.bytes)
    assert house.digest("one") == stats.new_tree
    assert patch.verify_tree(root).is_clean
    assert patchcore.tree_installed(root) == patchcore.Installed("1.1.0", stats.new_tree)
    assert (patch.apply(root).changed, patch.apply(root).done_before) == (0, 4)

    assert patchcore.tree_rollback(root) is None
    assert house.digest("one") == stats.old_tree
    with pytest.raises(patchcore.InvalidArgumentError, match="no backup") as raised:
        patchcore.tree_rollback(root)
    assert raised.value.outcome == "unchanged"
    patch.apply(root)
    assert patchcore.tree_clean(root) and not patchcore.tree_clean(root)
    assert patchcore.tree_recover(root) == patchcore.tree_installed(root) == patchcore.Installed("1.1.0", stats.new_tree)


def test_what_somebody_changed_is_named_and_kept(house: House) -> None:
    patch, root = house.patch(), house / "one"
    (root / "big").write_text("mine")
    (root / "gone").write_text("mine too")
    conflicts = patch.plan(root).conflicts
    assert [(conflict.path, conflict.reason) for conflict in conflicts] == [("big", "modified"), ("gone", "modified")]
    before = house.digest("one")
    with pytest.raises(patchcore.ConflictError) as raised:
        patch.apply(root)
    assert raised.value.outcome == "unchanged" and raised.value.path == str(root)
    assert "big" in str(raised.value) and "gone" in str(raised.value)
    assert house.digest("one") == before and (root / "big").read_text() == "mine"


def test_the_patch_takes_its_side_where_it_is_told_to(house: House) -> None:
    patch, root = house.patch(), house / "one"
    (root / "gone").write_text("mine")
    assert not patch.plan(root, overwrite_local=True).conflicts
    patch.apply(root, overwrite_local=True)
    assert house.digest("one") == house.digest("two")
    (root / "docs" / "new").write_text("mine")
    with pytest.raises(patchcore.ConflictError, match="docs/new"):
        patchcore.tree_rollback(root)
    patchcore.tree_rollback(root, overwrite_local=True)
    assert (root / "gone").read_text() == "mine"


def test_without_a_backup_there_is_no_way_back(house: House) -> None:
    house.patch().apply(house / "one", no_backup=True)
    with pytest.raises(patchcore.InvalidArgumentError, match="no backup"):
        patchcore.tree_rollback(house / "one")
    assert not patchcore.tree_clean(house / "one")
    assert house.digest("one") == house.digest("two")


def test_what_is_damaged_is_named_and_healed(house: House) -> None:
    patch, root = house.patch(), house / "one"
    patch.apply(root)
    (root / "docs" / "new").unlink()
    (root / "gone").write_text("again")
    found = patch.verify_tree(root)
    assert (found.is_clean, found.missing, found.different, found.unexpected) == (False, ("docs/new",), (), ("gone",))
    assert found.matches == 2
    patch.apply(root, overwrite_local=True)
    assert patch.verify_tree(root).is_clean


def test_patches_in_a_row_become_one(house: House) -> None:
    patches = [house.patch("one", "two"), house.patch("two", "three")]
    stats = patchcore.tree_squash(patches, house / "both.zip")
    both = TreePatch(house / "both.zip")
    assert stats == patchcore.TreeSquashStats((house / "both.zip").stat().st_size, both.info.changes)
    both.apply(house / "one")
    assert house.digest("one") == house.digest("three")
    with pytest.raises(patchcore.SourceMismatchError):
        patchcore.tree_squash(iter(patches[::-1]), house / "wrong.zip")
    with pytest.raises(patchcore.InvalidArgumentError):
        patchcore.tree_squash([], house / "wrong.zip")
    with pytest.raises(patchcore.PatchcoreError):
        patchcore.tree_squash(patches, house / "both.zip", no_clobber=True)
    with pytest.raises(TypeError):
        patchcore.tree_squash([house / "one-two.zip"], house / "wrong.zip")  # type: ignore[list-item]
    assert not (house / "wrong.zip").exists()


def test_the_form_of_operations_goes_both_ways(house: House) -> None:
    archive, operations = house / "p.tar.gz", house / "operations.json"
    patchcore.tree_diff_operations(house / "one", house / "two", archive, operations)
    assert json.loads(operations.read_text())["delete"]["files"] == ["gone"]
    for given in (operations, operations.read_bytes(), memoryview(operations.read_bytes())):
        patch = TreePatch(archive.read_bytes(), operations=given)
        assert patch.info.changes.replace == 2 and patch.info.new_tree is None
    TreePatch(archive, operations=operations).apply(house / "one")
    assert house.digest("one") == house.digest("two")
    with pytest.raises(patchcore.PatchcoreError):
        TreePatch(archive)
    with pytest.raises(patchcore.InvalidArgumentError):
        TreePatch(archive, operations=b"{}")
    with pytest.raises(patchcore.CorruptError) as raised:
        TreePatch(archive, operations=b"\xff")
    assert raised.value.offset == 0


def test_a_patch_for_other_versions_is_refused(house: House) -> None:
    house.patch("one", "two", version="1.1.0").apply(house / "one")
    patch = house.patch("two", "three", min_version="2.0.0")
    assert (patch.info.min_version, patch.info.max_version) == ("2.0.0", "2.0.0")
    with pytest.raises(patchcore.SourceMismatchError, match="1.1.0 is installed") as raised:
        patch.apply(house / "one")
    assert raised.value.outcome == "unchanged"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither without rights")
def test_a_scan_sees_links_and_executable_files(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o755)
    (root / "folder").mkdir()
    (root / "link").symlink_to("run")
    found = patchcore.tree_scan(root, threads=2)
    digest = patchcore.digest(root / "run")
    assert found.items == (
        patchcore.TreeItem("folder", "directory", 0, None, False, None),
        patchcore.TreeItem("link", "symlink", 0, None, False, "run"),
        patchcore.TreeItem("run", "file", 10, digest, True, None),
    )
    assert (found.size, len(found.digest)) == (10, 64)
    assert found == pickle.loads(pickle.dumps(found)) and len({found, patchcore.tree_scan(root)}) == 1
    followed = patchcore.tree_scan(root, dereference=True)
    assert [item.kind for item in followed.items] == ["directory", "file", "file"]
    (root / "out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_text("of a cache")
    with pytest.raises(patchcore.UnsafePathError, match="out"):
        patchcore.tree_scan(root)
    assert patchcore.tree_scan(root, dereference=True).size == 30


def test_what_is_excluded_does_not_count(house: House) -> None:
    before = house.digest("one")
    (house / "one" / "save.log").write_text("mine")
    (house / "one" / "cache").mkdir()
    assert house.digest("one") != before
    assert patchcore.tree_scan(house / "one", exclude=["*.log", "cache/"]).digest == before
    house.diff("one", "two", "p.zip", exclude=("*.log", "cache/"))
    TreePatch(house / "p.zip").apply(house / "one")
    assert (house / "one" / "save.log").read_text() == "mine"
    with pytest.raises(patchcore.InvalidArgumentError):
        patchcore.tree_scan(house / "one", exclude=["["])


def test_what_is_kept_local_is_installed_once(house: House) -> None:
    (house / "two" / "settings").write_text("as it comes")
    patch = house.patch("one", "two", keep_local=["settings"])
    patch.apply(house / "one")
    (house / "one" / "settings").write_text("as I like it")
    (house / "three" / "settings").write_text("as it comes now")
    patch = house.patch("two", "three", keep_local=["settings"])
    assert patch.plan(house / "one").kept == ("settings",)
    assert patch.apply(house / "one").kept == ("settings",)
    assert (house / "one" / "settings").read_text() == "as I like it"


def test_a_directory_is_replaced_as_a_whole_where_it_is_told_to(house: House) -> None:
    (house / "two" / "docs" / "mine").write_text("mine")
    patchcore.tree_diff(house / "two", house / "three", house / "p.zip", replace_directories=["docs"], exclude=["mine"])
    TreePatch(house / "p.zip").apply(house / "two")
    assert house.digest("two") == house.digest("three")


@pytest.mark.parametrize("compression", ["deflate", "stored", "zstd"])
def test_packages_are_zip_files_and_the_same_each_time(house: House, compression: Any) -> None:
    for out, threads in (("a.zip", 1), ("b.zip", 2)):
        house.diff("one", "two", out, compression=compression, threads=threads, level=3)
    assert (house / "a.zip").read_bytes() == (house / "b.zip").read_bytes()
    names = zipfile.ZipFile(house / "a.zip").namelist()
    assert "docs/new" in names and ".patchcore/patch.json" in names


def test_a_patch_in_memory_and_in_another_process_is_the_same(house: House) -> None:
    house.diff("one", "two", "p.zip")
    for source in (house / "p.zip", (house / "p.zip").read_bytes(), bytearray((house / "p.zip").read_bytes())):
        patch = TreePatch(source)
        same = pickle.loads(pickle.dumps(patch))
        assert same.info == patch.info and same.path == patch.path
        assert ("in memory" in repr(patch)) == (patch.path is None)
    with get_context("spawn").Pool(1) as pool:
        assert pool.apply(same.apply, (house / "one",)).changed == 4
    patchcore.tree_diff_operations(house / "two", house / "three", house / "p.tar.gz", house / "o.json")
    patch = TreePatch(house / "p.tar.gz", operations=house / "o.json")
    (house / "o.json").unlink()
    assert pickle.loads(pickle.dumps(patch)).changes() == patch.changes()


def test_paths_come_in_every_shape_that_python_has(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(house.folder)
    patchcore.tree_diff("one", PathOfBytes(Path("two")), Path("p.zip"))
    TreePatch("p.zip").apply(PathOfBytes(house / "one"))
    assert patchcore.tree_scan("one") == patchcore.tree_scan(PathOfBytes(house / "two"))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems want text")
def test_names_of_roots_need_not_be_text(house: House) -> None:
    root = Path(os.fsdecode(bytes(house.folder) + b"/\xff"))
    (house / "one").rename(root)
    (house / "two" / "same").write_text("else")
    patch = house.patch("two", "three")
    with pytest.raises(patchcore.ConflictError) as raised:
        patch.apply(root)
    assert raised.value.path == str(root)
    (house / "two").rename(house / "one")
    with pytest.raises(patchcore.UnsafePathError):
        patchcore.tree_scan(house.folder)


def test_wrong_arguments_are_what_python_calls_so(house: House) -> None:
    patch: Any = house.patch()
    scan: Any = patchcore.tree_scan
    wrong: list[tuple[type[Exception], str | None, Any]] = [
        (TypeError, "expected a path", lambda: patch.apply(b"one")),
        (TypeError, "expected a path", lambda: scan(7)),
        (TypeError, None, lambda: patchcore.tree_scan(house / "one", exclude="*.log")),
        (TypeError, None, lambda: patch.apply(house / "one", True)),
        (TypeError, "callable", lambda: patch.apply(house / "one", progress=7)),
        (TypeError, None, lambda: TreePatch(house / "one-two.zip", public_keys="one key")),
        (ValueError, "compression", lambda: house.diff("one", "two", "x.zip", compression="lzma")),
        (ValueError, "1 to 9", lambda: house.diff("one", "two", "x.zip", level=10)),
        (ValueError, None, lambda: house.diff("one", "two", "x.zip", min_version="one")),
        (ValueError, "lowest", lambda: house.diff("one", "two", "x.zip", max_version="1.0.0")),
        (FileNotFoundError, "missing", lambda: patchcore.tree_scan(house / "missing")),
        (FileNotFoundError, "missing", lambda: patch.apply(house / "missing")),
        (FileNotFoundError, "missing", lambda: TreePatch(house / "missing.zip")),
        (OSError, "one-two.zip", lambda: patchcore.tree_scan(house / "one-two.zip")),
        (patchcore.CorruptError, None, lambda: TreePatch(b"no package")),
        (OverflowError, None, lambda: patch.apply(house / "one", threads=-1)),
    ]
    for kind, message, call in wrong:
        with pytest.raises(kind, match=message):
            call()
    assert not (house / "x.zip").exists()


def test_damage_in_a_package_names_it_and_leaves_the_tree(house: House) -> None:
    house.diff("one", "two", "p.zip", compression="stored")
    damaged = (house / "p.zip").read_bytes().replace(b"written for version 1", b"written for version 9")
    (house / "p.zip").write_bytes(damaged)
    patch, before = TreePatch(house / "p.zip"), house.digest("one")
    with pytest.raises(patchcore.CorruptError, match="docs/new") as raised:
        patch.verify()
    assert raised.value.path == str(house / "p.zip") and raised.value.outcome is None
    with pytest.raises(patchcore.CorruptError, match="docs/new") as raised:
        patch.apply(house / "one")
    assert raised.value.outcome == "unchanged" and house.digest("one") == before


def test_an_error_about_no_tree_says_nothing_of_one(house: House) -> None:
    with pytest.raises(patchcore.CorruptError) as raised:
        TreePatch(b"no package")
    assert raised.value.outcome is None


def test_a_package_that_is_replaced_meanwhile_is_used_as_it_was_opened(house: House) -> None:
    patch = house.patch()
    (house / "one-two.zip").unlink()
    (house / "one-two.zip").write_bytes(b"something else")
    patch.apply(house / "one")
    assert house.digest("one") == house.digest("two")


def test_handles_are_let_go_of(house: House) -> None:
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("this system does not tell")
    patch, before = house.patch(), len(list(folder.iterdir()))
    for _ in range(20):
        patch.apply(house / "one")
        patchcore.tree_rollback(house / "one")
        TreePatch(house / "one-two.zip").verify()
        with pytest.raises(patchcore.ConflictError):
            patch.apply(house / "three")
    assert len(list(folder.iterdir())) <= before


def test_threads_that_change_one_tree_wait_or_are_told(house: House) -> None:
    patch, root = house.patch(), house / "one"

    def change(_: int) -> None:
        try:
            patch.apply(root)
        except patchcore.BusyError as error:
            assert error.outcome == "unchanged"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(20)))
    patch.apply(root)
    assert patch.verify_tree(root).is_clean

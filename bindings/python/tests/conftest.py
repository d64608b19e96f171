"""What the tests share. They test the package that is installed, never the source tree beside them."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from server import Server, serving

import patchcore

REPOSITORY = Path(__file__).resolve().parents[3]

if REPOSITORY in Path(patchcore.__file__).resolve().parents and sys.prefix not in patchcore.__file__:
    raise RuntimeError(f"these tests are for an installed wheel, and this is {patchcore.__file__}")


def content(version: int, size: int = 200_000) -> bytes:
    """Versions of one file: what a version changes, all later ones have as well."""
    file = bytearray(random.Random(7).randbytes(size))
    for change in range(version):
        chance = random.Random(change)
        for _ in range(20):
            place = chance.randrange(max(1, size - 100))
            file[place : place + 50] = chance.randbytes(50)
    return bytes(file)


@pytest.fixture(scope="session")
def versions() -> list[bytes]:
    return [content(version) for version in range(4)]


@pytest.fixture(scope="session")
def deltas(versions: list[bytes]) -> list[bytes]:
    return [patchcore.diff(old, new) for old, new in zip(versions, versions[1:])]


@pytest.fixture
def chain_path(tmp_path: Path, deltas: list[bytes]) -> Path:
    patchcore.Chain.create(deltas, tmp_path / "history.chain", names=["first"])
    return tmp_path / "history.chain"


@pytest.fixture(scope="session")
def large_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two files of a gigabyte that take no space, and seconds to compare."""
    folder = tmp_path_factory.mktemp("large")
    paths = folder / "old", folder / "new"
    for number, path in enumerate(paths):
        with path.open("wb") as file:
            file.write(bytes([number]) * 1000)
            file.truncate(1 << 30)
    return paths


class House:
    """Three versions of a small directory, ``one``, ``two`` and ``three``, in a folder for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for version, name in enumerate(("one", "two", "three")):
            root = folder / name
            root.mkdir()
            (root / "big").write_bytes(content(version, 40_000))
            (root / "same").write_text("same")
            if version == 0:
                (root / "gone").write_text("gone")
            else:
                (root / "docs").mkdir()
                (root / "docs" / "new").write_text(f"written for version {version}")

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def diff(self, old: str, new: str, out: str, **options: Any) -> patchcore.TreeDiffStats:
        return patchcore.tree_diff(self / old, self / new, self / out, **options)

    def patch(self, old: str = "one", new: str = "two", **options: Any) -> patchcore.TreePatch:
        self.diff(old, new, f"{old}-{new}.zip", **options)
        return patchcore.TreePatch(self / f"{old}-{new}.zip")

    def digest(self, name: str) -> str:
        return patchcore.tree_scan(self / name).digest


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server

"""What the tests share. They test the package that is installed, never the source tree beside them."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

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

"""What the two READMEs show does what they say."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import REPOSITORY, content
from tqdm import tqdm

import patchcore


def blocks(readme: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", readme.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The files and names that a reader is thought to have."""
    monkeypatch.chdir(tmp_path)
    first, second, third = (content(version, 20_000) for version in range(3))
    for name in ("model-1.bin", "model.bin", "model-on-the-device.bin", "old.bin"):
        Path(name).write_bytes(first)
    Path("model-2.bin").write_bytes(second)
    for name in ("update.delta", "0-to-1.delta"):
        patchcore.diff(first, second, name)
    patchcore.diff(second, third, "2-to-3.delta")
    shards = ["a", "b"]
    for folder in ("old", "new", "deltas"):
        Path(folder).mkdir()
        for shard in shards:
            Path(folder, shard).write_bytes(first if folder == "old" else second)
    client = SimpleNamespace(get_executor=lambda: ThreadPoolExecutor(2))
    dask = SimpleNamespace(distributed=SimpleNamespace(Client=lambda address: client))
    for version in ("game-1.0", "game-1.1", "game"):
        Path(version).mkdir()
        Path(version, "levels").write_bytes(second if version == "game-1.1" else first)
    Path("manifest.json").write_text('{"version": "1.1.0"}')
    return {"manifest_url": "manifest.json", "tqdm": tqdm, "shards": shards, "dask": dask, "dask_client": client, "old_bytes": first}


def test_the_readme_of_the_package(scene: dict[str, Any]) -> None:
    found = blocks(REPOSITORY / "bindings" / "python" / "README.md")
    assert len(found) == 7
    for block in found:
        exec(block, scene)
    assert Path("model-2.bin").read_bytes() == content(1, 20_000)
    assert Path("model.bin").read_bytes() == content(2, 20_000)
    assert patchcore.apply("old/b", "deltas/b") == content(1, 20_000)
    assert Path("game", "levels").read_bytes() == content(1, 20_000)
    assert scene["report"].reason == "up_to_date"
    assert Path("player", "levels").read_bytes() == content(0, 20_000)
    assert Path("model-on-the-device.bin").read_bytes() == content(2, 20_000)


def test_the_readme_of_the_repository(scene: dict[str, Any]) -> None:
    patchcore.Chain.create([patchcore.diff(b"an earlier one", scene["old_bytes"])], "model.chain")
    (block,) = blocks(REPOSITORY / "README.md")
    exec(block, scene)
    assert scene["new"] == Path("model.bin").read_bytes() == content(1, 20_000)

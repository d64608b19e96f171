"""Chains: from any version to any later one, and changed without harm to what they hold."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

import patchcore
from patchcore import Chain


def test_any_version_leads_to_any_later_one(chain_path: Path, versions: list[bytes], tmp_path: Path) -> None:
    chain = Chain(chain_path)
    for start, old in enumerate(versions):
        for end in range(start, len(versions)):
            assert chain.apply(old, target=end) == versions[end]
    stats = chain.apply(versions[1], tmp_path / "new")
    assert (stats.start, stats.end, [link.name for link in stats.links]) == (1, 3, ["v2→v3", "v3→v4"])
    assert (tmp_path / "new").read_bytes() == versions[3]
    assert chain.apply(versions[0], streaming=True, scratch=tmp_path) == versions[3]
    into = bytearray(len(versions[3]))
    chain.apply(versions[0], into)
    assert into == versions[3]


def test_versions_are_named_in_every_way(chain_path: Path, versions: list[bytes]) -> None:
    chain = Chain.open(chain_path)
    assert [version.name for version in chain.versions] == ["first", "v2", "v3", "v4"]
    third = chain.versions[2]
    assert third.digest == patchcore.digest(versions[2])
    for name in ("v3", third.digest, third.digest[:8], 2, -2, third):
        assert chain.resolve(name) == 2
        assert chain.apply(versions[0], target=name) == versions[2]
    for unknown in ("v9", 4, -5, 1 << 80):
        with pytest.raises(patchcore.UnknownVersionError):
            chain.resolve(unknown)
    with pytest.raises(patchcore.NoRouteError):
        chain.apply(versions[2], target=0)
    with pytest.raises(patchcore.SourceMismatchError):
        chain.apply(b"no version")
    with pytest.raises(TypeError, match="expected a version"):
        chain.resolve(1.5)  # type: ignore[arg-type]


def test_a_chain_says_what_it_holds(chain_path: Path, deltas: list[bytes]) -> None:
    chain = Chain(chain_path)
    assert chain.info.chain_id == "history"
    assert (chain.info.versions, chain.info.links, chain.info.shortcuts) == (4, 3, 0)
    assert chain.info.total_size == sum(map(len, deltas))
    assert [link.size for link in chain.links] == list(map(len, deltas))
    assert chain.route() == chain.links
    assert chain.route("v2", -1) == chain.links[1:]
    assert chain.path == chain_path
    assert chain.verify() == 0
    assert chain.explain_link(1).info == patchcore.inspect(deltas[1])
    for text in ("history", str(chain_path), "4 versions"):
        assert text in repr(chain)


def test_an_append_shows_at_once_and_is_all_or_nothing(tmp_path: Path, versions: list[bytes], deltas: list[bytes]) -> None:
    chain = Chain.create(deltas[:1], tmp_path / "chain")
    chain.append(deltas[1], deltas[2], name="latest")
    assert [version.name for version in chain.versions] == ["v1", "v2", "v3", "latest"]
    assert chain.apply(versions[0]) == versions[3]
    before = (tmp_path / "chain").read_bytes()
    with pytest.raises(patchcore.PatchcoreError):
        chain.append(patchcore.diff(versions[3], b"next"), patchcore.diff(b"unknown", b"last"))
    assert (tmp_path / "chain").read_bytes() == before
    with pytest.raises(patchcore.InvalidArgumentError):
        Chain.create(deltas[:1], tmp_path / "chain")
    Chain.create(deltas[:1], tmp_path / "chain", force=True, chain_id="anew")
    assert Chain(tmp_path / "chain").info.chain_id == "anew"


def test_links_come_out_as_they_went_in(chain_path: Path, deltas: list[bytes], tmp_path: Path) -> None:
    chain = Chain(chain_path)
    assert [chain.extract_link(index) for index in range(3)] == deltas
    paths = chain.extract(tmp_path / "all")
    assert [path.read_bytes() for path in paths] == deltas
    assert len(chain.extract(tmp_path / "some", start="v2")) == 2
    with pytest.raises(patchcore.InvalidArgumentError):
        chain.extract_link(3)


def test_squashing_makes_one_delta(chain_path: Path, versions: list[bytes], tmp_path: Path) -> None:
    chain = Chain(chain_path)
    assert patchcore.apply(versions[0], chain.squash()) == versions[3]
    chain.squash(tmp_path / "delta", start=1, end="v3")
    assert patchcore.apply(versions[1], tmp_path / "delta") == versions[2]


def test_pruning_forgets_links_and_keeps_old_devices(chain_path: Path, versions: list[bytes]) -> None:
    chain = Chain(chain_path)
    stats = chain.prune("v3")
    assert (stats.removed_links, stats.size_after) == (2, chain_path.stat().st_size)
    assert chain.apply(versions[0]) == versions[3]
    assert chain.prune("v3", drop=True).removed_versions == 2
    with pytest.raises(patchcore.SourceMismatchError):
        chain.apply(versions[0])


def test_a_chain_in_memory_is_read_and_not_changed(versions: list[bytes], deltas: list[bytes]) -> None:
    made = Chain.create(deltas)
    for chain in (Chain(made), Chain(bytearray(made))):
        assert chain.apply(versions[0]) == versions[3]
        assert chain.path is None and "in memory" in repr(chain)
        assert pickle.loads(pickle.dumps(chain)).versions == chain.versions
        with pytest.raises(patchcore.InvalidArgumentError, match="in memory"):
            chain.append(deltas[0])


def test_an_unfinished_append_is_ignored_and_told(
    chain_path: Path, versions: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    with chain_path.open("ab") as file:
        file.write(b"torn")
    chain = Chain(chain_path)
    assert chain.verify() == chain.info.ignored_tail == 4
    assert chain.apply(versions[0]) == versions[3]
    assert "last 4 bytes" in caplog.text


def test_damage_names_file_and_place(chain_path: Path) -> None:
    damaged = bytearray(chain_path.read_bytes())
    link = Chain(chain_path).links[1]
    damaged[link.offset + link.size // 2] ^= 1
    chain_path.write_bytes(damaged)
    with pytest.raises(patchcore.CorruptError) as raised:
        Chain(chain_path).verify()
    assert raised.value.path == str(chain_path)
    assert raised.value.offset is not None and link.offset <= raised.value.offset < link.offset + link.size

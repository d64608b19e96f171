"""Channels: the versions of one file as static files, and the fewest bytes to the newest."""

from __future__ import annotations

from pathlib import Path

import pytest

import patchcore


@pytest.fixture
def published(chain_path: Path, versions: list[bytes], tmp_path: Path) -> Path:
    (tmp_path / "newest").write_bytes(versions[-1])
    stats = patchcore.publish_channel(tmp_path / "public", chain_path, tmp_path / "newest", family="my-model")
    assert stats.changed and (stats.family, stats.version, stats.sequence) == ("my-model", "v4", 1)
    assert "manifest.json" in stats.written and stats.written_bytes > len(versions[-1])
    return tmp_path / "public"


def test_every_version_gets_to_the_newest(published: Path, versions: list[bytes], tmp_path: Path) -> None:
    file = tmp_path / "model"
    for number, old in enumerate(versions):
        file.write_bytes(old)
        plan = patchcore.update_file(file, published, dry_run=True)
        assert file.read_bytes() == old
        report = patchcore.update_file(file, published)
        assert (report.means, report.planned_bytes) == (plan.means, plan.planned_bytes)
        assert report.planned_bytes == report.transferred_bytes
        assert report.action == ("nothing" if number == len(versions) - 1 else "applied")
        assert (report.family, report.end, report.end_digest) == ("my-model", "v4", patchcore.digest(versions[-1]))
        assert file.read_bytes() == versions[-1]
    new = patchcore.update_file(tmp_path / "new", str(published / "manifest.json"))
    assert (new.means, new.reason, new.start, new.start_digest) == ("full", "no_file", None, None)
    file.write_bytes(versions[0])
    assert patchcore.update_file(file, published, end="v2").links == 1
    assert file.read_bytes() == versions[1]


def test_publishing_the_same_again_changes_nothing(published: Path, chain_path: Path, tmp_path: Path) -> None:
    stats = patchcore.publish_channel(published, chain_path, tmp_path / "newest")
    assert not stats.changed and stats.written == () and stats.sequence == 1


def test_a_signed_channel_is_checked(chain_path: Path, versions: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "newest").write_bytes(versions[-1])
    key = patchcore.create_key_files(tmp_path / "key")
    other = patchcore.create_key_files(tmp_path / "other")
    patchcore.publish_channel(tmp_path / "public", chain_path, tmp_path / "newest", key=tmp_path / "key")
    (tmp_path / "model").write_bytes(versions[0])
    with pytest.raises(patchcore.UntrustedKeyError):
        patchcore.update_file(tmp_path / "model", tmp_path / "public", public_keys=[other])
    report = patchcore.update_file(tmp_path / "model", tmp_path / "public", public_keys=[key])
    assert report.key_id == patchcore.key_id(key)
    assert (tmp_path / "model").read_bytes() == versions[-1]


def test_failures_are_told_by_their_class(
    published: Path, chain_path: Path, versions: list[bytes], tmp_path: Path
) -> None:
    (tmp_path / "older").write_bytes(versions[1])
    with pytest.raises(patchcore.TargetMismatchError):
        patchcore.publish_channel(published, chain_path, tmp_path / "older")
    with pytest.raises(patchcore.SourceMismatchError):
        patchcore.publish_channel(published, chain_path, chain_path)
    with pytest.raises(patchcore.NoRouteError):
        patchcore.update_file(tmp_path / "older", published, end="first")
    with pytest.raises(patchcore.UnknownVersionError):
        patchcore.update_file(tmp_path / "older", published, end="v9")
    assert (tmp_path / "older").read_bytes() == versions[1]

"""Release repositories: published, looked after, and updated from."""

from __future__ import annotations

import fcntl
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import House
from server import Server

import patchcore
from patchcore import CancelToken, Progress, PublishReport, Repository, RepositoryUpdateReport, Updater


class Site:
    """A repository in which the first of two versions is published, and a directory to be updated from it."""

    def __init__(self, house: House) -> None:
        self.house, self.root = house, house / "installed"
        self.repository = Repository.init(house / "site")
        self.publish("one", "1.0.0")

    def publish(self, name: str, version: str, **options: Any) -> PublishReport:
        return self.repository.publish(self.house / name, version, **options)

    def update(self, url: str | Path | None = None, **options: Any) -> RepositoryUpdateReport:
        return Updater(self.root).update_from_repository(url or self.repository.path, **options)

    def manifest_text(self) -> str:
        return (self.repository.path / "manifest.json").read_text()


@pytest.fixture
def site(house: House) -> Site:
    return Site(house)


def test_what_is_published_is_what_an_update_installs(site: Site) -> None:
    installed = site.update()
    assert (installed["action"], installed["reason"], installed["from"]) == ("applied", "new_installation", "0.0.0")
    would = site.publish("two", "1.1.0", dry_run=True)
    assert would["dry_run"] and site.repository.manifest()["latest_version"] == "1.0.0"
    report = site.publish("two", "1.1.0", notes="Faster", level=9, threads=2)
    assert (report["changed"], report["previous"], report["tree"]) == (True, "1.0.0", site.house.digest("two"))
    assert [package["file"] for package in report["packages"]] == ["delta_1.0.0_1.1.0.zip", "combined_0.0.0_1.1.0.zip"]
    assert not site.publish("two", "1.1.0")["changed"]
    plan = site.repository.plan("1.0.0")
    assert (plan["means"], plan["reason"], plan["to"]) == ("deltas", "fewest_bytes", "1.1.0")
    assert plan["packages"][0]["notes"] == "Faster" and plan["bytes"] == plan["packages"][0]["size"]
    assert site.repository.plan()["from"] is None
    looked = site.update(dry_run=True)
    assert (looked["action"], looked["means"], looked["changed"]) == ("decided", "deltas", None)
    updated = site.update()
    assert (updated["action"], updated["from"], updated["to"]) == ("applied", "1.0.0", "1.1.0")
    assert updated["downloaded_bytes"] == plan["bytes"]
    assert updated["notes"] == [{"version": "1.1.0", "text": "Faster"}]
    assert site.house.digest("installed") == site.house.digest("two")
    assert site.update()["action"] == "nothing"


def test_an_update_over_http_takes_the_bytes_of_the_plan(site: Site, server: Server) -> None:
    for file in site.repository.path.iterdir():
        if file.is_file():
            server.files[file.name] = file.read_bytes()
    assert site.update(server / "manifest.json")["action"] == "applied"
    site.publish("two", "1.1.0")
    for file in site.repository.path.iterdir():
        if file.is_file():
            server.files[file.name] = file.read_bytes()
    report = site.update(server / "manifest.json", download_only=True)
    assert report["action"] == "downloaded" and Path(report["packages"][0]["path"] or "").is_file()
    assert report["downloaded_bytes"] == site.repository.plan("1.0.0")["bytes"]
    assert site.update(server / "manifest.json")["downloaded_bytes"] == 0
    assert site.house.digest("installed") == site.house.digest("two")


def test_a_repair_leaves_alone_what_is_to_be_kept(site: Site) -> None:
    site.update()
    (changed, kept) = sorted(path for path in site.root.iterdir() if path.is_file())[:2]
    for file in (changed, kept):
        file.write_text("mine")
    report = site.update(repair=True, keep_local=[kept.name], end="1.0.0")
    assert (report["means"], report["reason"], report["kept"]) == ("repair", "repair_asked", [kept.name])
    assert kept.read_text() == "mine" and changed.read_bytes() == (site.house / "one" / changed.name).read_bytes()


def test_old_deltas_and_bad_versions_go_and_all_can_be_made_again(site: Site) -> None:
    repository = site.repository
    site.publish("two", "1.1.0")
    site.publish("one", "1.2.0")
    withdrawn = repository.withdraw("1.2.0")
    assert withdrawn["latest_version"] == "1.1.0" and "delta_1.1.0_1.2.0.zip" in withdrawn["removed"]
    with pytest.raises(patchcore.UnknownVersionError):
        repository.withdraw("1.2.0")
    site.publish("one", "1.3.0")
    assert repository.prune(keep=1, dry_run=True)["removed"] == ["delta_1.0.0_1.1.0.zip"]
    assert repository.prune(keep=1)["removed"] == ["delta_1.0.0_1.1.0.zip"]
    assert repository.prune()["removed"] == []
    assert repository.new_base()["latest_version"] == "1.3.0"
    (repository.path / "manifest.json").unlink()
    with pytest.raises(patchcore.NotFoundError):
        repository.manifest()
    rebuilt = Repository.rebuild(repository.path)
    assert rebuilt["latest_version"] == "1.3.0" and rebuilt["adopted"]
    verified = repository.verify()
    assert (verified["problems"], verified["key_id"]) == ([], None) and verified["packages"] == rebuilt["packages"]
    file = repository.path / repository.manifest()["patches"][0]["file"]
    file.write_bytes(b"spoilt")
    assert repository.verify()["problems"][0]["file"] == file.name


def test_a_plain_repository_is_for_readers_that_unzip(house: House) -> None:
    repository = Repository.init(house / "plain", plain=True)
    repository.publish(house / "one", "1.0.0")
    assert repository.manifest()["plain"]
    package = repository.manifest()["patches"][0]
    shutil.unpack_archive(repository.path / package["file"], house / "unpacked")
    assert house.digest("unpacked") == house.digest("one")


def test_a_signed_repository_is_changed_with_its_key_and_believed_with_its_signature(house: House) -> None:
    public = patchcore.create_key_files(house / "key", password="secret")
    other = patchcore.create_key_files(house / "other")
    signing = Repository.init(house / "site", key=house / "key", password="secret")
    signing.publish(house / "one", "1.0.0", expires_at="2100-01-01T00:00:00Z")
    with pytest.raises(patchcore.InvalidArgumentError):
        Repository(house / "site").publish(house / "two", "1.1.0")
    assert signing.verify(public_keys=[public])["key_id"] == patchcore.key_id(public)
    report = Updater(house / "installed", public_keys=[public]).update_from_repository(house / "site")
    assert report["key_id"] == patchcore.key_id(public)
    with pytest.raises(patchcore.UntrustedKeyError):
        Updater(house / "elsewhere", public_keys=[other]).update_from_repository(house / "site")
    with pytest.raises(patchcore.BadSignatureError):
        (house / "site" / "manifest.json.minisig").unlink()
        Updater(house / "elsewhere", public_keys=[public]).update_from_repository(house / "site")


def test_what_cannot_be_done_is_said_and_changes_nothing(site: Site) -> None:
    before = site.manifest_text()
    for version in ("0.9.0", "1.0.0", "next", "0.0.0"):
        with pytest.raises(patchcore.InvalidArgumentError):
            site.publish("two", version)
    with pytest.raises(patchcore.InvalidArgumentError):
        Repository.init(site.repository.path)
    with pytest.raises(patchcore.NotFoundError):
        Repository(site.house / "one")
    with pytest.raises(patchcore.UnknownVersionError):
        site.repository.plan("1.0.0", "9.0.0")
    with pytest.raises(ValueError, match="compression"):
        site.publish("two", "1.1.0", compression="rar")
    with pytest.raises(TypeError):
        site.repository.publish(7, "1.1.0")  # type: ignore[arg-type]
    with (site.repository.path / ".patchcore" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(patchcore.BusyError):
            site.publish("two", "1.1.0")
    assert site.manifest_text() == before


def test_an_older_or_expired_manifest_is_stale(site: Site) -> None:
    older = site.manifest_text()
    site.publish("two", "1.1.0")
    site.update()
    newest = json.loads(site.manifest_text())
    (site.repository.path / "manifest.json").write_text(older)
    with pytest.raises(patchcore.StaleError) as stale:
        site.update()
    assert stale.value.outcome == "unchanged"
    newest["expires_at"] = "2001-01-01T00:00:00Z"
    (site.repository.path / "manifest.json").write_text(json.dumps(newest))
    with pytest.raises(patchcore.StaleError):
        site.update()


def test_who_stops_a_publish_leaves_the_repository(site: Site) -> None:
    before = site.manifest_text()
    token = CancelToken()
    phases: list[str] = []

    def stop(event: Progress) -> None:
        phases.append(event.phase)
        token.cancel()

    with pytest.raises(patchcore.CancelledError):
        site.publish("two", "1.1.0", progress=stop, cancel=token)

    def fail(event: Progress) -> None:
        raise KeyError(event.phase)

    with pytest.raises(KeyError):
        site.publish("two", "1.1.0", progress=fail)
    with pytest.raises(patchcore.CancelledError) as cancelled:
        site.update(cancel=token)
    assert cancelled.value.outcome == "unchanged" and not site.root.exists()
    assert phases and site.manifest_text() == before
    assert site.publish("two", "1.1.0")["changed"]


def test_a_repository_is_told_by_its_folder(site: Site) -> None:
    assert site.repository.path == site.house / "site" and str(site.house / "site") in repr(site.repository)
    assert site.repository.manifest() == json.loads(site.manifest_text())

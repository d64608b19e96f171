"""Updates: decided, downloaded, verified, applied and remembered."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import House
from server import Server

import patchcore
from patchcore import Updater


class Releases:
    """What leads from version 1.0.0.1, which is installed, to 1.0.0.2: files, and the documents that name them."""

    def __init__(self, house: House) -> None:
        self.house, self.root = house, house / "installed"
        self.key = patchcore.create_key_files(house / "key")
        (house / "empty").mkdir()
        shutil.copytree(house / "one", self.root)
        house.diff("one", "two", "patch.zip", version="1.0.0.2")
        house.diff("empty", "two", "full.zip", version="1.0.0.2")
        self.folder = house.folder

    def package(self, name: str, **fields: Any) -> dict[str, Any]:
        signature = patchcore.sign_file(self.folder / name, self.folder / "key").path.read_text()
        digest = patchcore.digest(self.folder / name).upper()
        return {"url": name, "hash": f"sha256:{digest}", "signature": signature, **fields}

    def manifest(self) -> Path:
        document = {
            "version": "1.0.0.2",
            "release_date": "2026-11-21",
            "packages": {"full": self.package("full.zip")},
            "patch": {"x86_64": self.package("patch.zip"), "aarch64": self.package("patch.zip")},
        }
        return self.write("manifest.json", document)

    def write(self, name: str, document: dict[str, Any]) -> Path:
        (self.folder / name).write_text(json.dumps(document))
        return self.folder / name

    def updater(self, **options: Any) -> Updater:
        return Updater(self.root, **{"public_keys": [self.key], "installed": "1.0.0.1", **options})

    def is_new(self) -> bool:
        # A full package takes nothing away.
        return patchcore.TreePatch(self.folder / "full.zip").verify_tree(self.root).is_clean


@pytest.fixture
def releases(house: House) -> Releases:
    return Releases(house)


def test_a_package_info_leads_to_its_version(releases: Releases) -> None:
    info = releases.write("info.json", releases.package("patch.zip", version="1.0.0.2"))
    updater = releases.updater()
    assert str(releases.root) in repr(updater) and updater.root == releases.root
    looked = updater.update_from_package_info(info, dry_run=True)
    assert (looked.action, looked.strategy, looked.reason) == ("decided", "patch", "named_package")
    assert (looked.start, looked.end, looked.fetched, looked.applied) == ("1.0.0.1", "1.0.0.2", None, None)
    assert not releases.is_new() and not (releases.root / ".patchcore").exists()
    report = updater.update_from_package_info(info)
    assert (report.action, report.end, report.file) == ("applied", "1.0.0.2", None)
    assert report.key_id == patchcore.key_id(releases.key)
    assert report.applied is not None and report.applied.changed == 4
    assert report.fetched is not None and report.fetched.transferred == (releases.folder / "patch.zip").stat().st_size
    assert releases.is_new()
    installed = patchcore.tree_installed(releases.root)
    assert installed is not None and installed.version == "1.0.0.2"
    again = releases.updater(installed=None).update_from_package_info(info)
    assert (again.action, again.strategy, again.reason) == ("nothing", "none", "up_to_date")
    patchcore.tree_rollback(releases.root)
    assert not releases.is_new()


def test_an_older_package_is_stale_unless_it_is_insisted_on(releases: Releases) -> None:
    info = releases.write("info.json", releases.package("patch.zip", version="1.0.0.2"))
    with pytest.raises(patchcore.StaleError) as raised:
        releases.updater(installed="1.0.1").update_from_package_info(info)
    assert raised.value.outcome == "unchanged"
    assert releases.updater(installed="1.0.1", force_full=True).update_from_package_info(info).action == "applied"


def test_a_document_is_a_path_a_text_or_a_url(releases: Releases, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    package = releases.package("patch.zip", version="1.0.0.2")
    path = releases.write("info.json", package)
    server.files.update({"some/info.json": path.read_bytes(), "some/patch.zip": (releases.folder / "patch.zip").read_bytes()})
    monkeypatch.chdir(releases.folder)
    updater = releases.updater(proxy="none")
    decided: list[tuple[Any, str, str]] = [
        (path, ".", str(releases.folder / "patch.zip")),
        (str(path), ".", str(releases.folder / "patch.zip")),
        (path.read_bytes(), ".", "patch.zip"),
        (memoryview(path.read_bytes()), "elsewhere/info.json", str(Path("elsewhere", "patch.zip"))),
        (path.read_bytes(), server / "some/info.json", server / "some/patch.zip"),
        (server / "some/info.json", ".", server / "some/patch.zip"),
    ]
    for document, base, url in decided:
        assert updater.update_from_package_info(document, base=base, dry_run=True).url == url
    assert updater.update_from_package_info(path.read_bytes()).action == "applied"


@pytest.mark.parametrize(
    ("options", "strategy", "reason"),
    [
        ({}, "patch", "patch_available"),
        ({"architecture": "arm64"}, "patch", "patch_available"),
        ({"architecture": "riscv64"}, "full", "no_patch_for_architecture"),
        ({"installed": "0.9.9"}, "full", "older_version_core"),
        ({"installed": None}, "full", "unknown_version"),
        ({"installed": "1.0.0.2"}, "none", "up_to_date"),
        ({"installed": "1.0.1"}, "none", "newer_installed"),
        ({"force_full": True}, "full", "forced_full"),
        ({"required": ["same", "big"]}, "patch", "patch_available"),
        ({"required": ("missing",)}, "full", "incomplete_installation"),
    ],
)
def test_a_service_manifest_is_acted_on_as_it_is_decided(
    releases: Releases, options: dict[str, Any], strategy: str, reason: str
) -> None:
    updater, manifest = releases.updater(**{"architecture": "x86_64", **options}), releases.manifest()
    looked = updater.update_from_service_manifest(manifest, dry_run=True)
    assert (looked.action, looked.strategy, looked.reason) == ("nothing" if strategy == "none" else "decided", strategy, reason)
    report = updater.update_from_service_manifest(manifest)
    assert (report.strategy, report.reason) == (strategy, reason)
    assert (report.action == "applied") == releases.is_new() == (strategy != "none")


def test_without_a_package_there_is_no_route(releases: Releases) -> None:
    manifest = releases.write("manifest.json", {"version": "1.0.0.2", "patch": {"x86_64": releases.package("patch.zip")}})
    with pytest.raises(patchcore.NoRouteError) as raised:
        releases.updater(architecture="riscv64").update_from_service_manifest(manifest)
    assert raised.value.outcome == "unchanged"


def test_what_is_not_signed_by_a_trusted_key_is_not_applied(releases: Releases) -> None:
    signed = releases.package("patch.zip", version="1.0.0.2")
    other = patchcore.create_key_files(releases.folder / "other")
    unsigned = {name: value for name, value in signed.items() if name != "signature"}
    for kind, keys, document in (
        (patchcore.BadSignatureError, [releases.key], unsigned),
        (patchcore.UntrustedKeyError, [other], signed),
        (patchcore.TargetMismatchError, [], {**unsigned, "hash": "0" * 64}),
        (patchcore.CorruptError, [], {"url": "patch.zip"}),
        (patchcore.CorruptError, [], {"version": 7}),
    ):
        info = releases.write("info.json", document)
        with pytest.raises(kind) as raised:
            releases.updater(public_keys=keys).update_from_package_info(info)
        assert raised.value.outcome == "unchanged" and not releases.is_new()
    packed = base64.b64encode(signed["signature"].encode()).decode()
    info = releases.write("info.json", {**signed, "signature": packed})
    assert releases.updater().update_from_package_info(info).action == "applied"


@pytest.mark.parametrize("kept", [True, False])
def test_what_was_downloaded_is_applied_later_without_a_network(releases: Releases, server: Server, kept: bool) -> None:
    manifest = releases.manifest()
    for name in ("manifest.json", "patch.zip", "full.zip"):
        server.files[name] = (releases.folder / name).read_bytes()
    updater = releases.updater(
        proxy="none", retries=0, architecture="x86_64", cache=releases.folder / "cache" if kept else None
    )
    report = updater.update_from_service_manifest(server / "manifest.json", download_only=True)
    assert report.action == "downloaded" and not releases.is_new()
    assert report.file is not None and report.file.read_bytes() == server.files["patch.zip"]
    assert (releases.folder / "cache" in report.file.parents) == kept
    server.files.clear()
    server.failures = [500] * 10
    report = updater.update_from_service_manifest(server / "manifest.json")
    assert report.action == "applied" and releases.is_new()
    assert report.fetched is not None and report.fetched.transferred == 0
    assert manifest.exists()


def test_an_update_takes_up_a_download_that_broke(releases: Releases, server: Server) -> None:
    releases.manifest()
    for name in ("manifest.json", "patch.zip"):
        server.files[name] = (releases.folder / name).read_bytes()
    updater = releases.updater(proxy="none", retries=0, architecture="x86_64")
    server.breaks = [1 << 20, 200]
    with pytest.raises(patchcore.NetworkError) as raised:
        updater.update_from_service_manifest(server / "manifest.json")
    assert raised.value.outcome == "unchanged"
    report = updater.update_from_service_manifest(server / "manifest.json")
    assert report.fetched is not None and report.fetched.transferred == len(server.files["patch.zip"]) - 200
    assert releases.is_new()


def test_what_somebody_changed_stands_in_the_way_unless_it_is_given_up(releases: Releases) -> None:
    info = releases.write("info.json", releases.package("patch.zip", version="1.0.0.2"))
    (releases.root / "gone").write_text("mine")
    with pytest.raises(patchcore.ConflictError, match="gone") as raised:
        releases.updater().update_from_package_info(info)
    assert raised.value.outcome == "unchanged"
    releases.updater(overwrite_local=True, no_backup=True).update_from_package_info(info)
    assert releases.is_new() and not patchcore.tree_clean(releases.root)


def test_wrong_arguments_are_what_python_calls_so(releases: Releases) -> None:
    with pytest.raises(TypeError):
        Updater(releases.root, public_keys=releases.key)
    with pytest.raises(TypeError):
        releases.updater().update_from_package_info(7)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        releases.updater(installed="one").update_from_package_info(b"{}")
    with pytest.raises(ValueError):
        releases.updater(idle_timeout=-1)
    with pytest.raises(patchcore.CorruptError):
        releases.updater().update_from_package_info(b"\xff")
    with pytest.raises(FileNotFoundError):
        releases.updater().update_from_service_manifest(releases.folder / "missing.json")


def test_the_command_fetches_too(releases: Releases, server: Server) -> None:
    import subprocess
    import sys

    releases.manifest()
    for name in ("manifest.json", "full.zip"):
        server.files[name] = (releases.folder / name).read_bytes()
    command = [sys.executable, "-m", "patchcore", "update", str(releases.root), "--json"]
    arguments = ["--service-manifest", server / "manifest.json", "-P", releases.key.splitlines()[1], "--proxy", "none"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["action"] == "applied" and releases.is_new()

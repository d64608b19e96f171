"""The command line that comes with the package."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import patchcore

SCRIPT = Path(sysconfig.get_path("scripts")) / ("patchcore.exe" if sys.platform == "win32" else "patchcore")


@pytest.mark.parametrize("command", [[sys.executable, "-m", "patchcore"], [str(SCRIPT)]], ids=["module", "script"])
def test_both_ways_run_the_shell(command: list[str], tmp_path: Path, versions: list[bytes]) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    (tmp_path / "old file").write_bytes(versions[0])
    (tmp_path / "new file").write_bytes(versions[1])
    assert run("--version").stdout.split() == ["patchcore", patchcore.__version__]
    made = run("diff", "old file", "new file", "-o", "delta", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["format_version"] == 1
    assert patchcore.apply(versions[0], tmp_path / "delta") == versions[1]
    assert run("apply", "new file", "delta", "-o", "out").returncode == patchcore.SourceMismatchError.status
    assert run("apply").returncode == 2
    assert "completions" in run("--help").stdout


def test_file_names_that_are_no_text_are_names_all_the_same(tmp_path: Path, versions: list[bytes]) -> None:
    name = bytes(tmp_path) + b"/\xff\xfe"
    try:
        Path(name.decode("utf-8", "surrogateescape")).write_bytes(versions[0])
    except OSError:
        pytest.skip("this file system wants text")
    done = subprocess.run([sys.executable.encode(), b"-m", b"patchcore", b"info", name], capture_output=True)
    assert done.returncode == patchcore.CorruptError.status
    assert patchcore.digest(name.decode("utf-8", "surrogateescape")) == patchcore.digest(versions[0])

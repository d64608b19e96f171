"""The programs that are compared: how each is asked for a delta and for the new file, and what it takes to have it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

# (old, new, delta) for diff; (old, delta, output) for apply.
Command = Callable[[Path, Path, Path], list[str]]

GROUPS = ("patchcore", "bsdiff", "xdelta3", "zstd", "hdiffpatch")

_HDIFFPATCH = """
import sys
import hdiffpatch
verb, *paths = sys.argv[1:]
read = lambda path: open(path, 'rb').read()
if verb == 'apply':
    old, delta, output = paths
    open(output, 'wb').write(hdiffpatch.apply(read(old), read(delta)))
elif verb != 'start':
    old, new, delta = paths
    codec = {'zstd': lambda: hdiffpatch.ZStdConfig(level=21), 'lzma2': lambda: hdiffpatch.Lzma2Config(level=9)}[verb]()
    open(delta, 'wb').write(hdiffpatch.diff(read(old), read(new), compression=codec, validate=False))
"""


@dataclass(frozen=True)
class Tool:
    """One way to make deltas. `start` only starts the interpreter it runs in; its time is taken off."""

    name: str
    version: str
    diff: Command
    apply: Command
    start: list[str] | None = None

    @property
    def is_peer(self) -> bool:
        return not self.name.startswith("patchcore")


def _answer(command: list[str]) -> str:
    """What a program says of itself, or nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    except OSError:
        return ""
    return (done.stdout + done.stderr).strip()


def _version(command: list[str], pattern: str = r"(\d+(?:\.\d+)+)") -> str:
    found = re.search(pattern, _answer(command))
    return found[1] if found else "unknown"


def _patchcore(binary: Path, levels: Iterable[int]) -> list[Tool]:
    version = _version([str(binary), "--version"])
    return [
        Tool(
            f"patchcore-{level}",
            version,
            lambda old, new, delta, level=level: [
                str(binary),
                "diff",
                str(old),
                str(new),
                "-o",
                str(delta),
                "--level",
                str(level),
                "--quiet",
            ],
            lambda old, delta, output: [str(binary), "apply", str(old), str(delta), "-o", str(output), "--quiet"],
        )
        for level in levels
    ]


def _bsdiff() -> list[Tool]:
    # It has no way to ask for its version; 4.3 is the only one of the last twenty years.
    return [
        Tool(
            "bsdiff",
            "4.3",
            lambda old, new, delta: ["bsdiff", str(old), str(new), str(delta)],
            lambda old, delta, output: ["bspatch", str(old), str(output), str(delta)],
        )
    ]


def _xdelta3() -> list[Tool]:
    # -D: files as they are; it would unpack what gzip made, and fails where packing again gives other bytes.
    def window(old: Path) -> list[str]:
        """Sees the whole old file at once; the least that it takes is 512 KiB."""
        return ["-B", str(max(1 << 19, old.stat().st_size))]

    return [
        Tool(
            "xdelta3",
            _version(["xdelta3", "-V"]),
            lambda old, new, delta: [
                "xdelta3",
                "-e",
                "-D",
                "-9",
                "-S",
                "lzma",
                "-f",
                *window(old),
                "-s",
                str(old),
                str(new),
                str(delta),
            ],
            lambda old, delta, output: [
                "xdelta3",
                "-d",
                "-D",
                "-f",
                *window(old),
                "-s",
                str(old),
                str(delta),
                str(output),
            ],
        )
    ]


def _zstd() -> list[Tool]:
    version = _version(["zstd", "--version"])
    return [
        Tool(
            f"zstd-{level}",
            version,
            lambda old, new, delta, level=level: [
                "zstd",
                "-q",
                "-f",
                f"-{level}",
                "--long=31",
                f"--patch-from={old}",
                str(new),
                "-o",
                str(delta),
            ],
            lambda old, delta, output: [
                "zstd",
                "-q",
                "-f",
                "-d",
                "--long=31",
                f"--patch-from={old}",
                str(delta),
                "-o",
                str(output),
            ],
        )
        for level in (3, 19)
    ]


def _hdiffpatch(python: Path) -> list[Tool]:
    script = [str(python), "-c", _HDIFFPATCH]
    version = _version([str(python), "-c", "from importlib.metadata import version; print(version('hdiffpatch'))"])
    return [
        Tool(
            f"hdiffpatch-{codec}",
            version,
            lambda old, new, delta, codec=codec: [*script, codec, str(old), str(new), str(delta)],
            lambda old, delta, output: [*script, "apply", str(old), str(delta), str(output)],
            [*script, "start"],
        )
        for codec in ("zstd", "lzma2")
    ]


def available(
    groups: Iterable[str], patchcore: Path, levels: Iterable[int], python: Callable[[], Path]
) -> tuple[list[Tool], list[str]]:
    """The tools of these groups that are here, and a line for each group that is not: what would bring it.

    `python` gives the interpreter that may have HDiffPatch; it is called only for that group.
    """
    found: list[Tool] = []
    missing: list[str] = []
    makers: dict[str, Callable[[], list[Tool]]] = {"bsdiff": _bsdiff, "xdelta3": _xdelta3, "zstd": _zstd}
    for group in groups:
        if group == "patchcore":
            found += _patchcore(patchcore, levels)
        elif group == "hdiffpatch":
            if "yes" in _answer([str(python()), "-c", "import hdiffpatch; print('yes')"]).split():
                found += _hdiffpatch(python())
            else:
                missing.append(f"hdiffpatch is left out: {python()} -m pip install hdiffpatch")
        elif shutil.which(group):
            found += makers[group]()
        else:
            missing.append(f"{group} is left out: apt-get install {group}, brew install {group}, or the like")
    return found, missing


def applies_in_parallel(patchcore: Path) -> bool:
    """Whether this binary's `apply` takes `--threads`."""
    return "--threads" in _answer([str(patchcore), "apply", "--help"])

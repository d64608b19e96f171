#!/usr/bin/env python3
"""Measures `patchcore tree` on many small files, beside rsync: time, disk space and memory.

    tests/bench/trees.py                                    # in the system's temporary folder
    tests/bench/trees.py --on /mnt/disk --on /dev/shm       # on these file systems
    tests/bench/trees.py --image /mnt/disk                  # on an ext4 file system of its own in a file there (root)

The trees are made from a fixed seed. Each run begins with a fresh copy of the old tree that is durable; patchcore and rsync
take turns. rsync copies from a tree on the same file system and is followed by `sync -f`; patchcore syncs by itself.
`sync -f` waits for everything on the file system, whoever wrote it: on a busy machine only `--image` compares like with like.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import measure

WORDS = [f"{a}{b}{c}" for a in ("ka", "lo", "mi", "ne", "su") for b in ("ra", "ti", "bo", "ve") for c in ("n", "s", "l", "da", "")]
MIB = 1 << 20


def text(source: random.Random, size: int) -> bytes:
    """Words at random, so that it compresses about as text does."""
    words = source.choices(WORDS, k=size // 3 + 1)
    return " ".join(words).encode()[:size]


def make(root: Path, files: int, sizes: tuple[int, int]) -> list[Path]:
    """A tree of small files in nested folders, 40 in each; returns their paths in it."""
    source = random.Random(files)
    paths = []
    for number in range(files):
        folder = number // 40
        paths.append(Path(f"part-{folder // 25:03}", f"section-{folder % 25:02}", f"file-{number:06}.txt"))
    for folder in {path.parent for path in paths}:
        (root / folder).mkdir(parents=True)
    for path in paths:
        (root / path).write_bytes(text(source, source.randint(*sizes)))
    return paths


def change(root: Path, paths: list[Path], changes: int) -> int:
    """Edits so many of the files in the middle; returns what they took before and take now together."""
    source = random.Random(changes)
    total = 0
    for path in source.sample(paths, changes):
        old = (root / path).read_bytes()
        at = source.randrange(len(old) + 1)
        new = old[:at] + text(source, source.randint(1, 400)) + old[at + source.randint(0, 200) :]
        total += len(old) + len(new)
        (root / path).write_bytes(new)
        os.utime(root / path, (2_000_000_000, 2_000_000_000))
    return total


class Used:
    """The most space that was taken on a file system while this was active, beyond what was taken before."""

    def __init__(self, place: Path):
        self.place, self.done, self.most = place, threading.Event(), 0
        self.before = self.taken()
        self.thread = threading.Thread(target=self.watch)

    def taken(self) -> int:
        system = os.statvfs(self.place)
        return (system.f_blocks - system.f_bfree) * system.f_frsize

    def watch(self) -> None:
        while not self.done.wait(0.0005):
            self.most = max(self.most, self.taken() - self.before)

    def __enter__(self) -> Used:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.most = max(self.most, self.taken() - self.before)
        self.done.set()
        self.thread.join()


@contextlib.contextmanager
def image(place: Path) -> Iterator[Path]:
    """An ext4 file system in a file in `place`, mounted."""
    with tempfile.TemporaryDirectory(dir=place, prefix="patchcore-trees-") as folder:
        file, mounted = Path(folder, "image"), Path(folder, "mounted")
        mounted.mkdir()
        subprocess.run(["truncate", "--size=4G", file], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-N", "900000", "-E", "lazy_itable_init=0,lazy_journal_init=0", file], check=True)
        subprocess.run(["mount", "-o", "loop", file, mounted], check=True)
        try:
            yield mounted
        finally:
            subprocess.run(["umount", mounted], check=True)


def identical(one: Path, other: Path) -> bool:
    return subprocess.run(["diff", "-r", "-q", "--exclude=.patchcore", one, other], stdout=subprocess.DEVNULL).returncode == 0


def fresh(old: Path, at: Path) -> Path:
    shutil.rmtree(at, ignore_errors=True)
    subprocess.run(["cp", "-a", old, at], check=True)
    subprocess.run(["sync", "-f", at], check=True)
    return at


def seconds(command: list[str | Path]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def times(binary: str, place: Path, runs: int) -> None:
    """Applying a change of 500 of 20,000 files, and what rsync takes for it."""
    old, new, patch, at = place / "old", place / "new", place / "patch.zip", place / "tree"
    paths = make(old, 20_000, (1 << 10, 8 << 10))
    subprocess.run(["cp", "-a", old, new], check=True)
    changed = change(new, paths, 500)
    subprocess.run([binary, "tree", "diff", old, new, "-o", patch, "-q"], check=True)
    ways = {
        "rsync": ["sh", "-c", 'rsync -a "$1/" "$2/" && sync -f "$2"', "sh", new, at],
        "patchcore": [binary, "tree", "apply", at, patch, "-q"],
        "patchcore, no backup": [binary, "tree", "apply", at, patch, "-q", "--no-backup"],
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    space = dict.fromkeys(ways, 0)
    # The first round warms the caches and watches the space, which takes time itself.
    for round_ in range(runs + 1):
        for name, command in ways.items():
            fresh(old, at)
            if round_ == 0:
                with Used(place) as used:
                    seconds(command)
                space[name] = used.most
                if not identical(new, at):
                    sys.exit(f"{name} did not make the new tree")
            else:
                found[name].append(seconds(command))
    base = statistics.median(found["rsync"])
    print(f"  20,000 files of 1 to 8 KiB, 500 changed; patch {patch.stat().st_size:,} bytes; medians of {runs} runs")
    for name, all_seconds in found.items():
        middle = statistics.median(all_seconds)
        print(
            f"  {name:22}{middle:8.3f} s{middle / base:8.2f} × rsync   ({min(all_seconds):.3f} to {max(all_seconds):.3f} s)"
            f"   extra disk at most {space[name] / MIB:6.2f} MiB"
        )
    print(f"  changed files old + new + 1 MiB: {changed / MIB + 1:.2f} MiB", flush=True)
    for used_up in (old, new, at):
        shutil.rmtree(used_up)
    patch.unlink()


def memory(binary: str, place: Path, files: int) -> None:
    """The peak memory of each operation, and what it may be: 64 MiB and 200 bytes for each path, of two trees for a diff."""
    old, new, empty, patch, full = (place / name for name in ("old", "new", "empty", "patch.zip", "full.zip"))
    paths = make(old, files, (16, 64))
    subprocess.run(["cp", "-a", old, new], check=True)
    change(new, paths, 500)
    empty.mkdir()
    count = files + len({folder for path in paths for folder in path.parents[:-1]})
    allowed = 64 + 200 * count / MIB
    print(f"  {count:,} paths; allowed {allowed:.0f} MiB, {allowed * 2 - 64:.0f} MiB for the diff of two trees")
    tree = [binary, "tree"]
    steps = {
        "diff, 500 changed": [*tree, "diff", old, new, "-o", patch, "-q"],
        "diff, all new": [*tree, "diff", empty, new, "-o", full, "-q"],
        "apply, 500 changed": [*tree, "apply", old, patch, "-q"],
        "verify, 500 changed": [*tree, "verify", old, patch, "-q"],
        "apply, all new": [*tree, "apply", empty, full, "-q"],
        "verify, all new": [*tree, "verify", empty, full, "-q"],
        "rollback, all new": [*tree, "rollback", empty, "-q"],
    }
    for name, command in steps.items():
        cost = measure.run([os.fspath(part) for part in command])
        most = allowed * 2 - 64 if name == "diff, 500 changed" else allowed
        late = "" if cost.peak_mib <= most else "   MORE THAN ALLOWED"
        print(f"  {name:22}{cost.peak_mib:7.1f} MiB   ({cost.wall_s:.2f} s){late}", flush=True)
    for used_up in (old, new, empty):
        shutil.rmtree(used_up)
    for used_up in (patch, full):
        used_up.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patchcore", default="patchcore", metavar="BIN", help="the command to measure")
    parser.add_argument("--on", action="append", default=[], type=Path, metavar="DIR", help="where to make the trees")
    parser.add_argument("--image", type=Path, metavar="DIR", help="measure on a file system of its own in a file in DIR")
    parser.add_argument("--runs", type=int, default=11, metavar="N", help="runs of each, of which the median counts")
    parser.add_argument("--paths", type=int, nargs="*", default=[20_000, 200_000], metavar="N", help="tree sizes for memory")
    parser.add_argument("--only", choices=("time", "memory"))
    arguments = parser.parse_args()
    binary = shutil.which(arguments.patchcore) or sys.exit(f"there is no {arguments.patchcore}; name one with --patchcore")
    with contextlib.ExitStack() as stack:
        places = list(arguments.on)
        if arguments.image:
            places.append(stack.enter_context(image(arguments.image)))
        for place in places or [Path(tempfile.gettempdir())]:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=place, prefix="trees-")))
            print(f"{place} ({filesystem(folder)})", flush=True)
            if arguments.only != "memory":
                times(binary, folder, arguments.runs)
            if arguments.only != "time":
                for files in arguments.paths:
                    memory(binary, folder, files)


def filesystem(place: Path) -> str:
    return subprocess.run(["stat", "-f", "-c", "%T", place], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()

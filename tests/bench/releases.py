#!/usr/bin/env python3
"""Measures `patchcore release publish` of a small change to a large release: bytes written and read, and time.

    tests/bench/releases.py                       # 200 MB in 1,500 files, of which 5 MB change
    tests/bench/releases.py --folder /mnt/disk    # the repository there
    tests/bench/releases.py --year                # then 52 weekly versions: what clients download, what is stored

Bytes are counted at the system calls, by `strace`. The time is that of whole commands, the median of several runs, beside
making the archive of everything anew.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

import trees

MIB = 1 << 20


def make(root: Path, total: int, files: int) -> list[Path]:
    """A release: half of its bytes compress as text does, half hardly at all, as assets do."""
    source = random.Random(7)
    paths = []
    for number in range(files):
        path = root / f"part-{number // 100:02}" / f"file-{number:04}.{'txt' if number % 2 else 'bin'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = total // files
        path.write_bytes(trees.text(source, size) if number % 2 else source.randbytes(size))
        paths.append(path)
    return paths


def change(paths: list[Path], amount: int, seed: int) -> list[Path]:
    """Changes whole files of about `amount` bytes together: a tenth of each, in one place."""
    source = random.Random(seed)
    changed, done = [], 0
    for path in source.sample(paths, len(paths)):
        if done >= amount:
            break
        old = path.read_bytes()
        at = source.randrange(len(old) * 9 // 10)
        new = trees.text(source, len(old) // 10) if path.suffix == ".txt" else source.randbytes(len(old) // 10)
        path.write_bytes(old[:at] + new + old[at + len(new) :])
        changed.append(path)
        done += len(old)
    return changed


def deflated(path: Path) -> int:
    """The bytes of a file in an archive."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = path.read_bytes()
    return min(len(packer.compress(content)) + len(packer.flush()), len(content))


def counted(command: list[str], repository: Path) -> tuple[Counter[str], Counter[str]]:
    """The bytes that a command writes, and reads of the repository, by file."""
    with tempfile.NamedTemporaryFile() as log:
        calls = "write,pwrite64,writev,read,pread64,copy_file_range,ftruncate"
        subprocess.run(["strace", "-f", "-y", "-e", f"trace={calls}", "-o", log.name, *command], check=True, stdout=subprocess.DEVNULL)
        written: Counter[str] = Counter()
        read: Counter[str] = Counter()
        for line in Path(log.name).read_text(errors="replace").splitlines():
            call = re.match(r"\d+ +(\w+)\(\d+<([^>]*)>.* = (\d+)$", line)
            if call is None:
                continue
            name, path, amount = call[1], call[2].removesuffix(" (deleted)"), int(call[3])
            if name in ("write", "pwrite64", "writev", "copy_file_range") and path.startswith("/") and not re.match("/dev/(null|tty|pts)", path):
                written[path] += amount
            if name in ("read", "pread64") and path.startswith(str(repository)):
                read[path] += amount
    return written, read


def run(*command: str | Path) -> float:
    began = time.monotonic()
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=Path("target/release/patchcore"))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--year", action="store_true")
    options = parser.parse_args()
    program = options.program.resolve()
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        place = Path(temporary)
        release, repository = place / "release", place / "repository"
        paths = make(release, 200 * 1000 * 1000, 1500)
        run(program, "release", "init", repository)
        first = run(program, "release", "publish", repository, release, "--version", "1.0.0")
        print(f"first publish: {first:.2f} s, {(repository / 'base_1.0.0.zip').stat().st_size:,} bytes")
        before = place / "before"
        changed = change(paths, 5 * 1000 * 1000, 1)
        entries = sum(deflated(path) for path in changed)
        times, anew = [], []
        for number in range(options.runs):
            shutil.rmtree(before, ignore_errors=True)
            subprocess.run(["cp", "-a", "--reflink=auto", repository, before], check=True)
            times.append(run(program, "release", "publish", before, release, "--version", "1.0.1"))
            scratch = place / f"scratch-{number}"
            run(program, "release", "init", scratch)
            anew.append(run(program, "release", "publish", scratch, release, "--version", "1.0.1"))
            shutil.rmtree(scratch)
        command = [str(program), "release", "publish", str(repository), str(release), "--version", "1.0.1"]
        written, read = counted(command, repository)
        manifest = json.loads((repository / "manifest.json").read_text())
        delta = next(p["size"] for p in manifest["patches"] if p["file"].startswith("delta_"))
        combined = repository / "combined_0.0.0_1.0.1.zip"
        directory = directory_bytes(combined)
        bound = delta + entries + directory + MIB
        old = {path: amount for path, amount in read.items() if path.endswith(".zip") and "delta_" not in path}
        print(f"changed: {len(changed)} files; delta {delta:,}; compressed changed entries {entries:,}; directory {directory:,}")
        print(f"written: {sum(written.values()):,} of {bound:,} allowed ({sum(written.values()) / bound:.2f})")
        for path, amount in written.most_common(6):
            print(f"  {amount:>12,}  {path.removeprefix(str(place))}")
        print(f"read of old packages: {sum(old.values()):,} of {directory + entries:,} allowed")
        print(f"time: {statistics.median(times):.2f} s; the archive made anew: {statistics.median(anew):.2f} s; {statistics.median(times) / statistics.median(anew):.3f}")
        if options.year:
            year(program, place, release, paths)


def directory_bytes(archive: Path) -> int:
    """The bytes of the directory of an archive and what follows it."""
    with archive.open("rb") as file:
        file.seek(-22, os.SEEK_END)
        end = file.read(22)
    return int.from_bytes(end[12:16], "little") + 22


def year(program: Path, place: Path, release: Path, paths: list[Path]) -> None:
    """52 weekly versions, each changing a part of the release."""
    repository = place / "year"
    run(program, "release", "init", repository)
    run(program, "release", "publish", repository, release, "--version", "1.0.0")
    for week in range(1, 53):
        change(paths, 5 * 1000 * 1000, 100 + week)
        run(program, "release", "publish", repository, release, "--version", f"1.0.{week}")
    manifest = json.loads((repository / "manifest.json").read_text())
    full = next(p["size"] for p in manifest["patches"] if p["is_combined"])
    deltas = [p["size"] for p in manifest["patches"] if p["file"].startswith("delta_")]
    updates = sorted(deltas)
    seen, stored = set(), 0
    for path in repository.glob("*.zip"):
        status = path.stat()
        if status.st_ino not in seen:
            seen.add(status.st_ino)
            stored += status.st_blocks * 512
    fresh = place / "fresh"
    run(program, "release", "init", fresh)
    run(program, "release", "publish", fresh, release, "--version", "1.0.52")
    latest = (fresh / "base_1.0.52.zip").stat().st_size
    print(f"a year: full {latest:,}; an update in the middle {updates[len(updates) // 2]:,} ({updates[len(updates) // 2] / latest:.2%} of it), the largest {updates[-1]:,} ({updates[-1] / latest:.2%})")
    print(f"stored {stored:,}; allowed {int(1.3 * latest) + sum(deltas):,}; archive {full:,} ({full / latest:.2f})")


if __name__ == "__main__":
    main()

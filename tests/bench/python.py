#!/usr/bin/env python3
"""What the Python package costs beside the command line, by the package that is installed.

    tests/bench/python.py [--patchcore BIN] [--wheel FILE] [--runs N] [OLD NEW]

Without OLD and NEW, two versions of 45 MB of bf16 weights are made, of which one row in twelve moved. Needs numpy; BIN
should be built from the same commit. Prints medians as a table; on a shared machine read CPU seconds rather than wall time.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import patchcore

SIZE = 45_000_000
LARGE = 1 << 30
# Seconds after which a job is interrupted: while it hashes, matches and encodes.
MOMENTS = (0.2, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)

INTERRUPTED = """
import os, signal, sys, threading, time, patchcore
began = []
def interrupt():
    began.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
timer = threading.Timer(float(sys.argv[4]), interrupt)
timer.start()
try:
    patchcore.diff(*sys.argv[1:4])
    timer.cancel()
except KeyboardInterrupt:
    print(time.perf_counter() - began[0], flush=True)
"""

APPLIED_IN_MEMORY = """
import sys, patchcore
def status(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1]) * 1024
old, delta = (open(path, "rb").read() for path in sys.argv[1:3])
patchcore.apply(b"", patchcore.diff(b"", b""))
open("/proc/self/clear_refs", "w").write("5")
before = status("VmHWM")
new = patchcore.apply(old, delta)
print((status("VmHWM") - before) / len(new))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="OLD NEW")
    parser.add_argument("--patchcore", default="patchcore", help="the command line to compare with")
    parser.add_argument("--wheel", type=Path, help="the wheel whose size is told")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    if len(options.files) not in (0, 2):
        parser.error("name two files, or none")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        old, new = options.files or made_pair(work)
        delta, out = work / "delta", work / "out"
        print(f"{new.stat().st_size / 1e6:.1f} MB, {os.cpu_count()} cores, medians of {options.runs}\n")
        beside_the_command(options, old, new, delta, out)
        several_threads(options.runs, old, delta, work)
        if Path("/proc/self/clear_refs").exists():
            copies = float(run_python(APPLIED_IN_MEMORY, old, delta))
            print(f"apply(bytes, bytes): memory beside the inputs, in sizes of the output: {copies:.2f}")
        latencies(work)
    if options.wheel:
        print(f"wheel: {options.wheel.stat().st_size / (1 << 20):.2f} MiB ({options.wheel.name})")


def made_pair(work: Path) -> tuple[Path, Path]:
    """Weights as a fine-tuning leaves them: rows of words that did not occur stand still, all others move a little."""
    chance = numpy.random.default_rng(7)
    weights = chance.standard_normal((SIZE // 2 // 384, 384), dtype=numpy.float32) * 0.05
    moved = chance.random(len(weights)) < 1 / 12
    tuned = weights.copy()
    tuned[moved] += chance.standard_normal((int(moved.sum()), 384), dtype=numpy.float32) * 2e-4
    paths = work / "old", work / "new"
    for path, tensor in zip(paths, (weights, tuned)):
        ((tensor.view(numpy.uint32) + 0x8000) >> 16).astype(numpy.uint16).tofile(path)
    return paths


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of wall time and of CPU time, of this process and of those that it waited for."""

    def cpu() -> float:
        usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    began, cpu_before = time.perf_counter(), cpu()
    work()
    return time.perf_counter() - began, cpu() - cpu_before


def medians(costs: list[tuple[float, float]]) -> tuple[float, float]:
    walls, cpus = zip(*costs)
    return statistics.median(walls), statistics.median(cpus)


def beside_the_command(options: argparse.Namespace, old: Path, new: Path, delta: Path, out: Path) -> None:
    command = shutil.which(options.patchcore) or options.patchcore

    def shell(*arguments: object) -> Callable[[], object]:
        return lambda: subprocess.run([command, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)

    in_memory = [path.read_bytes() for path in (old, new)]
    patchcore.diff(old, new, delta)
    in_memory.append(delta.read_bytes())
    ways: dict[str, list[Callable[[], object]]] = {
        "diff": [
            shell("diff", old, new, "-o", delta),
            lambda: patchcore.diff(old, new, delta),
            lambda: patchcore.diff(in_memory[0], in_memory[1]),
        ],
        "apply": [
            shell("apply", old, delta, "-o", out),
            lambda: patchcore.apply(old, delta, out),
            lambda: patchcore.apply(in_memory[0], in_memory[2]),
        ],
    }
    print(f"{'':8}{'command line':>16}{'Python, files':>24}{'Python, bytes':>24}     seconds of wall (CPU)")
    for verb, runs in ways.items():
        costs: list[list[tuple[float, float]]] = [[] for _ in runs]
        for _ in range(options.runs):
            for row, way in zip(costs, runs):
                row.append(cost(way))
        (wall, cpu), *others = map(medians, costs)
        cells = [f"{wall:8.3f} ({cpu:5.3f})"]
        cells += [f"{w:8.3f} ({c:5.3f}) × {w / wall:.2f} ({c / cpu:.2f})" for w, c in others]
        print(f"{verb:8}" + "   ".join(cells))
    print()


def several_threads(runs: int, old: Path, delta: Path, work: Path) -> None:
    """Four threads beside one. Only what hashlib, before and after, shows to be moments when all cores are to be had counts."""
    outs = [work / f"out-{number}" for number in range(4)]
    held = old.read_bytes(), delta.read_bytes()
    whole = min(4, os.cpu_count() or 1)

    def apply_files(out: Path) -> object:
        return patchcore.apply(old, delta, out)

    def apply_bytes(_: Path) -> object:
        return patchcore.apply(*held)

    def hash_bytes(_: Path) -> object:
        return hashlib.sha256(held[0]).digest()

    with ThreadPoolExecutor(4) as pool:

        def ratio(job: Callable[[Path], object]) -> float:
            one_by_one = cost(lambda: [job(out) for out in outs])
            return one_by_one[0] / cost(lambda: list(pool.map(job, outs)))[0]

        for name, job in (("files", apply_files), ("bytes", apply_bytes)):
            counted, others = [], []
            while len(counted) < runs and len(others) < 4 * runs:
                before, measured, after = map(ratio, (hash_bytes, job, hash_bytes))
                (counted if min(before, after) > 0.95 * whole else others).append(measured)
            what = f"{len(counted)} moments" if counted else f"{len(others)} moments of a busy machine, which say little"
            best = statistics.median(counted or others)
            print(f"apply in 4 threads, {name}: {best:.2f} × one thread ({what})")
    for name, job in (("files", apply_files), ("bytes", apply_bytes)):
        share = statistics.median(share_of_caller(lambda: job(outs[0])) for _ in range(runs))
        bound = 1 / (share + (1 - share) / whole)
        print(f"apply, {name}: {share:.1%} of its CPU time on the calling thread, so at best {bound:.2f} × on {whole} cores")


def share_of_caller(work: Callable[[], object]) -> float:
    """What of the CPU time is spent where the GIL may be held: that tells how well threads scale, however busy a machine is."""
    process, thread = time.process_time(), time.thread_time()
    work()
    return (time.thread_time() - thread) / (time.process_time() - process)


def latencies(work: Path) -> None:
    old, new = work / "large-old", work / "large-new"
    block = numpy.random.default_rng(7).bytes(64 << 20)
    with old.open("wb") as a, new.open("wb") as b:
        for number in range(LARGE // len(block)):
            start = number * 1_000_003
            piece = block[start:] + block[:start]
            a.write(piece)
            b.write(piece[:1000] + b"changed" + piece[1007:])
    taken = []
    for moment in MOMENTS:
        said = run_python(INTERRUPTED, old, new, work / "never", moment)
        if said:
            taken.append(float(said))
        assert not (work / "never").exists() or not said, "a delta was published after Ctrl-C"
    milliseconds = [seconds * 1000 for seconds in taken]
    print(
        f"Ctrl-C on a diff of {LARGE / (1 << 30):.0f} GiB: {statistics.median(milliseconds):.0f} ms, "
        f"at most {max(milliseconds):.0f} ms ({len(taken)} moments)"
    )


def run_python(script: str, *arguments: object) -> str:
    done = subprocess.run([sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main()

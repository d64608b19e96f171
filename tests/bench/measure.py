"""What one run of a program costs: wall time, CPU time and peak memory of the whole process."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

# A process that was forked counts the memory of the one it was forked from in its own peak, until the end of its life.
# So programs are started by this script, which is as small as Python gets, and not by the benchmark itself.
_LAUNCHER = """
import os, resource, sys, time
start = time.perf_counter()
pid = os.fork()
if pid == 0:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    try:
        os.execvp(sys.argv[2], sys.argv[2:])
    except OSError as error:
        os.write(2, f"{sys.argv[2]}: {error}".encode())
    os._exit(127)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - start
print(f'[{status}, {wall}, {usage.ru_utime + usage.ru_stime}, {usage.ru_maxrss}]')
"""

# macOS counts bytes, all others KiB.
_PEAK_UNITS_PER_MIB = 1 << 20 if sys.platform == "darwin" else 1 << 10


class RunFailed(Exception):
    """A program ended with an error; the message is its last line on standard error."""


@dataclass(frozen=True)
class Cost:
    """Seconds of wall time, seconds of CPU (user and system), peak resident memory in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float

    def without(self, overhead: Cost) -> Cost:
        """The same with the times of `overhead` taken off; memory stays as it was measured."""
        return Cost(max(0.0, self.wall_s - overhead.wall_s), max(0.0, self.cpu_s - overhead.cpu_s), self.peak_mib)


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each column."""
    return Cost(
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.cpu_s for cost in costs),
        statistics.median(cost.peak_mib for cost in costs),
    )


def run(command: Sequence[str], cpu_limit_s: int = 3600) -> Cost:
    """Runs a program to its end. Raises RunFailed unless it succeeds within so many seconds of CPU time."""
    launched = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(cpu_limit_s), *command],
        capture_output=True,
        text=True,
        errors="replace",
    )
    if launched.returncode:
        raise RunFailed(launched.stderr.strip())
    status, wall, cpu, peak = json.loads(launched.stdout)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL) and cpu >= cpu_limit_s - 1:
        raise RunFailed(f"not done after {cpu_limit_s} s of CPU time")
    if status:
        complaint = launched.stderr.strip().splitlines()
        raise RunFailed(complaint[-1] if complaint else f"wait status {status}")
    return Cost(wall, cpu, peak / _PEAK_UNITS_PER_MIB)


def repeat(times: int, once: Callable[[], Cost]) -> Cost:
    """The median of so many runs."""
    return median([once() for _ in range(times)])


def floor(old: Path, new: Path, output: Path) -> Cost:
    """What no applier that verifies both ends can go below: SHA-256 of both files, writing the new one, syncing it.

    The new file is in memory already, as it is for whoever has just made it.
    """
    data = memoryview(new.read_bytes())
    wall, cpu = time.perf_counter(), time.process_time()
    digest_of(old)
    digest = hashlib.sha256()
    with output.open("wb", buffering=0) as file:
        for start in range(0, len(data), 1 << 20):
            piece = data[start : start + (1 << 20)]
            digest.update(piece)
            file.write(piece)
        os.fsync(file.fileno())
    digest.digest()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu, 0.0)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()

#!/usr/bin/env python3
"""Measures patchcore beside bsdiff, xdelta3, zstd --patch-from and HDiffPatch.

Without a PAIR it takes the default ones, which it fetches and makes (--list shows them). Writes results.csv,
results.svg and results.png, and prints the tables. README.md, beside this file, explains the figures.
"""

from __future__ import annotations

import argparse
import filecmp
import functools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import measure
import pairs
import results
import summary
import tools

HERE = Path(__file__).resolve().parent
PYTHON_PACKAGES = ("hdiffpatch", "numpy", "matplotlib")


def say(line: str) -> None:
    """What is no result goes to standard error."""
    print(line, file=sys.stderr, flush=True)


def cache_directory() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "patchcore-bench"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__ + "\n" + pairs.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", nargs="*", metavar="PAIR", help="what to measure; as above")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where results go [default: results in the cache]")
    parser.add_argument(
        "--cache", type=Path, default=cache_directory(), metavar="DIR", help="keeps packages and venv [%(default)s]"
    )
    parser.add_argument("--patchcore", type=Path, metavar="BIN", help="else $PATCHCORE, else cargo build --release")
    parser.add_argument(
        "--python",
        type=Path,
        metavar="BIN",
        help=f"a Python with {', '.join(PYTHON_PACKAGES)}; else a venv in the cache",
    )
    parser.add_argument("--levels", default="1,6,9", help="of patchcore [%(default)s]")
    parser.add_argument("--tools", default=",".join(tools.GROUPS), help="[%(default)s]")
    parser.add_argument("--only", metavar="NAME,…", help="only the pairs of these names")
    parser.add_argument(
        "--runs",
        type=int,
        default=1,
        metavar="N",
        help="of each diff, the median counts; apply runs three times or more [%(default)s]",
    )
    parser.add_argument(
        "--cpu-limit",
        type=int,
        default=1800,
        metavar="SECONDS",
        help="a run that takes more CPU time has failed [%(default)s]",
    )
    parser.add_argument(
        "--chain", metavar="FILE:FILE:FILE…", help=f"versions to squash [{pairs.DEFAULT_CHAIN} if no PAIR is given]"
    )
    parser.add_argument("--no-chain", action="store_true", help="leave squashing out")
    parser.add_argument(
        "--reuse",
        type=Path,
        metavar="CSV",
        help="take the peers' rows from an earlier run where files and versions are the same",
    )
    parser.add_argument(
        "--redraw", type=Path, metavar="CSV", help="measure nothing: tables and picture of an earlier run"
    )
    parser.add_argument("--no-picture", action="store_true", help="tables and CSV only")
    parser.add_argument("--list", action="store_true", help="show the default pairs and stop")
    chosen = parser.parse_args()
    chosen.tools = chosen.tools.split(",")
    if unknown := set(chosen.tools) - set(tools.GROUPS):
        parser.error(f"--tools: no {', '.join(sorted(unknown))}; there are {', '.join(tools.GROUPS)}")
    try:
        chosen.levels = [int(level) for level in chosen.levels.split(",")]
    except ValueError:
        parser.error("--levels: expected numbers, such as 1,6,9")
    if chosen.runs < 1:
        parser.error("--runs: at least 1")
    return chosen


def python_with_packages(chosen: argparse.Namespace) -> Path:
    """The Python that runs HDiffPatch, numpy and matplotlib; made on first use. Without network some may be missing."""
    if chosen.python:
        return chosen.python
    venv = chosen.cache / "venv"
    python = venv / "bin" / "python"
    complete = venv / "complete"
    if not complete.exists():
        say(f"making {venv} with {', '.join(PYTHON_PACKAGES)}")
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PYTHON_PACKAGES]
        if subprocess.run(install).returncode == 0:
            complete.touch()
    return python


def patchcore_binary(chosen: argparse.Namespace) -> Path:
    """The one that is given, or a release build of this repository."""
    environment = dict(os.environ)
    if chosen.patchcore:
        environment["PATCHCORE"] = str(chosen.patchcore)
    script = f'. "{HERE.parent}/tools.sh" && patchcore_binary'
    found = subprocess.run(["bash", "-c", script], env=environment, stdout=subprocess.PIPE, text=True)
    if found.returncode:
        sys.exit("there is no patchcore to measure")
    return Path(found.stdout.strip())


class Bench:
    """Measures one thing after the other in a temporary directory. All rows carry the name of the run."""

    def __init__(self, run: str, directory: Path, times: int, cpu_limit_s: int) -> None:
        self.run = run
        self.times = times
        self.cpu_limit_s = cpu_limit_s
        self.apply_times = max(3, times)
        self.delta = directory / "delta"
        self.output = directory / "output"
        self.directory = directory
        self._starts: dict[str, measure.Cost] = {}

    def row(self, name: str, old: Path, new: Path) -> results.Row:
        """A row with what does not depend on the tool."""
        sizes = (old.stat().st_size, new.stat().st_size)
        digests = (measure.digest_of(old), measure.digest_of(new))
        return results.Row(self.run, name, results.DELTA, "", "", *sizes, *digests)

    def _start(self, tool: tools.Tool) -> measure.Cost:
        if tool.name not in self._starts:
            nothing = measure.Cost(0, 0, 0)
            start = tool.start
            self._starts[tool.name] = measure.repeat(5, lambda: measure.run(start)) if start else nothing
        return self._starts[tool.name]

    def _apply(self, tool: tools.Tool, old: Path, new: Path, extra: tuple[str, ...] = ()) -> measure.Cost:
        """Raises RunFailed also where the result is another file."""

        def once() -> measure.Cost:
            self.output.unlink(missing_ok=True)
            return measure.run([*tool.apply(old, self.delta, self.output), *extra], self.cpu_limit_s)

        cost = measure.repeat(self.apply_times, once)
        if not filecmp.cmp(new, self.output, shallow=False):
            raise measure.RunFailed("the result is not the new file")
        return cost.without(self._start(tool))

    def delta_row(self, base: results.Row, tool: tools.Tool, pair: pairs.Pair) -> results.Row:
        """A delta made and applied; a failure is a row too."""
        base = replace(base, tool=tool.name, version=tool.version)
        try:
            self.delta.unlink(missing_ok=True)
            command = tool.diff(pair.old, pair.new, self.delta)
            made = measure.repeat(self.times, lambda: measure.run(command, self.cpu_limit_s))
            made = made.without(self._start(tool))
            applied = self._apply(tool, pair.old, pair.new)
        except (measure.RunFailed, OSError) as error:
            return replace(base, error=str(error))
        return replace(
            base,
            delta_bytes=self.delta.stat().st_size,
            diff_wall_s=made.wall_s,
            diff_cpu_s=made.cpu_s,
            diff_peak_mib=made.peak_mib,
            apply_wall_s=applied.wall_s,
            apply_cpu_s=applied.cpu_s,
            apply_peak_mib=applied.peak_mib,
            identical=True,
        )

    def threads_row(self, base: results.Row, tool: tools.Tool, pair: pairs.Pair) -> results.Row:
        """Applies the delta that was made last with two threads."""
        base = replace(base, tool=tool.name, version=tool.version, measurement=results.THREADS)
        try:
            cost = self._apply(tool, pair.old, pair.new, ("--threads", "2"))
        except (measure.RunFailed, OSError) as error:
            return replace(base, error=str(error))
        return replace(
            base, apply_wall_s=cost.wall_s, apply_cpu_s=cost.cpu_s, apply_peak_mib=cost.peak_mib, identical=True
        )

    def floor_row(self, base: results.Row, pair: pairs.Pair) -> results.Row:
        cost = measure.repeat(self.apply_times, lambda: measure.floor(pair.old, pair.new, self.output))
        return replace(
            base,
            measurement=results.FLOOR,
            tool="floor",
            apply_wall_s=cost.wall_s,
            apply_cpu_s=cost.cpu_s,
            identical=True,
        )

    def squash_rows(self, versions: list[Path], patchcore: Path, beside: list[tools.Tool]) -> Iterator[results.Row]:
        """One delta out of those between neighbours, and deltas of both ends made directly."""
        first, last = versions[0], versions[-1]
        base = self.row(f"{len(versions) - 1} links, {first.name} to {last.name}", first, last)
        # The links are as `diff` makes them unless told otherwise.
        ours = max((tool for tool in beside if not tool.is_peer), key=lambda tool: tool.name == "patchcore-6")
        links = [self.directory / f"link{index}" for index in range(len(versions) - 1)]
        command = [str(patchcore), "squash", *map(str, links), "-o", str(self.delta), "--quiet"]
        squashed = replace(base, measurement=results.SQUASH, tool="patchcore", version=ours.version)
        try:
            for link, old, new in zip(links, versions, versions[1:], strict=False):
                measure.run(ours.diff(old, new, link))
            cost = measure.repeat(self.apply_times, lambda: measure.run(command))
            size = self.delta.stat().st_size
            self._apply(ours, first, last)
        except (measure.RunFailed, OSError) as error:
            yield replace(squashed, error=str(error))
        else:
            yield replace(
                squashed,
                delta_bytes=size,
                diff_wall_s=cost.wall_s,
                diff_cpu_s=cost.cpu_s,
                diff_peak_mib=cost.peak_mib,
                identical=True,
            )
        for tool in beside:
            yield replace(self.delta_row(base, tool, pairs.Pair(base.pair, first, last)), measurement=results.DIRECT)


def resolve(chosen: argparse.Namespace, store: pairs.Store) -> list[pairs.Pair]:
    """The pairs that can be had. One that was asked for and cannot ends the program; a default one is left out."""
    try:
        sources = [pairs.parse(text) for text in chosen.pairs or pairs.DEFAULT_PAIRS]
    except pairs.PairError as error:
        sys.exit(str(error))
    if chosen.only:
        sources = [source for source in sources if source.name in chosen.only.split(",")]
    found = []
    for source in sources:
        try:
            found.append(store.resolve(source))
        except pairs.PairError as error:
            if chosen.pairs:
                sys.exit(str(error))
            say(f"{source.name} is left out: {error}")
    return found


def usable(rows: list[results.Row], base: results.Row, tool: tools.Tool) -> results.Row | None:
    """A peer's row of an earlier run on the same two files by the same version of the tool."""
    wanted = (results.DELTA, tool.name, tool.version, base.old_sha256, base.new_sha256)
    for row in rows:
        if (row.measurement, row.tool, row.version, row.old_sha256, row.new_sha256) == wanted and row.identical:
            return replace(row, pair=base.pair)
    return None


def measured(chosen: argparse.Namespace, bench: Bench, python: Callable[[], Path]) -> Iterator[results.Row]:
    """All rows, each as soon as it is there."""
    patchcore = patchcore_binary(chosen) if "patchcore" in chosen.tools else Path()
    table, missing = tools.available(chosen.tools, patchcore, chosen.levels, python)
    for line in missing:
        say(line)
    earlier = results.read(chosen.reuse) if chosen.reuse else []
    two_threads = "patchcore" in chosen.tools and tools.applies_in_parallel(patchcore)
    store = pairs.Store(chosen.cache, python)
    for pair in resolve(chosen, store):
        base = bench.row(pair.name, pair.old, pair.new)
        for tool in table:
            say(f"{pair.name}: {tool.name}")
            reused = usable(earlier, base, tool) if tool.is_peer else None
            yield reused or bench.delta_row(base, tool, pair)
            if two_threads and not tool.is_peer:
                yield bench.threads_row(base, tool, pair)
        yield bench.floor_row(base, pair)
    chain = chosen.chain or ("" if chosen.pairs or chosen.only else pairs.DEFAULT_CHAIN)
    beside = [tool for tool in table if not tool.is_peer or tool.name.startswith("hdiffpatch")]
    if chain and not chosen.no_chain and "patchcore" in chosen.tools:
        say("squashing")
        try:
            yield from bench.squash_rows(store.chain(chain), patchcore, beside)
        except pairs.PairError as error:
            say(f"squashing is left out: {error}")


def main() -> int:
    chosen = arguments()
    if chosen.list:
        print("\n".join(pairs.DEFAULT_PAIRS))
        return 0
    out = chosen.out or chosen.cache / "results"
    out.mkdir(parents=True, exist_ok=True)
    # Made when something needs it, which two files of one's own and no HDiffPatch do not.
    python = functools.cache(lambda: python_with_packages(chosen))
    csv = out / "results.csv"
    if chosen.redraw:
        rows = results.read(chosen.redraw)
        run = rows[-1].run if rows else ""
    else:
        run = time.strftime("%Y-%m-%dT%H:%M:%S")
        rows = []
        with tempfile.TemporaryDirectory(dir=out) as directory:
            for row in measured(chosen, Bench(run, Path(directory), chosen.runs, chosen.cpu_limit), python):
                rows.append(row)
                # Written anew each time: an interrupted run keeps what it has.
                results.write(csv, rows)
    everything = results.Results(rows)
    if not everything.rows:
        sys.exit("nothing was measured")
    for pair in everything.pairs:
        print("\n".join(summary.of_pair(everything, pair, run)))
    print("\n".join([*summary.overall(everything, run), *summary.squashing(everything)]))
    print(f"\n{chosen.redraw or csv}")
    if not chosen.no_picture:
        script, stem = HERE / "picture.py", out / "results"
        drawn = subprocess.run([str(python()), str(script), str(chosen.redraw or csv), str(stem)])
        print(f"{stem}.svg and .png" if drawn.returncode == 0 else "There is no picture.")
    return int(any(not row.identical for row in rows if row.is_patchcore))


if __name__ == "__main__":
    # As other programs end where what reads their output ends.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())

"""The tables that are printed: one per pair, one over all pairs, and one for squashing."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from results import DIRECT, FLOOR, SQUASH, THREADS, Results, Row, geometric_mean


def of_pair(results: Results, pair: str, run: str) -> Iterator[str]:
    """What each tool did with one pair. A star marks what another run measured."""
    rows = results.of_pair(pair)
    first = rows[0]
    yield f"\n{pair}   old {first.old_bytes:,} bytes, new {first.new_bytes:,} bytes"
    yield (
        f"  {'':18}{'delta':>12}{'÷ best':>8}   {'diff':>9}{'CPU':>9}{'CPU/MB':>8}{'peak':>9}"
        f"   {'apply':>9}{'CPU/MB':>9}{'peak':>9}"
    )
    for row in rows:
        label = row.tool + ("" if row.run == run else " *")
        if not row.identical:
            yield f"  {label:18}{'FAILED':>12}   {row.error}"
            continue
        ratio = results.ratio(row)
        yield (
            f"  {label:18}{row.delta_bytes:>12,}{f'{ratio:.3f}' if ratio else '':>8}   "
            f"{row.diff_wall_s:>7.2f} s{row.diff_cpu_s:>7.2f} s{row.diff_cpu_s_per_mb:>6.3f} s"
            f"{row.diff_peak_mib:>5.0f} MiB   {_applying(row)}{row.apply_peak_mib:>5.0f} MiB"
        )
    for row in results.measured(THREADS, pair):
        yield f"  {row.tool + ', 2 threads':79}{_applying(row)}{row.apply_peak_mib:>5.0f} MiB"
    for row in results.measured(FLOOR, pair):
        yield f"  {'floor':79}{_applying(row)}"


def _applying(row: Row) -> str:
    return f"{row.apply_wall_s:>7.3f} s{row.apply_cpu_ms_per_mb:>6.2f} ms"


def _above_floor(results: Results, rows: list[Row]) -> float | None:
    """Mean CPU ms per MB above the floor that was measured in the same run."""
    floors = {(row.run, row.pair): row.apply_cpu_ms_per_mb for row in results.measured(FLOOR)}
    above = [row.apply_cpu_ms_per_mb - floors[row.run, row.pair] for row in rows if (row.run, row.pair) in floors]
    return statistics.fmean(above) if above else None


def overall(results: Results, run: str) -> Iterator[str]:
    """Averages over the pairs; a tool that failed somewhere is averaged over fewer, and it is said of how many."""
    yield "\nOver all pairs (size ÷ best peer and diff CPU: geometric means; apply: means)"
    yield (
        f"  {'':18}{'pairs':>6}{'size ÷ best':>13}{'worst':>8}{'diff CPU/MB':>13}{'peak per byte':>15}"
        f"{'apply CPU/MB':>14}{'above floor':>13}"
    )
    for tool in results.tools:
        rows = results.of_tool(tool)
        ratios = [ratio for ratio in map(results.ratio, rows) if ratio]
        if not rows:
            yield f"  {tool:18}{0:>6}"
            continue
        label = tool + ("" if all(row.run == run for row in rows) else " *")
        # Starting a process takes a millisecond or so; below that nothing is measured.
        cpu = geometric_mean(max(row.diff_cpu_s, 0.001) / row.megabytes for row in rows)
        memory = max(row.diff_peak_mib * (1 << 20) / max(1, row.old_bytes + row.new_bytes) for row in rows)
        apply = statistics.fmean(row.apply_cpu_ms_per_mb for row in rows)
        above = _above_floor(results, rows) if rows[0].is_patchcore else None
        yield (
            f"  {label:18}{len(rows):>6}"
            + (f"{geometric_mean(ratios):>13.3f}{max(ratios):>8.2f}" if ratios else f"{'':21}")
            + f"{cpu:>11.3f} s{memory:>15.1f}{apply:>11.2f} ms"
            + (f"{above:>10.2f} ms" if above is not None else "")
        )
    yield "  MB: a million bytes of the new file. Peak per byte: diff's memory ÷ (old + new), the worst pair."
    yield "  Floor: SHA-256 of old and new, writing new, fsync. Other tools do not verify or sync, so it is not theirs."
    if any(row.run != run for row in results.deltas):
        yield "  * measured in another run: its sizes compare, its seconds only if the machine was as busy."


def squashing(results: Results) -> Iterator[str]:
    """A squashed chain beside a delta made directly from its first to its last version."""
    squashed = results.measured(SQUASH)
    direct = {row.tool: row for row in results.measured(DIRECT)}
    if not squashed:
        return
    yield f"\nSquashing {squashed[0].pair}, without the files; then diff of both ends, with them"
    for row in [*squashed, *direct.values()]:
        what = f"squash, {row.tool}" if row.measurement == SQUASH else f"diff, {row.tool}"
        if not row.identical:
            yield f"  {what:26}FAILED   {row.error}"
            continue
        time = f"{row.diff_wall_s:>9.2f} s{row.diff_cpu_s:>9.2f} s CPU"
        yield f"  {what:26}{row.delta_bytes:>12,}{time}{row.diff_peak_mib:>7.0f} MiB"
    ours = squashed[0]
    for tool, row in direct.items():
        if ours.identical and row.identical:
            time = ours.diff_cpu_s / max(row.diff_cpu_s, 0.001)
            yield f"  squash ÷ diff by {tool}: size {ours.delta_bytes / row.delta_bytes:.3f}, CPU {time:.3f}"

#!/usr/bin/env python3
"""Draws results.csv: size against time, for each pair and over all of them.

picture.py RESULTS.csv STEM         writes STEM.svg and STEM.png; needs matplotlib
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from results import Results, Row, geometric_mean, read

try:
    import matplotlib
except ImportError:
    sys.exit("matplotlib is missing: pip install matplotlib")

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator  # noqa: E402

# Opaque and light, so that it looks the same on a light and on a dark page.
BACKGROUND, INK, FAINT, GRID = "#ffffff", "#1f2328", "#6e7781", "#e4e7eb"
PATCHCORE = "#0550ae"
STYLES = {
    "bsdiff": ("#8250df", "s"),
    "xdelta3": ("#bc4c00", "^"),
    "zstd": ("#1a7f37", "D"),
    "hdiffpatch": ("#cf222e", "v"),
}
COLUMNS = 4


def style(tool: str) -> tuple[str, str]:
    return STYLES.get(tool.partition("-")[0], (FAINT, "o"))


def seconds_per_mb(row: Row) -> float:
    """A process takes a millisecond or so whatever it does; a logarithm has no place for nothing."""
    return max(row.diff_cpu_s, 0.001) / row.megabytes


def label(tool: str) -> str:
    name, _, variant = tool.partition("-")
    return f"{'HDiffPatch' if name == 'hdiffpatch' else name} {variant}".strip()


class Scale:
    """Axes wide enough for every point."""

    def __init__(self, times: Sequence[float], ratios: Sequence[float]) -> None:
        self.x = (min(times) / 1.6, max(times) * 2.2)
        self.y = (min([0.9, *ratios]) / 1.12, max([1.2, *ratios]) * 1.12)

    def apply(self, axes: Axes, small: bool) -> None:
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(self.x)
        axes.set_ylim(self.y)
        wide = self.y[1] / self.y[0] > 8
        marks = [0.5, 1, 2, 5, 10, 20, 50, 100] if wide else [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2, 3, 5]
        if small and not wide:
            marks = [0.5, 0.7, 1, 1.5, 2, 3, 5]
        axes.yaxis.set_major_locator(FixedLocator([mark for mark in marks if self.y[0] <= mark <= self.y[1]]))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
        powers = [10.0**power for power in range(-5, 4)]
        axes.xaxis.set_major_locator(FixedLocator([power for power in powers if self.x[0] <= power <= self.x[1]]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.grid(True, color=GRID, linewidth=0.6)
        axes.axhline(1, color=FAINT, linewidth=0.9)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, labelsize=7 if small else 9, colors=FAINT)
        for spine in axes.spines.values():
            spine.set_visible(False)


def draw_points(axes: Axes, points: dict[str, tuple[float, float]], small: bool) -> None:
    """Peers as marks, patchcore's levels as a line."""
    size = 4.5 if small else 8
    for tool, (time, ratio) in points.items():
        if not tool.startswith("patchcore"):
            colour, mark = style(tool)
            axes.plot(
                time, ratio, mark, color=colour, markersize=size * 0.85, markeredgecolor=BACKGROUND, markeredgewidth=0.5
            )
    ours = [point for tool, point in points.items() if tool.startswith("patchcore")]
    if ours:
        axes.plot(
            *zip(*ours, strict=True),
            "-o",
            color=PATCHCORE,
            markersize=size,
            linewidth=size / 4,
            zorder=5,
            markeredgecolor=BACKGROUND,
            markeredgewidth=0.6,
        )


Box = tuple[float, float, float, float]


def meet(one: Box, other: Box) -> bool:
    """Whether two boxes (left, bottom, right, top) have a point in common."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def name_points(axes: Axes, points: dict[str, tuple[float, float]]) -> None:
    """A name beside each point, where it meets no other name, no mark and not patchcore's line."""
    axes.figure.draw_without_rendering()
    # In units of 1/72 inch, in which the size of text is given.
    scale = 72 / axes.figure.dpi
    places = {tool: tuple(axes.transData.transform(point) * scale) for tool, point in points.items()}
    taken: list[Box] = [(x - 4, y - 4, x + 4, y + 4) for x, y in places.values()]
    ours = [tool for tool in points if tool.startswith("patchcore")]
    for one, other in zip(ours, ours[1:], strict=False):
        (x1, y1), (x2, y2) = places[one], places[other]
        for part in range(21):
            x, y = x1 + (x2 - x1) * part / 20, y1 + (y2 - y1) * part / 20
            taken.append((x - 1, y - 1, x + 1, y + 1))
    # Levels that cannot be told apart share a name.
    together: dict[tuple[int, int], list[str]] = {}
    for tool in ours:
        together.setdefault((round(places[tool][0] / 8), round(places[tool][1] / 8)), []).append(tool)
    names = {same[0]: "patchcore " + ", ".join(tool.rpartition("-")[2] for tool in same) for same in together.values()}
    # From below, since names are rather moved up than down.
    names |= {tool: label(tool) for tool in sorted(points, key=lambda tool: places[tool][1]) if tool not in ours}
    for tool, text in names.items():
        x, y = places[tool]
        colour = PATCHCORE if tool in ours else style(tool)[0]
        width, height, gap = (6.4 if tool in ours else 5.6) * len(text), 12, 9
        for right, up in [(side, step) for step in (0, 12, -12, 24, -24, 36, -36, 48) for side in (True, False)]:
            left = x + gap if right else x - gap - width
            box = (left, y + up - height / 2, left + width, y + up + height / 2)
            if not any(meet(box, other) for other in taken):
                break
        taken.append(box)
        axes.annotate(
            text,
            points[tool],
            (gap if right else -gap, up),
            "data",
            "offset points",
            ha="left" if right else "right",
            va="center",
            fontsize=9,
            color=colour,
            weight="bold" if tool in ours else "normal",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0} if up else None,
        )


def draw_overall(axes: Axes, results: Results, count: int) -> None:
    """Geometric means, each with its name beside it; only tools that worked on every pair can be compared so."""
    points = {}
    for tool in results.tools:
        rows = results.of_tool(tool)
        ratios = [ratio for ratio in map(results.ratio, rows) if ratio]
        if len(ratios) == count:
            points[tool] = (geometric_mean(map(seconds_per_mb, rows)), geometric_mean(ratios))
    if points:
        Scale(*zip(*points.values(), strict=True)).apply(axes, small=False)
        draw_points(axes, points, small=False)
        name_points(axes, points)
    axes.set_title(f"Geometric mean of {count} pairs", loc="left", fontsize=11, color=INK, weight="bold")
    axes.set_xlabel("diff, CPU seconds per MB of the new file", fontsize=9, color=INK)
    axes.set_ylabel("delta ÷ smallest of the other tools", fontsize=9, color=INK)


def draw_pair(axes: Axes, results: Results, pair: str) -> None:
    rows = [row for row in results.of_pair(pair) if row.identical]
    draw_points(axes, {row.tool: (seconds_per_mb(row), results.ratio(row)) for row in rows}, small=True)
    best = results.best_peer(pair)
    axes.set_title(pair, loc="left", fontsize=9, color=INK, weight="bold", pad=12)
    sizes = f"{best.new_bytes / 1e6:.1f} MB; 1× = {best.delta_bytes / 1e3:,.0f} KB, {label(best.tool)}"
    axes.text(0, 1.02, sizes, transform=axes.transAxes, fontsize=7, color=FAINT)


def draw(results: Results, stem: Path) -> None:
    pairs = [pair for pair in results.pairs if results.best_peer(pair)]
    if not pairs:
        sys.exit("a picture needs a pair that a tool other than patchcore was measured on")
    results = Results([row for row in results.rows if row.pair in pairs])
    rows = [row for row in results.deltas if row.identical]
    scale = Scale([seconds_per_mb(row) for row in rows], [results.ratio(row) for row in rows])
    plt.rcParams.update(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "patchcore",
            "font.family": ["DejaVu Sans"],
            "figure.facecolor": BACKGROUND,
            "savefig.facecolor": BACKGROUND,
        }
    )
    big = 2 if len(pairs) > 1 else 0
    lines = -(-(len(pairs) + big * big) // COLUMNS)
    figure = plt.figure(figsize=(11, 2.35 * max(lines, big) + 0.3), layout="constrained")
    grid = figure.add_gridspec(max(lines, big), COLUMNS)
    cells = [
        (line, column) for line in range(max(lines, big)) for column in range(COLUMNS) if line >= big or column >= big
    ]
    for pair, (line, column) in zip(pairs, cells, strict=False):
        axes = figure.add_subplot(grid[line, column])
        scale.apply(axes, small=True)
        draw_pair(axes, results, pair)
    if big:
        axes = figure.add_subplot(grid[:big, :big])
        draw_overall(axes, results, len(pairs))
    stem.parent.mkdir(parents=True, exist_ok=True)
    svg = stem.with_suffix(".svg")
    figure.savefig(svg, metadata={"Date": None, "Creator": None})
    # Text stays text, in a font that is about as wide where the first one is missing.
    svg.write_text(svg.read_text("utf-8").replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif"), "utf-8")
    figure.savefig(stem.with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    draw(Results(read(Path(sys.argv[1]))), Path(sys.argv[2]))

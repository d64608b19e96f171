"""The rows of results.csv, and what follows from them: who is best on a pair, and averages over pairs."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

# Kinds of measurement, the column `measurement`.
DELTA, FLOOR, THREADS, SQUASH, DIRECT = "delta", "floor", "apply-2-threads", "squash", "direct"


@dataclass(frozen=True)
class Row:
    """One line of results.csv; README.md explains the columns."""

    run: str
    pair: str
    measurement: str
    tool: str
    version: str
    old_bytes: int
    new_bytes: int
    old_sha256: str
    new_sha256: str
    delta_bytes: int = 0
    diff_wall_s: float = 0.0
    diff_cpu_s: float = 0.0
    diff_peak_mib: float = 0.0
    apply_wall_s: float = 0.0
    apply_cpu_s: float = 0.0
    apply_peak_mib: float = 0.0
    identical: bool = False
    error: str = ""

    @property
    def megabytes(self) -> float:
        """Millions of bytes of the new file, at least one byte."""
        return max(1, self.new_bytes) / 1e6

    @property
    def diff_cpu_s_per_mb(self) -> float:
        return self.diff_cpu_s / self.megabytes

    @property
    def apply_cpu_ms_per_mb(self) -> float:
        return 1000 * self.apply_cpu_s / self.megabytes

    @property
    def is_patchcore(self) -> bool:
        return self.tool.startswith("patchcore")


def write(path: Path, rows: Iterable[Row]) -> None:
    names = [field.name for field in fields(Row)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in rows:
            values = (getattr(row, name) for name in names)
            writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in values])


def read(path: Path) -> list[Row]:
    """Raises ValueError where the file has other columns."""
    kinds = {"int": int, "float": float, "bool": lambda text: text == "True", "str": str}
    convert = {field.name: kinds[str(field.type)] for field in fields(Row)}
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        if set(reader.fieldnames or ()) != set(convert):
            raise ValueError(f"{path}: its columns are not those of this benchmark")
        return [Row(**{name: convert[name](text) for name, text in line.items()}) for line in reader]


def in_order(values: Iterable[str]) -> list[str]:
    """Each value once, in the order of first appearance."""
    return list(dict.fromkeys(values))


def geometric_mean(values: Iterable[float]) -> float:
    logarithms = [math.log(value) for value in values]
    return math.exp(math.fsum(logarithms) / len(logarithms))


class Results:
    """All rows, with the questions that summary and picture ask of them."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)
        self.deltas = [row for row in self.rows if row.measurement == DELTA]
        self.pairs = in_order(row.pair for row in self.deltas)
        self.tools = in_order(row.tool for row in self.deltas)
        self._best: dict[str, Row] = {}
        for row in self.deltas:
            if not row.is_patchcore and row.identical:
                best = self._best.get(row.pair)
                if best is None or row.delta_bytes < best.delta_bytes:
                    self._best[row.pair] = row

    def best_peer(self, pair: str) -> Row | None:
        """The smallest delta of a tool that is not patchcore."""
        return self._best.get(pair)

    def ratio(self, row: Row) -> float | None:
        """Size ÷ that of the best peer on the same pair; None where there is none or the tool failed."""
        best = self._best.get(row.pair)
        return row.delta_bytes / best.delta_bytes if best and row.identical else None

    def of_pair(self, pair: str) -> list[Row]:
        return [row for row in self.deltas if row.pair == pair]

    def of_tool(self, tool: str) -> list[Row]:
        """The rows of a tool where it worked."""
        return [row for row in self.deltas if row.tool == tool and row.identical]

    def measured(self, measurement: str, pair: str | None = None) -> list[Row]:
        return [row for row in self.rows if row.measurement == measurement and pair in (None, row.pair)]

#!/usr/bin/env python3
"""Makes a SQLite database before and after some edits.

    make_sqlite.py TREE DIR         DIR/{old,new}: every line of the .d.ts files below TREE in a table with two indexes

Seeds are fixed. The same release of SQLite gives the same bytes.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import sys
from pathlib import Path

SEED = 20250101
ROWS = 60_000


def make_sqlite(tree: Path, out: Path) -> None:
    """400 rows updated, 300 deleted and 500 inserted."""
    lines = [
        (str(path.relative_to(tree)), number, line)
        for path in sorted(tree.rglob("*.d.ts"))
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
    ][:ROWS]
    old, new = out / "old", out / "new"
    old.unlink(missing_ok=True)
    with sqlite3.connect(old) as database:
        database.execute("CREATE TABLE line (id INTEGER PRIMARY KEY, file TEXT, number INTEGER, text TEXT)")
        database.executemany("INSERT INTO line (file, number, text) VALUES (?, ?, ?)", lines)
        database.execute("CREATE INDEX line_place ON line (file, number)")
        database.execute("CREATE INDEX line_text ON line (text)")
    database.close()
    shutil.copyfile(old, new)
    choice = random.Random(SEED)
    ids = choice.sample(range(1, len(lines) + 1), min(700, len(lines)))
    with sqlite3.connect(new) as database:
        database.executemany("UPDATE line SET text = text || ' // seen' WHERE id = ?", [(i,) for i in ids[:400]])
        database.executemany("DELETE FROM line WHERE id = ?", [(i,) for i in ids[400:]])
        database.executemany(
            "INSERT INTO line (file, number, text) VALUES (?, ?, ?)", choice.sample(lines, min(500, len(lines)))
        )
    database.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    make_sqlite(Path(sys.argv[1]), Path(sys.argv[2]))

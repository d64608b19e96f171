"""The old tree of the vectors of tree patches, small packages for it, and the list of vectors."""

from __future__ import annotations

import json
from pathlib import Path

from tree_writer import DEFLATED, FOLDER, STORED, Entry, File, Link, Tree, change, digest, package, patch, source

HERE = Path(__file__).parent
STATUS = {
    "OK": 0,
    "INVALID_ARGUMENT": 10,
    "UNSUPPORTED": 11,
    "CORRUPT": 30,
    "UNSAFE_PATH": 32,
    "SOURCE_MISMATCH": 40,
    "TARGET_MISMATCH": 41,
    "CONFLICT": 45,
}

TEXT = [(HERE / f"files/text.v{number}").read_bytes() for number in (1, 2, 3)]
CODE = [(HERE / f"files/code.v{number}").read_bytes() for number in (1, 2)]
NOISE = (HERE / "files/noise.v1").read_bytes()
RUN = [b"#!/bin/sh\necho one\n", b"#!/bin/sh\necho two\n"]
TEXT_DELTA = (HERE / "deltas/text-level-6.delta").read_bytes()
CODE_DELTA = (HERE / "deltas/code-level-6.delta").read_bytes()

OLD: Tree = {
    "bin": FOLDER,
    "bin/run": File(RUN[0], True),
    "docs": FOLDER,
    "docs/guide.txt": File(TEXT[0]),
    "docs/pages": FOLDER,
    "docs/pages/1": File(b"one"),
    "empty": FOLDER,
    "gone.txt": File(b"gone"),
    "lib": FOLDER,
    "lib/core.so": File(CODE[0]),
    "lib/noise.bin": File(NOISE),
    "latest": Link("docs/guide.txt"),
    "settings.ini": File(b"changed"),
}


class Vectors:
    def __init__(self, patchcore: str) -> None:
        self.patchcore, self.list = patchcore, []

    def write(self, name: str, data: bytes) -> str:
        (HERE / "trees" / name).write_bytes(data)
        return f"trees/{name}"

    def add(
        self, name: str, shows: str, file: bytes, new: Tree | None = None, status: str = "OK", **more: object
    ) -> None:
        """`setup`, `old`, `operations` and `second` are of this vector; the old tree is `OLD` unless given."""
        old = more.pop("old", OLD)
        setup = more.pop("setup", "trees/setup.zip" if old is OLD else None)
        vector: dict = {"name": name, "shows": shows}
        vector |= {"setup": setup} if setup else {}
        vector |= {
            "old_tree": digest(old),
            "file": self.write(name + (".tar.gz" if "operations" in more else ".zip"), file),
        }
        if "operations" in more:
            text = more.pop("operations")
            text = text if isinstance(text, str) else json.dumps(text)
            vector["operations"] = self.write(name + ".json", text.encode())
        if "second" in more:
            vector["second"] = self.write(name + ".second.zip", more.pop("second"))
        vector |= more | {"status": STATUS[status], "status_name": status}
        vector |= {"new_tree": digest(new)} if new is not None else {}
        assert all(other["name"] != name for other in self.list), name
        self.list.append(vector)

    def refuse(self, name: str, shows: str, status: str, file: bytes, **more: object) -> None:
        self.add(name, shows, file, None, status, **more)

    def save(self) -> None:
        text = json.dumps({"format_version": 1, "vectors": self.list}, indent=1, ensure_ascii=False)
        (HERE / "trees.json").write_text(text + "\n")


def with_(**changes: object) -> Tree:
    """`OLD` with other nodes; paths have `__` for `/` and `_dot_` for `.`, and None takes a node away."""
    paths = {path.replace("__", "/").replace("_dot_", "."): node for path, node in changes.items()}
    return {path: node for path, node in (OLD | paths).items() if node is not None}


def whole(path: str, new: File, old: object = "absent", method: int = DEFLATED, **entry: object) -> tuple[dict, Entry]:
    mode = 0o100755 if new.executable else 0o100644
    return change(path, old, new, "whole"), Entry(path, new.data, method, mode, **entry)


def one(path: str, new: File, old: object = "absent", method: int = DEFLATED, **entry: object) -> bytes:
    """A package that brings one whole file."""
    made, file = whole(path, new, old, method, **entry)
    return package(patch(made), file)


def delta(path: str, old: bytes, new: File, data: bytes, origin: str | None = None, expected: object = None) -> bytes:
    """A package that brings one delta."""
    content = {"delta": {"entry": ".patchcore/deltas/0", "source": source(origin or path, old)}}
    said = change(path, expected or File(old), new, content)
    return package(patch(said), Entry(".patchcore/deltas/0", data, STORED))


def setup() -> bytes:
    changes, files = [], []
    for path in sorted(OLD, key=str.encode):
        if isinstance(OLD[path], File):
            made, file = whole(path, OLD[path])
            changes.append(made)
            files.append(file)
        else:
            changes.append(change(path, "absent", OLD[path]))
    return package(patch(*changes), *files)

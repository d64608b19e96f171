#!/usr/bin/env python3
"""Applies tree patches in memory, written from `core/FORMAT.md` alone: `decode_tree.py`, beside the vectors.

It knows what a patch that makes sense does, and leaves refusing others to those who must: it checks digests only.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path

import decode

# A tree is a dict by path: "directory", ("file", bytes, executable) or ("symlink", target).


def digest(tree: dict) -> str:
    lines = b""
    for path in sorted(tree, key=str.encode):
        node = tree[path]
        if node == "directory":
            line = f"directory {path}"
        elif node[0] == "symlink":
            line = f"symlink {node[1]}\0{path}"
        else:
            line = f"{'executable' if node[2] else 'file'} {hashlib.sha256(node[1]).hexdigest()} {path}"
        lines += line.encode() + b"\0"
    return hashlib.sha256(lines).hexdigest()


def below(path: str, folder: str) -> bool:
    return path.startswith(folder + "/")


def unpack(package: bytes) -> dict[str, bytes]:
    entries = {}
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        for info in archive.infolist():
            if info.compress_type != 93:
                entries[info.filename] = archive.read(info)
                continue
            start = (
                info.header_offset
                + 30
                + sum(
                    int.from_bytes(package[info.header_offset + at : info.header_offset + at + 2], "little")
                    for at in (26, 28)
                )
            )
            entries[info.filename] = decode.zstd_decoder().decompress(package[start : start + info.compress_size])
    return entries


def checked(data: bytes, promise: dict) -> bytes:
    assert (len(data), hashlib.sha256(data).hexdigest()) == (promise["size"], promise["sha256"]), "another file"
    return data


class Maker:
    """Makes the new files of one patch, each once."""

    def __init__(self, tree: dict, patch: dict, entries: dict[str, bytes]) -> None:
        self.tree, self.entries = tree, entries
        self.changes = {change["path"]: change for change in patch["changes"]}
        self.listed, self.joined = patch["changes"], patch.get("joined", [])
        self.made: dict[str, bytes] = {}

    def file(self, path: str) -> bytes:
        if path not in self.made:
            change = self.changes[path]
            made = self.bytes_of(path, change.get("content"))
            self.made[path] = checked(made, change["new"]["file"])
        return self.made[path]

    def bytes_of(self, path: str, content: str | dict | None) -> bytes:
        if content is None:
            return self.tree[path][1]
        if content == "whole":
            return self.entries[path]
        if "copy" in content:
            return self.old(content["copy"])
        if "joined" in content:
            self.make_joined(content["joined"]["delta"])
            return self.made[path]
        delta = content["delta"]
        return decode.apply(self.old(delta["source"]), self.entries[delta["entry"]])[0]

    def make_joined(self, number: int) -> None:
        """Makes the results of a joined delta: its old file is all its sources, its new file all its results."""
        delta = self.joined[number]
        sources = [self.source_of(source) for source in delta["sources"]]
        results = [change for change in self.listed if is_made_by(change, number)]
        results.sort(key=lambda change: (-change["new"]["file"]["size"], change["path"].encode()))
        promises = [change["new"]["file"]["sha256"] for change in results]
        ends = (lambda _: joint_digest([s["sha256"] for s in sources]), lambda _: joint_digest(promises))
        new = decode.apply(b"".join(map(self.old, sources)), self.entries[delta["entry"]], ends=ends)[0]
        for change in results:
            size = change["new"]["file"]["size"]
            self.made[change["path"]], new = new[:size], new[size:]

    def source_of(self, source: int | dict) -> dict:
        if isinstance(source, dict):
            return source
        change = self.listed[source]
        return {"path": change["path"]} | change["old"]["file"]

    def old(self, source: dict) -> bytes:
        return checked(self.tree[source["path"]][1], source)


def is_made_by(change: dict, number: int) -> bool:
    content = change.get("content")
    return isinstance(content, dict) and content.get("joined", {}).get("delta") == number


def joint_digest(digests: list[str]) -> bytes:
    """The digest of several files that nobody joined: that of their digests."""
    raw = [bytes.fromhex(digest) for digest in digests]
    return raw[0] if len(raw) == 1 else hashlib.sha256(b"".join(raw)).digest()


def apply(tree: dict, package: bytes) -> dict:
    """The tree after a package."""
    entries = unpack(package)
    patch = json.loads(entries[".patchcore/patch.json"])
    maker = Maker(tree, patch, entries)
    new = dict(tree)
    for path, change in maker.changes.items():
        if change.get("keep_local") and path in tree:
            continue
        if change.get("whole_directory"):
            new = {other: node for other, node in new.items() if not below(other, path)}
        new.pop(path, None)
    for path, change in maker.changes.items():
        item = change.get("new")
        if item is None or (change.get("keep_local") and path in tree):
            continue
        if item == "directory":
            new[path] = item
        elif "symlink" in item:
            new[path] = ("symlink", item["symlink"])
        else:
            new[path] = ("file", maker.file(path), item["file"].get("executable", False))
    return with_folders(new)


def apply_operations(tree: dict, package: bytes, text: str) -> dict:
    """The tree after a `.tar.gz` and its operations."""
    said = json.loads(text)

    def paths(what, kind):
        return [bare(path) for path in ((said.get(what) or {}).get(kind) or [])]

    folders = paths("replace", "directories") + paths("delete", "directories")
    gone = set(paths("replace", "files") + paths("delete", "files") + folders)
    new = {path: node for path, node in tree.items() if path not in gone and not any(below(path, f) for f in folders)}
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(package))) as archive:
        for member in archive:
            path = bare(member.name)
            if member.isdir():
                new[path] = "directory"
            elif member.issym():
                new[path] = ("symlink", member.linkname)
            else:
                new[path] = ("file", archive.extractfile(member).read(), bool(member.mode & 0o100))
    return with_folders(new)


def bare(path: str) -> str:
    while path.startswith("./"):
        path = path[2:]
    return path.rstrip("/")


def with_folders(tree: dict) -> dict:
    """With the folders that files lie in."""
    for path in list(tree):
        while "/" in path:
            path = path.rpartition("/")[0]
            tree.setdefault(path, "directory")
    return tree


def run(vector: dict, folder: Path) -> str:
    """What is wrong with a vector that is to succeed."""

    def read(key):
        return (folder / vector[key]).read_bytes()

    tree = apply({}, read("setup")) if "setup" in vector else {}
    if digest(tree) != vector["old_tree"]:
        return "the old tree is another one"
    if "change" in vector:
        executable = vector["change"] in tree and tree[vector["change"]][2]
        tree = with_folders(tree | {vector["change"]: ("file", b"changed", executable)})
    if "operations" in vector:
        tree = apply_operations(tree, read("file"), read("operations").decode())
    else:
        tree = apply(tree, read("file"))
    if "second" in vector:
        tree = apply(tree, read("second"))
    return "" if digest(tree) == vector["new_tree"] else "it makes another tree"


def main() -> int:
    folder = Path(__file__).parent
    vectors = [v for v in json.loads((folder / "trees.json").read_text())["vectors"] if v["status_name"] == "OK"]
    wrong = [f"{vector['name']}: {why}" for vector in vectors if (why := run(vector, folder))]
    print("\n".join([*wrong, f"{len(vectors) - len(wrong)} of {len(vectors)} tree patches do as they say"]))
    return 1 if wrong or not vectors else 0


if __name__ == "__main__":
    sys.exit(main())

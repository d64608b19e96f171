#!/usr/bin/env python3
"""Makes the vectors of tree patches anew: `make_trees.py PATCHCORE`, with the path of a `patchcore` binary.

As with `make.py`: for whoever adds one; needs `pip install zstandard`; leave those there are.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import decode_tree
import hostile_trees
from tree_sample import (
    CODE,
    CODE_DELTA,
    HERE,
    NOISE,
    OLD,
    RUN,
    TEXT,
    TEXT_DELTA,
    Vectors,
    delta,
    one,
    setup,
    whole,
    with_,
)
from tree_writer import (
    DEFLATED,
    FOLDER,
    PATCH,
    STORED,
    ZSTD,
    Entry,
    File,
    Link,
    Tree,
    change,
    package,
    patch,
    source,
    zip_file,
)


def contents(v: Vectors) -> None:
    new = File(b"new")
    for name, method in [("stored", STORED), ("deflated", DEFLATED), ("zstd", ZSTD)]:
        file = File(TEXT[1])
        v.add(
            f"whole-{name}",
            f"a new file, {name}",
            one("docs/new.txt", file, method=method),
            with_(docs__new_dot_txt=file),
        )
    v.add("whole-zip64", "ZIP64 records", zip64(), with_(new=new))
    v.add("whole-empty", "an empty file", one("new", File(b""), method=STORED), with_(new=File(b"")))
    v.add("whole-executable", "a program", one("new", File(b"x", True)), with_(new=File(b"x", True)))
    v.add(
        "whole-replaces",
        "a file replaced by a whole one",
        one("gone.txt", new, OLD["gone.txt"]),
        with_(gone_dot_txt=new),
    )
    v.add(
        "whole-anything",
        "a file replaced, whatever it is",
        one("settings.ini", new, "anything"),
        with_(settings_dot_ini=new),
    )
    v.add("names-unicode", "a name beyond ASCII", one("docs/grüße-日本", new), OLD | {"docs/grüße-日本": new})
    text = File(TEXT[1])
    v.add("delta", "a delta", delta("docs/guide.txt", TEXT[0], text, TEXT_DELTA), with_(docs__guide_dot_txt=text))
    code = File(CODE[1], True)
    v.add(
        "delta-executable",
        "a delta of what becomes a program",
        delta("lib/core.so", CODE[0], code, CODE_DELTA),
        OLD | {"lib/core.so": code},
    )
    moved = delta("guide.txt", TEXT[0], text, TEXT_DELTA, "docs/guide.txt", "absent")
    v.add("delta-elsewhere", "a delta for the file of another path", moved, with_(guide_dot_txt=text))
    copy = patch(change("lib/old.bin", "absent", File(NOISE), {"copy": source("lib/noise.bin", NOISE)}))
    v.add("copy", "a copy", package(copy), OLD | {"lib/old.bin": File(NOISE)})
    move = patch(
        change("lib/noise.bin", File(NOISE)),
        change("moved.bin", "absent", File(NOISE), {"copy": source("lib/noise.bin", NOISE)}),
    )
    v.add(
        "move",
        "a move",
        package(move),
        {k: n for k, n in OLD.items() if k != "lib/noise.bin"} | {"moved.bin": File(NOISE)},
    )
    swap = patch(
        change("gone.txt", OLD["gone.txt"], File(b"changed"), {"copy": source("settings.ini", b"changed")}),
        change("settings.ini", OLD["settings.ini"], File(b"gone"), {"copy": source("gone.txt", b"gone")}),
    )
    v.add(
        "swap",
        "two files change places",
        package(swap),
        with_(gone_dot_txt=File(b"changed"), settings_dot_ini=File(b"gone")),
    )


def zip64() -> bytes:
    made, file = whole("new", File(b"new"))
    file.zip64 = True
    return zip_file(Entry(PATCH, patch(made), zip64=True), file, zip64=True)


def kinds(v: Vectors) -> None:
    v.add("nothing", "a patch that changes nothing", package(patch()), OLD)
    v.add("unknown-fields", "fields that a reader need not know", package(patch(future={"deep": [1]})), OLD)
    v.add(
        "delete",
        "a file and an empty folder go",
        package(patch(change("gone.txt", OLD["gone.txt"]), change("empty", FOLDER))),
        with_(gone_dot_txt=None, empty=None),
    )
    gone = {path: node for path, node in OLD.items() if not path.startswith("docs/pages")}
    v.add(
        "delete-whole-folder",
        "a folder goes with what no release listed",
        package(patch(change("docs/pages", "anything", whole_directory=True))),
        gone,
        change="docs/pages/mine",
    )
    made, file = whole("docs/pages/2", File(b"two"), "anything")
    replaced = package(patch(change("docs/pages", "anything", FOLDER, whole_directory=True), made), file)
    v.add(
        "replace-whole-folder",
        "a folder is replaced as a whole",
        replaced,
        gone | {"docs/pages": FOLDER, "docs/pages/2": File(b"two")},
        change="docs/pages/mine",
    )
    v.add("delete-absent", "what is gone already may go", package(patch(change("never", File(b"x")))), OLD)
    v.add(
        "folders",
        "folders, one in the other",
        package(patch(change("a", "absent", FOLDER), change("a/b", "absent", FOLDER))),
        with_(a=FOLDER, a__b=FOLDER),
    )
    link = Link("../lib/core.so")
    v.add("symlink", "a symbolic link", package(patch(change("docs/core", "absent", link))), with_(docs__core=link))
    v.add(
        "symlink-changes",
        "a symbolic link that points elsewhere",
        package(patch(change("latest", OLD["latest"], Link("lib")))),
        with_(latest=Link("lib")),
    )
    v.add(
        "symlink-becomes-file",
        "a symbolic link becomes a file",
        one("latest", File(b"x"), OLD["latest"]),
        with_(latest=File(b"x")),
    )
    v.add(
        "file-becomes-symlink",
        "a file becomes a symbolic link",
        package(patch(change("gone.txt", OLD["gone.txt"], Link("lib")))),
        with_(gone_dot_txt=Link("lib")),
    )
    made, file = whole("gone.txt/inner", File(b"x"))
    v.add(
        "file-becomes-folder",
        "a file becomes a folder",
        package(patch(change("gone.txt", OLD["gone.txt"], FOLDER), made), file),
        with_(gone_dot_txt=FOLDER) | {"gone.txt/inner": File(b"x")},
    )
    flat = {path: node for path, node in OLD.items() if path != "docs/pages/1"} | {"docs/pages": File(b"x")}
    made, file = whole("docs/pages", File(b"x"), FOLDER)
    v.add(
        "folder-becomes-file",
        "a folder becomes a file",
        package(patch(made, change("docs/pages/1", File(b"one"))), file),
        flat,
    )
    mode = change("bin/run", OLD["bin/run"], File(RUN[0], False))
    v.add("mode", "a program becomes a plain file", package(patch(mode)), with_(bin__run=File(RUN[0], False)))
    v.add("keep-local-absent", "what is installed once", once("new.ini"), with_(new_dot_ini=File(b"new")))
    v.add("keep-local-present", "what is installed once and there already", once("gone.txt"), OLD)
    v.add(
        "not-listed",
        "what no patch lists stays",
        one("new", File(b"new")),
        with_(new=File(b"new"), saves=FOLDER, saves__1=File(b"changed")),
        change="saves/1",
    )
    v.add(
        "partly-new",
        "what is new already needs nothing",
        partly_new(),
        with_(settings_dot_ini=File(b"changed"), gone_dot_txt=File(b"new")),
    )
    v.add(
        "version-range",
        "versions of a tree of which none is known",
        package(patch(applies_to={"min": "1.0.0", "max": "1.0.9.9"}, version="v1.1.0")),
        OLD,
    )
    v.add("from-nothing", "a whole tree", setup(), OLD, old={})


def once(path: str) -> bytes:
    made, file = whole(path, File(b"new"), "absent")
    return package(patch(made | {"keep_local": True}), file)


def partly_new() -> bytes:
    done, there = whole("settings.ini", File(b"changed"), File(b"before"))
    made, file = whole("gone.txt", File(b"new"), OLD["gone.txt"])
    return package(patch(made, done), file, there)


class Versions:
    """Trees on the disk, and the packages that `patchcore` makes between them."""

    def __init__(self, patchcore: str, scratch: str, trees: list[Tree]) -> None:
        self.patchcore, self.out = patchcore, Path(scratch) / "out"
        self.roots = [Path(scratch) / str(number) for number in range(len(trees))]
        for root, tree in zip(self.roots, trees):
            plant(root, tree)

    def diff(self, name: str, old: int, new: int, *options: str) -> bytes:
        """A package that is there already stays, since every later reader has to read it."""
        there = HERE / "trees" / name
        if there.exists():
            return there.read_bytes()
        command = [self.patchcore, "tree", "diff", self.roots[old], self.roots[new], "-o", self.out, "-q", *options]
        subprocess.run(command, check=True)
        return self.out.read_bytes()


def written(v: Vectors) -> None:
    """What `patchcore` writes."""
    new = {path: node for path, node in OLD.items() if path not in ("gone.txt", "lib/noise.bin", "empty")}
    new |= {"docs/guide.txt": File(TEXT[1]), "lib/core.so": File(CODE[1]), "bin/run": File(RUN[1], True)}
    new |= {
        "moved": FOLDER,
        "moved/noise.bin": File(NOISE),
        "latest": Link("lib/core.so"),
        "bin/tool": File(b"a tool", True),
    }
    newer = {path: node for path, node in new.items() if path != "latest"}
    newer |= {"docs/guide.txt": File(TEXT[2]), "moved/noise.bin": File(NOISE, True), "gone.txt": File(b"back")}
    with tempfile.TemporaryDirectory() as scratch:
        diff = Versions(v.patchcore, scratch, [OLD, new, newer]).diff
        every = diff("every-kind.zip", 0, 1, "--to-version", "1.1.0")
        v.add("every-kind", "changes of every kind, as written", every, new)
        by_zstd = diff("every-kind-zstd.zip", 0, 1, "--compression", "zstd", "-9")
        v.add("every-kind-zstd", "the same, whole files by zstd", by_zstd, new)
        second = diff("two-in-a-row.second.zip", 1, 2)
        v.add("two-in-a-row", "two patches in a row", diff("two-in-a-row.zip", 0, 1), newer, second=second)
        there, back = diff("there-and-back.zip", 0, 1), diff("there-and-back.second.zip", 1, 0)
        v.add("there-and-back", "a patch, and one that takes it back", there, OLD, second=back)


def joined(v: Vectors) -> None:
    """Files that gain the same, and are made together."""
    gained, again = NOISE[:6_000], CODE[1][:5_000]
    new, newer = dict(OLD), dict(OLD)
    for path, at in [("docs/guide.txt", 2_000), ("lib/core.so", 3_000), ("lib/noise.bin", 100)]:
        data = OLD[path].data
        new[path] = File(data[:at] + gained[::-1] + data[at:], path == "lib/core.so")
        newer[path] = File(new[path].data[:500] + again[::-1] + new[path].data[500:])
    newer["lib/new"] = File(again[::-1] + gained)
    del newer["lib/noise.bin"]
    with tempfile.TemporaryDirectory() as scratch:
        diff = Versions(v.patchcore, scratch, [OLD, new, newer]).diff
        package_of_joined = diff("joined.zip", 0, 1)
        v.add("joined", "files that one delta makes together", package_of_joined, new)
        second = diff("joined-twice.second.zip", 1, 2)
        v.add("joined-twice", "joined deltas in a row", diff("joined-twice.zip", 0, 1), newer, second=second)
        back = diff("joined-and-back.second.zip", 1, 0)
        v.add("joined-and-back", "a joined delta, and what takes it back", package_of_joined, OLD, second=back)
    there = {"change": "docs/guide.txt", "outcome": "unchanged"}
    v.refuse("joined-conflict", "somebody changed what a joined delta needs", "CONFLICT", package_of_joined, **there)
    hostile_trees.joined(v, package_of_joined)


def plant(root: Path, tree: Tree) -> None:
    root.mkdir()
    for path in sorted(tree, key=str.encode):
        match tree[path]:
            case File(data, executable):
                (root / path).write_bytes(data)
                (root / path).chmod(0o755 if executable else 0o644)
            case Link(target):
                (root / path).symlink_to(target)
            case _:
                (root / path).mkdir()


def main() -> None:
    (HERE / "trees").mkdir(exist_ok=True)
    v = Vectors(sys.argv[1])
    v.write("setup.zip", setup())
    for group in (
        contents,
        kinds,
        written,
        joined,
        hostile_trees.operations,
        hostile_trees.conflicts,
        hostile_trees.hostile,
        hostile_trees.documents,
    ):
        group(v)
    v.save()
    sys.exit(decode_tree.main())


if __name__ == "__main__":
    main()

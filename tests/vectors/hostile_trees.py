"""Tree patches that are refused, and the file-operation form."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable

from decode_tree import unpack
from tree_sample import CODE_DELTA, NOISE, OLD, TEXT, TEXT_DELTA, Vectors, delta, one, whole, with_
from tree_writer import FOLDER, PATCH, STORED, Entry, File, Link, change, package, patch, source, tar_gz, zip_file


def operations(v: Vectors) -> None:
    new = File(b"new", True)
    files = {
        "replace": {"files": ["./bin/run", "new"], "directories": []},
        "delete": {"files": ["gone.txt", "never"], "directories": ["empty/"]},
    }
    archive = tar_gz(("./bin/", FOLDER), ("./bin/run", new), ("new", File(TEXT[1])))
    v.add(
        "operations",
        "files replaced and deleted",
        archive,
        with_(bin__run=new, new=File(TEXT[1]), gone_dot_txt=None, empty=None),
        operations=files,
    )
    gone = {path: node for path, node in OLD.items() if not path.startswith("docs/pages")}
    folder = {"replace": {"directories": ["docs/pages/"]}, "delete": None, "future": 1}
    archive = tar_gz(("docs/pages", FOLDER), ("docs/pages/2", File(b"two")), ("docs/pages/l", Link("2")))
    replaced = gone | {"docs/pages": FOLDER, "docs/pages/2": File(b"two"), "docs/pages/l": Link("2")}
    v.add("operations-folder", "a directory replaced", archive, replaced, operations=folder, change="docs/pages/mine")
    one_file = {"replace": {"files": ["new"]}}
    refuse = v.refuse
    refuse(
        "operations-none",
        "operations that do nothing",
        "INVALID_ARGUMENT",
        tar_gz(),
        operations={"replace": {"files": []}},
    )
    refuse("operations-not-json", "operations that are no JSON", "CORRUPT", tar_gz(("new", new)), operations="{")
    refuse(
        "operations-missing",
        "a listed file is not in the archive",
        "CORRUPT",
        tar_gz(("other", new)),
        operations=one_file,
    )
    refuse(
        "operations-unlisted",
        "something in the archive is not listed",
        "CORRUPT",
        tar_gz(("new", new), ("other", new)),
        operations=one_file,
    )
    refuse(
        "operations-front",
        "`front` is not `front2`",
        "CORRUPT",
        tar_gz(("front/a", new), ("front2/a", new)),
        operations={"replace": {"directories": ["front"]}},
    )
    refuse(
        "operations-folder-as-file",
        "a listed file is a directory",
        "CORRUPT",
        tar_gz(("new", FOLDER)),
        operations=one_file,
    )
    refuse(
        "operations-twice",
        "a path in two lists",
        "CORRUPT",
        tar_gz(("new", new)),
        operations=one_file | {"delete": {"files": ["new"]}},
    )
    refuse(
        "operations-entry-twice",
        "a path twice in the archive",
        "CORRUPT",
        tar_gz(("new", new), ("new", new)),
        operations=one_file,
    )
    refuse(
        "operations-up",
        "an operation that leaves the root",
        "UNSAFE_PATH",
        tar_gz(),
        operations={"delete": {"files": ["../x"]}},
    )
    refuse(
        "operations-archive-up",
        "a name in the archive that leaves the root",
        "UNSAFE_PATH",
        tar_gz(("new", new), ("../x", new)),
        operations=one_file,
    )
    hard = tarfile.TarInfo("new")
    hard.type, hard.linkname = tarfile.LNKTYPE, "/etc/passwd"
    refuse("operations-hard-link", "a hard link", "UNSAFE_PATH", tar_gz(hard), operations=one_file)
    pipe = tarfile.TarInfo("new")
    pipe.type = tarfile.FIFOTYPE
    refuse("operations-pipe", "a pipe", "UNSAFE_PATH", tar_gz(pipe), operations=one_file)
    refuse("operations-cut", "an archive that ends early", "CORRUPT", tar_gz(("new", new))[:-30], operations=one_file)
    refuse(
        "operations-behind",
        "bytes behind the end of the archive",
        "CORRUPT",
        tar_gz(("new", new), padding=b"x" * 512),
        operations=one_file,
    )


def conflicts(v: Vectors) -> None:
    text = File(TEXT[1])
    refuse = v.refuse
    there = {"outcome": "unchanged"}
    by_delta = delta("docs/guide.txt", TEXT[0], text, TEXT_DELTA)
    refuse(
        "conflict-modified",
        "somebody changed what a delta needs",
        "CONFLICT",
        by_delta,
        change="docs/guide.txt",
        **there,
    )
    refuse("conflict-created", "somebody made what is new", "CONFLICT", one("mine", text), change="mine", **there)
    refuse(
        "conflict-deleted-file",
        "somebody changed what goes",
        "CONFLICT",
        package(patch(change("gone.txt", OLD["gone.txt"]))),
        change="gone.txt",
        **there,
    )
    copy = package(patch(change("copy", "absent", File(NOISE), {"copy": source("lib/noise.bin", NOISE)})))
    refuse("conflict-source", "somebody changed what is copied", "CONFLICT", copy, change="lib/noise.bin", **there)
    refuse(
        "conflict-other-tree", "a patch for another tree", "CONFLICT", one("gone.txt", text, File(b"other")), **there
    )
    flat = package(patch(change("docs/pages", FOLDER, Link("x")), change("docs/pages/1", File(b"one"))))
    refuse("conflict-not-empty", "a folder that goes holds more", "CONFLICT", flat, change="docs/pages/mine", **there)


def hostile(v: Vectors) -> None:
    new = File(b"new")
    refuse = v.refuse
    for name, path in {
        "up": "../x",
        "absolute": "/x",
        "inner-up": "a/../../x",
        "backslash": "a\\b",
        "nul": "a\0b",
        "blank": "a//b",
        "dot": "./a",
        "long": "n" * 256,
        "reserved": ".patchcore/x",
        "reserved-case": ".PatchCore",
    }.items():
        refuse(f"name-{name}", f"a name that cannot be: {name}", "UNSAFE_PATH", one(path, new))
    refuse("name-not-utf8", "a name that is not UTF-8", "UNSAFE_PATH", package(patch(), Entry(b"\xff", b"new")))
    for name, target in {
        "up": "../x",
        "absolute": "/x",
        "drive": "C:/x",
        "empty": "",
        "inner-up": "docs/../../x",
    }.items():
        refuse(
            f"target-{name}",
            f"a link that leads out: {name}",
            "UNSAFE_PATH",
            package(patch(change("l", "absent", Link(target)))),
        )
    made, file = whole("new", new)
    said = patch(made)
    refuse("entry-missing", "an entry is missing", "CORRUPT", package(said))
    refuse(
        "entry-too-many", "an entry that the patch does not name", "CORRUPT", package(said, file, Entry("other", b"x"))
    )
    refuse("entry-twice", "two entries of one name", "CORRUPT", package(said, file, file))
    refuse(
        "entry-folder", "an entry for a folder", "CORRUPT", package(patch(), Entry("folder/", b"", STORED, 0o040755))
    )
    refuse(
        "entry-link",
        "an entry that is a symbolic link",
        "UNSAFE_PATH",
        package(said, Entry("new", b"new", mode=0o120777)),
    )
    for name, there in {
        "name": {"name": "wen"},
        "size": {"size": 4},
        "packed": {"packed": 4},
        "crc": {"crc": 1},
        "method": {"method": 0},
    }.items():
        entry = Entry("new", b"new", local=there)
        refuse(f"local-{name}", f"a local header with another {name}", "CORRUPT", package(said, entry))
    refuse(
        "crc",
        "content of another check",
        "CORRUPT",
        package(said, Entry("new", b"new", local={"crc": 1}, central={"crc": 1})),
        outcome="unchanged",
    )
    refuse("size", "content of another size than promised", "CORRUPT", package(said, Entry("new", b"newer")))
    refuse(
        "digest",
        "content of another digest than promised",
        "TARGET_MISMATCH",
        package(said, Entry("new", b"wen")),
        outcome="unchanged",
    )
    refuse("encrypted", "an encrypted entry", "UNSUPPORTED", package(said, Entry("new", b"new", flags=0x0801)))
    refuse(
        "descriptor", "an entry with a data descriptor", "CORRUPT", package(said, Entry("new", b"new", flags=0x0808))
    )
    refuse("method", "an unknown method", "UNSUPPORTED", package(said, Entry("new", b"new", 12, packed=b"new")))
    for name, more in {
        "before": {"before": b"MZ"},
        "gap": {"gap": b"x"},
        "comment": {"comment": b"x"},
        "after": {"after": b"x"},
    }.items():
        refuse(f"bytes-{name}", f"bytes that belong to nothing: {name}", "CORRUPT", package(said, file, **more))
    refuse("cut", "a package that ends early", "CORRUPT", package(said, file)[:-1])
    refuse("no-package", "something else", "CORRUPT", b"something else")
    refuse("no-bytes", "nothing", "CORRUPT", b"")
    refuse("no-patch", "a ZIP file without a patch", "CORRUPT", zip_file(file))


def documents(v: Vectors) -> None:
    """`patch.json` files that make no sense."""

    def text(data):
        return package(data)

    new, gone = File(b"new"), OLD["gone.txt"]
    refuse = v.refuse
    refuse("json-cut", "half a patch.json", "CORRUPT", text(patch()[:-1]))
    refuse(
        "json-twice",
        "a field twice",
        "CORRUPT",
        text(b'{"type": "tree-patch", "format_version": 1, "format_version": 1, "changes": []}'),
    )
    refuse("json-type", "a document of another type", "CORRUPT", text(patch().replace(b"tree-patch", b"tree-fetch")))
    refuse("json-newer", "a newer format", "UNSUPPORTED", text(patch(format_version=2)))
    refuse("json-requires", "a feature that is not known", "UNSUPPORTED", text(patch(requires=["time-travel"])))
    refuse(
        "json-path-twice",
        "two changes of a path",
        "CORRUPT",
        text(patch(change("gone.txt", gone), change("gone.txt", gone))),
    )
    refuse("json-no-content", "a new file without content", "CORRUPT", text(patch(change("new", "absent", new))))
    refuse(
        "json-in-a-file",
        "a file within a file",
        "CORRUPT",
        package(patch(*(whole(p, new)[0] for p in ("a", "a/b"))), *(Entry(p, b"new") for p in ("a", "a/b"))),
    )
    missing = {"delta": {"entry": ".patchcore/deltas/7", "source": source("gone.txt", b"gone")}}
    refuse("json-no-delta", "a delta that is not there", "CORRUPT", text(patch(change("gone.txt", gone, new, missing))))
    outside = {"delta": {"entry": "gone.txt", "source": source("gone.txt", b"gone")}}
    refuse(
        "json-delta-elsewhere",
        "a delta among the whole files",
        "CORRUPT",
        package(patch(change("gone.txt", gone, new, outside)), Entry("gone.txt", TEXT_DELTA, STORED)),
    )
    other = {"copy": source("lib/noise.bin", NOISE)}
    refuse(
        "json-copy-of-another",
        "a copy of other bytes than promised",
        "CORRUPT",
        text(patch(change("new", "absent", new, other))),
    )
    changed = File(TEXT[1])
    refuse(
        "delta-cut",
        "half a delta",
        "CORRUPT",
        delta("docs/guide.txt", TEXT[0], changed, TEXT_DELTA[:-40]),
        outcome="unchanged",
    )
    refuse(
        "delta-of-another",
        "a delta for other files",
        "SOURCE_MISMATCH",
        delta("docs/guide.txt", TEXT[0], changed, CODE_DELTA),
        outcome="unchanged",
    )


def joined(v: Vectors, made: bytes) -> None:
    """Packages with a joined delta of which something does not fit."""
    entries = unpack(made)
    text = entries.pop(PATCH)

    def spoilt(change: Callable[[dict], None]) -> bytes:
        document = json.loads(text)
        change(document)
        return package(json.dumps(document).encode(), *(Entry(name, data, STORED) for name, data in entries.items()))

    def results(document: dict) -> list[dict]:
        contents = (change.get("content") for change in document["changes"])
        return [content["joined"] for content in contents if isinstance(content, dict) and "joined" in content]

    def all_sources(document: dict) -> list:
        return document["joined"][0]["sources"]

    refuse = v.refuse
    refuse("joined-number", "no such joined delta", "CORRUPT", spoilt(lambda d: results(d)[0].update(delta=7)))
    refuse("joined-from", "no such source", "CORRUPT", spoilt(lambda d: results(d)[0].update({"from": [99]})))
    refuse(
        "joined-from-twice", "a source named twice", "CORRUPT", spoilt(lambda d: results(d)[0].update({"from": [0, 0]}))
    )
    refuse(
        "joined-source-twice", "a source twice", "CORRUPT", spoilt(lambda d: all_sources(d).append(all_sources(d)[0]))
    )
    refuse("joined-change", "the number of no change", "CORRUPT", spoilt(lambda d: all_sources(d).append(999)))
    unused = {"entry": ".patchcore/deltas/9", "sources": []}
    refuse("joined-unused", "a joined delta for nothing", "CORRUPT", spoilt(lambda d: d["joined"].append(unused)))
    order = spoilt(lambda d: all_sources(d).reverse())
    refuse("joined-order", "sources in another order than the delta's", "CORRUPT", order, outcome="unchanged")
    hidden = spoilt(lambda d: [result.update({"from": []}) for result in results(d)])
    refuse("joined-hidden", "results made from sources that they do not name", "CORRUPT", hidden, outcome="unchanged")

#!/usr/bin/env python3
"""Makes the vectors anew: `make.py PATCHCORE`, with the path of a `patchcore` binary; needs `pip install zstandard`.

For whoever adds a vector or a feature to the format; tests never run it. What is committed stays what every later
reader has to read: add vectors, but leave those there are, whatever a later `patchcore` would write.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import decode
import hostile
import inputs
import run
import writer

FOLDER = Path(__file__).parent
STATUS = {
    "OK": 0,
    "UNSUPPORTED": 11,
    "CORRUPT": 30,
    "LIMIT": 31,
    "SOURCE_MISMATCH": 40,
    "TARGET_MISMATCH": 41,
    "NO_ROUTE": 42,
    "UNKNOWN_VERSION": 43,
}


class Vectors:
    """The vectors so far, and their files; equal old and new files are stored once."""

    def __init__(self, patchcore: str) -> None:
        self.patchcore = patchcore
        self.scratch = Path(tempfile.mkdtemp())
        self.list: list[dict] = []
        self.names: dict[bytes, str] = {}

    def input(self, name: str, data: bytes) -> bytes:
        """Names a file that vectors have as old or new."""
        path = f"files/{name}"
        assert self.names.setdefault(data, path) == path, f"{name} is there already"
        (FOLDER / path).write_bytes(data)
        return data

    def shell(self, line: str, *files: bytes) -> bytes:
        """What `patchcore` writes to `out`; the words `0`, `1`, … stand for the files."""
        for number, data in enumerate(files):
            (self.scratch / str(number)).write_bytes(data)
        subprocess.run([self.patchcore, *line.split(), "-q"], cwd=self.scratch, check=True)
        return (self.scratch / "out").read_bytes()

    def diff(self, old: bytes, new: bytes, options: str = "") -> bytes:
        return self.shell(f"diff 0 1 -o out {options}", old, new)

    def add(
        self, name: str, shows: str, old: bytes, file: bytes, new: bytes | None, status: str = "OK", **more: object
    ) -> None:
        kind = "chain" if file[:4] == b"\x8dPCC" or name.startswith("chain") else "delta"
        path = f"{kind}s/{name}.{kind}"
        (FOLDER / path).write_bytes(file)
        vector: dict = dict(name=name, shows=shows, kind=kind, old=self.names[old], file=path)
        vector |= {"new": self.names[new]} if new is not None else {}
        vector |= {"status": STATUS[status], "status_name": status, **more}
        if kind == "delta" and new is not None:
            codecs = {run.CODECS[c.codec] for s in decode.apply(old, file)[1] for c in s.columns}
            codings = sorted({s.coding for s in decode.apply(old, file)[1]})
            vector |= {"codecs": " ".join(sorted(codecs)), "codings": " ".join(map(str, codings))}
        assert all(other["name"] != name for other in self.list), name
        self.list.append(vector)


def encoded(
    v: Vectors, text: list[bytes], code: list[bytes], floats: list[bytes], many: bytes, noise: list[bytes]
) -> None:
    """What `patchcore` writes."""
    for level in range(1, 10):
        v.add(f"text-level-{level}", f"a text, level {level}", text[0], v.diff(*text[:2], f"--level {level}"), text[1])
        v.add(
            f"code-level-{level}",
            f"machine code whose references shift, level {level}",
            code[0],
            v.diff(*code[:2], f"--level {level}"),
            code[1],
        )
    for engine in ("auto", "bsdiff"):
        v.add(
            f"code-engine-{engine}", f"the engine {engine}", code[0], v.diff(*code[:2], f"--engine {engine}"), code[1]
        )
    v.add("floats-level-6", "weights as float32", floats[0], v.diff(*floats), floats[1])
    v.add("empty-to-empty", "no bytes at all", b"", v.diff(b"", b""), b"")
    v.add("empty-to-text", "an old file of no bytes", b"", v.diff(b"", text[1]), text[1])
    v.add("text-to-empty", "a new file of no bytes", text[0], v.diff(text[0], b""), b"")
    v.add("identical", "both files are the same", text[0], v.diff(text[0], text[0]), text[0])
    v.add("unrelated", "nothing in common, and nothing to compress", noise[0], v.diff(*noise), noise[1])
    v.add(
        "segments-256k",
        "as little memory as can be, so several segments",
        floats[0],
        v.diff(floats[0], many, "--max-apply-memory 256K --level 4"),
        many,
    )
    steps = [v.diff(text[i], text[i + 1]) for i in range(3)]
    v.add(
        "composed",
        "two deltas squashed: segments without output check",
        text[0],
        v.shell("squash 0 1 -o out", *steps[:2]),
        text[2],
    )
    v.add("composed-three", "three deltas squashed", text[0], v.shell("squash 0 1 2 -o out --level 9", *steps), text[3])


def written(v: Vectors, old: bytes, new: bytes, text: list[bytes], code: list[bytes], floats: list[bytes]) -> None:
    """What the format allows and `patchcore` seldom or never writes; `new` is `old` with one insert and one gap."""
    records = [(0, 0, 1001), (5, 1001, 1999), (0, 3100, 900)]
    for coding in (1, 2, 4, 8, 16, 17, 18, 20, 24):
        segment = writer.write_segment(old, new, 0, len(new), records, coding, "1112111", checked_from=0)
        what = f"addends in {coding} lanes" if coding < 16 else f"mixed addends, coding {coding}"
        v.add(f"coding-{coding}", what, old, writer.delta(old, new, [segment]), new)
    for bits in (12, 13, 24):
        segment = writer.write_segment(old, new, 0, len(new), records, 16, bits=bits, checked_from=0)
        v.add(f"reference-bits-{bits}", f"2^{bits} cells", old, writer.delta(old, new, [segment]), new)
    for codec, name in ((1, "raw"), (2, "zstd"), (3, "lzma")):
        segment = writer.write_segment(old, new, 0, len(new), records, 4, f"{codec}" * 7, checked_from=0)
        v.add(
            f"all-columns-{name}", f"every column with this codec: {name}", old, writer.delta(old, new, [segment]), new
        )
    for name, coding, pair in (
        ("code-reference-model", 16, code[:2]),
        ("code-reference-model-far", 16, code[::2]),
        ("code-element-model", 20, code[::2]),
        ("floats-element-model", 20, floats),
        ("floats-reference-model", 16, floats),
        ("floats-halves", 18, floats),
    ):
        found = decode.apply(pair[0], v.diff(*pair))[1]
        segment = writer.write_segment(
            *pair, 0, len(pair[1]), writer.records(found[0]), coding, "1113", bits=16, checked_from=0
        )
        assert len(found) == 1
        v.add(name, f"many mixed addends, coding {coding}", pair[0], writer.delta(*pair, [segment]), pair[1])
    # Segments that begin within an element, and where the lanes, the models and the literals begin anew.
    cuts = [0, 700, 1001, 1006, 1999, 2000, 2001, len(new)]
    segments = []
    for number, (start, end) in enumerate(zip(cuts, cuts[1:])):
        shift = 0 if start < 1001 else -5 if start < 3005 else 95
        whole = [(end - start, 0, 0)] if start == 1001 else [(0, start + shift, end - start)]
        if end == len(new):
            whole = [(0, start + shift, 3005 - start), (0, 3100, end - 3005)]
        coding = (8, 16, 0, 24, 20, 1, 18)[number]
        segments.append(writer.write_segment(old, new, start, end - start, whole, coding, checked_from=start))
    v.add(
        "segments-of-all-kinds",
        "each segment with another coding, beginning anywhere",
        old,
        writer.delta(old, new, segments),
        new,
    )
    half = [
        writer.write_segment(old, new, 0, 700, [(0, 0, 700)], 8),
        writer.write_segment(old, new, 700, 301, [(0, 700, 301)], 4, checked_from=0),
        writer.write_segment(old, new, 1001, len(new) - 1001, [(5, 1001, 1999), (0, 3100, 900)], 16),
    ]
    v.add(
        "check-over-segments",
        "one output check for two segments, none for the last",
        old,
        writer.delta(old, new, half),
        new,
    )
    v.add(
        "no-segment-check",
        "no output check at all",
        old,
        writer.delta(old, new, [writer.write_segment(old, new, 0, len(new), records, 24)]),
        new,
    )
    plain = [writer.write_segment(old, new, 0, len(new), records, 4, checked_from=0)]
    v.add(
        "optional-flag",
        "an unknown optional flag is ignored",
        old,
        writer.delta(old, new, plain, optional=1 << 31),
        new,
    )
    v.add("reserved-field", "the reserved field is ignored", old, writer.delta(old, new, plain, reserved=0xFFFF), new)
    large = writer.delta(old, new, plain, memory=(12 << 20) + 1)
    v.add("memory-above-need", "a header may ask for more memory than it takes", old, large, new)
    v.add(
        "memory-above-limit",
        "more memory than the limit of a streaming reader",
        old,
        large,
        None,
        "LIMIT",
        memory_limit=12 << 20,
    )
    v.add(
        "output-above-limit",
        "a new file larger than the caller takes",
        old,
        writer.delta(old, new, plain),
        None,
        "LIMIT",
        output_limit=len(new) - 1,
    )
    again = [[(0, 0, len(old))], [(0, 0, 0), (0, 0, len(old)), (0, 5, 0)]]
    nothing = [writer.write_segment(old, old, 0, 0, [], 0), writer.write_segment(old, old, 0, len(old), again[1], 1)]
    v.add(
        "nothing-made",
        "a segment that makes nothing, and records that do nothing",
        old,
        writer.delta(old, old, nothing),
        old,
    )
    streams, copies, _ = writer.parts(old, old, 0, again[0], len(old))
    plain = [writer.column(data, 1) for data in streams[:3]]
    zeros = [(offset, 0) for offset in range(0, len(old), 300)]

    def same(name: str, shows: str, coding: int, columns: list[bytes], tail: bytes = b"") -> None:
        frame = writer.frame(len(old), 1, coding, columns, tail)
        v.add(name, shows, old, writer.delta(old, old, [writer.segment(frame)]), old)

    for coding in (16, 20):
        same(
            f"mixed-zeros-{coding}",
            "mixed addends may be 0",
            coding,
            [*plain, b"\0"],
            writer.mixed(coding, 12, copies, 0, zeros),
        )
        same(
            f"mixed-none-{coding}", "no values at all", coding, [*plain, b"\0"], writer.mixed(coding, 12, copies, 0, [])
        )
    lane = [writer.column(data, 1) for data in (b"\0\5", b"\2\1", bytes(3))]
    same("lane-zeros", "values of lanes may be 0", 1, [*plain, b"\0", *lane])
    same("column-of-nothing-raw", "a raw column of no bytes", 0, [*plain, b"\1\0"])
    same("column-of-nothing-zstd", "a zstd column of no bytes", 0, [*plain, writer.column(b"", 2)])
    same("column-of-nothing-lzma", "an LZMA column of no bytes", 0, [*plain, writer.column(b"", 3)])
    same("number-longer-than-need", "a number in more bytes than it takes", 0, [b"\1\2\x80\0", *plain[1:], b"\0"])
    backwards = [(0, len(text[0]) - 50 * (i + 1), 50) for i in range(10)]
    turned = b"".join(text[0][at : at + 50] for _, at, _ in backwards) + b"the rest"
    v.input("turned", turned)
    segment = writer.write_segment(text[0], turned, 0, len(turned), backwards, 0, checked_from=0)
    v.add(
        "backwards",
        "copies that go back in the old file, and a rest of literals",
        text[0],
        writer.delta(text[0], turned, [segment]),
        turned,
    )


def chains(v: Vectors, text: list[bytes]) -> None:
    steps = [v.diff(text[i], text[i + 1]) for i in range(3)]
    back = v.diff(text[1], text[0])
    three = v.shell("chain create 0 1 2 -o out --chain-id text --force", *steps)
    two = v.shell("chain create 0 1 -o out --chain-id text --force", *steps[:2])
    for start in range(4):
        v.add(f"chain-from-v{start + 1}", "three links", text[start], three, text[3])
    v.add("chain-to-v2", "a version that is asked for by its name", text[0], three, text[1], version="v2")
    (v.scratch / "out").write_bytes(two)
    appended = v.shell("chain append out 0 --name later", steps[2])
    assert appended.startswith(two)
    v.add("chain-appended", "two indexes in the file: the last one counts", text[0], appended, text[3], version="later")
    v.add(
        "chain-torn-link",
        "an append cut off in its link: the index before counts",
        text[0],
        appended[: len(two) + 60],
        text[2],
    )
    v.add("chain-torn-index", "an append cut off in its index", text[1], appended[:-80], text[2])
    v.add("chain-torn-footer", "an append cut off in its footer", text[0], appended[:-1], text[2])
    v.add("chain-torn-garbage", "something else behind the last footer", text[0], two + b"\0garbage" * 9, text[2])
    (v.scratch / "out").write_bytes(three)
    v.add("chain-shortcut", "a shortcut from v1 to v4 beside three links", text[0], shortcut(v), text[3])
    revert = v.shell("chain create 0 1 -o out --chain-id text --force", steps[0], back)
    v.add("chain-revert", "v3 is v1 again", text[1], revert, text[0])
    v.add("chain-revert-digest", "a digest means the last version that has it", text[0], revert, text[0])
    v.add("chain-back", "no way leads back", text[2], three, None, "NO_ROUTE", version="v1")
    v.add("chain-revert-to-v2", "where v3 leads no more, its digest means v1", text[0], revert, text[1], version="v2")
    v.add("chain-unknown-version", "no version of that name", text[0], three, None, "UNKNOWN_VERSION", version="other")
    v.add("chain-wrong-old", "an old file that is in no version", b"", three, None, "SOURCE_MISMATCH")
    hostile.chains(v, text, steps)


def shortcut(v: Vectors) -> bytes:
    subprocess.run([v.patchcore, *"chain squash out --shortcut -o short -q".split()], cwd=v.scratch, check=True)
    return (v.scratch / "out").read_bytes()


def main(patchcore: str) -> None:
    for folder in ("files", "deltas", "chains"):
        shutil.rmtree(FOLDER / folder, ignore_errors=True)
        (FOLDER / folder).mkdir()
    v = Vectors(str(Path(patchcore).resolve()))
    v.input("empty", b"")
    text = [v.input(f"text.v{i + 1}", data) for i, data in enumerate(inputs.texts())]
    grown = set(range(10, 150, 30))
    code = [v.input(f"code.v{i + 1}", inputs.code(150, grown, growth)) for i, growth in enumerate((0, 1, 40))]
    floats = [v.input(f"floats.v{i + 1}", data) for i, data in enumerate(inputs.numbers("f", 2000, 1, 1e-6))]
    many = v.input("floats.many", b"".join(inputs.numbers("f", 2000, 1, 1e-5 * (i + 1))[1] for i in range(9)))
    noise = [v.input(f"noise.v{i + 1}", inputs.Noise(i + 7).bytes(1500)) for i in range(2)]
    old, new = inputs.numbers("d", 500, 3, 1e-12)
    v.input("numbers.v1", old)
    new = v.input("numbers.v2", bytes([new[0] ^ 255]) + new[1:1001] + b"hello" + new[1001:3000] + new[3100:])
    encoded(v, text, code, floats, many, noise)
    written(v, old, new, text, code, floats)
    hostile.deltas(v, old, new)
    chains(v, text)
    (FOLDER / "vectors.json").write_text(json.dumps({"format_version": 1, "vectors": v.list}, indent=1) + "\n")
    shutil.rmtree(v.scratch)


if __name__ == "__main__":
    main(sys.argv[1])

"""Runs every vector through `decode.py`."""

import json
from pathlib import Path

from decode import Refused, apply, chain_apply

CODECS = ["empty", "raw", "zstd", "lzma"]


def run(vector: dict, folder: Path) -> str:
    """What is wrong with how this vector decodes; nothing if it does as it says."""
    old, file = (folder / vector["old"]).read_bytes(), (folder / vector["file"]).read_bytes()
    try:
        if vector["kind"] == "chain":
            new, codecs, codings = chain_apply(old, file, vector.get("version")), "", ""
        else:
            new, segments = apply(old, file, vector.get("memory_limit", 2**64), vector.get("output_limit", 2**64))
            codecs = " ".join(sorted({CODECS[column.codec] for segment in segments for column in segment.columns}))
            codings = " ".join(map(str, sorted({segment.coding for segment in segments})))
    except Refused as refused:
        return "" if refused.args[0] == vector["status_name"] else ": ".join(refused.args)
    if vector["status_name"] != "OK" or new != (folder / vector["new"]).read_bytes():
        return "it makes another file, or ought to be refused"
    same = (codecs, codings) == (vector.get("codecs", ""), vector.get("codings", ""))
    return "" if same else f"it has the codecs {codecs!r} and the codings {codings!r}"


def all_vectors(folder: Path) -> int:
    """Prints what is wrong and how many are right; 0 where all are, and there are some."""
    vectors = json.loads((folder / "vectors.json").read_text())["vectors"]
    wrong = [f"{vector['name']}: {why}" for vector in vectors if (why := run(vector, folder))]
    print("\n".join([*wrong, f"{len(vectors) - len(wrong)} of {len(vectors)} vectors decode as they say"]))
    return 1 if wrong or not vectors else 0

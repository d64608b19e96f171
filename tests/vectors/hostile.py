"""Vectors that a reader must refuse, and chains that only another writer would make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import decode
import writer

if TYPE_CHECKING:
    import make


def deltas(v: make.Vectors, old: bytes, new: bytes) -> None:
    """What a reader must not take. Checksums fit, but where they are what is shown."""
    records = [(0, 0, 1001), (5, 1001, 1999), (0, 3100, 900)]
    good = [writer.write_segment(old, new, 0, len(new), records, 4, checked_from=0)]
    whole = writer.delta(old, new, good)

    def refuse(name: str, shows: str, file: bytes, status: str = "CORRUPT", with_old: bytes = old) -> None:
        v.add(name, shows, with_old, file, None, status)

    def changed(name: str, shows: str, status: str = "CORRUPT", **changes: object) -> None:
        refuse(name, shows, writer.delta(old, new, good, **changes), status)

    changed("bad-magic", "another magic", magic=b"\x8dPCX\r\n\x1a\n")
    changed("unknown-version", "a format version that is not known", "UNSUPPORTED", version=2)
    changed("critical-flag", "a critical flag that is not known", "UNSUPPORTED", critical=1)
    changed("critical-flag-high", "a critical flag that is not known", "UNSUPPORTED", critical=1 << 31)
    refuse("header-checksum", "one bit of the header is another", flipped(whole, 60))
    refuse("version-before-checksum", "the version is looked at before the checksum", flipped(whole, 9), "UNSUPPORTED")
    refuse("frame-checksum", "one bit of a frame is another", flipped(whole, 400))
    refuse("empty-file", "a delta of no bytes", b"")
    refuse("cut-in-header", "the header is cut off", whole[:100])
    refuse("cut-behind-header", "the segments are missing", whole[:132])
    refuse("cut-in-frame", "the last byte is missing", whole[:-1])
    refuse("trailing-byte", "a byte behind the last segment", whole + b"\0")
    changed("trailing-byte-counted", "a byte behind the last segment, and the size counts it", size=len(whole) + 1)
    refuse(
        "wrong-old",
        "another old file of the same size",
        whole,
        "SOURCE_MISMATCH",
        v.input("numbers.other", flipped(old, 9)),
    )
    refuse(
        "wrong-old-size", "an old file of another size", whole, "SOURCE_MISMATCH", v.input("numbers.short", old[:-1])
    )
    changed("wrong-new-digest", "the header promises another new file", "TARGET_MISMATCH", new_digest=bytes(32))
    unchecked = [writer.write_segment(old, new, 0, len(new), records, 4)]
    refuse(
        "wrong-new-digest-unchecked",
        "the same without an output check",
        writer.delta(old, new, unchecked, new_digest=bytes(32)),
        "TARGET_MISMATCH",
    )
    changed("new-size-larger", "the segments make less than the header says", new_size=len(new) + 1)
    changed("new-size-smaller", "the segments make more than the header says", new_size=len(new) - 1)
    changed("size-over-2-63", "a new size of 2^63", new_size=1 << 63)
    changed("more-segments", "a segment is missing", segments=2)
    changed("fewer-segments", "a segment too many", segments=0)
    changed("memory-too-small", "a segment takes more memory than the header says", memory=196608 + 100)
    changed("stream-bytes-more", "fewer stream bytes than the header says", stream=1 << 20)
    changed("stream-bytes-fewer", "more stream bytes than the header says", stream=10)

    def body(name: str, shows: str, content: bytes, status: str = "CORRUPT", **changes: object) -> None:
        refuse(name, shows, writer.delta(old, new, [writer.segment(content)], **changes), status)

    streams, copies, found = writer.parts(new, old, 0, records, len(new))
    plain = [writer.column(data, 1) for data in streams]
    n, count = len(new), len(records)
    body(
        "unknown-codec",
        "a codec that is not known",
        writer.frame(n, count, 0, [b"\4" + plain[0][1:], *plain[1:]]),
        "UNSUPPORTED",
    )
    body("unknown-coding", "a coding of the addends that is not known", writer.frame(n, count, 3, plain), "UNSUPPORTED")
    body("unknown-mixed-coding", "mixed addends of three lanes", writer.frame(n, count, 19, plain), "UNSUPPORTED")
    body(
        "check-flag", "neither 0 nor 1 where it says whether a check follows", writer.frame(n, count, 0, plain, flag=2)
    )
    wrong = [writer.segment(writer.frame(n, count, 0, plain, check=b"\1\2\3\4"))]
    refuse("output-check", "the output is not what its check says", writer.delta(old, new, wrong))
    body("bytes-behind-columns", "a frame with a byte too many", writer.frame(n, count, 0, plain, b"\0"))
    body("records-more", "more records than numbers in the columns", writer.frame(n, count + 1, 0, plain))
    body("records-fewer", "fewer records than numbers in the columns", writer.frame(n, count - 1, 0, plain))
    body("records-2-64", "as many records as can be said", writer.frame(n, 2**64 - 1, 0, plain))
    body("varint-too-long", "a number of more than 64 bits", b"\xff" * 9 + b"\2" + writer.frame(n, count, 0, plain)[2:])
    body("output-2-64", "a segment of as many bytes as can be said", writer.frame(2**64 - 1, count, 0, plain))
    raised = [*plain[:1], writer.column(b"".join(map(writer.varint, (1001, 1999, 901))), 1), *plain[2:]]
    body("copy-behind-old", "a copy that ends behind the old file", writer.frame(n, count, 0, raised))
    lowered = [*plain[:2], writer.column(b"\1\x0a\xbe\1", 1), plain[3]]
    body("copy-before-old", "a copy from before the old file", writer.frame(n, count, 0, lowered))
    body(
        "literals-fewer",
        "a literal too few",
        writer.frame(n, count, 0, [*plain[:3], writer.column(streams[3][:-1], 1)]),
    )
    body(
        "literals-more",
        "a literal too many",
        writer.frame(n, count, 0, [*plain[:3], writer.column(streams[3] + b"!", 1)]),
    )

    def coded(name: str, shows: str, codec: int, size: int, packed: bytes, **changes: object) -> None:
        literals = bytes([codec]) + writer.varint(size) + writer.varint(len(packed)) + packed
        body(name, shows, writer.frame(n, count, 0, [*plain[:3], literals]), **changes)

    zstd = writer.column(streams[3], 2)[3:]
    coded("zstd-garbage", "what should be zstd is something else", 2, 5, b"\x28\xb5\x2f\xfd garbage")
    coded("zstd-longer", "a zstd column longer than it says", 2, 4, zstd)
    coded("zstd-shorter", "a zstd column shorter than it says", 2, 6, zstd)
    coded("zstd-two-frames", "a second zstd frame in a column", 2, 10, zstd + zstd)
    good_lzma = writer.lzma_stream(streams[3], 3, 0, 2)
    coded("lzma-properties", "LZMA properties that there are not", 3, 5, b"\xe1" + good_lzma[1:])
    coded("lzma-properties-lc-lp", "LZMA properties of lc + lp = 5", 3, 5, bytes([(2 * 5 + 2) * 9 + 3]) + good_lzma[1:])
    coded("lzma-no-properties", "an LZMA column of no bytes", 3, 5, b"")
    coded("lzma-longer", "an LZMA column longer than it says", 3, 4, good_lzma)
    coded("lzma-shorter", "an LZMA column shorter than it says", 3, 6, good_lzma)
    coded("lzma-no-end", "an LZMA stream cut before its end marker", 3, 5, good_lzma[:-7])
    coded("lzma-behind-end", "a byte behind the end marker", 3, 5, good_lzma + b"\0")
    addends(v, old, new, streams, copies, found)


def addends(v: make.Vectors, old: bytes, new: bytes, streams: list[bytes], copies: list, found: list) -> None:
    """Addends that do not fit what they are added to."""
    plain, n, count = [writer.column(data, 1) for data in streams], len(new), 3

    def body(name: str, shows: str, content: bytes, status: str = "CORRUPT") -> None:
        v.add(name, shows, old, writer.delta(old, new, [writer.segment(content)]), None, status)

    def lane(name: str, shows: str, zeros: bytes, runs: bytes, values: bytes) -> None:
        body(name, shows, writer.frame(n, count, 1, plain + [writer.column(data, 1) for data in (zeros, runs, values)]))

    copied = 1001 + 1999 + 900
    lane("lane-too-long", "zeros that lead behind the last copied position", writer.varint(copied), b"\1", b"x")
    lane(
        "lane-run-too-long", "a run that leads behind the last copied position", writer.varint(copied - 1), b"\2", b"xy"
    )
    lane("lane-run-empty", "a run of no values", b"\0", b"\0", b"")
    lane("lane-values-fewer", "fewer values than runs say", b"\0", b"\2", b"x")
    lane("lane-values-more", "more values than runs say", b"\0", b"\2", b"xyz")
    lane("lane-runs-fewer", "fewer runs than zeros", b"\0\1", b"\1", b"xy")
    lane("lane-runs-more", "more runs than zeros", b"\0", b"\1\1", b"xy")
    for coding, model in ((16, "reference"), (20, "element")):
        tail = writer.mixed(coding, 12, copies, 0, found)
        stream_at = 1 + len(writer.varint(len(found)))
        stream = decode.Reader(tail[stream_at:])
        stream = stream.take(stream.varint())

        def mixed(
            name: str,
            shows: str,
            bits: int = 12,
            values: int = len(found),
            data: bytes = stream,
            status: str = "CORRUPT",
        ) -> None:
            tail = bytes([bits]) + writer.varint(values) + writer.varint(len(data)) + data
            body(f"{model}-{name}", shows, writer.frame(n, count, coding, plain, tail), status)

        mixed("bits-11", "fewer bits than a reader takes", bits=11, status="UNSUPPORTED")
        mixed("bits-25", "more bits than a reader takes", bits=25, status="UNSUPPORTED")
        mixed("stream-too-short", "a stream that needs more than four zeros behind it", data=stream[:-6])
        mixed("stream-too-long", "bytes left over in the stream", data=stream + bytes(4))
        mixed("stream-empty", "values from no bytes", data=b"")
        mixed("values-2-64", "as many values as can be said", values=2**64 - 1)
        mixed("values-too-many", "more values than copied positions", values=copied + 1)
        mixed("position-too-far", "a value behind the last copied position", data=b"\0" * len(stream))


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def chains(v: make.Vectors, text: list[bytes], steps: list[bytes]) -> None:
    """Chains that `patchcore` would not write, most of them refused."""
    head = writer.chain_header()
    links = [writer.record(b"LINK", step) for step in steps[:2]]
    offsets = [24 + 16, 24 + len(links[0]) + 16]
    versions = [(data, f"v{i + 1}") for i, data in enumerate(text[:3])]
    ends = [(0, 1, offsets[0], len(steps[0]), 0), (1, 2, offsets[1], len(steps[1]), 0)]
    body, payload = head + b"".join(links), writer.index(versions, ends)
    other = writer.record(b"NOTE", b"from a later version")

    def chain(name: str, shows: str, file: bytes, status: str = "CORRUPT") -> None:
        v.add(f"chain-{name}", shows, text[0], file, text[2] if status == "OK" else None, status)

    chain("unknown-record", "a record of a kind that is not known", writer.indexed(body + other, payload), "OK")
    chain(
        "unknown-record-torn",
        "such a record, and garbage at the end",
        writer.indexed(body + other, payload) + b"\0" * 99,
        "OK",
    )
    chain(
        "optional-flag",
        "an unknown optional flag is ignored",
        writer.indexed(writer.chain_header(optional=4) + b"".join(links), payload),
        "OK",
    )
    first = writer.index(versions[:2], ends[:1])
    before = writer.indexed(head + links[0], first) + links[1]
    later = writer.index(versions, [ends[0], (1, 2, len(before) - len(steps[1]), len(steps[1]), 0)])
    chain("index-after-index", "an index, a link, and the index that counts", writer.indexed(before, later), "OK")
    chain(
        "torn-unknown-version",
        "an unknown version in the last whole footer before a torn end",
        writer.indexed(before, later, version=2) + b"torn",
        "UNSUPPORTED",
    )
    chain(
        "torn-critical-flag",
        "an unknown flag in the last whole footer before a torn end",
        writer.indexed(before, later, critical=1) + b"torn",
        "UNSUPPORTED",
    )
    ended = writer.indexed(before, later)
    v.add(
        "chain-end-damaged",
        "a damaged footer at the end: the index before counts",
        text[0],
        flipped(ended, len(ended) - 20),
        text[1],
    )
    v.add(
        "chain-footer-elsewhere",
        "a footer that points elsewhere: the index before counts",
        text[0],
        before + writer.record(b"INDX", later) + writer.footer(24, later),
        text[1],
    )
    chain(
        "shortcut-only",
        "the only way is a shortcut",
        writer.indexed(body, writer.index(versions, [(*e[:4], 1) for e in ends])),
        "OK",
    )
    chain("bad-magic", "another magic", writer.indexed(writer.chain_header(b"\x8dPCX\r\n\x1a\n") + body[24:], payload))
    chain(
        "unknown-version-of-format",
        "a format version that is not known",
        writer.indexed(writer.chain_header(version=2) + body[24:], payload, version=2),
        "UNSUPPORTED",
    )
    chain(
        "critical-flag",
        "a critical flag that is not known",
        writer.indexed(writer.chain_header(critical=1) + body[24:], payload, critical=1),
        "UNSUPPORTED",
    )
    chain("header-checksum", "one bit of the header is another", writer.indexed(flipped(body, 17), payload))
    chain("no-index", "links without an index", body)
    chain("index-checksum", "the only index is damaged", flipped(writer.indexed(body, payload), len(body) + 30))
    chain("empty", "a chain of no bytes", b"")

    def ill(name: str, shows: str, payload: bytes, status: str = "CORRUPT") -> None:
        chain(f"index-{name}", shows, writer.indexed(body, payload), status)

    ill("no-versions", "no version at all", writer.index([], []))
    ill("versions-2-32", "as many versions as can be said", writer.index(versions, ends, version_count=2**32 - 1))
    ill("links-2-32", "as many links as can be said", writer.index(versions, ends, link_count=2**32 - 1))
    ill("trailing", "a byte behind the last link", payload + b"\0")
    ill("same-names", "two versions of one name", writer.index([*versions[:2], (text[2], "v1")], ends))
    ill("empty-name", "a version without a name", writer.index([*versions[:2], (text[2], "")], ends))
    ill("control-name", "a name with a control character", writer.index([*versions[:2], (text[2], "v\n3")], ends))
    ill("chain-id-not-utf8", "a chain id that is not UTF-8", writer.index(versions, ends, chain_id=b"\xff\xfe"))
    ill("link-back", "a link that leads back", writer.index(versions, [ends[0], (2, 1, *ends[1][2:])]))
    ill(
        "link-to-itself",
        "a link that leads to where it starts",
        writer.index(versions, [ends[0], (1, 1, *ends[1][2:])]),
    )
    ill(
        "link-to-nowhere",
        "a link to a version that there is not",
        writer.index(versions, [ends[0], (1, 3, *ends[1][2:])]),
    )
    ill(
        "link-flag",
        "a flag of a link that is not known",
        writer.index(versions, [ends[0], (*ends[1][:4], 2)]),
        "UNSUPPORTED",
    )
    ill("links-to-one", "two links lead to one version", writer.index(versions, [(0, 2, *ends[0][2:]), ends[1]]))
    ill(
        "links-alike", "two links have both ends in common", writer.index(versions, [ends[0], (0, 1, *ends[1][2:4], 1)])
    )
    ill("links-overlap", "two links share bytes", writer.index(versions, [ends[0], (1, 2, *ends[0][2:])]))
    ill(
        "link-in-index",
        "a link that lies in the index",
        writer.index(versions, [ends[0], (1, 2, len(body) + 16, 50, 0)]),
    )
    ill("link-in-header", "a link that lies in the header", writer.index(versions, [(0, 1, 24, *ends[0][3:]), ends[1]]))
    ill(
        "link-2-64",
        "a link whose end is beyond 2^64",
        writer.index(versions, [ends[0], (1, 2, offsets[1], 2**64 - 1, 0)]),
    )
    ill(
        "link-of-others",
        "a link whose delta leads to another version",
        writer.index([*versions[:2], (text[3], "v3")], ends),
    )
    ill(
        "link-size",
        "a link that is longer than its delta",
        writer.index(versions, [(*ends[0][:3], ends[0][3] - 1, 0), ends[1]]),
    )

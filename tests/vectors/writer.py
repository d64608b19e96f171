"""A writer of deltas and chains, for what `patchcore` would not write; the models are those of the reader."""

from __future__ import annotations

import hashlib
import lzma
import struct
import zlib
from collections.abc import Callable

import decode
import zstandard


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def sealed(data: bytes) -> bytes:
    """With its checksum behind it."""
    return data + struct.pack("<I", zlib.crc32(data))


def column(data: bytes, codec: int) -> bytes:
    if codec == 2:
        packed = zstandard.ZstdCompressor(level=19, write_content_size=False).compress(data)
    elif codec == 3:
        packed = lzma_stream(data, lc=3, lp=0, pb=2)
    else:
        return bytes([codec]) + (varint(len(data)) + data if codec else b"")
    return bytes([codec]) + varint(len(data)) + varint(len(packed)) + packed


def lzma_stream(data: bytes, lc: int, lp: int, pb: int) -> bytes:
    options = {"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": max(4096, len(data))}
    return bytes([(pb * 5 + lp) * 9 + lc]) + lzma.compress(data, lzma.FORMAT_RAW, filters=[options])


def frame(
    length: int, records: int, coding: int, columns: list[bytes], mixed: bytes = b"", check: bytes = b"", flag: int = -1
) -> bytes:
    has_check = int(check != b"") if flag < 0 else flag
    return varint(length) + varint(records) + bytes([coding, has_check]) + check + b"".join(columns) + mixed


def segment(content: bytes) -> bytes:
    return varint(len(content) + 4) + sealed(content)


def delta(old: bytes, new: bytes, made: list[bytes], **changes: object) -> bytes:
    """A delta of the segments `made`; `changes` replace fields of the header."""
    fields: dict = dict(magic=b"\x8dPCD\r\n\x1a\n", version=1, reserved=0, critical=0, optional=0, memory=0, stream=0)
    fields |= dict(old_size=len(old), new_size=len(new), old_digest=hashlib.sha256(old).digest())
    fields |= dict(new_digest=hashlib.sha256(new).digest(), segments=len(made))
    fields["size"] = 132 + sum(map(len, made))
    for packed in made:
        try:
            parsed = decode.Segment(decode.Reader(packed))
            fields["memory"] = max(fields["memory"], parsed.memory)
            fields["stream"] += parsed.stream_bytes
        except decode.Refused:
            fields["memory"] = max(fields["memory"], 1 << 20)
    fields["stream"] = min(fields["stream"], 2**64 - 1)
    fields |= changes
    order = "old_size new_size old_digest new_digest memory stream segments size".split()
    head = struct.pack("<8sHHII", *(fields[key] for key in "magic version reserved critical optional".split()))
    return sealed(head + struct.pack("<QQ32s32sQQIQ", *(fields[key] for key in order))) + b"".join(made)


class Encoder(decode.Mixer):
    """The models of the reader, made to write: each decision is told instead of read."""

    numbers: Callable[[int], int]
    values: list[int]
    last: "Encoder"

    def __init__(self, segment: object, *arguments: int) -> None:
        super().__init__(segment, *arguments)
        self.told: list[int] = []
        self.out = bytearray()
        Encoder.last = self

    def read(self, p: int) -> int:
        bit = self.told.pop(0)
        cut = self.low + ((self.high - self.low) * p >> 16)
        self.low, self.high = (self.low, cut) if bit else (cut + 1, self.high)
        while self.low >> 24 == self.high >> 24:
            self.out.append(self.low >> 24)
            self.low, self.high = self.low << 8 & decode.MASK, (self.high << 8 & decode.MASK) + 255
        return bit

    def number(self, sets: int, guess: int | None = None, guesses: int = 0) -> int:
        bits = [int(digit) for digit in bin(Encoder.numbers(sets) + 1)[3:]]
        self.told = [1] * len(bits) + [0] + bits
        return super().number(sets, guess, guesses)

    def byte(self, choose: Callable) -> int:
        value = Encoder.values.pop(0)
        self.told = [int(digit) for digit in f"{value:08b}"]
        return super().byte(choose)


def mixed(coding: int, bits: int, copies: list[decode.Copy], start: int, found: list[tuple[int, int]]) -> bytes:
    """The mixed addends of a segment; `found` are the output offsets and values that are not 0."""
    positions = [(offset, copy) for copy in copies for offset in copy.output]
    index = {offset: i for i, (offset, _) in enumerate(positions)}
    places = [index[offset] for offset, _ in found]
    blank = decode.SimpleNamespace(decisions=b"", bits=bits, values=len(found), lanes=coding - 16)
    width = coding - 16
    if width == 0:
        gaps = iter([b - a - 1 for a, b in zip([-1, *places], places)])
        Encoder.numbers, Encoder.values = lambda _: next(gaps), [value for _, value in found]
    else:
        lanes: list[list[int]] = []
        for lane in range(width):
            mine = [(start + place) // width for place in places if (start + place) % width == lane]
            first = (start + (lane - start) % width) // width
            ends = [first - 1, *mine, (start + len(positions)) // width + 1]
            lanes.append([b - a - 1 for a, b in zip(ends, ends[1:])])
        Encoder.numbers = lambda sets: lanes[sets // 544].pop(0)
        Encoder.values = [value << 1 if value < 128 else (value ^ 255) << 1 | 1 for _, value in found]
    reader, decode.Mixer = decode.Mixer, Encoder
    try:
        list(decode.elements(blank, positions, start) if width else decode.references(blank, positions))
    finally:
        decode.Mixer = reader
    stream = bytes(Encoder.last.out) + bytes([(Encoder.last.low >> 24) + 1])
    return bytes([bits]) + varint(len(found)) + varint(len(stream)) + stream


Record = tuple[int, int, int]  # insert length, from, copy length


def parts(new: bytes, old: bytes, start: int, records: list[Record], length: int) -> tuple[list[bytes], list, list]:
    """Insert lengths, copy lengths, from steps and literals of a segment; its copies; its addends that are not 0."""
    inserts, lengths, steps, literals, copies, found = b"", b"", b"", b"", [], []
    at = predicted = start
    for insert, source, count in records:
        literals += new[at : at + insert]
        at += insert
        step = source - predicted
        inserts, lengths = inserts + varint(insert), lengths + varint(count)
        steps += varint(2 * step if step >= 0 else -2 * step - 1)
        copies.append(decode.Copy(range(at, at + count), source, count))
        found += [
            (at + i, (new[at + i] - old[source + i]) % 256) for i in range(count) if new[at + i] != old[source + i]
        ]
        at, predicted = at + count, source + count
    literals += new[at : start + length]
    return [inserts, lengths, steps, literals], copies, found


def records(segment: decode.Segment) -> list[Record]:
    """The records of a segment that was read and begins at 0."""
    inserts, lengths, steps = (column.decode().varints() for column in segment.columns[:3])
    found, predicted = [], 0
    for insert, length, step in zip(inserts, lengths, steps):
        source = predicted + (step >> 1 ^ -(step & 1))
        found.append((insert, source, length))
        predicted = source + length
    return found


def write_segment(
    old: bytes,
    new: bytes,
    start: int,
    length: int,
    records: list[Record],
    coding: int,
    codecs: str = "1112111",
    bits: int = 12,
    checked_from: int | None = None,
) -> bytes:
    """A segment that makes `new[start..start + length]`; a check covers the bytes from `checked_from` on."""
    streams, copies, found = parts(new, old, start, records, length)
    tail = b""
    if coding >= 16:
        tail = mixed(coding, bits, copies, start, found)
    addends = dict(found)
    for lane in range(coding if coding < 16 else 0):
        offsets = [offset for copy in copies for offset in copy.output if offset % coding == lane]
        zeros, runs, values, at = b"", b"", b"", 0
        while at < len(offsets):
            end = next((i for i in range(at, len(offsets)) if offsets[i] in addends), None)
            if end is None:
                break
            stop = next((i for i in range(end, len(offsets)) if offsets[i] not in addends), len(offsets))
            zeros, runs = zeros + varint(end - at), runs + varint(stop - end)
            values += bytes(addends[offsets[i]] for i in range(end, stop))
            at = stop
        streams += [zeros, b"" if set(runs) == {1} else runs, values]
    kinds = codecs[:4] + codecs[4:7] * ((len(streams) - 4) // 3)
    columns = [column(data, int(kind) if data else 0) for data, kind in zip(streams, kinds)]
    covered = new[checked_from : start + length] if checked_from is not None else b""
    check = struct.pack("<I", zlib.crc32(covered)) if checked_from is not None else b""
    return segment(frame(length, len(records), coding, columns, tail, check))


# Chains


def record(kind: bytes, payload: bytes) -> bytes:
    return sealed(kind + struct.pack("<Q", len(payload))) + payload


def index(versions: list[tuple[bytes, str]], links: list[tuple[int, int, int, int, int]], **changes: object) -> bytes:
    """The payload of an index: versions as bytes and name, links as both ends, offset, size and flags."""
    said: dict = {"version_count": len(versions), "link_count": len(links), "chain_id": b"vectors"} | changes
    out = (
        struct.pack("<II", said["version_count"], said["link_count"])
        + bytes([len(said["chain_id"])])
        + said["chain_id"]
    )
    for data, name in versions:
        out += (
            hashlib.sha256(data).digest() + struct.pack("<Q", len(data)) + bytes([len(name.encode())]) + name.encode()
        )
    return out + b"".join(struct.pack("<IIQQI", *link) for link in links)


def footer(at: int, payload: bytes, version: int = 1, critical: int = 0) -> bytes:
    return sealed(struct.pack("<QIHHI", at, zlib.crc32(payload), version, 0, critical)) + b"\x8dPCCEND\n"


def chain_header(magic: bytes = b"\x8dPCC\r\n\x1a\n", version: int = 1, critical: int = 0, optional: int = 0) -> bytes:
    return sealed(magic + struct.pack("<HHII", version, 0, critical, optional))


def indexed(body: bytes, payload: bytes, **changes: int) -> bytes:
    """A chain of these records with the index behind them."""
    return body + record(b"INDX", payload) + footer(len(body), payload, **changes)

#!/usr/bin/env python3
"""A second reader of deltas and chains, written from core/FORMAT.md alone: proof that the page suffices.

Everything is in memory, and it is slow. Python before 3.14 needs `pip install zstandard`.
"""

import hashlib
import lzma
import struct
import sys
import unicodedata
import zlib
from array import array
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

try:
    from compression.zstd import ZstdDecompressor as zstd_decoder, ZstdError
except ImportError:
    from zstandard import ZstdDecompressor, ZstdError
    zstd_decoder = ZstdDecompressor().decompressobj

MASK = 2**32 - 1

class Refused(Exception):
    """A file that is not taken: the name of a status, and why."""

def require(holds: bool, why: str, status: str = "CORRUPT") -> None:
    if not holds:
        raise Refused(status, why)

class Reader:
    """Takes bytes and numbers off the front of some bytes, and never more than there are."""
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
    def left(self) -> int:
        return len(self.data) - self.at
    def take(self, count: int) -> bytes:
        require(count <= self.left(), "something ends too early")
        self.at += count
        return self.data[self.at - count : self.at]
    def fixed(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")
    def varint(self) -> int:
        value, shift, more = 0, 0, 1
        while more:
            more, low = divmod(self.fixed(1), 128)
            value, shift = value | low << shift, shift + 7
            require(shift <= 70 and value < 2**64, "a number has more than 64 bits")
        return value
    def varints(self) -> list[int]:
        return list(iter(lambda: self.varint() if self.left() else -1, -1))

def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()

def fits(data: bytes) -> bool:
    """Whether the last four bytes are the CRC-32 of those before."""
    return len(data) >= 4 and zlib.crc32(data[:-4]) == int.from_bytes(data[-4:], "little")

def check_prefix(data: bytes, magic: bytes, size: int) -> None:
    """What the headers of deltas and chains have in common; the checksum is their last field."""
    require(data[:8] == magic and len(data) >= size, "the magic is another, or the header is cut off")
    version, _, critical = struct.unpack_from("<HHI", data, 8)
    require(version == 1 and critical == 0, f"version {version}, critical flags {critical:#x}", "UNSUPPORTED")
    require(fits(data[:size]), "checksum of the header")

Header = namedtuple("Header", "old_size new_size old_digest new_digest memory stream_bytes segments size")
Copy = namedtuple("Copy", "output source length")
Positions = list[tuple[int, Copy]]
Made = tuple[bytes, list["Segment"]]

def read_header(delta: bytes) -> Header:
    check_prefix(delta, b"\x8dPCD\r\n\x1a\n", 132)
    header = Header._make(struct.unpack_from("<QQ32s32sQQIQ", delta, 20))
    require(max(header.old_size, header.new_size) < 2**63, "a size of 2^63 or more")
    return header

class Column:
    def __init__(self, frame: Reader) -> None:
        self.codec = frame.fixed(1)
        require(self.codec <= 3, f"codec {self.codec}", "UNSUPPORTED")
        self.size = frame.varint() if self.codec else 0
        self.encoded = frame.take(frame.varint() if self.codec > 1 else self.size)
        self.memory = 65536 + max(self.size, 4096) if self.codec == 3 else 0
    def decode(self) -> Reader:
        if self.codec < 2:
            return Reader(self.encoded)
        data, decoder = b"", zstd_decoder()
        if self.codec == 3:
            (pb, lp), lc = divmod(Reader(self.encoded).fixed(1) // 9, 5), self.encoded[0] % 9
            require(pb <= 4 and lc + lp <= 4, f"LZMA properties {self.encoded[0]}")
            properties = {"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": max(self.size, 4096)}
            decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[properties])
        try:
            for start in range(self.codec - 2, len(self.encoded), 64):  # A bomb is noticed before it takes much.
                require(not decoder.eof and len(data) <= self.size, "a column is longer than it says")
                data += decoder.decompress(self.encoded[start : start + 64])
        except (ZstdError, lzma.LZMAError) as error:
            raise Refused("CORRUPT", str(error)) from error
        require(decoder.eof and not decoder.unused_data and len(data) == self.size, "a column has another length")
        return Reader(data)

class Segment:
    def __init__(self, delta: Reader) -> None:
        frame_bytes = delta.take(delta.varint())
        require(fits(frame_bytes), "checksum of a frame")
        frame = Reader(frame_bytes[:-4])
        self.length, self.records, self.coding, flag = frame.varint(), frame.varint(), frame.fixed(1), frame.fixed(1)
        self.mixed, self.lanes = self.coding >= 16, self.coding % 16
        require(self.coding < 32 and self.lanes in (0, 1, 2, 4, 8), f"coding {self.coding} of addends", "UNSUPPORTED")
        require(flag <= 1, f"{flag} where 0 or 1 says whether a check follows")
        self.check = frame.fixed(4) if flag else None
        self.columns = [Column(frame) for _ in range(4 if self.mixed else 4 + 3 * self.lanes)]
        decoded, working, self.values = sum(column.size for column in self.columns), 0, 0
        if self.mixed:
            self.bits = frame.fixed(1)
            require(12 <= self.bits <= 24, f"{self.bits} bits of cells", "UNSUPPORTED")
            self.values, working = frame.varint(), 98304 + 3 * 2**self.bits
            self.decisions = frame.take(frame.varint())
        require(frame.left() == 0, "a frame is longer than what it holds")
        self.stream_bytes = decoded + self.values
        working = max(working, *(column.memory for column in self.columns))
        self.memory = 196608 + len(frame_bytes) + decoded + working
    def decode(self, old: bytes, start: int) -> bytearray:
        """The bytes that the segment makes at the output offset `start`."""
        inserts, lengths, steps = (column.decode().varints() for column in self.columns[:3])
        require(len(inserts) == len(lengths) == len(steps) == self.records, "the records are more or fewer")
        literals, output, copies, predicted = self.columns[3].decode(), bytearray(), [], start
        for insert, length, step in zip(inserts, lengths, steps):
            source = predicted + (step >> 1 ^ -(step & 1))
            require(0 <= source and source + length <= len(old), "a copy from outside the old file")
            require(insert + length <= self.length - len(output), "records make more than their segment")
            output += literals.take(insert)
            copies.append(Copy(range(start + len(output), start + len(output) + length), source, length))
            output += old[source : source + length]
            predicted = source + length
        output += literals.take(self.length - len(output))
        require(literals.left() == 0, "there are more literals than the segment takes")
        for offset, addend in self.addends(copies, start):
            output[offset - start] = (output[offset - start] + addend) % 256
        return output
    def addends(self, copies: list[Copy], start: int) -> Iterator[tuple[int, int]]:
        """Output offsets and what is added there."""
        positions = [(offset, copy) for copy in copies for offset in copy.output] if self.coding else []
        require(self.values <= len(positions), "more values than copied positions")
        if self.mixed:
            yield from elements(self, positions, start) if self.lanes else references(self, positions)
        for lane in range(0 if self.mixed else self.lanes):
            zeros, runs, values = (column.decode() for column in self.columns[4 + 3 * lane : 7 + 3 * lane])
            offsets = [offset for offset, _ in positions if offset % self.lanes == lane]
            at, one_each = 0, runs.left() == 0
            while zeros.left():
                at += zeros.varint()
                length = 1 if one_each else runs.varint()
                require(0 < length <= len(offsets) - at, "a run of no values, or behind the last copied position")
                yield from zip(offsets[at : at + length], values.take(length))
                at += length
            require(runs.left() == values.left() == 0, "there are more runs or values than are used")

def apply(old: bytes, delta: bytes, memory_limit: int = 2**64, output_limit: int = 2**64, ends=(sha256, sha256)) -> Made:
    """The new file, and the segments that made it; `ends` say what the digests of both files are."""
    header = read_header(delta)
    require(header.memory <= memory_limit and header.new_size <= output_limit, "it takes too much", "LIMIT")
    require(header.size == len(delta), "the delta is longer or shorter than it says")
    is_old = len(old) == header.old_size and ends[0](old) == header.old_digest
    require(is_old, "the old file is another", "SOURCE_MISMATCH")
    reader, new, checked, segments = Reader(delta[132:]), bytearray(), 0, []
    for _ in range(header.segments):
        segment = Segment(reader)
        segments.append(segment)
        require(segment.length <= header.new_size - len(new), "the segments make more than the new file")
        require(segment.memory <= header.memory, "a segment takes more memory than the header says")
        new += segment.decode(old, len(new))
        if segment.check is not None:
            require(zlib.crc32(new[checked:]) == segment.check, "the output check of a segment")
            checked = len(new)
    require(reader.left() == 0 and len(new) == header.new_size, "there are more or fewer segments")
    require(sum(segment.stream_bytes for segment in segments) == header.stream_bytes, "the stream bytes are others")
    require(ends[1](new) == header.new_digest, "the new file is another", "TARGET_MISMATCH")
    return bytes(new), segments

SQUASH = [int(number) for number in """
22 36 60 98 162 267 439 720 1179 1921 3108 4971 7812 11955 17625 24743 32768
40793 47911 53581 57724 60565 62428 63615 64357 64816 65097 65269 65374 65438 65476 65500 65514""".split()]
RATE = [40960, 25206, 18204, 14246, 11702, 9929, 8623, 7620, 6826, 6182, 5649, 5201, 4818, 4488, 4200, 2184]

def squash(logit: int) -> int:
    i, f = divmod(min(max(logit, -2047), 2047) + 2048, 128)
    return (SQUASH[i] * (128 - f) + SQUASH[i + 1] * f) >> 7

SQUASHED = [squash(x) >> 4 for x in range(-2047, 2047)]
STRETCH = [sum(y < q for y in SQUASHED) - 2047 for q in range(4096)]

def hashed(context: tuple[int, ...]) -> int:
    h = 0
    for n in context:
        h = (h ^ n) * 0x9E3779B1 & MASK
        h ^= h >> 15
    return h

class Mixer:
    """Reads decisions, with probabilities mixed from what was seen in several contexts and from guesses."""
    def __init__(self, segment: Segment, sets: int, guesses: int, settled: int) -> None:
        self.stream = Reader(segment.decisions + bytes(4))
        self.low, self.high, self.code = 0, MASK, int.from_bytes(self.stream.take(4), "big")
        self.bits, self.settled = segment.bits, settled
        self.cells, self.counts = array("H", [2048]) * 2**self.bits, bytearray(2**self.bits)
        self.weights, self.guesses = [[2600] * 8 for _ in range(sets)], [2048] * guesses
        self.bases: list[int] = []
    def read(self, p: int) -> int:
        cut = self.low + ((self.high - self.low) * p >> 16)
        bit = int(self.code <= cut)
        self.low, self.high = (self.low, cut) if bit else (cut + 1, self.high)
        while self.low >> 24 == self.high >> 24:
            self.low, self.high = self.low << 8 & MASK, (self.high << 8 & MASK) + 255
            self.code = (self.code << 8 & MASK) + self.stream.fixed(1)
        return bit
    def begin(self, *contexts: tuple[int, ...]) -> None:
        self.bases = [hashed(context) >> (32 - self.bits) & ~15 for context in contexts]
    def descend(self, by: int) -> None:
        self.bases = [(base + (by + 1) * 0x9E3770) % 2**self.bits for base in self.bases]
    def decision(self, node: int, weight_set: int, hints: list[int | None]) -> int:
        inputs = [STRETCH[self.cells[base + node]] for base in self.bases]
        inputs += [0 if hint is None else STRETCH[self.guesses[hint]] for hint in hints]
        weights = self.weights[weight_set]
        p = squash(sum(x * weight for x, weight in zip(inputs, weights)) >> 13)
        bit = self.read(p)
        error = (bit * 65536 - p) >> 2
        for i, x in enumerate(inputs):
            weights[i] = min(max(weights[i] + ((x * error + 32768) >> 16), -32768), 32767)
        for cell in (base + node for base in self.bases):
            self.cells[cell] += (4095 * bit - self.cells[cell]) * RATE[self.counts[cell]] >> 16
            self.counts[cell] = min(self.counts[cell] + 1, self.settled)
        for hint in hints:
            if hint is not None:
                self.guesses[hint] += (4095 - self.guesses[hint]) >> 5 if bit else -(self.guesses[hint] >> 5)
        return bit
    def number(self, sets: int, guess: int | None = None, guesses: int = 0) -> int:
        """A number of any size; the four guesses that go with the guessed number begin at `guesses`."""
        def hinted(node: int, says: int, without: int, hints: int) -> int:
            nonlocal guess
            if guess is None:
                return self.decision(node, sets + without, [None])
            bit = self.decision(node, sets + without + (16 if hints == 0 else 128), [guesses + hints + says])
            guess = guess if says == bit else None
            return bit

        k, guessed = 0, 0 if guess is None else guess + 1
        while k < 62 and hinted(min(k, 15), int(k < min(guessed.bit_length() - 1, 62)), min(k, 15), 0):
            k += 1
        self.descend(16 * k)
        v = 1
        for place in range(k - 1, -1, -1):
            free, at = k - place > 3, 32 + 8 * min(k, 15) + v
            v = 2 * v + (self.read(32768) if free else hinted(v, guessed >> place & 1, at, 2))
        return v - 1
    def byte(self, choose: Callable[[int, int], tuple[int, list[int | None]]]) -> int:
        """A byte, highest bit first; `choose` gives the set of weights and the hints for a step and a node."""
        node = 1
        for step in range(8):
            if step == 4:
                self.descend(16 * node)
            place = node if step < 4 else 2 ** (step - 4) + node % 2 ** (step - 4)
            node = 2 * node + self.decision(place, *choose(step, node))
        return node % 256

class History:
    """Remembers gaps and values, and guesses that what followed the same ones before comes again."""
    def __init__(self, bits: int) -> None:
        self.shift, self.size = 32 - (bits - 3), 2 ** (bits - 3)
        self.ring, self.seen = array("L", [0]) * self.size, array("L", [0]) * self.size
        self.length = self.alike = self.position = self.gap = 0
    def entry(self, index: int) -> int:
        return self.ring[index % self.size]
    def guess(self) -> tuple[int | None, int | None]:
        return (self.entry(self.position) >> 8, self.entry(self.position) & 255) if self.alike else (None, None)
    def learn_gap(self, gap: int) -> None:
        self.gap = min(gap, 2**24 - 1)
        if self.entry(self.position) >> 8 != self.gap:
            self.alike = 0
    def learn_value(self, value: int) -> None:
        entry = self.gap * 256 + value
        again = self.alike > 0 and self.entry(self.position) == entry
        self.ring[self.length % self.size] = entry
        self.length += 1
        self.alike, self.position = (self.alike + 1, self.position + 1) if again else (0, self.position)
        if self.length < 4:
            return
        slot = hashed(tuple(self.entry(self.length - back) for back in (4, 3, 2, 1))) >> self.shift
        q = self.seen[slot]
        if self.alike == 0 and q > 0 and self.length - q < self.size - 32:
            m = 0
            while m < min(q, 32) and self.entry(q - 1 - m) == self.entry(self.length - 1 - m):
                m += 1
            self.position, self.alike = q, m if m >= 3 else 0
        self.seen[slot] = self.length & MASK

def allows(byte: int, value: int, place: int) -> bool:
    return byte == value or (place > 0 and (byte + 1) % 256 == value)

def references(segment: Segment, positions: Positions) -> Iterator[tuple[int, int]]:
    """The reference model: output offsets and addends."""
    mixer, history = Mixer(segment, 288 + 256, 16 * 4 + 16 * 2 + 3 * 4 * 8 * 2, 4), History(segment.bits)
    v1 = v2 = g1 = g2 = g3 = start = moved = count = s1 = s2 = 0
    field, agreeing, recent, follower, zeros = [0] * 4, [0] * 0, [0] * 32, [0] * 4096, [9, 9]
    at = -1

    def byte_of(shift: int, place: int) -> int:
        return (shift + moved & MASK) >> (8 * place) & 255

    for _ in range(segment.values):
        mixer.begin((1, min(g1, 255), v1), (2, min(g1, 255), min(g2, 255), min(g3, 255)),
                    (3, *zeros, count, min(g1, 7)), (4, count, v1, min(g2, 20)))
        g1, g2, g3 = mixer.number(0, history.guess()[0], 4 * min(history.alike, 15)), g1, g2
        history.learn_gap(g1)
        at += g1 + 1
        require(at < len(positions), "an addend behind the last copied position")
        offset, copy = positions[at]
        if count and (offset - start >= 4 or copy.output.start > start):
            shift = shift_of(field, moved, recent)
            follower[hashed((s1, s2)) >> 20] = shift
            s1, s2 = shift, s1
            place = recent.index(shift) if shift in recent else 31
            recent = [shift] + recent[:place] + recent[place + 1 :]
            count = 0
        if count == 0:
            start, moved, field, agreeing = offset, copy.source - copy.output.start & MASK, [0] * 4, recent
        i = offset - start
        agreeing = [shift for shift in agreeing if all(allows(byte_of(shift, j), 0, j) for j in range(count, i))]
        seen = dict.fromkeys(byte for byte in (byte_of(shift, i) for shift in agreeing) if byte)
        first, second = [*seen, None, None][:2]
        shift = follower[hashed((s1, s2)) >> 20]
        follow = byte_of(shift, i) if all(allows(byte_of(shift, j), field[j], j) for j in range(i)) else 0
        confidence, said = min(history.alike, 15), (history.guess()[1], first, second, follow or None)
        mixer.begin((5, min(g1, 31), i), (6, v1, min(g1, 31), i), (7, v1, v2, min(g1, 31), min(g2, 31)),
                    (8, i, first or 0, (first is not None) + (second is not None)))
        def choose(step: int, node: int) -> tuple[int, list[int | None]]:
            hints: list[int | None] = [None] * 4
            weight_set = 288 + step + 8 * i
            for which, byte in enumerate(said):
                if byte is not None and (256 + byte) >> (8 - step) == node:
                    place = 2 * confidence if which == 0 else 32 + 16 * (4 * (which - 1) + i) + 2 * step
                    hints[which] = 64 + place + (byte >> (7 - step) & 1)
                    weight_set += (32, 64, 0, 128)[which]
            return weight_set, hints
        v1, v2 = mixer.byte(choose), v1
        yield offset, v1
        history.learn_value(v1)
        field[i], count = v1, i + 1
        agreeing = [shift for shift in agreeing if allows(byte_of(shift, i), v1, i)]
        rests = ([byte_of(shift, j) for j in range(i + 1, 4)] for shift in agreeing[:2])
        zeros = ([next((z for z, byte in enumerate(rest) if byte), 6) for rest in rests] + [9, 9])[:2]
    require(mixer.stream.left() <= 4, "bytes behind the last decision")

def shift_of(field: list[int], moved: int, recent: list[int]) -> int:
    carries = [((c & 1) << 8) + ((c >> 1 & 1) << 16) + (c >> 2 << 24) for c in range(8)]
    candidates = [int.from_bytes(bytes(field), "little") - carry & MASK for carry in carries]
    known = (candidate for candidate in candidates if (candidate - moved & MASK) in recent)
    return next(known, min(candidates, key=lambda c: min(c, 2**32 - c))) - moved & MASK

def scale(x: int) -> int:
    t = x.bit_length() - 1
    return x if x < 4 else 4 * t + (x >> (t - 2)) % 4

def elements(segment: Segment, positions: Positions, start: int) -> Iterator[tuple[int, int]]:
    """The element model: output offsets and addends."""
    width, mixer = segment.lanes, Mixer(segment, 544 * segment.lanes, 0, 15)
    zero = dict.fromkeys("v1 v2 g1 g2 dense denser magnitude".split(), 0)
    lanes = [SimpleNamespace(position=start + (l - start) % width - width, element=None, **zero) for l in range(width)]
    def read_gap(l: int) -> None:
        lane, lower = lanes[l], int(l > 0 and lanes[l - 1].element == lanes[l].element)
        mixer.begin((6, l, scale(lane.dense)), (7, l, scale(lane.denser)), (8, l, min(lane.g1, 63), min(lane.g2, 31)),
                    (9, l, scale(lane.dense) >> 1, min(lane.v1, 256 - lane.v1, 15), lower),
                    (10, l, scale(lane.denser) >> 1, scale(min(lane.g1, 2**20))))
        lane.g1, lane.g2 = mixer.number(544 * l), lane.g1
        s = 16 * min(lane.g1, 65536)
        lane.dense += s // 8 - lane.dense // 8
        lane.denser += s // 64 - lane.denser // 64
        lane.position += width * (lane.g1 + 1)

    def read_value(l: int, e: int) -> int:
        lane, sets = lanes[l], 544 * l + 288
        near = lanes[l - 1].v1 if l > 0 and lanes[l - 1].element == e else 0
        both, next_one = int(l > 1 and lanes[l - 2].element == e), int(lane.element == e - 1)
        mixer.begin((1, l, scale(lane.magnitude >> 3)), (2, l, lane.v1, next_one), (3, l, near, both),
                    (4, l, lane.v1, lane.v2), (5, l, scale(lane.dense >> 3), scale(lane.magnitude >> 3) >> 1))
        z = mixer.byte(lambda step, node: (sets + (node if step < 4 else 16 + 16 * step + (node >> (step - 4))), []))
        lane.v1, lane.v2, lane.element = z >> 1 ^ 255 * (z % 2), lane.v1, e
        lane.magnitude += 4 * min(lane.v1, 256 - lane.v1) - lane.magnitude // 16
        return lane.v1

    for l in range(width):
        read_gap(l)
    for _ in range(segment.values):
        l = min(range(width), key=lambda l: lanes[l].position)
        position = lanes[l].position
        require(position - start < len(positions), "an addend behind the last copied position")
        yield positions[position - start][0], read_value(l, position // width)
        read_gap(l)
    require(mixer.stream.left() <= 4, "bytes behind the last decision")

Link = namedtuple("Link", "start to delta")

def index_at(chain: bytes, at: int, end: int) -> bytes | None:
    """The payload of the index whose record begins at `at` and whose footer ends at `end`, if it is whole."""
    record, payload, footer = chain[at : at + 16], chain[at + 16 : end - 32], chain[end - 32 : end]
    if len(footer) < 32 or footer[24:] != b"\x8dPCCEND\n" or not fits(footer[:24]):
        return None
    offset, checksum, version, _, critical = struct.unpack_from("<QIHHI", footer)
    require(version == 1 and critical == 0, f"version {version}, critical flags {critical:#x}", "UNSUPPORTED")
    whole = offset == at >= 24 and record[:12] == struct.pack("<4sQ", b"INDX", len(payload)) and fits(record)
    return payload if whole and zlib.crc32(payload) == checksum else None

def find_index(chain: bytes) -> tuple[int, bytes]:
    """Where the last whole index begins, and its payload."""
    at = int.from_bytes(chain[-32:-24], "little")
    found = (at, index_at(chain, at, len(chain)))
    if found[1] is None or len(chain) <= 65536:
        check_prefix(chain, b"\x8dPCC\r\n\x1a\n", 24)
    at = len(chain) if found[1] is not None else 24
    while at + 16 <= len(chain) and fits(chain[at : at + 16]):
        kind, length = struct.unpack_from("<4sQ", chain, at)
        end = at + 16 + length + (32 if kind == b"INDX" else 0)
        payload = index_at(chain, at, end) if kind == b"INDX" else None
        found = found if payload is None else (at, payload)
        at = end
    require(found[1] is not None, "there is no whole index")
    return found

def read_name(index: Reader) -> str:
    try:
        name = index.take(index.fixed(1)).decode()
    except UnicodeDecodeError as error:
        raise Refused("CORRUPT", "a name is not UTF-8") from error
    require(name != "" and all(unicodedata.category(c) != "Cc" for c in name), f"the name {name!r}")
    return name

def read_chain(chain: bytes) -> tuple[list[tuple[bytes, int, str]], list[Link]]:
    end, payload = find_index(chain)
    index = Reader(payload)
    version_count, link_count = index.fixed(4), index.fixed(4)
    read_name(index)
    require(0 < version_count and version_count * 42 + link_count * 28 <= index.left() <= 2**26, "counts of the index")
    versions = [(index.take(32), index.fixed(8), read_name(index)) for _ in range(version_count)]
    require(len({name for _, _, name in versions}) == version_count, "two versions of one name")
    links, used, led_to = [], [(0, 24), (end, end)], []
    for _ in range(link_count):
        start, to, offset, size, flags = struct.unpack("<IIQQI", index.take(28))
        require(flags <= 1, f"flags {flags:#x} of a link", "UNSUPPORTED")
        require(start < to < version_count, "a link leads back, or nowhere")
        links.append(Link(start, to, chain[offset : offset + size]))
        used.append((offset - 16, offset + size))
        led_to += [] if flags else [to]
    used.sort()
    require(all(a[1] <= b[0] for a, b in zip(used, used[1:])), "a delta shares bytes with something else")
    require(len(set(led_to)) == len(led_to) and len({link[:2] for link in links}) == link_count, "two links of one end")
    require(index.left() == 0, "the index is longer than what it holds")
    return versions, links

def chain_apply(old: bytes, chain: bytes, wanted: str | None = None) -> bytes:
    """The version of that name, the last one where none is named."""
    versions, links = read_chain(chain)
    starts = [i for i, version in enumerate(versions) if version[0] == sha256(old)]
    require(starts != [], "the old file is in no version", "SOURCE_MISMATCH")
    end = next((i for i, (_, _, name) in enumerate(versions) if name == wanted), None if wanted else len(versions) - 1)
    require(end is not None, f"no version {wanted}", "UNKNOWN_VERSION")
    routes: dict[int, list[Link]] = {end: []}
    for link in sorted(links, reverse=True):  # Of the links that lead on from a version, the one that leads farthest.
        if link.to in routes:
            routes.setdefault(link.start, [link, *routes[link.to]])
    start = max((start for start in starts if start in routes), default=None)
    require(start is not None, "no way from one to the other", "NO_ROUTE")
    for link in routes[start]:
        (digest, size, _), (to_digest, to_size, _) = versions[link.start], versions[link.to]
        same = read_header(link.delta)[:4] == (size, to_size, digest, to_digest)
        require(same, "a link is not what the index says")
        old, _ = apply(old, link.delta)
    return old

def main(arguments: list[str]) -> int | str:
    match arguments:
        case ["apply", old, delta, new]:
            Path(new).write_bytes(apply(Path(old).read_bytes(), Path(delta).read_bytes())[0])
        case ["chain", old, chain, new, *version] if len(version) < 2:
            Path(new).write_bytes(chain_apply(Path(old).read_bytes(), Path(chain).read_bytes(), *version))
        case ["vectors", *folder] if len(folder) < 2:
            import run  # It is no part of the reader.
            return run.all_vectors(Path(*folder) if folder else Path(__file__).parent)
        case _:
            return "decode.py apply OLD DELTA NEW | chain OLD CHAIN NEW [VERSION] | vectors [DIR]"
    return 0

if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Refused as refused:
        sys.exit(": ".join(refused.args))

"""Files that look like real ones, by formulas: the same bytes everywhere."""

from __future__ import annotations

import struct


class Noise:
    """Numbers that look random and are the same everywhere."""

    def __init__(self, seed: int) -> None:
        self.state = seed * 0x9E3779B97F4A7C15 & (2**64 - 1) | 1

    def below(self, bound: int) -> int:
        self.state ^= self.state << 13 & (2**64 - 1)
        self.state ^= self.state >> 7
        self.state ^= self.state << 17 & (2**64 - 1)
        return (self.state >> 32) * bound >> 32

    def bytes(self, count: int) -> bytes:
        return bytes(self.below(256) for _ in range(count))


WORDS = "the delta says which part of an old file is where in the new one and what was put between them at last".split()


def text(seed: int, lines: int) -> list[str]:
    noise = Noise(seed)
    return [f"{i:4} " + " ".join(WORDS[noise.below(len(WORDS))] for _ in range(12)) + "\n" for i in range(lines)]


def texts() -> list[bytes]:
    """Four versions of a text: lines change, move and appear."""
    versions, noise = [text(1, 180)], Noise(2)
    for _ in range(3):
        lines = list(versions[-1])
        for _ in range(12):
            lines[noise.below(len(lines))] = text(noise.below(1000), 1)[0]
        at = noise.below(len(lines) - 60)
        block, lines[at : at + 30] = lines[at : at + 30], []
        lines[noise.below(len(lines)) : 0] = block
        lines += text(noise.below(1000), 5)
        versions.append(lines)
    return ["".join(lines).encode() for lines in versions]


def code(functions: int, grown: set[int], growth: int) -> bytes:
    """Machine code of functions that call each other by references relative to their place; some have grown."""
    starts, bodies, at = [], [], 0
    for number in range(functions):
        noise = Noise(1000 + number)
        body = [(noise.below(40) * 5 + 7, noise.below(functions)) for _ in range(10 + noise.below(30))]
        body += [(201, noise.below(functions)) for _ in range(growth * (number % 7 + 1) if number in grown else 0)]
        starts.append(at)
        bodies.append(body)
        at += sum(7 if opcode % 2 else 2 for opcode, _ in body)
    out = bytearray()
    for body in bodies:
        for opcode, target in body:
            out += bytes([opcode, opcode * 3 % 256])
            if opcode % 2:
                out += b"\xe8" + struct.pack("<i", starts[target] - len(out) - 5)
    return bytes(out)


def numbers(layout: str, count: int, seed: int, step: float) -> tuple[bytes, bytes]:
    """Weights before and after a step of training; `layout` is one of struct's, or `bf16`."""
    noise, old, new = Noise(seed), bytearray(), bytearray()
    for _ in range(count):
        value = (sum(noise.below(2001) for _ in range(6)) / 6000 - 1) * 0.2
        after = value + (sum(noise.below(2001) for _ in range(4)) / 4000 - 1) * step * (noise.below(3) > 0)
        for out, number in ((old, value), (new, after)):
            if layout == "bf16":
                out += struct.pack("<f", number)[2:]
            elif layout == "b":
                out += struct.pack("<b", round(number * 600))
            else:
                out += struct.pack("<" + layout, number)
    return bytes(old), bytes(new)

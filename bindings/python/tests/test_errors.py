"""Errors: a class per status, built-in exceptions where they say the same, and all of it survives a pickle."""

from __future__ import annotations

import copy
import errno
import os
import pickle
import re
from pathlib import Path

import pytest

import patchcore
from patchcore import errors
from patchcore._patchcore import _statuses


def class_of(status_name: str) -> type[patchcore.PatchcoreError]:
    name = "".join(word.capitalize() for word in status_name.split("_")) + "Error"
    found = getattr(errors, name)
    assert isinstance(found, type) and issubclass(found, patchcore.PatchcoreError)
    return found


@pytest.mark.parametrize(("code", "status_name"), _statuses())
def test_every_status_has_a_class_named_after_it(code: int, status_name: str) -> None:
    kind = class_of(status_name)
    assert (kind.status, kind.status_name) == (code, status_name)
    assert getattr(patchcore, kind.__name__) is kind
    assert kind.__doc__
    raised = errors._from_status(code, status_name, "what happened", "a file", 7, None)
    assert type(raised) is kind
    assert str(raised) == "a file: what happened (at byte 7)"


def test_no_class_stands_for_a_status_that_is_none() -> None:
    classes = {kind.status for kind in patchcore.PatchcoreError.__subclasses__()}
    assert classes == {code for code, _ in _statuses()}


def test_a_status_of_a_newer_library_is_an_error_all_the_same() -> None:
    raised = errors._from_status(99, "NEWER", "what happened", None, None, None)
    assert type(raised) is patchcore.PatchcoreError
    for same in (raised, pickle.loads(pickle.dumps(raised))):
        assert (same.status, same.status_name, str(same)) == (99, "NEWER", "what happened")


@pytest.mark.parametrize(("code", "status_name"), _statuses())
def test_errors_travel_between_processes(code: int, status_name: str) -> None:
    system = errno.EROFS if issubclass(class_of(status_name), OSError) else None
    for number in (None, system):
        raised = errors._from_status(code, status_name, "what happened", "a file", 1 << 40, number, "rolled_back")
        raised.add_note("on shard 7")
        for same in (pickle.loads(pickle.dumps(raised)), copy.copy(raised)):
            assert type(same) is type(raised) and same.outcome == "rolled_back"
            assert (str(same), repr(same), same.__dict__) == (str(raised), repr(raised), raised.__dict__)
            if isinstance(raised, OSError) and isinstance(same, OSError):
                assert (same.errno, same.strerror, same.filename) == (raised.errno, raised.strerror, "a file")


def test_a_missing_file_is_what_python_calls_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        patchcore.inspect(tmp_path / "missing")
    assert isinstance(raised.value, patchcore.NotFoundError)
    assert raised.value.errno == errno.ENOENT
    assert raised.value.filename == raised.value.path == str(tmp_path / "missing")


def test_operating_system_errors_carry_number_and_file(tmp_path: Path, versions: list[bytes]) -> None:
    with pytest.raises(OSError) as raised:
        patchcore.diff(versions[0], versions[1], tmp_path / "none" / "delta")
    assert raised.value.errno == errno.ENOENT and raised.value.filename.startswith(str(tmp_path))
    if Path("/dev/full").exists():
        with pytest.raises(patchcore.NoSpaceError) as full:
            patchcore.diff(versions[0], versions[1], "/dev/full")
        assert full.value.errno == errno.ENOSPC


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="this is no Linux, where not even root may write there")
def test_what_is_not_permitted_is_what_python_calls_so(versions: list[bytes]) -> None:
    with pytest.raises(PermissionError) as raised:
        patchcore.diff(versions[0], versions[1], "/sys/kernel/delta")
    assert isinstance(raised.value, patchcore.PermissionError)


def test_damage_says_where(versions: list[bytes], deltas: list[bytes], tmp_path: Path) -> None:
    damaged = bytearray(deltas[0])
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "damaged").write_bytes(damaged)
    with pytest.raises(ValueError) as raised:
        patchcore.apply(versions[0], tmp_path / "damaged", tmp_path / "new")
    assert isinstance(raised.value, patchcore.CorruptError)
    assert raised.value.path == str(tmp_path / "damaged") and raised.value.offset is not None
    assert re.search(r"damaged: .* \(at byte \d+\)$", str(raised.value))
    assert os.listdir(tmp_path) == ["damaged"]


def test_the_base_class_catches_all(deltas: list[bytes]) -> None:
    for wrong in (b"", b"x", deltas[0][:50], b"\x00" * 200):
        with pytest.raises(patchcore.PatchcoreError) as raised:
            patchcore.apply(b"", wrong)
        assert raised.value.status in {code for code, _ in _statuses()}
        assert raised.value.message


def test_a_star_import_hides_no_built_in() -> None:
    import builtins

    assert not set(patchcore.__all__) & set(dir(builtins))

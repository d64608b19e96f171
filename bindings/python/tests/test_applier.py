"""Deltas that arrive in pieces: bounded steps, checkpoints, and callbacks that fail."""

from __future__ import annotations

import pickle
import threading

import pytest

import patchcore
from patchcore import Applier


def push_all(applier: Applier, delta: bytes, size: int) -> None:
    for start in range(0, len(delta), size):
        applier.push(delta[start : start + size])


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
def test_pieces_of_any_size_make_the_file(size: int, versions: list[bytes], deltas: list[bytes]) -> None:
    new = bytearray()
    applier = Applier(versions[0], new.extend)
    assert applier.info is None
    push_all(applier, deltas[0], size)
    stats = applier.finish()
    assert new == versions[1] and stats.new_digest == patchcore.digest(versions[1])
    assert applier.info == patchcore.inspect(deltas[0])
    assert (applier.delta_offset, applier.output_offset) == (len(deltas[0]), len(versions[1]))
    assert str(len(versions[1])) in repr(applier)


def test_a_resumed_applier_goes_on_where_the_checkpoint_was(versions: list[bytes], deltas: list[bytes]) -> None:
    delta = deltas[0]
    for cut in range(0, len(delta), 97):
        new, durable = bytearray(), bytearray()

        def flush() -> None:
            durable[:] = new

        first = Applier(versions[0], new.extend, flush=flush)
        push_all(first, delta[:cut], 50)
        checkpoint = pickle.loads(pickle.dumps(first.checkpoint()))
        first.push(delta[cut : cut + 60])
        second = Applier.resume(versions[0], durable.extend, checkpoint)
        assert len(durable) == second.output_offset
        push_all(second, delta[second.delta_offset :], 50)
        second.finish()
        assert durable == versions[1]


def test_a_delta_that_ends_early_or_is_damaged_is_corrupt(versions: list[bytes], deltas: list[bytes]) -> None:
    applier = Applier(versions[0], lambda _: None)
    push_all(applier, deltas[0][:-1], 1000)
    with pytest.raises(patchcore.CorruptError, match="ends early"):
        applier.finish()
    with pytest.raises(patchcore.CorruptError):
        Applier.resume(versions[0], lambda _: None, b"no checkpoint")


def test_nothing_is_written_of_another_file(versions: list[bytes], deltas: list[bytes]) -> None:
    written: list[bytes] = []
    applier = Applier(versions[1], written.append)
    with pytest.raises(patchcore.SourceMismatchError):
        push_all(applier, deltas[0], 1000)
    assert not written


def test_a_callback_that_raises_ends_the_applier(versions: list[bytes], deltas: list[bytes]) -> None:
    def write(_: bytes) -> None:
        raise ZeroDivisionError("the disk is gone")

    applier = Applier(versions[0], write)
    with pytest.raises(ZeroDivisionError, match="the disk is gone"):
        push_all(applier, deltas[0], 1000)
    for use in (applier.finish, applier.checkpoint, lambda: applier.push(b"x")):
        with pytest.raises(patchcore.InvalidArgumentError, match="begin anew"):
            use()


def test_an_applier_at_work_is_busy_for_all_others(versions: list[bytes], deltas: list[bytes]) -> None:
    seen: list[BaseException] = []

    def attempt() -> None:
        try:
            applier.push(b"x")
        except patchcore.BusyError as error:
            seen.append(error)

    def write(_: bytes) -> None:
        attempt()
        other = threading.Thread(target=attempt)
        other.start()
        other.join()
        assert "at work" in repr(applier)

    applier = Applier(versions[0], write)
    push_all(applier, deltas[0], 1 << 20)
    applier.finish()
    assert len(seen) >= 2 and isinstance(seen[0], BlockingIOError)


def test_memory_and_output_are_limited(versions: list[bytes], deltas: list[bytes]) -> None:
    for memory, output in ((1000, None), (None, 1000)):
        with pytest.raises(patchcore.LimitError):
            push_all(Applier(versions[0], lambda _: None, max_memory=memory, max_output=output), deltas[0], 1000)
    with pytest.raises(TypeError, match="argument 'write'"):
        Applier(versions[0], 7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="bytes-like"):
        Applier(versions[0], print).push("path")  # type: ignore[arg-type]

"""Buffers, objects and threads that come and go while an operation runs."""

from __future__ import annotations

import asyncio
import gc
import mmap
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import content

import patchcore
from patchcore import Progress


class At:
    """Does something once, when an operation has reached a phase."""

    def __init__(self, phase: str, action: Any) -> None:
        self.phase, self.action = phase, action
        self.raised: BaseException | None = None

    def __call__(self, event: Progress) -> None:
        if event.phase == self.phase and self.action is not None:
            action, self.action = self.action, None
            try:
                action()
            except BaseException as error:
                self.raised = error


def test_what_happens_to_a_writable_buffer_later_does_not_matter(versions: list[bytes], deltas: list[bytes]) -> None:
    old = bytearray(versions[0])

    def overwrite() -> None:
        old[:] = bytes(len(old))

    assert patchcore.diff(old, versions[1], progress=At("hash", overwrite)) == deltas[0]
    assert not any(old)


def test_a_borrowed_buffer_that_changes_all_the_same_is_found_out(tmp_path: Path, versions: list[bytes]) -> None:
    """Read-only only as seen from here: the result is right, or there is an error, and never a crash."""
    array = np.frombuffer(versions[0], dtype=np.uint8).copy()
    view = array.view()
    view.flags.writeable = False

    def overwrite() -> None:
        array[:] = 0

    for phase in ("match", "encode"):
        array[:] = np.frombuffer(versions[0], dtype=np.uint8)
        try:
            delta = patchcore.diff(view, versions[1], progress=At(phase, overwrite))
        except patchcore.PatchcoreError:
            continue
        assert patchcore.apply(versions[0], delta) == versions[1]


def test_a_mapping_cannot_be_closed_while_it_is_read(tmp_path: Path, versions: list[bytes], deltas: list[bytes]) -> None:
    path = tmp_path / "old"
    path.write_bytes(versions[0])
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    at = At("apply", mapped.close)
    assert patchcore.apply(mapped, deltas[0], progress=at) == versions[1]
    assert isinstance(at.raised, BufferError)
    mapped.close()


def test_a_target_cannot_be_resized_while_it_is_written(versions: list[bytes], deltas: list[bytes]) -> None:
    target = bytearray(len(versions[1]))
    at = At("apply", target.clear)
    patchcore.apply(versions[0], deltas[0], target, progress=at)
    assert isinstance(at.raised, BufferError)
    assert target == versions[1]
    target.clear()


def test_nothing_is_written_to_a_target_that_was_taken_back() -> None:
    delta = patchcore.diff(b"", bytes(64 << 20), level=1)
    stopped = 0
    for delay in range(10):
        token, target = patchcore.CancelToken(), np.ones(64 << 20, dtype=np.uint8)
        timer = threading.Timer(delay / 200, token.cancel)
        timer.start()
        try:
            patchcore.apply(b"", delta, target, cancel=token)
        except patchcore.CancelledError:
            stopped += 1
            left = target.copy()
            time.sleep(0.05)
            assert (target == left).all()
        timer.join()
    assert stopped


def test_a_chain_may_go_while_it_is_used(chain_path: Path, versions: list[bytes]) -> None:
    chain = patchcore.Chain(chain_path.read_bytes())
    method = chain.apply
    del chain

    def drop() -> None:
        nonlocal method
        del method
        gc.collect()

    assert method(versions[0], progress=At("apply", drop)) == versions[3]


def test_inputs_are_let_go_of_whatever_happens(versions: list[bytes], deltas: list[bytes]) -> None:
    def stop(_: Progress) -> None:
        raise ZeroDivisionError

    old = np.frombuffer(versions[0], dtype=np.uint8)
    before = sys.getrefcount(old)
    for _ in range(50):
        patchcore.apply(old, deltas[0])
        with pytest.raises(patchcore.SourceMismatchError):
            patchcore.apply(old, deltas[1])
        with pytest.raises(ZeroDivisionError):
            patchcore.apply(old, deltas[0], progress=stop)
    gc.collect()
    assert sys.getrefcount(old) == before


def test_four_threads_at_once_do_as_one_does(chain_path: Path, versions: list[bytes], deltas: list[bytes]) -> None:
    chain = patchcore.Chain(chain_path)

    def work(_: int) -> None:
        assert chain.apply(versions[0]) == versions[3]
        assert patchcore.diff(versions[0], versions[1]) == deltas[0]
        assert patchcore.apply(versions[1], deltas[1], progress=lambda _: None) == versions[2]
        assert chain.links and repr(chain)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(40)))


def test_other_threads_go_on_meanwhile(large_pair: tuple[Path, Path]) -> None:
    ticks, done = 0, threading.Event()

    def digest() -> None:
        patchcore.digest(large_pair[0])
        done.set()

    thread = threading.Thread(target=digest)
    thread.start()
    while not done.wait(0.002):
        ticks += 1
    thread.join()
    assert ticks > 20


def test_an_event_loop_goes_on_meanwhile(versions: list[bytes], deltas: list[bytes]) -> None:
    async def main() -> list[bytes]:
        jobs = (asyncio.to_thread(patchcore.apply, versions[at], deltas[at]) for at in range(3))
        return await asyncio.gather(*jobs)

    assert asyncio.run(main()) == versions[1:]


def test_a_cancelled_task_stops_its_operation(large_pair: tuple[Path, Path], tmp_path: Path) -> None:
    async def main() -> None:
        token = patchcore.CancelToken()
        old, new = large_pair
        task = asyncio.create_task(asyncio.to_thread(patchcore.diff, old, new, tmp_path / "delta", cancel=token))
        await asyncio.sleep(0.2)
        token.cancel()
        with pytest.raises(patchcore.CancelledError):
            await task

    asyncio.run(main())
    assert not list(tmp_path.iterdir())


MEMORY = """
import sys, threading, numpy, patchcore
size = 256 << 20
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) << 10
delta = patchcore.diff(bytes(1000), bytes(1000), level=1)
patchcore.apply(bytes(1000), delta)
old = numpy.random.default_rng(7).bytes(size)
delta = patchcore.diff(old, old, level=1)
open("/proc/self/clear_refs", "w").write("5")
before = peak()
new = patchcore.apply(old, delta)
print((peak() - before) / size, new == old)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this system does not tell")
def test_applying_bytes_takes_one_output_and_copies_no_input() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    outputs, same = done.stdout.split()
    assert same == "True" and 1.0 <= float(outputs) < 1.1, done.stdout


def test_a_large_array_gives_what_its_bytes_give() -> None:
    old, new = content(0, 6_000_000), content(1, 6_000_000)
    array = np.frombuffer(old, dtype=np.float64).reshape(3, -1)
    assert not array.flags.writeable
    assert patchcore.apply(array, patchcore.diff(array, new)) == new

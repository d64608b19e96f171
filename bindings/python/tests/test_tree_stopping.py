"""What a caller sees of a change of a directory, how it stops one, and what it is told where that came too late."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import House

import patchcore
from patchcore import CancelToken, Progress


class At:
    """Does something at the first event of a phase."""

    def __init__(self, phase: str, action: Callable[[], object]) -> None:
        self.phase, self.action, self.reached = phase, action, False

    def __call__(self, event: Progress) -> None:
        if event.phase == self.phase and not self.reached:
            self.reached = True
            self.action()


def fail() -> None:
    raise ZeroDivisionError("the bar is gone")


def state(house: House) -> str:
    digest = house.digest("one")
    return {house.digest("two"): "new"}.get(digest, digest)


def test_every_phase_is_reported_and_ends(house: House) -> None:
    events: list[Progress] = []
    house.diff("one", "two", "p.zip", progress=events.append)
    assert {"scan", "pack"} <= {event.phase for event in events}
    patch = patchcore.TreePatch(house / "p.zip")
    for call, phases in (
        (patch.apply, ["hash", "stage", "commit"]),
        (patch.verify_tree, ["hash"]),
        (patchcore.tree_rollback, ["hash", "rollback"]),
    ):
        events.clear()
        call(house / "one", progress=events.append)
        assert [event.phase for event in events if event.done == event.total][-len(phases) :] == phases
    assert {event.unit for event in events} <= {"bytes", "items"}


@pytest.mark.parametrize("phase", ["hash", "stage"])
def test_who_raises_before_the_commit_finds_the_old_tree(house: House, phase: str) -> None:
    patch, before = house.patch(), house.digest("one")
    with pytest.raises(ZeroDivisionError) as raised:
        patch.apply(house / "one", progress=At(phase, fail))
    assert not hasattr(raised.value, "__notes__")
    assert house.digest("one") == before
    # Nobody holds the lock any more, and nothing is left to be finished.
    assert patchcore.tree_recover(house / "one") is None
    assert patch.apply(house / "one").changed == 4


def test_who_raises_in_the_commit_waits_and_is_told_that_it_was_completed(house: House) -> None:
    patch, old = house.patch(), house.digest("one")
    with pytest.raises(ZeroDivisionError, match="the bar is gone") as raised:
        patch.apply(house / "one", progress=At("commit", fail))
    assert ["completed" in note for note in raised.value.__notes__] == [True]
    assert house.digest("one") == house.digest("two")
    with pytest.raises(ZeroDivisionError) as raised:
        patchcore.tree_rollback(house / "one", progress=At("rollback", fail))
    assert ["completed" in note for note in raised.value.__notes__] == [True]
    assert house.digest("one") == old


def test_who_raises_before_a_rollback_finds_the_new_tree(house: House) -> None:
    house.patch().apply(house / "one")
    with pytest.raises(ZeroDivisionError) as raised:
        patchcore.tree_rollback(house / "one", progress=At("hash", fail))
    assert not hasattr(raised.value, "__notes__")
    assert house.digest("one") == house.digest("two")
    patchcore.tree_rollback(house / "one")


def test_a_commit_that_fails_is_taken_back_and_says_so(house: House) -> None:
    patch, before, root = house.patch(), house.digest("one"), house / "one"

    def occupy() -> None:
        # Where the patch makes a directory.
        (root / "docs").write_text("in the way")

    with pytest.raises(patchcore.PatchcoreError) as raised:
        patch.apply(root, progress=At("commit", occupy))
    assert raised.value.outcome == "rolled_back"
    assert pickle.loads(pickle.dumps(raised.value)).outcome == "rolled_back"
    (root / "docs").unlink()
    assert house.digest("one") == before

    def occupy_and_fail() -> None:
        occupy()
        fail()

    with pytest.raises(ZeroDivisionError) as told:
        patch.apply(root, progress=At("commit", occupy_and_fail))
    assert ["failed" in note and "rolled_back" in note for note in told.value.__notes__] == [True]
    (root / "docs").unlink()
    assert house.digest("one") == before


@pytest.mark.parametrize("phase", ["hash", "stage"])
def test_a_token_before_the_commit_leaves_the_old_tree(house: House, phase: str) -> None:
    patch, before, token = house.patch(), house.digest("one"), CancelToken()
    with pytest.raises(patchcore.CancelledError) as raised:
        patch.apply(house / "one", progress=At(phase, token.cancel), cancel=token)
    assert raised.value.outcome == "unchanged"
    assert house.digest("one") == before
    with pytest.raises(patchcore.CancelledError) as raised:
        patch.apply(house / "one", cancel=token)
    assert raised.value.outcome == "unchanged"
    patch.apply(house / "one")


def test_a_token_in_the_commit_is_too_late_and_the_result_is_told(house: House) -> None:
    patch, token = house.patch(), CancelToken()
    assert patch.apply(house / "one", progress=At("commit", token.cancel), cancel=token).changed == 4
    assert house.digest("one") == house.digest("two")
    token = CancelToken()
    assert patchcore.tree_rollback(house / "one", progress=At("rollback", token.cancel), cancel=token) is None
    assert patch.apply(house / "one").changed == 4


def test_a_token_at_any_moment_leaves_one_tree_or_the_other_as_it_is_told(house: House) -> None:
    for number in range(300):
        (house / "two" / f"file-{number}").write_text(str(number))
    patch, old, new = house.patch(), house.digest("one"), house.digest("two")
    told = {old: 0, new: 0}
    for delay in range(24):
        token = CancelToken()
        timer = threading.Timer(delay / 100, token.cancel)
        timer.start()
        try:
            patch.apply(house / "one", cancel=token)
            expected = new
        except patchcore.CancelledError as error:
            assert error.outcome == "unchanged"
            expected = old
        assert house.digest("one") == expected
        timer.join()
        told[expected] += 1
        if expected == new:
            patchcore.tree_rollback(house / "one")
    assert told[old]


def test_what_follows_a_cancelled_change_does_not_find_it_at_work(house: House) -> None:
    for number in range(2000):
        (house / "two" / f"file-{number}").write_text(str(number))
    patch = house.patch(compression="stored")

    def stop(event: Progress) -> None:
        # Now it takes the longest to remove what was staged.
        if event.phase == "stage" and event.done == event.total:
            fail()

    with pytest.raises(ZeroDivisionError):
        patch.apply(house / "one", progress=stop)
    assert patch.apply(house / "one").changed == 2004


@pytest.mark.skipif(sys.platform == "win32", reason="Windows raises no SIGINT this way")
@pytest.mark.parametrize("phase", ["hash", "stage", "commit"])
def test_an_interrupt_leaves_one_tree_or_the_other_and_says_which(house: House, phase: str) -> None:
    patch, before = house.patch(), house.digest("one")
    interrupt = At(phase, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt) as raised:
        patch.apply(house / "one", progress=interrupt)
    completed = [note for note in getattr(raised.value, "__notes__", []) if "completed" in note]
    assert house.digest("one") == (house.digest("two") if completed else before)
    assert bool(completed) == (phase == "commit")


@pytest.mark.parametrize("phase", ["scan", "pack"])
def test_who_stops_the_making_of_a_package_leaves_none(house: House, phase: str) -> None:
    token = CancelToken()
    with pytest.raises(ZeroDivisionError):
        house.diff("one", "two", "p.zip", progress=At(phase, fail))
    with pytest.raises(patchcore.CancelledError):
        house.diff("one", "two", "p.zip", progress=At(phase, token.cancel), cancel=token)
    assert sorted(os.listdir(house.folder)) == ["one", "three", "two"]


def test_an_update_says_what_became_of_the_tree(house: House) -> None:
    patchcore.tree_diff_operations(
        house / "one", house / "two", house / "p.tar.gz", house / "o.json", package_info=house / "i.json", url="p.tar.gz"
    )
    updater, before = patchcore.Updater(house / "one"), house.digest("one")
    for phase in ("download", "stage"):
        token = CancelToken()
        with pytest.raises(patchcore.CancelledError) as raised:
            updater.update_from_package_info(house / "i.json", progress=At(phase, token.cancel), cancel=token)
        assert raised.value.outcome == "unchanged" and house.digest("one") == before
    with pytest.raises(ZeroDivisionError) as told:
        updater.update_from_package_info(house / "i.json", progress=At("commit", fail))
    assert "completed" in told.value.__notes__[0]
    assert house.digest("one") == house.digest("two")


def test_callbacks_run_on_the_thread_that_calls(house: House) -> None:
    threads: set[int] = set()
    house.patch().apply(house / "one", progress=lambda _: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}

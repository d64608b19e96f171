"""What a caller sees and hears of an operation while it runs, and how it stops one."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest
from conftest import content
from tqdm import tqdm

import patchcore
from patchcore import Progress


def test_progress_ascends_and_every_phase_ends(versions: list[bytes]) -> None:
    events: list[Progress] = []
    patchcore.diff(versions[0], versions[1], progress=events.append)
    assert {"hash", "match", "encode"} <= {event.phase for event in events}
    for before, event in zip(events, events[1:]):
        assert event.phase != before.phase or event.done >= before.done or before.done == before.total
    for phase in {event.phase for event in events}:
        last = [event for event in events if event.phase == phase][-1]
        assert last.done == last.total
    assert all(event.unit in ("bytes", "items") for event in events)


def test_callbacks_run_on_the_thread_that_calls(versions: list[bytes]) -> None:
    threads: set[int] = set()
    patchcore.diff(versions[0], versions[1], progress=lambda _: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}


def test_a_bar_of_tqdm_shows_it_as_it_is(versions: list[bytes], deltas: list[bytes]) -> None:
    descriptions: list[str] = []

    class Bar(tqdm):  # type: ignore[type-arg]
        def set_description(self, desc: str | None = None, refresh: bool | None = True) -> None:
            descriptions.append(desc or "")
            super().set_description(desc, refresh)

    with Bar(unit="B", unit_scale=True, disable=False) as bar:
        patchcore.apply(versions[0], deltas[0], progress=patchcore.on_bar(bar))
        assert bar.total and bar.n == bar.total
    assert descriptions == ["hash", "apply"]


def test_a_bar_shows_no_end_as_long_as_nobody_knows_it() -> None:
    with tqdm(disable=False) as bar:
        show = patchcore.on_bar(bar)
        for done, total, shown in ((0, patchcore.NO_LIMIT, 0), (5, patchcore.NO_LIMIT, 0), (7, 10, 10), (10, 10, 10)):
            show(Progress("download", done, total, "bytes"))
            assert (bar.n, bar.total) == (done, shown)
        show(Progress("stage", 0, 3, "items"))
        assert (bar.n, bar.total, bar.desc) == (0, 3, "stage: ")


def test_a_bar_that_is_switched_off_stays_off(
    versions: list[bytes], deltas: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    with tqdm(disable=True) as bar:
        assert patchcore.apply(versions[0], deltas[0], progress=patchcore.on_bar(bar)) == versions[1]
    assert capsys.readouterr().err == ""


def test_an_exception_in_a_callback_ends_the_operation(tmp_path: Path, versions: list[bytes]) -> None:
    def progress(event: Progress) -> None:
        raise ZeroDivisionError(event.phase)

    with pytest.raises(ZeroDivisionError, match="hash"):
        patchcore.diff(versions[0], versions[1], tmp_path / "delta", progress=progress)
    assert not list(tmp_path.iterdir())


def test_a_callback_may_call_back_in(versions: list[bytes], deltas: list[bytes]) -> None:
    made: list[bytes] = []
    patchcore.diff(versions[0], versions[1], progress=lambda _: made.append(patchcore.apply(versions[0], deltas[0])))
    assert made and set(made) == {versions[1]}


def test_a_token_stops_an_operation_from_another_thread(tmp_path: Path, large_pair: tuple[Path, Path]) -> None:
    token = patchcore.CancelToken()
    raised_at: list[float] = []

    def stop() -> None:
        raised_at.append(time.monotonic())
        token.cancel()

    timer = threading.Timer(0.2, stop)
    timer.start()
    with pytest.raises(patchcore.CancelledError):
        patchcore.diff(*large_pair, tmp_path / "delta", cancel=token)
    assert time.monotonic() - raised_at[0] < 0.5
    timer.join()
    assert token.cancelled and "True" in repr(token)
    with pytest.raises(patchcore.CancelledError):
        patchcore.digest(b"", cancel=token)


def test_what_was_decided_goes_to_the_logger(caplog: pytest.LogCaptureFixture, versions: list[bytes]) -> None:
    with caplog.at_level(logging.DEBUG, logger="patchcore"):
        patchcore.diff(versions[0], versions[1])
    assert any(record.levelno == logging.DEBUG and "hash" in record.getMessage() for record in caplog.records)
    assert {record.name for record in caplog.records} == {"patchcore"}


def test_a_handler_that_raises_ends_the_operation(versions: list[bytes]) -> None:
    class Handler(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise ZeroDivisionError(record.getMessage())

    logger = logging.getLogger("patchcore")
    handler, level = Handler(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        with pytest.raises(ZeroDivisionError):
            patchcore.diff(versions[0], versions[1])
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_no_more_than_ten_events_come_in_a_second(large_pair: tuple[Path, Path]) -> None:
    events: list[Progress] = []
    began = time.monotonic()
    patchcore.digest(large_pair[0], progress=events.append)
    assert len(events) <= 10 * (time.monotonic() - began) + 3
    assert events[-1].done == events[-1].total == 1 << 30


def test_a_callback_that_takes_its_time_changes_nothing(versions: list[bytes]) -> None:
    old, new = content(0, 50_000), content(1, 50_000)
    assert patchcore.diff(old, new, progress=lambda _: time.sleep(0.06)) == patchcore.diff(old, new)

"""Fetching: whole and verified or not at all, and never the same bytes twice."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from conftest import content
from server import Server

import patchcore
from patchcore import Progress, fetch

FILE = content(0, 300_000)


def test_a_file_comes_from_a_server(server: Server, tmp_path: Path) -> None:
    server.files["file"] = FILE
    events: list[Progress] = []
    stats = fetch(server / "file", tmp_path / "file", proxy="none", progress=events.append)
    assert stats == patchcore.FetchStats(len(FILE), patchcore.digest(FILE), len(FILE), 0)
    assert (tmp_path / "file").read_bytes() == FILE
    assert {event.phase for event in events} == {"download"} and events[-1].done == len(FILE)
    again = fetch(server / "file", tmp_path / "file", digest=stats.digest.upper(), proxy="none")
    assert (again.transferred, again.source) == (0, None)
    assert len(server.requests) == 1


def test_a_file_comes_from_a_path(tmp_path: Path) -> None:
    (tmp_path / "a file").write_bytes(FILE)
    urls: list[Path | str] = [tmp_path / "a file", str(tmp_path / "a file"), (tmp_path / "a file").as_uri()]
    for number, url in enumerate(urls):
        fetch(url, tmp_path / f"copy-{number}", size=len(FILE), digest=f"sha256:{patchcore.digest(FILE)}")
        assert (tmp_path / f"copy-{number}").read_bytes() == FILE


def test_a_connection_that_breaks_is_taken_up_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.files["file"] = FILE
    server.breaks = [100_000]
    stats = fetch(server / "file", tmp_path / "file", proxy="none")
    assert (tmp_path / "file").read_bytes() == FILE and stats.transferred == len(FILE)
    assert server.requests == [("/file", None), ("/file", "bytes=100000-")]


def test_the_next_fetch_goes_on_where_one_was_given_up(server: Server, tmp_path: Path) -> None:
    server.files["file"] = FILE
    server.breaks = [100_000]
    digest = patchcore.digest(FILE)
    with pytest.raises(patchcore.NetworkError):
        fetch(server / "file", tmp_path / "file", digest=digest, retries=0, proxy="none")
    assert not (tmp_path / "file").exists() and (tmp_path / "file.partial").stat().st_size == 100_000
    stats = fetch(server / "file", tmp_path / "file", digest=digest, proxy="none")
    assert (stats.size, stats.transferred) == (len(FILE), len(FILE) - 100_000)
    assert os.listdir(tmp_path) == ["file"]


def test_another_file_than_the_promised_one_is_refused(server: Server, tmp_path: Path) -> None:
    server.files["file"] = FILE
    for size, digest in ((None, patchcore.digest(b"other")), (len(FILE) + 1, None)):
        with pytest.raises(patchcore.TargetMismatchError):
            fetch(server / "file", tmp_path / "file", size=size, digest=digest, proxy="none")
    with pytest.raises(patchcore.LimitError):
        fetch(server / "file", tmp_path / "file", max_size=1000, proxy="none")
    assert not os.listdir(tmp_path)


def test_places_are_tried_in_turn(server: Server, tmp_path: Path) -> None:
    server.files.update(wrong=b"wrong", file=FILE)
    urls = [server / "missing", server / "wrong", server / "file"]
    stats = fetch(iter(urls), tmp_path / "file", digest=patchcore.digest(FILE), proxy="none")
    assert stats.source == 2
    with pytest.raises(patchcore.NotFoundError):
        fetch(server / "missing", tmp_path / "other", proxy="none")
    server.failures = [503]
    assert fetch(server / "file", tmp_path / "other", proxy="none").size == len(FILE)


def test_a_server_that_says_nothing_is_given_up(server: Server, tmp_path: Path) -> None:
    server.files["file"] = FILE
    server.stalls.clear()
    began = time.monotonic()
    with pytest.raises(TimeoutError) as raised:
        fetch(server / "file", tmp_path / "file", idle_timeout=0.3, retries=0, proxy="none")
    assert isinstance(raised.value, patchcore.TimeoutError) and 0.2 < time.monotonic() - began < 5


def test_a_fetch_that_waits_is_stopped_at_once(server: Server, tmp_path: Path) -> None:
    server.files["file"] = FILE
    server.stalls.clear()
    token = patchcore.CancelToken()
    timer = threading.Timer(0.2, token.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(patchcore.CancelledError) as raised:
        fetch(server / "file", tmp_path / "file", proxy="none", cancel=token)
    assert time.monotonic() - began < 0.7 and raised.value.outcome is None
    timer.join()
    server.stalls.set()
    time.sleep(0.3)
    assert not (tmp_path / "file").exists()


def test_a_fetch_is_as_slow_as_it_is_told_to_be(server: Server, tmp_path: Path) -> None:
    server.files["file"] = FILE
    began = time.monotonic()
    fetch(server / "file", tmp_path / "file", max_bytes_per_second=600_000, proxy="none")
    assert time.monotonic() - began > 0.2


def test_wrong_arguments_are_what_python_calls_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        fetch([], tmp_path / "file")
    with pytest.raises(ValueError):
        fetch("file", tmp_path / "file", digest="no digest")
    with pytest.raises(ValueError, match="seconds"):
        fetch("file", tmp_path / "file", idle_timeout=0)
    with pytest.raises(TypeError):
        fetch(7, tmp_path / "file")  # type: ignore[arg-type]
    with pytest.raises(patchcore.PatchcoreError):
        fetch("ftp://127.0.0.1/file", tmp_path / "file")
    with pytest.raises(FileNotFoundError):
        fetch(tmp_path / "missing", tmp_path / "file")

"""Servers that the benchmarks start: they end with their block, and with their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from benchmarks.peers import server

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SLEEP = ["/bin/sleep", "600"]


def wait_until_gone(pid: int) -> None:
    until = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_it_ends_with_the_block_even_when_that_fails(tmp_path: Path) -> None:
    pids: list[int] = []

    def fail() -> None:
        with server.running(SLEEP, tmp_path / "log", lambda: True) as pid:
            pids.append(pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not psutil.pid_exists(pids[0])


def test_one_that_is_stopped_ends_all_the_same(tmp_path: Path) -> None:
    with server.running(SLEEP, tmp_path / "log", lambda: True) as pid:
        os.kill(pid, signal.SIGSTOP)
    assert not psutil.pid_exists(pid)


def test_one_that_does_not_start_says_what_it_printed(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "echo the port is taken; exit 3"]
    with (
        pytest.raises(RuntimeError, match="did not start within 60 s:\nthe port is taken"),
        server.running(command, tmp_path / "log", lambda: False),
    ):
        pass


def start_and_tell(folder: Path, pipe: Connection) -> None:
    with server.running(SLEEP, folder / "log", lambda: True) as pid:
        pipe.send(pid)
        time.sleep(600)


def test_it_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    parent = context.Process(target=start_and_tell, args=(tmp_path, theirs))
    parent.start()
    pid = mine.recv()
    parent.kill()
    parent.join()
    wait_until_gone(pid)

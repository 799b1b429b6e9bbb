"""Halves in processes of their own."""

import os
import time
from collections.abc import Callable

import pytest

from benchmarks.processes import Half, RunFailed, run

Gate = Callable[[], None]


def early(gate: Gate, name: str) -> tuple[float, str, int, set[int]]:
    gate()
    return time.monotonic(), name, os.getpid(), os.sched_getaffinity(0)


def late(gate: Gate, name: str) -> tuple[float, str]:
    time.sleep(0.3)
    opened = time.monotonic()
    gate()
    return opened, name


def refuse(gate: Gate) -> None:
    raise ValueError("no such topic")


def hang(gate: Gate) -> None:
    gate()
    time.sleep(60)


def test_nobody_goes_on_before_all_have_come_to_the_gate() -> None:
    passed: list[int] = []
    halves = [Half("one", early, ("a",), 1), Half("two", late, ("b",))]
    (went, first, process, cores), (opened, second) = run(halves, at_gate=passed.append)
    assert went >= opened
    assert (first, second) == ("a", "b")
    assert process != os.getpid()
    assert len(cores) == 1
    assert passed == [0]


def test_a_half_that_raises_ends_the_others_and_says_why() -> None:
    started = time.monotonic()
    with pytest.raises(RunFailed, match="two: ValueError: no such topic"):
        run([Half("one", hang, ()), Half("two", refuse, ())])
    assert time.monotonic() - started < 20


def test_a_half_that_hangs_is_named_and_killed() -> None:
    with pytest.raises(RunFailed, match=r"^one not done within 2 s$"):
        run([Half("one", hang, ())], limit_s=2)

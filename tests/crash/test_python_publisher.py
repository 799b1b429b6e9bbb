"""The same deaths in a real Publisher: at the instructions of the compiled module, from Python.

A child opens a Publisher, and is killed after the n-th instruction that lies in podring's own
library; what the interpreter does in between is stepped over. Every n is tried with
PODRING_KILL=all, else every so many.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podring import Publisher, TopicSpec
from podring.ring import _ring
from tests.crash import building
from tests.ring.conftest import Topic, topic

__all__ = ["topic"]

EVERY = 1 if os.environ.get("PODRING_KILL") == "all" else 7
KILLED, ENDED, MISSED = 0, 2, 3  # StepResult


class Trace(ctypes.Structure):
    _fields_ = (
        ("at", ctypes.c_void_p),
        ("nearest", ctypes.c_void_p),
        ("count", ctypes.c_uint64),
        ("room", ctypes.c_uint64),
    )


class Stepping(ctypes.Structure):
    _fields_ = (
        ("stage", ctypes.c_void_p),
        ("low", ctypes.c_uint64),
        ("high", ctypes.c_uint64),
        ("trace", ctypes.POINTER(Trace)),
        ("after_step", ctypes.c_void_p),
        ("asleep", ctypes.c_void_p),
        ("context", ctypes.c_void_p),
    )


def code_of_the_ring() -> tuple[int, int]:
    """Where the library's instructions lie, here and in every child."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        span, rights, *_, path = line.split(maxsplit=5)
        if path.strip() == _ring.__file__ and "x" in rights:
            low, high = span.split("-")
            return int(low, 16), int(high, 16)
    raise AssertionError("the ring is not mapped")


class Tracer:
    """stepper.c, and the page in which a victim says when it begins and ends."""

    def __init__(self, name: str, act: Callable[[Publisher], object]) -> None:
        self.name, self.act = name, act
        self.library = ctypes.CDLL(os.fspath(building.stepper()))
        self.page = mmap.mmap(-1, 4096)
        self.words = (ctypes.c_uint32 * 2).from_buffer(self.page)
        self.low, self.high = code_of_the_ring()
        self.trace = Trace()

    def victim(self) -> int:
        self.words[0] = self.words[1] = 0
        if pid := os.fork():
            return pid
        try:
            publisher = Publisher(self.name, broker="local")
            publisher.publish(b"alive")
            self.library.offer_oneself()
            self.words[0] = 1
            self.act(publisher)
            self.words[1] = 1
        finally:
            os._exit(0)

    def stepping(self, trace: Any = None) -> Stepping:
        return Stepping(ctypes.addressof(self.words), self.low, self.high, trace)

    def follow(self) -> int:
        how = self.stepping()
        assert self.library.follow(self.victim(), ctypes.byref(how), ctypes.byref(self.trace)) == 2
        return int(self.trace.count)

    def kill_after(self, count: int) -> int:
        how, stepped = self.stepping(ctypes.pointer(self.trace)), ctypes.c_uint64()
        step = ctypes.c_uint64(count)
        return int(
            self.library.step_and_kill(
                self.victim(), step, ctypes.byref(how), ctypes.byref(stepped)
            )
        )


def publish(publisher: Publisher) -> None:
    publisher.publish(b"x" * 100)


def publish_many(publisher: Publisher) -> None:
    publisher.publish_many([b"x" * 100] * 5)


def lend(publisher: Publisher) -> None:
    with publisher.loan(100) as loan:
        loan[:] = b"x" * 100


@pytest.mark.slow
@pytest.mark.timeout(3600 if EVERY == 1 else 600)
@pytest.mark.parametrize(("act", "messages"), [(publish, 1), (publish_many, 5), (lend, 1)])
def test_a_publisher_killed_inside_a_call_harms_nobody(
    topic: Topic, table: list[str], act: Callable[[Publisher], object], messages: int
) -> None:
    topic.create(TopicSpec("256Ki", "4Ki"))
    tracer = Tracer(topic.name, act)
    subscriber, heir = topic.subscriber(None), topic.publisher(None)
    steps = tracer.follow()
    assert steps > 100
    last = len(subscriber.receive_many(timeout=5))
    outcomes = [0] * (messages + 1)
    points = missed = 0
    for count in range(1, steps + 1, EVERY):
        result = tracer.kill_after(count)
        assert result in (KILLED, ENDED, MISSED)
        missed += result == MISSED
        points += 1
        sequence = heir.publish(b"heir")
        batch = subscriber.receive_many(timeout=5)
        assert batch[0] == b"alive"
        assert batch[1:-1] == [b"x" * 100] * (len(batch) - 2)
        assert batch[-1] == b"heir"
        last += len(batch)
        assert (sequence, subscriber.lost) == (last, 0)
        outcomes[len(batch) - 2] += 1
    assert missed * 10 <= points
    assert outcomes[0], "none was killed before its message counted"
    assert outcomes[-1], "none was killed after its message counted"
    table.append(
        f"Python's {act.__name__}: {points} of {steps} instructions of the library; how many "
        f"messages counted: {outcomes}"
    )

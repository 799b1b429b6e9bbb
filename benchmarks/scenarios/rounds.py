"""The halves of a round trip: one sends and waits for the answer, the other answers what comes."""

from __future__ import annotations

import time
from array import array
from typing import TYPE_CHECKING, Any

from benchmarks.scenarios.account import Account, Meter
from benchmarks.scenarios.payloads import Wrong, payloads

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.protocol import Link

TEN = 10
WARM_UP = 0.1
"""Of the time, before what counts."""
SINGLY_MOST = 500_000
"""Rounds of one run."""


def call(gate: Callable[[], None], link: Link, size: int, seconds: float) -> Account:
    """Send, wait for the answer, compare, again and again."""
    messages = payloads(size, TEN, 0)
    with link.receiver(0) as inbox, link.sender(0) as outbox:
        rounds = Rounds(outbox.send, inbox.receive, messages)
        gate()
        meter = Meter()  # from here on, as that of the other half
        warm = rounds.by_ten(seconds * WARM_UP)
        samples = {"ten": rounds.by_ten(seconds / 2), "singly": rounds.singly(seconds / 2)}
        account = meter.stop()
        outbox.send(stop(size))
        gate()
    samples["rounds"] = [TEN * len(warm + samples["ten"]) + len(samples["singly"])]
    account.samples = samples
    return account


class Rounds:
    """The two loops of a caller; both send whole cycles."""

    def __init__(
        self, send: Callable[[bytes], object], receive: Callable[[], Any], messages: list[bytes]
    ) -> None:
        self._ends = send, receive, messages

    def by_ten(self, seconds: float) -> list[int]:
        """Nanoseconds of ten rounds at a time."""
        send, receive, messages = self._ends
        clock, times = time.perf_counter_ns, list[int]()
        now = clock()
        until = now + int(seconds * 1e9)
        while now < until:
            started = clock()
            for message in messages:
                send(message)
                if (got := receive()) != message:
                    raise Wrong(len(times) * TEN, got, message)
            now = clock()
            times.append(now - started)
        return times

    def singly(self, seconds: float) -> list[int]:
        """Nanoseconds of each round, from one look at the clock to the next."""
        send, receive, messages = self._ends
        # Touched before: a list would grow into new pages, and one round in a hundred would wait.
        times, done = array("q", bytes(8 * SINGLY_MOST)), 0
        clock = time.perf_counter_ns
        last = clock()
        until = last + int(seconds * 1e9)
        while last < until and done < SINGLY_MOST:
            for message in messages:
                send(message)
                if (got := receive()) != message:
                    raise Wrong(done, got, message)
                now = clock()
                times[done] = now - last
                last = now
                done += 1
        return times[:done].tolist()


def answer(gate: Callable[[], None], link: Link, size: int, _: float) -> Account:
    """Send back what comes, until told to stop."""
    messages, end = payloads(size, TEN, 0), stop(size)
    with link.receiver(1) as inbox, link.sender(1) as outbox:
        send, receive = outbox.send, inbox.receive
        gate()
        meter = Meter()
        going = True
        while going:
            for expected in messages:
                if (got := receive()) != expected:
                    if got != end:
                        raise Wrong(0, got, expected)
                    going = False
                    break
                send(expected)
        account = meter.stop()
        gate()
    return account


def stop(size: int) -> bytes:
    """The message that ends a run."""
    return b"\xff" * size

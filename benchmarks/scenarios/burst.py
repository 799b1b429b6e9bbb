"""A burst of messages after a pause in which everybody fell asleep; and what each subscriber costs.

Burst: the time from before the first message is sent until the last one is received.

Subscribers: nothing but the publisher's own time, with one subscriber and with more. It sends as
many messages as fit on their way, looks at the clock, and waits until all subscribers have them
before it goes on. The publisher has a processor for itself, the subscribers share another.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.peers.protocol import default_window
from benchmarks.processes import Half
from benchmarks.scenarios.account import Account, Meter
from benchmarks.scenarios.course import Course
from benchmarks.scenarios.payloads import Wrong, payloads
from benchmarks.scenarios.percentiles import percentiles
from benchmarks.scenarios.stage import stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.protocol import Link, Peer, Topology
    from benchmarks.scenarios.board import Board

BURST, LOAD = 100, 500
IDLE_S = 0.01
_NAP_S = 20e-6


def run(peer: Peer, topology: Topology, seconds: float, *, pinned: bool = True) -> dict[str, float]:
    """Bursts after a pause, for about so long."""
    sender, *receivers = _play(peer, topology, seconds, Pace(BURST, IDLE_S), pinned)
    times = []
    for receiver in receivers:
        pairs = zip(sender.samples["started"], receiver.samples["ended"], strict=True)
        times += [ended - started for started, ended in pairs][1:]
    return percentiles(times)


def run_subscribers(
    peer: Peer, topology: Topology, seconds: float, *, pinned: bool = True
) -> dict[str, float]:
    """What a message costs its publisher, with so many subscribers."""
    sender, *_ = _play(peer, topology, seconds, Pace(LOAD, 0.0), pinned)
    pairs = zip(sender.samples["started"], sender.samples["sent"], strict=True)
    times = [(sent - started) / sender.samples["burst"][0] for started, sent in pairs][1:]
    return {"publisher_ns": sum(times) / len(times)}


@dataclass(frozen=True)
class Pace:
    """How many messages at once, at most, and how long a pause before them."""

    most: int
    idle_s: float


def _play(
    peer: Peer, topology: Topology, seconds: float, pace: Pace, pinned: bool
) -> list[Account]:
    with stage(peer, replace(topology, flushes=True)) as ready:
        fit = ready.served.window or default_window(topology.size)
        length = max(1, min(pace.most, fit // 2))
        each_s = pace.idle_s + length * topology.receivers / peer.traits.rate + 1e-3
        count = max(10, round(seconds / each_s)) * length
        shape = (topology.size, topology.way, 1, topology.receivers)
        course = Course(*shape, length, count, 0, ready.folder / "board")
        link, role = ready.served.link, (0, 1) if pinned else (None, None)
        halves = [Half("sender", send, (link, course, pace.idle_s), role[0])]
        halves += [
            Half(f"receiver {number}", receive, (link, course, number), role[1])
            for number in range(topology.receivers)
        ]
        return list(ready.play(halves).results)


def send(gate: Callable[[], None], link: Link, course: Course, idle_s: float) -> Account:
    """Send bursts, each after the one before has come and so long a pause."""
    messages, clock = payloads(course.size, course.cycle, 0), time.perf_counter_ns
    started, sent = [], []
    with link.sender(0) as end, course.board() as board:
        send_one = end.send
        gate()
        meter = Meter()
        for done in range(course.cycle, course.count + 1, course.cycle):
            time.sleep(idle_s)
            started.append(clock())
            for message in messages:
                send_one(message)
            end.push()
            sent.append(clock())
            _until(board, done)
        end.flush()
        account = meter.stop()
        gate()
    account.samples = {"started": started, "sent": sent, "burst": [course.cycle]}
    return account


def _until(board: Board, done: int) -> None:
    while board.told(0) < done:
        time.sleep(_NAP_S)


def receive(gate: Callable[[], None], link: Link, course: Course, index: int) -> Account:
    """Receive bursts, and note when the last message of each came."""
    messages, clock, ended = payloads(course.size, course.cycle, 0), time.perf_counter_ns, []
    with link.receiver(index) as end, course.board() as board:
        receive_one, place = end.receive, board.place(0, index)
        gate()
        meter = Meter()
        for done in range(0, course.count, course.cycle):
            for expected in messages:
                if (got := receive_one()) != expected:
                    raise Wrong(done + messages.index(expected), got, expected)
            ended.append(clock())
            board.words[place] = done + course.cycle
        account = meter.stop()
        gate()
    account.samples = {"ended": ended}
    return account

"""What a subscriber costs that waits for a message which does not come.

It is watched from outside, all its threads, from a while after it began to wait until shortly
before a message comes, which it must then receive.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.processes import Half
from benchmarks.scenarios.account import own_memory
from benchmarks.scenarios.course import Course
from benchmarks.scenarios.payloads import Wrong, payloads
from benchmarks.scenarios.stage import stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.protocol import Link, Peer, Topology

SETTLE_S = 0.3


def run(peer: Peer, topology: Topology, seconds: float, *, pinned: bool = True) -> dict[str, float]:
    """Wait in vain for so long."""
    with stage(peer, topology) as ready:
        shape = (topology.size, topology.way, 1, 1)
        course = Course(*shape, 1, 1, 0, ready.folder / "board")
        link = ready.served.link
        played = ready.play(
            [
                Half("sender", send, (link, course, seconds), 0 if pinned else None),
                Half("receiver", receive, (link, course), 1 if pinned else None),
            ]
        )
    (switches, cpu_ns, elapsed_s), memory = played.results
    return {
        "wakeups": switches / elapsed_s,
        "idle_cpu": cpu_ns / 1e9 / elapsed_s,
        "subscriber_memory": memory,
        "server_memory": played.server_memory,
    }


def send(
    gate: Callable[[], None], link: Link, course: Course, seconds: float
) -> tuple[int, int, float]:
    """Watch the receiver for a while, then send it one message.

    returns  its context switches, its processor time in nanoseconds, and the seconds it was watched
    """
    with link.sender(0) as end, course.board() as board:
        gate()
        time.sleep(SETTLE_S)
        receiver = board.told(0)
        before, started = costs(receiver), time.perf_counter()
        time.sleep(seconds)
        after, ended = costs(receiver), time.perf_counter()
        end.send(payloads(course.size, 1, 0)[0])
        end.flush()
        gate()
    return after[0] - before[0], after[1] - before[1], ended - started


def receive(gate: Callable[[], None], link: Link, course: Course) -> int:
    """Wait for the one message; returns the bytes of own memory."""
    expected = payloads(course.size, 1, 0)[0]
    with link.receiver(0) as end, course.board() as board:
        board.words[board.place(0, 0)] = os.getpid()
        gate()
        if (got := end.receive()) != expected:
            raise Wrong(0, got, expected)
        memory = own_memory()
        gate()
    return memory


def costs(process: int) -> tuple[int, int]:
    """Context switches and nanoseconds of processor time of all threads of a process so far."""
    switches = cpu_ns = 0
    for task in Path(f"/proc/{process}/task").iterdir():
        status = (task / "status").read_text(encoding="ascii", errors="replace")
        lines = [line for line in status.splitlines() if "ctxt_switches" in line]
        switches += sum(int(line.split()[1]) for line in lines)
        cpu_ns += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return switches, cpu_ns

"""Messages as fast as they can be sent and received: one to one, one to four, four to one.

Nothing may be lost: a peer that does not wait for its receivers by itself gets credit from the
scenario (see board.py). Senders share one processor and receivers another, unless unpinned.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.peers.protocol import default_window
from benchmarks.processes import Half, RunFailed
from benchmarks.scenarios.course import Course
from benchmarks.scenarios.receiving import receive
from benchmarks.scenarios.sending import send
from benchmarks.scenarios.stage import Played, Stage, stage

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Peer, Topology


def run(peer: Peer, topology: Topology, messages: int, *, pinned: bool = True) -> dict[str, float]:
    """Stream about so many messages, and give the figures."""
    topology = replace(topology, prompt=False)
    with stage(peer, topology) as ready:
        window = 0
        if not peer.traits.paces:
            window = ready.served.window or default_window(topology.size)
        course = Course.of(topology, messages, window, ready.folder / "board")
        return _figures(course, _play(ready, course, pinned))


def _play(ready: Stage, course: Course, pinned: bool) -> Played:
    link = ready.served.link
    with course.board() as board:
        halves = [
            Half(f"sender {n}", send, (link, n, course), 0 if pinned else None)
            for n in range(course.senders)
        ] + [
            Half(f"receiver {n}", receive, (link, n, course), 1 if pinned else None)
            for n in range(course.receivers)
        ]
        try:
            return ready.play(halves)
        except RunFailed as failure:
            checked, total = board.checked(), course.count * course.senders
            raise RunFailed(
                f"{failure}; receivers had checked {checked} of {total} messages"
            ) from None


def _figures(course: Course, played: Played) -> dict[str, float]:
    senders, receivers = played.results[: course.senders], played.results[course.senders :]
    total = course.count * course.senders
    started, ended = min(s.started for s in senders), max(r.ended for r in receivers)
    busy = [s.ended - s.started - s.waited_s for s in senders]
    per_million = 1e6 / total
    return {
        "rate": total * course.receivers / (ended - started),
        "publisher_ns": sum(busy) / len(busy) / course.count * 1e9,
        "publisher_cpu": sum(s.cpu_s for s in senders) * per_million,
        "subscriber_cpu": sum(r.cpu_s for r in receivers) * per_million / course.receivers,
        "server_cpu": played.server_cpu_s * per_million,
        "publisher_memory": max(s.memory for s in senders),
        "subscriber_memory": max(r.memory for r in receivers),
        "server_memory": played.server_memory,
    }

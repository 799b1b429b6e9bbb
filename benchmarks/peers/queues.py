"""multiprocessing.Queue: what Python brings for this, with its feeder thread and its pickles."""

from __future__ import annotations

import multiprocessing
import platform
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.peers.framing import to_each
from benchmarks.peers.protocol import Receiver, Sender, Served, Topology, Traits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.queues import Queue
    from pathlib import Path


@dataclass
class _Link:
    topology: Topology
    queues: list[Queue[bytes]]

    @contextmanager
    def sender(self, index: int) -> Iterator[Sender]:
        queues = [self.queues[to] for to in self.topology.reached(index)]

        def flush() -> None:
            for queue in queues:
                queue.close()
                queue.join_thread()

        yield Sender(to_each([Sender(queue.put) for queue in queues]).send, flush=flush)

    @contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        yield Receiver(self.queues[index].get)


@dataclass(frozen=True)
class _Queue:
    traits: Traits

    @contextmanager
    def serve(self, folder: Path, topology: Topology) -> Iterator[Served]:  # noqa: ARG002
        # "spawn", as the processes that will get them are started so.
        context = multiprocessing.get_context("spawn")
        queues: list[Queue[bytes]] = [context.Queue() for _ in range(topology.inboxes)]
        try:
            yield Served(_Link(topology, queues))
        finally:
            for queue in queues:
                queue.close()


PEERS = (
    _Queue(
        Traits(
            name="multiprocessing.Queue",
            family="multiprocessing.Queue",
            version=lambda: f"Python {platform.python_version()}",
            settings="As it comes: unbounded, so the scenario hands out credit.",
            paces=False,
            rate=1.5e5,
        )
    ),
)

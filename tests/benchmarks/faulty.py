"""A pipe that does one thing wrong, to see that the benchmarks notice."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.peers import pipe
from benchmarks.peers.protocol import Link, Receiver, Sender, Served, Topology, Traits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FAULTS: dict[str, Callable[[Callable[[bytes], object], list[bytes]], object]] = {
    "lost": lambda send, last: send(last[-1]),
    "reordered": lambda send, last: (send(last[-1]), send(last[-2])),
    "twice": lambda send, last: (send(last[-2]), send(last[-1]), send(last[-1])),
    "shorter": lambda send, last: (send(last[-2]), send(last[-1][:-8])),
    "changed in the beginning": lambda send, last: (send(last[-2]), send(b"?" + last[-1][1:])),
    "changed in the middle": lambda send, last: (
        send(last[-2]),
        send(last[-1][: len(last[-1]) // 2] + b"?" + last[-1][len(last[-1]) // 2 + 1 :]),
    ),
    "changed in the end": lambda send, last: (send(last[-2]), send(last[-1][:-1] + b"?")),
    "answered wrongly": lambda send, last: send(last[-1][:-1] + b"?"),
    "silent": lambda send, last: time.sleep(60),
    "dead": lambda send, last: os._exit(3),
    "raises": lambda send, last: _refuse(),
}
"""What becomes of two messages, of which the first was held back."""


def _refuse() -> None:
    raise ConnectionError("the server is full")


@dataclass
class FaultyLink:
    link: Link
    fault: str
    at: int

    @contextmanager
    def sender(self, index: int) -> Iterator[Sender]:
        with self.link.sender(index) as end:
            yield Sender(_Faulty(end.send, self.fault, self.at))

    @contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        with self.link.receiver(index) as end:
            yield end


class _Faulty:
    def __init__(self, send: Callable[[bytes], object], fault: str, at: int) -> None:
        self._send, self._fault, self._at = send, fault, at
        self._sent: list[bytes] = []

    def __call__(self, payload: bytes) -> None:
        self._sent = [*self._sent[-1:], payload]
        self._at -= 1
        if self._at == -1:
            FAULTS[self._fault](self._send, self._sent)
        elif self._at:
            self._send(payload)


TRAITS = replace(pipe.PEERS[0].traits, name="faulty", ways=("single",))


@dataclass(frozen=True)
class FaultyPeer:
    """Holds message `at` - 1 back, if there is one, and does its fault with it and the next."""

    fault: str
    at: int = 8
    traits: Traits = TRAITS

    @contextmanager
    def serve(self, folder: Path, topology: Topology) -> Iterator[Served]:
        with pipe.PEERS[0].serve(folder, topology) as served:
            yield replace(served, link=FaultyLink(served.link, self.fault, self.at))

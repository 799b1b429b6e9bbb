"""Sockets that keep messages apart by themselves: Unix sequenced packets, UDP over the loopback.

UDP drops what finds no room in a receiver's buffer, so the scenario hands out credit for as many
messages as fit there.
"""

from __future__ import annotations

import platform
import socket
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.peers.framing import to_each
from benchmarks.peers.protocol import Receiver, Sender, Served, Topology, Traits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_BUFFER = 4 << 20
"""What is asked for; the kernel gives as much as net.core.rmem_max and wmem_max allow."""
_OVERHEAD = 1 << 10
"""What the kernel counts for a message, beside twice its length, at most."""


@dataclass
class _Link:
    topology: Topology
    inboxes: list[socket.socket]
    outboxes: list[socket.socket]
    """A connected socket for each inbox, which all senders share."""

    @contextmanager
    def sender(self, index: int) -> Iterator[Sender]:
        reached = self.topology.reached(index)
        yield to_each([Sender(self.outboxes[receiver].send) for receiver in reached])

    @contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        receive, size = self.inboxes[index].recv, self.topology.size
        yield Receiver(lambda: receive(size))


def _packet_pair() -> tuple[socket.socket, socket.socket]:
    inbox, outbox = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    outbox.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    return inbox, outbox


def _udp_pair() -> tuple[socket.socket, socket.socket]:
    inbox, outbox = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    inbox.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    outbox.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    inbox.bind(("127.0.0.1", 0))
    outbox.connect(inbox.getsockname())
    return inbox, outbox


@dataclass(frozen=True)
class _Datagrams:
    traits: Traits
    pair: Callable[[], tuple[socket.socket, socket.socket]]

    @contextmanager
    def serve(self, folder: Path, topology: Topology) -> Iterator[Served]:  # noqa: ARG002
        with ExitStack() as stack:
            pairs = [self.pair() for _ in range(topology.inboxes)]
            for pair in pairs:
                for end in pair:
                    stack.enter_context(end)
            room = pairs[0][0].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
            fit = max(1, room // (2 * topology.size + _OVERHEAD))
            link = _Link(topology, [inbox for inbox, _ in pairs], [out for _, out in pairs])
            yield Served(link, window=fit)


def _traits(name: str, settings: str, *, paces: bool, largest: int, rate: float) -> Traits:
    return Traits(
        name=name,
        family="sockets",
        version=lambda: f"Linux {platform.release()}",
        settings=settings,
        paces=paces,
        largest=largest,
        rate=rate,
    )


PEERS = (
    _Datagrams(
        _traits(
            "Unix packets",
            "SOCK_SEQPACKET with a send buffer of 4 MiB where the kernel allows it, one send and "
            "one recv a message.",
            paces=True,
            largest=256 << 10,
            rate=6e5,
        ),
        _packet_pair,
    ),
    _Datagrams(
        _traits(
            "UDP socket",
            "Connected, over the loopback, with buffers of 4 MiB where the kernel allows them; "
            "credit for as many messages as fit.",
            paces=False,
            largest=16 << 10,
            rate=3e5,
        ),
        _udp_pair,
    ),
)

"""TCP over the loopback and Unix stream sockets, with a length before each message.

Every pair of a sender and a receiver has a connection of its own. A receiver with several waits for
them with a selector, as a server would.
"""

from __future__ import annotations

import platform
import selectors
import socket
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from benchmarks.peers.framing import BUFFER, HEADER, framed_receiver, framed_sender, to_each
from benchmarks.peers.protocol import Receiver, Sender, Served, Topology, Traits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    Pair = tuple[socket.socket, socket.socket]


def tcp_pair() -> Pair:
    """Two ends of a connection over the loopback, which send at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    for end in (near, far):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return near, far


def unix_pair() -> Pair:
    """Two ends of a Unix socket, with room for more short messages than by default."""
    near, far = socket.socketpair()
    for end in (near, far):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    return near, far


@dataclass
class _Link:
    topology: Topology
    pairs: dict[tuple[int, int], Pair]
    """By sender and receiver; a round trip has one, for both directions."""

    @contextmanager
    def sender(self, index: int) -> Iterator[Sender]:
        if self.topology.duplex:
            ends = [self.pairs[0, 0][index]]
        else:
            ends = [self.pairs[index, receiver][0] for receiver in self.topology.reached(index)]
        yield to_each([framed_sender(end.sendall, end.sendmsg) for end in ends])

    @contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        if self.topology.duplex:
            ends = [self.pairs[0, 0][index]]
        else:
            ends = [self.pairs[sender, index][1] for sender in range(self.topology.senders)]
        if len(ends) == 1:
            with ends[0].makefile("rb", BUFFER) as file:
                yield framed_receiver(cast("BinaryIO", file))
        else:
            arriving = merged(ends)
            yield Receiver(arriving.__next__, arriving)


def merged(ends: Sequence[socket.socket]) -> Iterator[bytes]:
    """The messages of several connections, as they come."""
    with selectors.DefaultSelector() as selector:
        for end in ends:
            selector.register(end, selectors.EVENT_READ, bytearray())
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                chunk = key.fileobj.recv(BUFFER)
                if not chunk:
                    raise EOFError("a sender has closed its connection")
                key.data.extend(chunk)
                yield from _whole(key.data)


def _whole(buffer: bytearray) -> Iterator[bytes]:
    """Take the messages that are there from the beginning of a buffer."""
    begin = 0
    while len(buffer) >= begin + HEADER:
        end = begin + HEADER + int.from_bytes(buffer[begin : begin + HEADER], "little")
        if len(buffer) < end:
            break
        yield bytes(buffer[begin + HEADER : end])
        begin = end
    del buffer[:begin]


@dataclass(frozen=True)
class _Sockets:
    traits: Traits
    pair: Callable[[], Pair]

    @contextmanager
    def serve(self, folder: Path, topology: Topology) -> Iterator[Served]:  # noqa: ARG002
        senders, receivers = range(topology.senders), range(topology.receivers)
        with ExitStack() as stack:
            pairs = {(s, r): self.pair() for s in senders for r in receivers}
            for pair in pairs.values():
                for end in pair:
                    stack.enter_context(end)
            yield Served(_Link(topology, pairs))


def _traits(name: str, settings: str, rate: float) -> Traits:
    return Traits(
        name=name,
        family="sockets",
        version=lambda: f"Linux {platform.release()}",
        settings=f"{settings}A length before each message, one sendall a message or batch, "
        "a buffered reader of 64 KiB.",
        paces=True,
        ways=("single", "batched"),
        rate=rate,
    )


PEERS = (
    _Sockets(
        _traits("Unix socket", "A send buffer of 1 MiB where the kernel allows it. ", 5e5),
        unix_pair,
    ),
    _Sockets(_traits("TCP socket", "TCP_NODELAY over the loopback. ", 4e5), tcp_pair),
)

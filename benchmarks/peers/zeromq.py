"""ZeroMQ over ipc: PUSH and PULL for one receiver, XPUB and SUB for several.

Nothing is lost: PUSH waits at its high-water mark, and so does XPUB when told not to drop.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from benchmarks.peers.protocol import AsyncEnd, Receiver, Sender, Served, Topology, Traits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    import zmq

_QUEUED = 64 << 20
"""Bytes that may wait on each side, about: what a high-water mark in messages comes from."""


@cache
def version() -> str:
    """Of binding and library."""
    import zmq

    return f"pyzmq {zmq.__version__}, libzmq {zmq.zmq_version()}"


@dataclass(frozen=True)
class Link:
    """Sockets in a folder; a receiver that is alone binds, a sender to several binds."""

    folder: Path
    topology: Topology

    @contextlib.contextmanager
    def sender(self, index: int) -> Iterator[Sender]:
        """PUSH, or XPUB once everybody has subscribed."""
        import zmq

        with zmq.Context() as context:
            socket = self._sending(context, index)
            copies = self.topology.size < zmq.COPY_THRESHOLD
            yield Sender(socket.send if copies else partial(socket.send, copy=False))
            socket.close(linger=0)

    @contextlib.contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        """PULL or SUB."""
        import zmq

        with zmq.Context() as context:
            socket = self._receiving(context, index)
            copies = self.topology.size < zmq.COPY_THRESHOLD
            yield Receiver(socket.recv if copies else _frames(socket.recv))
            socket.close(linger=0)

    @contextlib.asynccontextmanager
    async def async_end(self, index: int) -> AsyncIterator[AsyncEnd]:
        """PULL and PUSH of zmq.asyncio."""
        import zmq.asyncio

        with zmq.asyncio.Context() as context:
            incoming = self._receiving(context, index)
            outgoing = self._sending(context, index)
            yield AsyncEnd(outgoing.send, incoming.recv)
            incoming.close(linger=0)
            outgoing.close(linger=0)

    def _sending(self, context: zmq.Context[Any], index: int) -> Any:
        import zmq

        if self.topology.receivers == 1:
            socket = self._socket(context, zmq.PUSH)
            socket.connect(self._address("to", 1 - index if self.topology.duplex else 0))
            return socket
        socket = self._socket(context, zmq.XPUB)
        socket.setsockopt(zmq.XPUB_NODROP, 1)
        socket.setsockopt(zmq.XPUB_VERBOSE, 1)  # tells every subscription, not the first alone
        socket.bind(self._address("from", index))
        for _ in range(self.topology.receivers):
            socket.recv()
        return socket

    def _receiving(self, context: zmq.Context[Any], index: int) -> Any:
        import zmq

        if self.topology.receivers == 1:
            socket = self._socket(context, zmq.PULL)
            socket.bind(self._address("to", index))
            return socket
        socket = self._socket(context, zmq.SUB)
        socket.subscribe(b"")
        for sender in range(self.topology.senders):
            socket.connect(self._address("from", sender))
        return socket

    def _socket(self, context: zmq.Context[Any], kind: int) -> Any:
        socket = context.socket(kind)
        socket.set_hwm(max(2, min(1000, _QUEUED // self.topology.size)))
        return socket

    def _address(self, direction: str, index: int) -> str:
        return f"ipc://{self.folder}/{direction}{index}"


def _frames(receive: Callable[..., Any]) -> Callable[[], memoryview]:
    """Receive without a copy, as is worth its price for long messages."""
    return lambda: memoryview(receive(copy=False).buffer)


@dataclass(frozen=True)
class ZeroMQ:
    """The peer."""

    traits: Traits

    @contextlib.contextmanager
    def serve(self, folder: Path, topology: Topology) -> Iterator[Served]:
        """Nothing to start: the sockets are in the folder."""
        yield Served(Link(folder, topology))


PEERS = (
    ZeroMQ(
        Traits(
            name="ZeroMQ (ipc)",
            family="ZeroMQ",
            version=version,
            settings="PUSH/PULL, for several receivers XPUB/SUB with XPUB_NODROP; high-water marks "
            "of 1000 messages, the default, but at most 64 MiB; copy=False from pyzmq's own "
            "COPY_THRESHOLD on",
            paces=True,
            ways=("single", "asyncio"),
            rate=1e6,
        )
    ),
)

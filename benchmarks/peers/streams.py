"""asyncio's streams over a Unix socket: what an asyncio program uses between its processes."""

from __future__ import annotations

import asyncio
import platform
import socket
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from benchmarks.peers.framing import HEADER, frame
from benchmarks.peers.protocol import AsyncEnd, Served, Topology, Traits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@dataclass
class _Link:
    ends: tuple[socket.socket, socket.socket]

    def sender(self, index: int) -> NoReturn:
        raise NotImplementedError("asyncio's streams have no ends outside an event loop")

    receiver = sender

    @asynccontextmanager
    async def async_end(self, index: int) -> AsyncIterator[AsyncEnd]:
        reader, writer = await asyncio.open_unix_connection(sock=self.ends[index])

        async def send(payload: bytes) -> None:
            writer.write(frame(payload))
            await writer.drain()

        async def receive() -> bytes:
            length = int.from_bytes(await reader.readexactly(HEADER), "little")
            return await reader.readexactly(length)

        try:
            yield AsyncEnd(send, receive)
        finally:
            writer.close()


@dataclass(frozen=True)
class _Streams:
    traits: Traits

    @contextmanager
    def serve(self, folder: Path, topology: Topology) -> Iterator[Served]:  # noqa: ARG002
        near, far = socket.socketpair()
        with near, far:
            yield Served(_Link((near, far)))


PEERS = (
    _Streams(
        Traits(
            name="asyncio streams (Unix socket)",
            family="sockets",
            version=lambda: f"Python {platform.python_version()}",
            settings="A Unix socket, asyncio's own event loop, a length before each message, "
            "drained after each.",
            paces=True,
            ways=("asyncio",),
            scenarios=("round trip",),
            rate=3e4,
        )
    ),
)

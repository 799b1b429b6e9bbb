"""NATS: nats-py, which knows asyncio alone, and nats-server.

In a stream the event loop runs once for up to 1 MiB or a batch, as it would in a user's coroutine
that awaits one publish after the other; where a message must leave at once, it runs for each. NATS
drops what a slow subscriber has no room for, so the scenario hands out credit.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from benchmarks.peers import server
from benchmarks.peers.nats_calls import Inbox, Publishing
from benchmarks.peers.protocol import (
    AsyncEnd,
    Receiver,
    Sender,
    Served,
    Topology,
    Traits,
    default_window,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

_SERVER = "nats-server"
_LARGEST = 16 << 20


@cache
def version() -> str:
    """Of library and server."""
    from nats.aio.client import __version__

    return f"nats-py {__version__}, nats-server {server.version(_SERVER, '--version').split()[-1]}"


@dataclass(frozen=True)
class Link:
    """A server's port, and one subject for each direction."""

    port: int
    topology: Topology

    @contextlib.contextmanager
    def sender(self, index: int) -> Iterator[Sender]:
        """Publish in an event loop that runs when there is something to send."""
        with asyncio.Runner() as runner:
            client = runner.run(self._connect())
            run = runner.get_loop().run_until_complete
            publish = Publishing(client, self._at(1 - index), self.topology, run)
            yield Sender(
                publish.gather if publish.gathers else publish.promptly,
                lambda messages: run(publish.many(messages)),
                push=lambda: run(client.flush()),
                flush=lambda: run(client.flush()),
            )
            runner.run(client.close())

    @contextlib.contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        """Subscribe with a callback, in an event loop that runs while there is nothing."""
        with asyncio.Runner() as runner:
            client = runner.run(self._connect())
            inbox = Inbox(runner.get_loop())
            runner.run(self._subscribe(client, index, cb=inbox.put))
            yield Receiver(inbox.receive, receive_many=inbox.receive_many)
            runner.run(client.close())

    @contextlib.asynccontextmanager
    async def async_end(self, index: int) -> AsyncIterator[AsyncEnd]:
        """Publish, and iterate over a subscription's messages."""
        client = await self._connect()
        subscription = await self._subscribe(client, index)
        messages = subscription.messages

        async def receive() -> bytes:
            message = await anext(messages)
            return bytes(message.data)

        yield AsyncEnd(partial(client.publish, self._at(1 - index)), receive)
        await client.close()

    async def _connect(self) -> Any:
        import nats

        return await nats.connect(f"nats://127.0.0.1:{self.port}")

    async def _subscribe(self, client: Any, index: int, **how: Any) -> Any:
        """Subscribe without limits on this side, and return when the server knows of it."""
        subscription = await client.subscribe(
            self._at(index), pending_msgs_limit=0, pending_bytes_limit=0, **how
        )
        await client.flush()
        return subscription

    def _at(self, receiver: int) -> str:
        return f"to{receiver}" if self.topology.duplex else "all"


@dataclass(frozen=True)
class Nats:
    """The peer."""

    traits: Traits

    @contextlib.contextmanager
    def serve(self, folder: Path, topology: Topology) -> Iterator[Served]:
        """A server on a loopback port, without JetStream: it keeps nothing."""
        port = server.free_port()
        settings = folder / "nats.conf"
        settings.write_text(f"max_payload: {_LARGEST}\n")
        command = [server.find(_SERVER), "-c", str(settings), "-a", "127.0.0.1", "-p", str(port)]
        answers: Callable[[], bool] = partial(server.accepts, port)
        with server.running(command, folder / "log", answers) as pid:
            yield Served(Link(port, topology), (pid,), window=default_window(topology.size))


PEERS = (
    Nats(
        Traits(
            name="NATS",
            family="NATS",
            version=version,
            settings="core NATS over loopback TCP, max_payload 16 MiB, no limit to a subscription; "
            "the event loop runs after up to 1 MiB of a stream, after each batch, and for each "
            "message that must leave at once",
            paces=False,
            largest=_LARGEST,
            ways=("single", "batched", "asyncio"),
            rate=1e5,
            servers=(_SERVER,),
        )
    ),
)

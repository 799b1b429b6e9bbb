"""NATS: nats-py, which knows asyncio alone, and nats-server.

In a stream the event loop runs once for up to 1 MiB or a batch, as it would in a user's coroutine
that awaits one publish after the other; where a message must leave at once, it runs for each. NATS
drops what a slow subscriber has no room for, so the scenario hands out credit.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from benchmarks.peers import server
from benchmarks.peers.protocol import AsyncEnd, Receiver, Sender, Served, Topology, Traits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

_SERVER = "nats-server"
_LARGEST = 16 << 20
_WINDOW_BYTES, _WINDOW_MOST = 4 << 20, 4096
_UNSEEN = 64 << 10
"""Bytes that fit into a socket's buffer: so much may be sent promptly before the server is asked
whether it has it. More might be left in asyncio's buffer while the loop does not run."""


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
            publish = _Publishing(client, self._at(1 - index), self.topology, run)
            yield Sender(
                publish.gather if publish.gathers else publish.promptly,
                lambda messages: run(publish.many(messages)),
                lambda: run(client.flush()),
            )
            runner.run(client.close())

    @contextlib.contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        """Subscribe with a callback, in an event loop that runs while there is nothing."""
        with asyncio.Runner() as runner:
            client = runner.run(self._connect())
            inbox = _Inbox(runner.get_loop())
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


class _Publishing:
    """A sender's calls."""

    def __init__(
        self, client: Any, subject: str, topology: Topology, run: Callable[[Any], object]
    ) -> None:
        self._client, self._publish, self._run = client, partial(client.publish, subject), run
        self._size, self._unseen = topology.size, 0
        # The library gathers 2 MiB; a quarter of the window is 1 MiB at most.
        self._limit = _window(topology.size) * topology.size // 4 // topology.senders
        self.gathers = not topology.prompt and topology.size < self._limit

    def promptly(self, message: bytes) -> None:
        """Run the loop until the socket has the message."""
        self._unseen += self._size
        self._run(self._one(message, self._flush() if self._unseen >= _UNSEEN else None))

    def gather(self, message: bytes) -> None:
        """Publish as `await` does it in a user's coroutine: this one ends without a pause.

        The event loop writes what was gathered when it runs again.
        """
        with contextlib.suppress(StopIteration):
            self._publish(message).send(None)
        self._unseen += self._size
        if self._unseen >= self._limit:
            self._run(self._flush())

    async def many(self, messages: Sequence[bytes]) -> None:
        """Return when the server has them."""
        publish = self._publish
        for message in messages:
            await publish(message)
        await self._flush()

    async def _one(self, message: bytes, flush: Awaitable[None] | None) -> None:
        await self._publish(message)
        # The library's own task writes at the loop's next turn.
        await (flush or asyncio.sleep(0))

    async def _flush(self) -> None:
        self._unseen = 0
        await self._client.flush()


class _Inbox:
    """What has arrived; the loop runs only when that is nothing."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._waiting = loop, deque[bytes]()
        self._something = loop.create_future()

    async def put(self, message: Any) -> None:
        """The subscription's callback."""
        self._waiting.append(message.data)
        if not self._something.done():
            self._something.set_result(None)

    def receive(self) -> bytes:
        if not self._waiting:
            self._run()
        return self._waiting.popleft()

    def receive_many(self, most: int) -> Sequence[object]:
        if not self._waiting:
            self._run()
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def _run(self) -> None:
        self._something = self._loop.create_future()
        self._loop.run_until_complete(self._something)


def _window(size: int) -> int:
    return max(2, min(_WINDOW_MOST, _WINDOW_BYTES // size))


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
            yield Served(Link(port, topology), (pid,), window=_window(topology.size))


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

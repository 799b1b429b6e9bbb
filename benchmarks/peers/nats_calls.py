"""How NATS is called where nobody awaits: its event loop runs when it has to."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.peers.protocol import default_window

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from benchmarks.peers.protocol import Topology

_UNSEEN = 64 << 10
"""Bytes that fit into a socket's buffer: so much may be sent promptly before the server is asked
whether it has it. More might be left in asyncio's buffer while the loop does not run."""


class Publishing:
    """A sender's calls."""

    def __init__(
        self, client: Any, subject: str, topology: Topology, run: Callable[[Any], object]
    ) -> None:
        self._client, self._publish, self._run = client, partial(client.publish, subject), run
        self._size, self._unseen = topology.size, 0
        # The library gathers 2 MiB; a quarter of the window is 1 MiB at most.
        self._limit = default_window(topology.size) * topology.size // 4 // topology.senders
        together = topology.flushes or not topology.prompt
        self.gathers = together and topology.size < self._limit

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


class Inbox:
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

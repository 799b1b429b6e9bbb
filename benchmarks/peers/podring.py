"""podring itself: shared memory alone, without a broker, which is never on a message's way."""

from __future__ import annotations

import importlib.metadata
import math
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.peers.protocol import AsyncEnd, Receiver, Sender, Served, Topology, Traits
from podring import Publisher, Subscriber, TopicSpec, create_topic, delete_topic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

_SPIN = {"default": None, "spin": math.inf, "sleep": 0.0}
_FRAME = 32
"""Bytes before each message in the ring, whose length is a multiple of it, too."""


@dataclass
class _Link:
    topology: Topology
    topics: list[str]
    """A topic for everybody, or one for each direction of a round trip."""
    exclusive: bool

    def publisher(self, index: int) -> Publisher:
        topic = self.topics[1 - index] if self.topology.duplex else self.topics[0]
        return Publisher(topic, broker="local", exclusive=self.exclusive)

    def subscriber(self, index: int) -> Subscriber:
        topic = self.topics[index] if self.topology.duplex else self.topics[0]
        return Subscriber(topic, broker="local", spin=_SPIN[self.topology.waiting])

    @contextmanager
    def sender(self, index: int) -> Iterator[Sender]:
        with self.publisher(index) as topic:
            yield Sender(topic.publish, topic.publish_many, lend=topic.loan)

    @contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        with self.subscriber(index) as topic:
            yield Receiver(topic.receive, topic, topic.receive_many, topic.view)

    @asynccontextmanager
    async def async_end(self, index: int) -> AsyncIterator[AsyncEnd]:
        with self.subscriber(index) as inbox, self.publisher(index) as outbox:
            publish = outbox.publish

            async def send(payload: bytes) -> None:
                publish(payload)

            yield AsyncEnd(send, inbox.receive_async)


@dataclass(frozen=True)
class _Podring:
    traits: Traits
    exclusive: bool = False
    overflow: Literal["overwrite", "block"] = "overwrite"

    @contextmanager
    def serve(self, folder: Path, topology: Topology) -> Iterator[Served]:
        size = ring_bytes(topology)
        spec = TopicSpec(size, topology.size, self.overflow)
        inboxes = range(topology.inboxes if topology.duplex else 1)
        names = [f"{folder.parent.name}.{number}" for number in inboxes]
        with ExitStack() as stack:
            for name in names:
                create_topic(name, spec, broker="local")
                stack.callback(delete_topic, name, broker="local")
            link = _Link(topology, names, self.exclusive)
            yield Served(link, shared=size * len(names), window=window(size, topology.size))


def ring_bytes(topology: Topology) -> int:
    """A ring that stays in a processor's cache, as long as it holds a few messages."""
    if topology.size <= 1 << 10:
        return 1 << 20
    return max(4 << 20, (16 if topology.way == "loan" else 4) * topology.size)


def window(ring: int, size: int) -> int:
    """How many messages on their way never meet the oldest one's end of the ring."""
    held = ring // (_FRAME + -(-size // _FRAME) * _FRAME)
    return max(1, min(held * 3 // 4, held - 1))


def _traits(name: str, **others: Any) -> Traits:
    words = others.pop("settings")
    return Traits(
        name=name,
        family="podring",
        version=lambda: importlib.metadata.version("podring"),
        settings="A ring of 1 MiB for messages of up to 1 KiB, else of 4 MiB, or of 4 messages (16 "
        f"for loans) where that is more. {words}",
        paces=others.pop("paces", False),
        ways=("single", "batched", "loan", "asyncio"),
        spins=True,
        rate=8e6,
        **others,
    )


PEERS = (
    _Podring(_traits("podring", settings="A shared publisher in a topic that overwrites.")),
    _Podring(
        _traits(
            "podring (exclusive)",
            settings="An exclusive publisher.",
            merges=False,
            scenarios=("one to one", "round trip"),
        ),
        exclusive=True,
    ),
    _Podring(
        _traits(
            "podring (block)",
            settings="A topic that blocks: publishers wait for subscribers by themselves.",
            paces=True,
            scenarios=("one to one", "one to four", "four to one"),
        ),
        overflow="block",
    ),
)

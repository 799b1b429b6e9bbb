"""The stream through podring: one topic, one `Publisher`, three `Subscriber`s.

The demo may lose nothing, so the topic blocks: its publisher waits for the slowest subscriber, as
one that sends through a socket does.
"""

from __future__ import annotations

from collections.abc import Sequence

from demo.messages import Setup
from podring import Publisher, Subscriber, TopicSpec
from podring.cli.framing import Payload

_BATCH_BYTES = 512 << 10
_BATCH_MESSAGES = 4096


class PodringOutlet:
    """Publishes to the topic, which it creates at the broker."""

    def __init__(self, setup: Setup) -> None:
        spec = TopicSpec(setup.ring_bytes, setup.max_message, overflow="block")
        self._publisher = Publisher(setup.topic, broker=setup.address, create=spec, name=setup.name)

    def send(self, message: Payload) -> None:
        self._publisher.publish(message)

    def send_many(self, messages: Sequence[Payload]) -> None:
        self._publisher.publish_many(messages)

    def close(self) -> None:
        self._publisher.close()


class PodringInlet:
    """Receives from the topic."""

    def __init__(self, setup: Setup) -> None:
        self._subscriber = Subscriber(
            setup.topic,
            broker=setup.address,
            start="earliest",
            name=setup.name,
        )

    @property
    def lost(self) -> int:
        return self._subscriber.lost

    @property
    def lag(self) -> int:
        return self._subscriber.lag

    def receive(self) -> tuple[bytes, int]:
        message = self._subscriber.receive()
        return message, self._sent_at()

    def receive_many(self) -> tuple[list[bytes], int]:
        # The first by itself, because `last` tells of the newest only.
        first = self._subscriber.receive()
        sent_at = self._sent_at()
        limit = min(_BATCH_MESSAGES, 1 + _BATCH_BYTES // max(1, len(first)))
        return [first, *self._subscriber.receive_many(limit, 0)], sent_at

    def _sent_at(self) -> int:
        last = self._subscriber.last
        assert last is not None  # something was received just now
        return last.timestamp

    def close(self) -> None:
        self._subscriber.close()

"""The stream through podring: one topic, one `Publisher`, three `Subscriber`s.

The topic overwrites: a publisher that nobody slows down would lap a slow subscriber. The demo may
lose nothing, so its publisher looks at how far the slowest subscriber has come (`status_of`, read
from shared memory) whenever half a ring has gone out since, and waits if it must.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from demo.messages import Setup
from podring import Publisher, Subscriber, TopicSpec
from podring.cli.framing import Payload
from podring.status import status_of

_FRAME_HEADER = 32
_LOOK_AGAIN_S = 200e-6
_BATCH_BYTES = 512 << 10
_BATCH_MESSAGES = 4096


class PodringOutlet:
    """Publishes to the topic, which it creates at the broker."""

    def __init__(self, setup: Setup) -> None:
        spec = TopicSpec(setup.ring_bytes, setup.max_message)
        self._publisher = Publisher(setup.topic, broker=setup.address, create=spec, name=setup.name)
        self._window = _Window(self._publisher)

    def send(self, message: Payload) -> None:
        self._window.make_room(_frame(message))
        self._window.filled(self._publisher.publish(message))

    def send_many(self, messages: Sequence[Payload]) -> None:
        self._window.make_room(sum(map(_frame, messages)))
        self._window.filled(self._publisher.publish_many(messages))

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


class _Window:
    """How much of the ring the slowest subscriber may still have to read."""

    def __init__(self, publisher: Publisher) -> None:
        self._segment = publisher.record.segment
        self._limit = publisher.record.capacity // 2
        self._unread = 0
        self._sent: deque[tuple[int, int]] = deque()
        self._size = 0

    def make_room(self, size: int) -> None:
        """Wait until `size` more bytes may be written."""
        self._size = size
        while self._unread and self._unread + size > self._limit:
            self._look()
            if self._unread + size > self._limit:
                time.sleep(_LOOK_AGAIN_S)

    def filled(self, sequence: int) -> None:
        """Note that they were, and that the last message has this sequence."""
        self._unread += self._size
        self._sent.append((sequence, self._size))

    def _look(self) -> None:
        participants = status_of(self._segment).participants
        slowest = min(
            (each.sequence for each in participants if each.role == "subscriber" and each.alive),
            default=0,
        )
        while self._sent and self._sent[0][0] < slowest:
            self._unread -= self._sent.popleft()[1]


def _frame(message: Payload) -> int:
    """Bytes that a message takes in the ring: its header, itself, and padding to 32."""
    return _FRAME_HEADER + (len(message) + 31) // 32 * 32

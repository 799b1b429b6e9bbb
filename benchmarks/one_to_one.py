"""One publisher, one subscriber, 64 bytes: how many messages a second, with nothing lost.

The topic overwrites, so the publisher paces itself by the ring's size: the subscriber acknowledges
every eighth of a ring on a second topic, and the publisher stays less than a ring ahead of that.
The subscriber compares every single message with what it must be.
"""

from __future__ import annotations

import itertools
import os
import time
from typing import TYPE_CHECKING

from benchmarks import pair
from podring import Publisher, Subscriber, TopicSpec, create_topic, delete_topic

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = 64
RING = 1 << 20  # stays in the second-level cache of most processors
WINDOW = RING // (LENGTH + 32) * 3 // 4
ACK_EVERY = WINDOW // 8
BATCH = 500
PAYLOADS = [number.to_bytes(8, "little") * (LENGTH // 8) for number in range(BATCH)]


def measure(count: int) -> dict[str, float]:
    """Messages a second, with one message a call and with batched calls."""
    return {
        "one message a call": _rate(publish_singly, receive_singly, count),
        "batched calls": _rate(publish_batches, receive_batches, count),
    }


def _rate(publish: Callable[..., float], receive: Callable[..., float], count: int) -> float:
    count -= count % BATCH
    topics = [f"bench.{os.getpid()}.{kind}" for kind in ("data", "acks")]
    create_topic(topics[0], TopicSpec(RING, LENGTH), broker="local")
    create_topic(topics[1], TopicSpec(65536, 8), broker="local")
    try:
        started, ended = pair.run(publish, receive, *topics, count)
    finally:
        for topic in topics:
            delete_topic(topic, broker="local")
    return count / (ended - started)


class Credit:
    """How far the publisher may go: less than a ring ahead of what was acknowledged."""

    def __init__(self, acks: Subscriber) -> None:
        self._acks = acks
        self._sent = self._done = 0
        acks.receive(60)  # the subscriber is there

    def take(self) -> None:
        """Wait until another batch may be sent."""
        self._sent += BATCH
        while self._sent - self._done > WINDOW:
            for ack in self._acks.receive_many(timeout=60):
                self._done = int.from_bytes(ack, "little")


def publish_singly(data: str, acknowledgements: str, count: int) -> float:
    """Publish with one call a message; returns when the first one was published."""
    with (
        Publisher(data, broker="local") as topic,
        Subscriber(acknowledgements, start="earliest", broker="local") as acks,
    ):
        credit, publish, started = Credit(acks), topic.publish, time.perf_counter()
        for _ in range(count // BATCH):
            credit.take()
            for payload in PAYLOADS:
                publish(payload)
    return started


def publish_batches(data: str, acknowledgements: str, count: int) -> float:
    """Publish in batches; returns when the first one was published."""
    with (
        Publisher(data, broker="local") as topic,
        Subscriber(acknowledgements, start="earliest", broker="local") as acks,
    ):
        credit, started = Credit(acks), time.perf_counter()
        for _ in range(count // BATCH):
            credit.take()
            topic.publish_many(PAYLOADS)
    return started


def receive_singly(data: str, acknowledgements: str, count: int) -> float:
    """Receive one message a call and compare each; returns when the last one was received."""
    with (
        Subscriber(data, start="earliest", broker="local") as topic,
        Publisher(acknowledgements, broker="local") as acks,
    ):
        acks.publish(bytes(8))
        for done in range(0, count, BATCH):
            for message, expected in zip(itertools.islice(topic, BATCH), PAYLOADS, strict=True):
                if message != expected:
                    raise AssertionError(f"message {topic.offset - 1} is not what was published")
            if done % ACK_EVERY < BATCH:
                acks.publish((done + BATCH).to_bytes(8, "little"))
        return _finish(topic)


def receive_batches(data: str, acknowledgements: str, count: int) -> float:
    """Receive in batches and compare each message; returns when the last one was received."""
    expected = PAYLOADS * 2
    with (
        Subscriber(data, start="earliest", broker="local") as topic,
        Publisher(acknowledgements, broker="local") as acks,
    ):
        acks.publish(bytes(8))
        done = acknowledged = 0
        while done < count:
            batch = topic.receive_many(BATCH)
            first = done % BATCH
            if batch != expected[first : first + len(batch)]:
                raise AssertionError(f"messages before {topic.offset} are not what was published")
            done += len(batch)
            if done - acknowledged >= ACK_EVERY or done == count:
                acks.publish(done.to_bytes(8, "little"))
                acknowledged = done
        return _finish(topic)


def _finish(topic: Subscriber) -> float:
    ended = time.perf_counter()
    if topic.lost:
        raise AssertionError(f"lost {topic.lost} messages: {topic.losses}")
    return ended

"""What the two processes of `podring bench` do: send and receive as fast as they can, and check.

Every payload begins with its number in a cycle, which it repeats to its end. The receiver compares
each message with the one that must come next: whole up to WHOLE bytes, and of longer ones, whose
comparison would be a good part of what is measured, the ends of each and the whole of one a cycle.
An empty message is the end; that none is missing before it is what `Counts` are compared for.

Each half opens its topics, calls `gate`, which returns when the other half has done so too, and
then measures. The pair of processes is `bench_pair`'s, what they measure `bench`'s business.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, cycle
from typing import NamedTuple

from podring.cli.exits import Exit, Failure
from podring.publisher import Publisher
from podring.subscriber import Subscriber

WHOLE = 4096
STAMP = 16
SHORTEST = 8
"""Bytes of a payload's number."""

_CYCLE_MOST, _CYCLE_BYTES = 512, 1 << 18  # a small part of the ring
_WARM_UP = 200

Gate = Callable[[], None]


class Counts(NamedTuple):
    """Of one half of a stream: how many messages, and in how many seconds."""

    messages: int
    seconds: float


def payloads(size: int) -> list[bytes]:
    """A cycle of different messages; a batch is a whole cycle."""
    count = max(2, min(_CYCLE_MOST, _CYCLE_BYTES // size))
    return [
        (number.to_bytes(SHORTEST, "little") * (size // SHORTEST + 1))[:size]
        for number in range(count)
    ]


def publish(
    gate: Gate, topic: str, broker: str, size: int, seconds: float, batched: bool
) -> Counts:
    """Publish cycle after cycle for so long, and an empty message at the end."""
    messages, sent = payloads(size), 0
    with Publisher(topic, broker=broker, timeout=seconds + 10) as publisher:
        gate()
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            if batched:
                publisher.publish_many(messages)
            else:
                for message in messages:
                    publisher.publish(message)
            sent += len(messages)
        publisher.publish(b"")
        return Counts(sent, time.perf_counter() - began)


def receive(gate: Gate, topic: str, broker: str, size: int, batched: bool) -> Counts:
    """Receive and compare until the empty message."""
    messages = payloads(size)
    with Subscriber(topic, start="earliest", broker=broker) as subscriber:
        gate()
        began = time.perf_counter()
        if size > WHOLE:
            received = _long(_one_by_one(subscriber, messages) if batched else subscriber, messages)
        else:
            received = (_batches if batched else _singles)(subscriber, messages)
        return Counts(received, time.perf_counter() - began)


def _singles(subscriber: Subscriber, messages: list[bytes]) -> int:
    done = 0
    while True:
        for expected, message in zip(messages, subscriber, strict=False):
            if message != expected:
                return _ended(message, done + messages.index(expected))
        done += len(messages)


def _one_by_one(subscriber: Subscriber, messages: list[bytes]) -> Iterator[bytes]:
    return chain.from_iterable(iter(partial(subscriber.receive_many, len(messages)), None))


def _long(arriving: Iterator[bytes], messages: list[bytes]) -> int:
    done, first, size = 0, messages[0], len(messages[0])
    stamps = [(message[:STAMP], message[-STAMP:]) for message in messages]
    while True:
        for expected, message in zip(stamps, arriving, strict=False):
            if (message[:STAMP], message[-STAMP:]) != expected or len(message) != size:
                return _ended(message, done + stamps.index(expected))
            if expected is stamps[0] and message != first:
                return _ended(message, done)
        done += len(messages)


def _batches(subscriber: Subscriber, messages: list[bytes]) -> int:
    done, length, twice = 0, len(messages), messages * 2
    while True:
        batch = subscriber.receive_many(length)
        first = done % length
        if batch != twice[first : first + len(batch)]:
            for message in batch:
                if message != messages[done % length]:
                    return _ended(message, done)
                done += 1
        done += len(batch)


def _ended(message: bytes, done: int) -> int:
    """How many messages came before the end, if it is the end."""
    if message:
        raise Failure(
            Exit.FAILED,
            f"message {done + 1} is not what was published: {message[:STAMP].hex()}… "
            f"({len(message)} bytes)",
        )
    return done


def ask(
    gate: Gate, there: str, back: str, broker: str, size: int, seconds: float, spin: float | None
) -> array[int]:
    """Send a message and wait for its copy, again and again: nanoseconds of each round."""
    times: array[int] = array("Q")
    clock = time.perf_counter_ns
    with (
        Publisher(there, broker=broker) as publisher,
        Subscriber(back, start="earliest", broker=broker, spin=spin) as subscriber,
    ):
        gate()
        send, wait, until = publisher.publish, subscriber.receive, clock() + int(seconds * 1e9)
        for message in cycle(payloads(size)):
            began = clock()
            send(message)
            answer = wait(10)
            ended = clock()
            if answer != message:
                raise Failure(Exit.FAILED, f"round {len(times) + 1} brought another message back")
            times.append(ended - began)
            if ended > until and len(times) > _WARM_UP:
                break
        send(b"")
    return times[_WARM_UP:]


def answer(gate: Gate, there: str, back: str, broker: str, spin: float | None) -> None:
    """Send back whatever comes, until an empty message does."""
    with (
        Subscriber(there, start="earliest", broker=broker, spin=spin) as subscriber,
        Publisher(back, broker=broker) as publisher,
    ):
        gate()
        send = publisher.publish
        for message in subscriber:
            if not message:
                return
            send(message)

"""A view: read-only, without a copy, alive while somebody looks, honest about its bytes."""

from __future__ import annotations

import gc
import io
from typing import Any, cast

import numpy as np
import pytest

from podring import HandleClosed, Subscriber, TopicSpec
from podring.ring._ring import Message
from tests.ring.conftest import Topic


def test_a_view_shows_the_message_and_its_origin(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    publisher.publish(b"first")
    with subscriber.view(timeout=5) as message:
        assert (bytes(message), len(message), message.sequence) == (b"first", 5, 1)
        assert message.publisher == publisher.slot
        assert abs(message.timestamp - subscriber.last.timestamp) == 0  # type: ignore[union-attr]
        assert message.valid
        assert memoryview(message).readonly
    with pytest.raises(TimeoutError, match="number 2"):
        subscriber.view(timeout=0)


def test_nothing_can_be_written_through_it(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    publisher.publish(np.arange(4.0))
    message = subscriber.view(timeout=5)
    with pytest.raises(TypeError):
        memoryview(message)[0] = 1
    array = np.frombuffer(cast(Any, message))
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 7
    with pytest.raises((BufferError, TypeError)):
        io.BytesIO(b"x" * 32).readinto(cast(Any, message))


def test_bytes_outlive_closing_and_deletion(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    publisher.publish(np.arange(1000.0))
    array = np.frombuffer(cast(Any, subscriber.view(timeout=5)))
    view = array.data
    publisher.close()
    subscriber.close()
    topic.delete()
    del publisher, subscriber
    gc.collect()
    assert (array == np.arange(1000.0)).all()
    assert view[999] == 999.0


def test_valid_turns_false_once_a_publisher_reaches_it(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec(4096, 64))
    subscriber = topic.subscriber(None)
    publisher.publish(b"a" * 32)
    message = subscriber.view(timeout=5)
    published = 1
    while message.valid:
        assert bytes(message) == b"a" * 32
        publisher.publish(b"b" * 32)
        published += 1
    # 64 frames of 64 bytes fill 4096 bytes; the next one takes the first one's place.
    assert published == 65
    assert len(bytes(message)) == 32
    assert not message.valid


def test_a_view_of_what_was_read_ahead_is_a_copy_that_stays_valid(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec(4096, 64))
    subscriber = topic.subscriber(None)
    publisher.publish_many([b"one", b"two", b"three"])
    assert subscriber.receive(timeout=5) == b"one"
    message = subscriber.view(timeout=5)
    for _ in range(300):
        publisher.publish(b"x" * 64)
    assert message.valid
    assert bytes(message) == b"two"
    assert message.sequence == 2


def test_views_and_copies_may_be_mixed(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec("1Mi", "64Ki"))
    subscriber = topic.subscriber(None)
    payloads = [bytes([number % 256]) * (number * 97 % 6000) for number in range(300)]
    for start in range(0, 300, 50):
        publisher.publish_many(payloads[start : start + 50])
        for number in range(start, start + 50):
            how = number % 3
            if how == 0:
                received = bytes(subscriber.view(timeout=5))
            elif how == 1:
                received = subscriber.receive(timeout=5)
            else:
                [received] = subscriber.receive_many(limit=1, timeout=5)
            assert received == payloads[number]
    assert subscriber.lost == 0


def test_after_its_block_no_new_view_is_taken(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    publisher.publish(b"x")
    with subscriber.view(timeout=5) as message:
        kept = memoryview(message)
    with pytest.raises(HandleClosed, match="inside its with block"):
        memoryview(message)
    assert kept.tobytes() == b"x"
    assert repr(message).startswith("<Message 1 of ")


def test_a_message_cannot_be_made_by_hand() -> None:
    with pytest.raises(TypeError):
        Message()


def test_losses_are_told_by_view_as_well(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec(4096, 64))
    told: list[range] = []
    subscriber: Subscriber = topic.subscriber(None, on_loss=told.append)
    publisher.publish_many([b"x" * 32] * 200)
    first = subscriber.view(timeout=5).sequence
    assert told == [range(1, first)]
    assert subscriber.lost == first - 1

"""What a publisher takes, what it refuses, and what it gives back."""

from __future__ import annotations

import array
import ctypes
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from podring import MessageTooLong, PublisherBusy, TopicClosed, TopicSpec
from podring.ring import _ring
from tests.ring.conftest import Topic


@pytest.mark.parametrize(
    "payload",
    [
        b"bytes",
        b"",
        bytearray(b"bytearray"),
        memoryview(b"memoryview"),
        memoryview(b"a slice of one")[2:7],
        array.array("d", [1.0, 2.0]),
        (ctypes.c_int * 3)(1, 2, 3),
        np.arange(10, dtype="u2"),
        np.arange(12.0).reshape(3, 4),
        np.float64(3.5),
        np.array(7),
        np.zeros(3, dtype=[("Open", "f8"), ("High", "f8")]),
        np.zeros((0, 5)),
        b"x" * 65_536,
        bytearray(b"y" * 65_536),
    ],
    ids=lambda payload: f"{type(payload).__name__}-{memoryview(payload).nbytes}",
)
def test_contiguous_bytes_of_every_kind_arrive_as_they_were(topic: Topic, payload: Any) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    expected = memoryview(payload).tobytes()
    assert publisher.publish(payload) == 1
    assert publisher.publish_many([payload, payload]) == 3
    assert subscriber.receive_many(timeout=5) == [expected] * 3


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (memoryview(b"abcdef")[::2], "C-contiguous"),
        (np.arange(10)[::2], "C-contiguous.*numpy.ascontiguousarray"),
        (np.arange(12).reshape(3, 4).T, "C-contiguous"),
        (np.asfortranarray(np.ones((3, 4))), "C-contiguous"),
        (np.array(["a", None], dtype=object), "ndarray holds Python objects.*serialise"),
        (np.zeros(2, dtype=[("n", "i4"), ("o", "O")]), "holds Python objects"),
        ("text", "not str: encode it first"),
        (42, "a message is bytes, .*, not int"),
        (None, "not NoneType"),
        ([1, 2], "not list"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_everything_else_is_refused_with_the_reason(topic: Topic, payload: Any, said: str) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    with pytest.raises(TypeError, match=said):
        publisher.publish(payload)
    with pytest.raises(TypeError, match=said):
        publisher.publish_many([b"good", payload])
    assert subscriber.receive_nowait() is None
    assert publisher.publish(b"good") == 1


def test_sequences_count_from_1_over_all_publishers(topic: Topic) -> None:
    one, other = topic.publisher(), topic.publisher()
    assert [one.publish(b"a"), other.publish(b"b"), one.publish(b"c")] == [1, 2, 3]
    assert other.publish_many([b"d", b"e"]) == 5
    assert one.publish_many([]) == 0
    assert one.publish(b"f") == 6


def test_a_message_that_is_too_long_is_refused_with_the_numbers(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec("64Ki", 1000))
    assert publisher.max_message == 1000
    assert publisher.publish(b"x" * 1000) == 1
    for call in (publisher.publish, publisher.loan, lambda data: publisher.publish_many([data])):
        given: Any = 1001 if call == publisher.loan else b"x" * 1001
        with pytest.raises(MessageTooLong, match=r"1001 bytes .* takes at most 1000"):
            call(given)
    assert publisher.publish(b"next") == 2


def test_publish_many_publishes_nothing_when_one_is_bad(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(TopicSpec("64Ki", 1000)), topic.subscriber(None)

    def raising() -> Iterator[bytes]:
        yield b"one"
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        publisher.publish_many(raising())
    bads: list[list[Any]] = [[b"a", "b"], [b"a", b"x" * 1001], [b"a", np.arange(9)[::3]]]
    for bad in bads:
        with pytest.raises((TypeError, MessageTooLong)):
            publisher.publish_many(bad)
    for one in (b"bytes", bytearray(b"b"), memoryview(b"m"), "str"):
        with pytest.raises(TypeError, match="publish_many takes an iterable"):
            publisher.publish_many(one)  # type: ignore[arg-type]
    assert subscriber.receive_nowait() is None
    assert publisher.publish_many(b"%d" % number for number in range(3)) == 3
    assert subscriber.receive_many(timeout=5) == [b"0", b"1", b"2"]


def test_buffers_are_let_go_of_after_the_call(topic: Topic) -> None:
    publisher = topic.publisher()
    data = bytearray(b"x" * 100_00)
    publisher.publish(data)
    publisher.publish_many([data, data])
    with pytest.raises(TypeError):
        publisher.publish_many([data, "bad"])  # type: ignore[list-item]
    with pytest.raises(MessageTooLong):
        publisher.publish_many([data, bytearray(100_000)])
    data.append(1)  # BufferError while anybody holds it


def test_a_batch_larger_than_the_ring_keeps_its_newest(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec("64Ki", 4096))
    subscriber = topic.subscriber(None)
    assert publisher.publish_many(number.to_bytes(4) * 250 for number in range(1000)) == 1000
    received = [subscriber.receive(timeout=5) for _ in range(1000 - subscriber_loss(subscriber))]
    assert received[-1] == (999).to_bytes(4) * 250
    assert subscriber.lost + len(received) == 1000


def subscriber_loss(subscriber: Any) -> int:
    """What the first receive finds lost; that message is the newest loss's successor."""
    view = subscriber.view(timeout=5)
    assert view.sequence == subscriber.lost + 1
    subscriber.seek("sequence", view.sequence)
    return int(subscriber.lost)


def test_only_one_exclusive_publisher_is_let_in(topic: Topic) -> None:
    first = topic.publisher(exclusive=True, name="camera")
    assert first.publish(b"1") == 1
    with pytest.raises(PublisherBusy, match=r"exclusive publisher 'camera' \(process \d+\)"):
        topic.publisher(exclusive=True)
    other = topic.publisher()
    with pytest.raises(PublisherBusy, match="close that one first"):
        other.publish(b"no")
    with pytest.raises(PublisherBusy), other.loan(10):
        pass
    assert first.publish_many([b"2", b"3"]) == 3
    with first.loan(1) as loan:
        loan[0] = 52
    first.close()
    assert other.publish(b"5") == 5
    with topic.publisher(exclusive=True) as third:
        assert third.publish(b"6") == 6
    assert topic.subscriber(start=1).receive_many(timeout=5) == [b"1", b"2", b"3", b"4", b"5", b"6"]


def test_an_exclusive_publisher_waits_for_a_loan_to_end(topic: Topic) -> None:
    opened: list[int] = []

    def open_it() -> None:
        with topic.publisher(exclusive=True) as exclusive:
            opened.append(exclusive.publish(b"x"))

    with topic.publisher() as other:
        with other.loan(1):
            opening = threading.Thread(target=open_it, daemon=True)
            opening.start()
            time.sleep(0.2)
            assert not opened
        opening.join(30)
        assert opened == [2]


def test_publishing_to_a_deleted_topic_says_so(topic: Topic) -> None:
    publisher = topic.publisher()
    exclusive_topic = publisher.record.name
    topic.delete()
    calls: list[Any] = [
        lambda: publisher.publish(b"x"),
        lambda: publisher.publish_many([b"x"]),
        lambda: publisher.loan(1).__enter__(),
    ]
    for call in calls:
        with pytest.raises(TopicClosed, match=rf"'{exclusive_topic}' .* was deleted: open it"):
            call()
    publisher.close()


def test_a_payload_passes_one_layer_on_its_way_in_and_one_on_its_way_out(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    met: list[str] = []
    got = []
    sys.setprofile(lambda frame, event, called: met.append(f"{event} {called}"))
    publisher.publish(b"x")
    for message in subscriber:
        sys.setprofile(None)
        got.append(message)
        break
    calls = [one for one in met if "call" in one and "setprofile" not in one]
    assert len(calls) == 1, calls
    assert calls[0].startswith("c_call <built-in method publish of Publisher")
    assert got == [b"x"]
    assert type(subscriber).__next__ is _ring.Reader.__next__

"""How a subscriber receives: waiting, batches, where it starts, and what it is told of losses."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from podring import InvalidTopic, OffsetOutOfRange, Subscriber, TopicClosed, TopicSpec
from podring.ring._ring import MessageInfo
from tests.ring.conftest import Topic

SMALL = TopicSpec(4096, 512)
"""One block: 64 frames of up to 32 bytes, and only the newest lap has a checkpoint."""


def test_messages_come_in_order_and_once(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    for number in range(1000):
        publisher.publish(b"%d" % number)
    assert [subscriber.receive(timeout=5) for _ in range(500)] == [b"%d" % n for n in range(500)]
    assert list(itertools.islice(subscriber, 500)) == [b"%d" % n for n in range(500, 1000)]
    assert subscriber.receive_nowait() is None


def test_every_subscriber_gets_everything(topic: Topic) -> None:
    publisher = topic.publisher()
    subscribers = [topic.subscriber() for _ in range(5)]
    publisher.publish_many([b"a", b"b"])
    assert [one.receive_many(timeout=5) for one in subscribers] == [[b"a", b"b"]] * 5


def test_a_timeout_is_told_with_what_was_waited_for(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    publisher.publish(b"one")
    subscriber.receive(timeout=5)
    timeouts: list[Any] = [0.05, Fraction(1, 20)]
    for timeout in timeouts:
        started = time.monotonic()
        with pytest.raises(TimeoutError, match=r"for 0\.05 s; its next message is number 2"):
            subscriber.receive(timeout=timeout)
        assert 0.05 <= time.monotonic() - started < 10
    with pytest.raises(TimeoutError, match="for 0 s"):
        subscriber.receive(timeout=0)
    assert subscriber.receive_many(timeout=0.01) == []
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match="timeout is seconds from 0 up"):
            subscriber.receive(timeout=wrong)
        with pytest.raises(ValueError, match="timeout is seconds from 0 up"):
            subscriber.receive_many(timeout=wrong)
        with pytest.raises(ValueError, match="timeout is seconds from 0 up"):
            subscriber.view(timeout=wrong)


@pytest.mark.parametrize("spin", [0.0, 20e-6, 1e300, float("inf")])
def test_a_waiting_subscriber_is_woken(topic: Topic, spin: float) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber(spin=spin)
    for size in (10, 100_000 // 2):
        timer = threading.Timer(0.1, publisher.publish, [b"x" * size])
        timer.start()
        assert subscriber.receive() == b"x" * size
        timer.join()


def test_spin_is_checked(topic: Topic) -> None:
    topic.create()
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="spin is seconds from 0 up"):
            topic.subscriber(spin=wrong)


def test_receive_many_returns_what_is_there_up_to_the_limit(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    publisher.publish_many(b"%d" % number for number in range(10))
    assert subscriber.receive_many(limit=3) == [b"0", b"1", b"2"]
    assert len(subscriber.receive_many(limit=100)) == 7
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="limit"):
            subscriber.receive_many(limit=wrong)
    publisher.publish_many([b"s", b"L" * 60_000, b"s", b"m" * 5000, b"s"])
    assert [len(m) for m in subscriber.receive_many()] == [1, 60_000, 1, 5000, 1]


def test_offset_lag_and_last_follow(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    assert (subscriber.offset, subscriber.lag, subscriber.last) == (1, 0, None)
    before = time.time_ns()
    publisher.publish_many([b"a", b"b", b"c"])
    assert (subscriber.offset, subscriber.lag) == (1, 3)
    subscriber.receive()
    last = subscriber.last
    assert last is not None
    assert (last.sequence, last.publisher) == (1, publisher.slot)
    assert before - 10**9 <= last.timestamp <= time.time_ns() + 10**9
    assert (subscriber.offset, subscriber.lag) == (2, 2)
    subscriber.receive_many()
    assert (subscriber.offset, subscriber.lag) == (4, 0)
    subscriber.close()
    assert subscriber.offset == 4


def test_losses_are_exact_and_told_before_what_comes_behind_them(topic: Topic) -> None:
    publisher = topic.publisher(SMALL)
    events: list[Any] = []
    subscriber = topic.subscriber(None, on_loss=events.append)
    for _ in range(5):
        publisher.publish_many(b"%d" % n for n in range(150))
        while (message := subscriber.receive_nowait()) is not None:
            assert subscriber.last is not None
            events.append(subscriber.last.sequence)
            assert message == b"%d" % ((subscriber.last.sequence - 1) % 150)
    losses = [event for event in events if isinstance(event, range)]
    assert len(losses) == 5
    assert subscriber.losses == losses
    assert subscriber.lost == sum(map(len, losses))
    # One line without a gap: each loss stands before the message that follows it.
    line = [n for event in events for n in (event if isinstance(event, range) else [event])]
    assert line == list(range(1, 751))


def test_a_batch_never_spans_a_loss(topic: Topic) -> None:
    publisher = topic.publisher(TopicSpec(65536, 512))
    subscriber = topic.subscriber(None)
    publisher.publish_many(b"%d" % n for n in range(100))
    assert subscriber.receive() == b"0"  # has read all hundred ahead
    publisher.publish_many(b"%d" % n for n in range(100, 5000))
    first = subscriber.receive_many(limit=10_000)
    assert first == [b"%d" % n for n in range(1, 100)]
    assert subscriber.lost == 0
    rest = subscriber.receive_many(limit=10_000)
    assert rest == [b"%d" % n for n in range(5000 - len(rest), 5000)]
    assert subscriber.losses == [range(101, 5001 - len(rest))]


def test_an_on_loss_that_raises_loses_no_message(topic: Topic) -> None:
    publisher = topic.publisher(SMALL)

    def on_loss(lost: range) -> None:
        raise RuntimeError(f"lost {len(lost)}")

    for way in ("receive", "receive_many", "view", "__next__", "receive_nowait"):
        subscriber = topic.subscriber(None, on_loss=on_loss)
        start = subscriber.offset
        publisher.publish_many([b"x"] * 100)
        with pytest.raises(RuntimeError, match="lost"):
            getattr(subscriber, way)()
        left = subscriber.lag
        assert subscriber.lost + left == 100
        assert subscriber.losses == [range(start, start + subscriber.lost)]
        assert len(subscriber.receive_many(limit=1000)) == left
        subscriber.close()


def test_an_on_loss_that_closes_ends_the_call(topic: Topic) -> None:
    publisher = topic.publisher(SMALL)

    def close(lost: range) -> None:
        subscriber.close()

    subscriber: Subscriber = topic.subscriber(None, on_loss=close)
    publisher.publish_many([b"x"] * 100)
    with pytest.raises(ValueError, match="closed"):
        subscriber.receive()


def test_only_the_latest_thousand_losses_are_kept_and_all_are_counted(topic: Topic) -> None:
    publisher = topic.publisher(SMALL)
    subscriber = topic.subscriber(None)
    for _ in range(1100):
        publisher.publish_many([b"x"] * 70)
        while subscriber.receive_nowait() is not None:
            pass
    assert len(subscriber.losses) == 1000
    assert subscriber.lost > sum(map(len, subscriber.losses)) > 0


def starts_at(topic: Topic, start: Any) -> int:
    """Number of the first message, or of the next one when there is none."""
    with topic.subscriber(None, start=start) as subscriber:
        message = subscriber.receive_nowait()
        assert message is None or message == b"%d" % (subscriber.offset - 1)
        return subscriber.offset - (message is not None)


def test_every_form_of_start(topic: Topic) -> None:
    publisher = topic.publisher()
    for number in range(1, 51):
        publisher.publish(b"%d" % number)
    time.sleep(0.05)
    between = time.time_ns()
    at = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    for number in range(51, 101):
        publisher.publish(b"%d" % number)
    assert starts_at(topic, "latest") == 101
    assert starts_at(topic, "earliest") == 1
    assert starts_at(topic, "last:0") == 101
    assert starts_at(topic, "last:1") == 100
    assert starts_at(topic, "last:100") == 1
    assert starts_at(topic, "last:1000000") == 1
    assert starts_at(topic, 1) == 1
    assert starts_at(topic, 77) == 77
    assert starts_at(topic, np.uint64(77)) == 77
    assert starts_at(topic, "sequence:77") == 77
    assert starts_at(topic, 101) == 101
    assert starts_at(topic, f"since:{between // 10**9}.{between % 10**9:09}") == 51
    assert starts_at(topic, f"since:{at.isoformat()}") == 51
    assert starts_at(topic, at) == 51
    assert starts_at(topic, at.astimezone(dt.timezone(dt.timedelta(hours=5)))) == 51
    assert starts_at(topic, "since:1h") == 1
    assert starts_at(topic, "since:0s") == 101
    assert starts_at(topic, "since:1970-01-01T00:00:00Z") == 1


@pytest.mark.parametrize(
    "start",
    ["", "newest", "last:", "last:-1", "last:x", "sequence:0", 0, -5, True, 1.5, None, "since:",
     "since:yesterday", "since:5y", "last:1" + "0" * 30, b"latest", 1 << 63, MessageInfo(1, 2, 3),
     dt.date(2026, 11, 20), dt.timedelta(seconds=5)],
)  # fmt: skip
def test_a_start_that_is_none_is_refused(topic: Topic, start: Any) -> None:
    topic.create()
    with pytest.raises(InvalidTopic, match=r"start .* is not a position") as caught:
        topic.subscriber(start=start)
    assert caught.value.field == "start"


@pytest.mark.parametrize(
    "place",
    [("erliest",), ("last:5",), (5,), (None,), ("sequence",), ("sequence", 0), ("sequence", -1),
     ("sequence", 1 << 64), ("last", -1), ("since", -1), ("LATEST",)],
)  # fmt: skip
def test_a_place_to_seek_that_is_none_is_refused(topic: Topic, place: tuple[Any, ...]) -> None:
    topic.publisher().publish_many([b"1", b"2"])
    subscriber = topic.subscriber()
    with pytest.raises(
        InvalidTopic, match=r"^seek\(.* is not a position: go to 'latest'"
    ) as caught:
        subscriber.seek(*place)
    assert (caught.value.field, subscriber.offset) == ("start", 3)
    for number in ("1", 1.5, None):
        with pytest.raises(TypeError):
            subscriber.seek("sequence", number)  # type: ignore[arg-type]


def test_a_start_ahead_of_the_topic_is_refused(topic: Topic) -> None:
    publisher = topic.publisher()
    publisher.publish(b"x")
    with pytest.raises(OffsetOutOfRange, match=r"sequence 3 is ahead .* next message is 2"):
        topic.subscriber(start=3)


def test_a_start_that_is_gone_counts_what_is_lost(topic: Topic) -> None:
    publisher = topic.publisher(SMALL)
    publisher.publish_many(b"%d" % n for n in range(1, 201))
    oldest = starts_at(topic, "earliest")
    assert 100 < oldest < 200
    with topic.subscriber(None, start=10) as subscriber:
        assert subscriber.receive() == b"%d" % oldest
        assert subscriber.losses == [range(10, oldest)]
    # Neither earliest, nor last, nor since asks for anything that is gone.
    for start in ("earliest", "last:150", "since:1h"):
        with topic.subscriber(None, start=start) as subscriber:
            assert subscriber.receive() == b"%d" % oldest
            assert subscriber.lost == 0


def test_seeking_again_tells_a_loss_that_was_not_told_yet(topic: Topic) -> None:
    publisher = topic.publisher(SMALL)
    subscriber = topic.subscriber(None, start=1)
    publisher.publish_many([b"x"] * 100)
    subscriber.seek("sequence", 1)
    subscriber.seek("latest")
    assert len(subscriber.losses) == 1
    assert subscriber.losses[0].start == 1
    assert subscriber.receive_nowait() is None


def test_a_deleted_topic_is_read_to_its_end(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    publisher.publish_many([b"a", b"b", b"c"])
    topic.delete()
    assert subscriber.receive() == b"a"
    assert bytes(subscriber.view()) == b"b"
    assert subscriber.receive_many() == [b"c"]
    calls: list[Any] = [
        subscriber.receive,
        subscriber.receive_nowait,
        subscriber.receive_many,
        subscriber.view,
        lambda: next(subscriber),
        lambda: subscriber.receive(timeout=0),
    ]
    for call in calls:
        with pytest.raises(TopicClosed, match="was deleted"):
            call()


@pytest.mark.parametrize("spin", [0.0, float("inf")])
def test_deleting_a_topic_wakes_who_waits_on_it(topic: Topic, spin: float) -> None:
    subscriber = topic.subscriber(spin=spin)
    timer = threading.Timer(0.1, topic.delete)
    timer.start()
    with pytest.raises(TopicClosed):
        subscriber.receive()
    timer.join()


def test_a_topic_made_anew_is_another_one(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    publisher.publish(b"old")
    topic.delete()
    with topic.publisher() as anew, topic.subscriber(start="earliest") as other:
        assert anew.record.generation > publisher.record.generation
        assert anew.publish(b"new") == 1
        assert other.receive(timeout=5) == b"new"
        assert subscriber.receive(timeout=5) == b"old"
        with pytest.raises(TopicClosed):
            subscriber.receive(timeout=0)

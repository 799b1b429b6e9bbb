"""A topic is deleted and made anew under those who use it: they end, or go on there, by choice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from podring import (
    MessageTooLong,
    NameTaken,
    Publisher,
    PublisherBusy,
    Subscriber,
    TopicClosed,
    TopicNotFound,
    TopicSpec,
    roster,
)
from podring import offsets as named
from tests.ring.conftest import SPEC, Topic

BLOCK = TopicSpec("64Ki", 1024, "block")


@contextlib.contextmanager
def anew(topic: Topic, spec: TopicSpec = SPEC, after_s: float = 0.3) -> Iterator[None]:
    """Delete the topic now, and make it again after a while."""
    topic.delete()
    maker = threading.Timer(after_s, topic.create, args=(spec,))
    maker.start()
    try:
        yield
    finally:
        maker.join()


def test_both_go_on_in_the_next_generation_without_losing_its_first_message(topic: Topic) -> None:
    publisher = topic.publisher(follow=10)
    subscriber = topic.subscriber(follow=10)
    publisher.publish(b"old, and still delivered")
    old = publisher.record.generation
    with anew(topic):
        assert publisher.publish(b"new") == 1
    assert publisher.record.generation > old
    assert subscriber.receive(timeout=10) == b"old, and still delivered"
    assert subscriber.receive(timeout=10) == b"new"
    assert subscriber.record == publisher.record
    assert (subscriber.lost, subscriber.offset) == (0, 2)


def test_without_follow_both_are_told(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(), topic.subscriber()
    topic.delete()
    topic.create()
    with pytest.raises(TopicClosed):
        publisher.publish(b"")
    with pytest.raises(TopicClosed):
        subscriber.receive(timeout=1)


def test_who_follows_for_nothing_is_told_after_that_time(topic: Topic) -> None:
    publisher, subscriber = topic.publisher(follow=0.2), topic.subscriber(follow=0.2)
    topic.delete()
    started = time.monotonic()
    with pytest.raises(TopicClosed, match=r"not made anew for 0\.2 s"):
        publisher.publish(b"")
    with pytest.raises(TopicClosed, match=r"not made anew for 0\.2 s"):
        subscriber.receive()
    assert time.monotonic() - started < 5


def test_a_timeout_that_is_shorter_than_the_wait_is_kept(topic: Topic) -> None:
    subscriber = topic.subscriber(follow=60)
    topic.delete()
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        subscriber.receive(timeout=0.2)
    assert subscriber.receive_nowait() is None
    assert time.monotonic() - started < 5
    topic.create()
    topic.publisher().publish(b"there")
    assert subscriber.receive(timeout=10) == b"there"


def test_async_subscribers_follow_without_blocking_the_loop(topic: Topic) -> None:
    subscriber = topic.subscriber(follow=10)

    async def main() -> tuple[bytes, float]:
        longest = 0.0
        waiting = asyncio.create_task(subscriber.receive_async())
        await asyncio.sleep(0.05)
        with anew(topic):
            until = time.monotonic() + 0.6
            while time.monotonic() < until:
                before = time.monotonic()
                await asyncio.sleep(0.005)
                longest = max(longest, time.monotonic() - before)
        with Publisher(topic.name, broker="local") as publisher:
            publisher.publish(b"new")
        return await asyncio.wait_for(waiting, 10), longest

    message, longest = asyncio.run(main())
    assert message == b"new"
    assert longest < 1


def test_a_name_begins_anew_with_the_messages(topic: Topic) -> None:
    publisher = topic.publisher(follow=10)
    subscriber = topic.subscriber(name="billing", start="earliest", follow=10)
    publisher.publish_many([b"1", b"2"])
    subscriber.receive_many(2)
    with anew(topic):
        publisher.publish(b"new")
    assert subscriber.receive(timeout=10) == b"new"
    subscriber.commit()
    assert named.saved(subscriber._segment) == {"billing": 2}


def test_a_publisher_that_waits_for_room_finds_it_in_the_next_generation(topic: Topic) -> None:
    publisher = topic.publisher(BLOCK, follow=10, timeout=20)
    topic.subscriber(None)
    last: list[int] = []
    waiting = threading.Thread(
        target=lambda: last.append(publisher.publish_many([bytes(64)] * 1000))
    )
    waiting.start()
    time.sleep(0.3)
    with anew(topic, BLOCK):
        waiting.join(20)
    assert 0 < last[0] < 1000
    assert publisher.publish(b"on") == last[0] + 1


def test_what_the_next_generation_does_not_take_is_refused(topic: Topic) -> None:
    publisher = topic.publisher(BLOCK, follow=10)
    topic.subscriber(None)
    with anew(topic, TopicSpec("64Ki", 16, "block")), pytest.raises(MessageTooLong):
        publisher.publish(bytes(64))
    assert publisher.publish(bytes(16)) == 1
    with publisher.loan(16) as loan:
        loan[:] = bytes(16)


def test_a_batch_that_meets_a_generation_for_shorter_messages_says_how_many_are_out(
    topic: Topic,
) -> None:
    publisher = topic.publisher(BLOCK, follow=10)
    subscriber = topic.subscriber(None)
    fits = publisher.mapping.capacity // (1024 + 32)
    met: list[MessageTooLong] = []

    def publish() -> None:
        try:
            publisher.publish_many([bytes(1024)] * 2 * fits)
        except MessageTooLong as error:
            met.append(error)

    waiting = threading.Thread(target=publish)
    waiting.start()
    while not any(entry.waiting for entry in publisher.mapping.entries()):
        time.sleep(0.01)
    with anew(topic, TopicSpec("64Ki", 16, "block")):
        received = len(subscriber.receive_many(2 * fits))
    waiting.join()
    assert [error.published for error in met] == [received]
    assert received > 0


def test_views_of_the_old_generation_stay_true(topic: Topic) -> None:
    publisher = topic.publisher(BLOCK, follow=10)
    subscriber = topic.subscriber(None, follow=10)
    publisher.publish(b"old" * 20)
    view = subscriber.view()
    with anew(topic, BLOCK):
        publisher.publish(b"new" * 20)
    with subscriber.view(timeout=10) as new:
        assert (bytes(new), bytes(view)) == (b"new" * 20, b"old" * 20)
    del view
    assert publisher.publish_many([bytes(64)] * 600)


def test_following_leaks_neither_memory_nor_descriptors(topic: Topic) -> None:
    def held() -> tuple[int, int]:
        with open("/proc/self/maps") as maps:
            return len(os.listdir("/proc/self/fd")), sum("podring" in line for line in maps)

    publisher, subscriber = topic.publisher(follow=10), topic.subscriber(follow=10)
    before = held()
    for _ in range(20):
        topic.delete()
        topic.create()
        publisher.publish(b"n")
        assert subscriber.receive(timeout=10) == b"n"
    assert held() == before


@pytest.mark.parametrize("kind", [Publisher, Subscriber])
def test_a_time_that_cannot_be_is_refused(topic: Topic, kind: type[Publisher | Subscriber]) -> None:
    topic.create()
    with pytest.raises(ValueError, match="follow is seconds"):
        kind(topic.name, broker="local", follow=-1)


def deleted_before_it_is_joined(topic: Topic, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Delete the topic that often just after it was attached."""
    attach, left = roster.open_topic, [times]

    def attach_and_delete(*arguments: Any, **options: Any) -> Any:
        found = attach(*arguments, **options)
        if left[0]:
            left[0] -= 1
            topic.delete()
            if not left[0]:
                topic.create()
        return found

    monkeypatch.setattr(roster, "open_topic", attach_and_delete)


def test_an_exclusive_publisher_opens_the_next_generation_of_a_topic_deleted_meanwhile(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted_before_it_is_joined(topic, monkeypatch, 2)
    publisher = topic.publisher(exclusive=True)
    assert publisher.publish(b"there") == 1
    assert len(publisher.mapping.entries()) == 1


def test_an_exclusive_publisher_of_a_topic_that_does_not_stay_says_so(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted_before_it_is_joined(topic, monkeypatch, 1000)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(TopicClosed):
        topic.publisher(exclusive=True)
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(TopicNotFound):
        topic.publisher(None, exclusive=True)


def test_an_exclusive_publisher_follows_beyond_a_generation_deleted_meanwhile(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = topic.publisher(exclusive=True, follow=10)
    topic.delete()
    topic.create()
    deleted_before_it_is_joined(topic, monkeypatch, 1)
    assert publisher.publish(b"there") == 1
    with pytest.raises(PublisherBusy):
        topic.publisher().publish(b"")


def test_an_exclusive_publisher_that_finds_another_one_there_can_try_again(topic: Topic) -> None:
    publisher = topic.publisher(exclusive=True, follow=10)
    topic.delete()
    other = topic.publisher(exclusive=True)
    for _ in range(3):
        with pytest.raises(PublisherBusy):
            publisher.publish(b"")
    other.close()
    assert publisher.publish(b"first there") == 1
    entries = publisher.mapping.entries()
    assert [entry.slot for entry in entries] == [publisher.slot]


def test_a_subscriber_whose_name_is_taken_there_can_try_again(topic: Topic) -> None:
    subscriber = topic.subscriber(BLOCK, name="billing", follow=10)
    topic.delete()
    other = topic.subscriber(BLOCK, name="billing")
    publisher = topic.publisher(BLOCK)
    publisher.publish(b"first there")
    for _ in range(3):
        with pytest.raises(NameTaken):
            subscriber.receive(timeout=5)
    assert len(publisher.mapping.entries()) == 2
    other.close()
    assert subscriber.receive(timeout=5) == b"first there"

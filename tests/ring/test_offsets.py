"""A subscriber with a name resumes where it stopped, whatever ended it."""

from __future__ import annotations

import contextlib

import pytest

from podring import NameTaken, Subscriber, TooManyParticipants, TopicSpec, forget_offset
from podring import offsets as named
from podring.segment import Segment
from tests.ring.children import Child
from tests.ring.conftest import SPEC, Topic

RECEIVE = """
    import sys
    from podring import Subscriber
    subscriber = Subscriber(sys.argv[1], broker="local", name="billing", start="earliest")
    for line in sys.stdin:
        print(subscriber.receive(timeout=5).decode())
"""


def numbered(topic: Topic, count: int) -> None:
    topic.publisher().publish_many([str(n).encode() for n in range(1, count + 1)])


def test_it_goes_on_behind_what_it_was_done_with(topic: Topic) -> None:
    numbered(topic, 10)
    with topic.subscriber(name="billing", start="earliest") as first:
        assert [first.receive() for _ in range(3)] == [b"1", b"2", b"3"]
    with topic.subscriber(name="billing") as second:
        assert (second.offset, second.receive()) == (4, b"4")
    with topic.subscriber(name="audit", start="last:1") as other:
        assert other.receive() == b"10"


def test_one_that_is_killed_gets_the_message_again_that_it_may_not_have_been_done_with(
    topic: Topic,
) -> None:
    numbered(topic, 10)
    with Child(RECEIVE, topic.name) as child:
        for expected in ("1", "2", "3"):
            child.tell("next")
            assert child.line() == expected
        child.kill()
    with topic.subscriber(name="billing") as again:
        assert again.receive() == b"3"


def test_an_exception_leaves_the_last_message_to_the_next_one(topic: Topic) -> None:
    numbered(topic, 10)
    with (
        contextlib.suppress(RuntimeError),
        topic.subscriber(name="billing", start="earliest") as first,
    ):
        first.receive()
        first.receive()
        raise RuntimeError
    with contextlib.suppress(RuntimeError), topic.subscriber(name="billing") as second:
        assert second.receive() == b"2"
        second.commit()
        raise RuntimeError
    with topic.subscriber(name="billing") as third:
        assert third.receive() == b"3"


def test_a_batch_counts_when_the_next_one_is_asked_for(topic: Topic) -> None:
    numbered(topic, 10)
    subscriber = topic.subscriber(name="billing", start="earliest")
    assert len(subscriber.receive_many(4)) == 4
    assert named.saved(subscriber._segment) == {"billing": 1}
    assert subscriber.receive_many(2) == [b"5", b"6"]
    assert named.saved(subscriber._segment) == {"billing": 5}
    with subscriber.view() as message:
        assert bytes(message) == b"7"
    assert named.saved(subscriber._segment) == {"billing": 7}


def test_what_was_overwritten_meanwhile_is_counted(topic: Topic) -> None:
    spec = TopicSpec("64Ki", 1024)
    publisher = topic.publisher(spec)
    topic.subscriber(None, name="billing").close()
    last = publisher.publish_many([bytes(64)] * 5000)
    with topic.subscriber(None, name="billing") as again:
        received = sum(1 for _ in iter(again.receive_nowait, None))
        assert received + again.lost == last


def test_a_loss_that_nobody_was_told_of_is_told_to_who_resumes(topic: Topic) -> None:
    """A batch ends where a loss begins, and the next call would tell of it; there is none."""
    publisher = topic.publisher(TopicSpec("64Ki", 1024))
    with topic.subscriber(None, name="billing") as first:
        publisher.publish_many([b"x"] * 100)
        received = len([first.receive()])
        last = publisher.publish_many([b"y"] * 5000)
        received += len(first.receive_many(10_000))
        assert first.lost == 0
        assert received < 1000
    with topic.subscriber(None, name="billing") as again:
        received += sum(1 for _ in iter(again.receive_nowait, None))
        assert received + again.lost == last


def test_a_name_belongs_to_one_at_a_time(topic: Topic) -> None:
    first = topic.subscriber(name="billing")
    with pytest.raises(NameTaken, match="'billing'"):
        topic.subscriber(name="billing")
    assert len(first.mapping.entries()) == 1
    with pytest.raises(NameTaken):
        named.forget(topic.subscriber(name="other")._segment, "billing")
    first.close()
    assert topic.subscriber(name="billing").offset == 1


def test_names_run_out_and_can_be_forgotten(topic: Topic) -> None:
    for n in range(128):
        topic.subscriber(name=f"name {n}").close()
    with pytest.raises(TooManyParticipants, match="128 named offsets"):
        topic.subscriber(name="one more")
    segment = topic.subscriber()._segment
    assert forget_offset(topic.name, "name 7", broker="local")
    assert not named.forget(segment, "name 7")
    assert topic.subscriber(name="one more").offset == 1


@pytest.mark.parametrize("name", ["", "x" * 97, "ä" * 49, "line\n", "\x1b[2J", "\udcff", "a\0b"])
def test_a_name_that_cannot_be_is_refused(topic: Topic, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name an offset"):
        topic.subscriber(name=name)
    assert not topic.subscriber().mapping.entries()[1:]


def test_offsets_outlive_everybody_and_die_with_the_topic(topic: Topic) -> None:
    numbered(topic, 5)
    with topic.subscriber(name="billing", start="earliest") as first:
        first.receive_many(2)
        segment = Segment(first.record.segment, write=False)
    assert named.saved(segment) == {"billing": 3}
    segment.close()
    topic.delete()
    topic.create(SPEC)
    with Subscriber(topic.name, broker="local", name="billing", start="earliest") as anew:
        assert anew.offset == 1

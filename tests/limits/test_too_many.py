"""More participants than a topic has room for, and ten thousand topics."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from podring import NoRoom, Publisher, Subscriber, TooManyParticipants, TopicSpec, segment
from podring.client import broker_at
from tests.broker.harness import Broker
from tests.ring.children import Child
from tests.ring.conftest import Topic, topic

__all__ = ["topic"]

CROWD = """
    import sys
    from podring import NoRoom, Publisher, Subscriber
    kinds = (Publisher, Subscriber)
    opened = [kinds[n % 2](sys.argv[1], broker="local") for n in range(int(sys.argv[2]))]
    print(len(opened))
    sys.stdin.readline()
    sent = opened[0].publish(b"from the crowd")
    print(sent, sum(one.receive(timeout=30) == b"from the crowd" for one in opened[1::2]))
    sys.stdin.readline()
"""


def test_one_participant_too_many_is_told_so_and_the_256_others_go_on(topic: Topic) -> None:
    topic.create(TopicSpec("1Mi", "1Ki"))
    with Child(CROWD, topic.name, "128") as one, Child(CROWD, topic.name, "128") as other:
        assert [one.line(), other.line()] == ["128", "128"]
        for kind in (Publisher, Subscriber):
            with pytest.raises(TooManyParticipants) as refusal:
                kind(topic.name, broker="local")
            assert str(refusal.value) == (
                f"topic {topic.name!r} has 256 participants, which is all it has room for: close "
                "one of them"
            )
        one.tell("publish")
        assert one.line() == "1 64"
        other.kill()  # the dead make room at once
        late = [topic.subscriber(None, start=1) for _ in range(128)]
        assert {each.receive(timeout=5) for each in late} == {b"from the crowd"}
        with pytest.raises(TooManyParticipants):
            topic.publisher(None)


TOPICS, ADOPTED = 10_000, 8_000
"""The rest is made one call after the other; all of them so took two minutes, see docs/soak.md."""
SPEC = TopicSpec(1, 1)


def resident(pid: int) -> int:
    """Bytes of a process's own memory."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("RssAnon:")[1].split()[0]) << 10


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_topics_are_created_listed_and_deleted(tmp_path: Path) -> None:
    settings = ("--budget", "2Gi", "--max-rate", "0", "--max-topics", str(TOPICS))
    broker = Broker(tmp_path / "broker", "limits-topics", "memory:", *settings)
    try:
        for number in range(ADOPTED):  # as a broker before it made them
            segment.create(f"t.{number}", SPEC, owner=broker.owner)
        broker.start()
        keeper, took = broker_at(f"unix://{broker.socket}"), [time.monotonic()]
        for number in range(ADOPTED, TOPICS):
            keeper.create(f"t.{number}", SPEC)
        took.append(time.monotonic())
        with pytest.raises(NoRoom, match=f"one more than the {TOPICS}"):
            keeper.create("one.more", SPEC)
        assert len(keeper.topics()) == TOPICS
        took.append(time.monotonic())
        memory = resident(broker.process.pid)
        for number in range(ADOPTED, TOPICS):
            keeper.delete(f"t.{number}")
        took.append(time.monotonic())
        assert len(keeper.topics()) == len(broker.segments()) == ADOPTED
        created, listed, deleted = (b - a for a, b in pairwise(took))
        print(
            f"of {TOPICS} topics {TOPICS - ADOPTED} created in {created:.1f} s, all listed in "
            f"{listed:.2f} s, those deleted in {deleted:.1f} s; the broker's memory is "
            f"{memory >> 20} MiB"
        )
        assert memory < 150 << 20
    finally:
        broker.close()

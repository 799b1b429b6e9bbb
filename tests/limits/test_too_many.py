"""More participants than a topic has room for, and thousands of topics."""

from __future__ import annotations

import os
import time
from itertools import pairwise
from pathlib import Path

import pytest

from podring import NoRoom, Publisher, Subscriber, TooManyParticipants, TopicSpec
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


TOPICS = int(os.environ.get("LIMITS_TOPICS", "2000"))
"""Ten thousand take a minute and more; test_bounds.py has a broker with as many."""
SPEC = TopicSpec(1, 1)


def resident(pid: int) -> int:
    """Bytes of a process's own memory."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("RssAnon:")[1].split()[0]) << 10


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_thousands_of_topics_are_created_listed_and_deleted_one_by_one(tmp_path: Path) -> None:
    settings = ("--budget", "2Gi", "--max-rate", "0", "--max-topics", str(TOPICS))
    broker = Broker(tmp_path / "broker", "limits-topics", "memory:", *settings).start()
    try:
        keeper = broker_at(f"unix://{broker.socket}")
        before, took = resident(broker.process.pid), [time.monotonic()]
        for number in range(TOPICS):
            keeper.create(f"t.{number}", SPEC)
        took.append(time.monotonic())
        with pytest.raises(NoRoom, match=f"one more than the {TOPICS}"):
            keeper.create("one.more", SPEC)
        assert len(keeper.topics()) == TOPICS
        took.append(time.monotonic())
        grown = resident(broker.process.pid) - before
        for number in range(TOPICS):
            keeper.delete(f"t.{number}")
        took.append(time.monotonic())
        assert keeper.topics() == []
        assert broker.segments() == []
        created, listed, deleted = (b - a for a, b in pairwise(took))
        print(
            f"{TOPICS} topics: created in {created:.1f} s, listed in {listed:.2f} s, deleted in "
            f"{deleted:.1f} s; the broker grew by {grown >> 20} MiB"
        )
        assert grown < 100 << 20
    finally:
        broker.close()

"""The wall clock is set back by an hour while topics are in use.

Nobody may set this machine's clock for a test, so the processes get one of their own: a small
library in front of clock_gettime adds what a file says. Publishers read the processor's counter in
between, and ask the clock about once a millisecond; they see the step, too.
"""

from __future__ import annotations

import struct
import subprocess
import time
from pathlib import Path

import pytest

from podring import Publisher, Subscriber, TopicSpec
from podring.client import broker_at
from tests.broker.harness import Broker, eventually
from tests.limits.confined import run
from tests.ring.conftest import Topic, topic
from tests.support.components import require

__all__ = ["topic"]

HOUR_NS = 3600 * 10**9

PRELUDE = """
    import mmap, os, struct, sys, threading, time
    from podring import Full, Publisher, Subscriber, TopicClosed, TopicSpec, create_topic
    from podring import delete_topic, get_topic
    shift = mmap.mmap(os.open(os.environ["PODRING_TEST_CLOCK"], os.O_RDWR), 8)
    topic, HOUR = sys.argv[1], 3600
    def step(seconds):
        (now,) = struct.unpack("<q", shift[:])
        shift[:] = struct.pack("<q", now + int(seconds * 1e9))
        time.sleep(0.005)
"""


@pytest.fixture
def clock(tmp_path: Path) -> dict[str, str]:
    """Environment of processes whose wall clock a file sets."""
    library, shift = tmp_path / "clock.so", tmp_path / "shift"
    source = Path(__file__).with_name("clock.c")
    subprocess.run(
        [require("gcc"), "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True
    )
    shift.write_bytes(bytes(8))
    return {"LD_PRELOAD": str(library), "PODRING_TEST_CLOCK": str(shift)}


def test_messages_keep_their_order_and_none_is_lost(topic: Topic, clock: dict[str, str]) -> None:
    topic.create(TopicSpec("64Mi", "1Ki"))  # more than a fast machine publishes meanwhile
    code = """
    with Publisher(topic) as publisher, Subscriber(topic) as subscriber:
        times = []
        for seconds in (0, -HOUR, 2 * HOUR, -HOUR):
            step(seconds)
            first = publisher.publish_many([b"%d" % n for n in range(1000)])
            until = time.monotonic() + 0.02
            while time.monotonic() < until:
                publisher.publish(b"more")
            got = subscriber.receive_many(10**6, timeout=1)
            times.append(subscriber.last.timestamp / 1e9)
            assert abs(times[-1] - time.time()) < 1, (times, time.time())
        status = subscriber.offset - 1, subscriber.lost
        print(status[0] > 4000, status[1])
        print([round((b - a) / HOUR) for a, b in zip(times, times[1:])])
    """
    assert run(PRELUDE + code, topic.name, environment=clock) == ["True 0", "[-1, 2, -1]"]


def test_since_finds_what_was_published_after_the_step(topic: Topic, clock: dict[str, str]) -> None:
    topic.create(TopicSpec("1Mi", "1Ki"))
    code = """
    with Publisher(topic) as publisher:
        publisher.publish_many([b"before"] * 2000)
        step(-HOUR)
        publisher.publish_many([b"after"] * 2000)
        for start in ("since:1m", "since:0s", "since:2h", "since:1h"):
            with Subscriber(topic, start=start) as subscriber:
                got = subscriber.receive_many(10**6, timeout=0)if subscriber.lag else []
                print(start, got.count(b"after"), subscriber.lost, subscriber.offset)
    """
    lines = run(PRELUDE + code, topic.name, environment=clock)
    assert lines[0] == "since:1m 2000 0 4001"  # also what is older, and says to be newer
    assert lines[2] == "since:2h 2000 0 4001"
    assert [line.split()[2:] for line in lines] == [["0", "4001"]] * 4


def test_waits_last_as_long_as_they_should(topic: Topic, clock: dict[str, str]) -> None:
    topic.create(TopicSpec("64Ki", "1Ki", "block"))
    code = """
    def during(action):
        stepper = threading.Timer(0.1, step, [-HOUR])
        stepper.start()
        began = time.monotonic()
        try:
            action()
        except (TimeoutError, Full) as error:
            return error, time.monotonic() - began
        finally:
            stepper.join()
    with Publisher(topic, timeout=0.5) as publisher, Subscriber(topic, name="slow") as slow:
        error, took = during(lambda: slow.receive(timeout=0.5))
        print(type(error).__name__, 0.5 <= took < 5)
        error, took = during(lambda: [publisher.publish(bytes(1000)) for _ in range(1000)])
        print(type(error).__name__, 0.5 <= took < 5, error.slow[0].name)
        print(error.slow[0].seconds is None or error.slow[0].seconds >= 0)
    """
    lines = run(PRELUDE + code, topic.name, environment=clock)
    assert lines == ["TimeoutError True", "Full True slow", "True"]


def test_a_topic_made_anew_in_an_earlier_time_is_the_new_one(
    topic: Topic, clock: dict[str, str]
) -> None:
    topic.create()
    topic.delete()
    code = """
    spec = TopicSpec("64Ki", "1Ki")
    old = create_topic(topic, spec)
    with Publisher(topic) as publisher, Subscriber(topic, follow=5) as follower:
        publisher.publish(b"old")
        print(follower.receive(1))
        step(-HOUR)
        delete_topic(topic)
        new = create_topic(topic, spec)
        print(new.generation < old.generation, get_topic(topic) == new)
        try:
            publisher.publish(b"too late")
        except TopicClosed:
            print("closed")
        with Publisher(topic) as heir:
            print(heir.publish(b"new"), follower.receive(5))
    delete_topic(topic)
    create_topic(topic, spec)
    """
    lines = run(PRELUDE + code, topic.name, environment=clock)
    assert lines == ["b'old'", "True True", "closed", "1 b'new'"]


def test_a_broker_goes_on_and_adopts_its_topics_after_a_restart(
    tmp_path: Path, clock: dict[str, str]
) -> None:
    catalogue = f"sqlite://{tmp_path}/catalogue.db"
    broker = Broker(tmp_path / "broker", "limits-clock", catalogue, environment=clock).start()
    try:
        first = broker.create("t")
        Path(clock["PODRING_TEST_CLOCK"]).write_bytes(struct.pack("<q", -HOUR_NS))
        keeper = broker_at(broker.address)
        with (
            Publisher("t", broker=broker.address) as publisher,
            Subscriber("t", broker=broker.address) as subscriber,
        ):
            time.sleep(2.5)  # a round of the janitor
            broker.kill()
            broker.start()
            keeper = broker_at(broker.address)
            assert broker.get("t")["generation"] == first["generation"]
            publisher.publish(b"x")
            assert subscriber.receive(5) == b"x"
            keeper.delete("t")
            second = broker.create("t")
            assert second["generation"] < first["generation"]
            assert broker.get("t") == second
        broker.kill()
        broker.start()
        assert broker.get("t")["generation"] == second["generation"]
        eventually(lambda: broker.segments() == [second["segment"]])
        assert broker.events("janitor.failed") == []
    finally:
        broker.close()

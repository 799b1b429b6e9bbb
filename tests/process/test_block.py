"""Real processes on a topic that loses nothing: one is stopped, one killed, one comes late.

Twenty million messages, each of which is its own sequence number: whoever lived has them all, in
order, from the first that it could have.
"""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from podring import TopicSpec
from tests.ring.children import Child
from tests.ring.conftest import Topic

MESSAGES = 20_000_000
SPEC = TopicSpec("4Mi", 64, "block")
STOPPED_S = 5.0

# Gives up after a second and goes on with the rest, to show whom it waited for.
PUBLISH = """
    import json, sys
    import numpy as np
    from podring import Full, Publisher
    topic, total, step = sys.argv[1], int(sys.argv[2]), 1000
    waits = {}
    with Publisher(topic, broker="local", name="source", timeout=1.0) as publisher:
        print("ready")
        sys.stdin.readline()
        for first in range(1, total + 1, step):
            raw = np.arange(first, first + step, dtype="<u8").tobytes()
            batch = [raw[at : at + 8] for at in range(0, len(raw), 8)]
            while batch:
                try:
                    last = publisher.publish_many(batch)
                    batch = []
                except Full as full:
                    batch = batch[full.published :]
                    for slow in full.slow:
                        waits[slow.name] = waits.get(slow.name, 0) + 1
        print(json.dumps({"last": last, "waits": waits}))
"""

SUBSCRIBE = """
    import json, sys
    import numpy as np
    from podring import Subscriber
    topic, total, name, start = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    with Subscriber(topic, broker="local", name=name, start=start) as subscriber:
        first = expected = subscriber.offset
        print(first)
        while expected <= total:
            batch = subscriber.receive_many(limit=20000, timeout=60)
            assert batch, f"nothing for 60 s at {expected}"
            numbers = np.frombuffer(b"".join(batch), dtype="<u8")
            wanted = np.arange(expected, expected + len(batch), dtype="<u8")
            assert np.array_equal(numbers, wanted), f"not what was sent, from {expected} on"
            expected += len(batch)
        print(json.dumps({"first": first, "received": expected - first, "lost": subscriber.lost}))
"""


def subscriber(topic: Topic, name: str, start: str = "earliest") -> Child:
    return Child(SUBSCRIBE, topic.name, str(MESSAGES), name, start)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whoever_lives_gets_twenty_million_messages_without_a_loss(topic: Topic) -> None:
    topic.create(SPEC)
    with (
        Child(PUBLISH, topic.name, str(MESSAGES)) as publisher,
        subscriber(topic, "steady") as steady,
        subscriber(topic, "paused") as paused,
        subscriber(topic, "killed") as killed,
    ):
        assert [each.line() for each in (publisher, steady, paused, killed)] == ["ready", *"111"]
        started = time.monotonic()
        publisher.tell("go")
        time.sleep(1)
        os.kill(paused.pid, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        os.kill(paused.pid, signal.SIGCONT)
        time.sleep(0.5)
        killed.kill()
        with subscriber(topic, "late", "latest") as late:
            late_first = int(late.line())
            accounts = {
                name: json.loads(child.line())
                for name, child in (("steady", steady), ("paused", paused), ("late", late))
            }
        source = json.loads(publisher.line())
    print(f"{time.monotonic() - started:.1f} s; waited for: {source['waits']}; {accounts}")
    assert source["last"] == MESSAGES
    assert late_first > 1
    for name in ("steady", "paused"):
        assert accounts[name] == {"first": 1, "received": MESSAGES, "lost": 0}
    assert accounts["late"]["lost"] == 0
    assert accounts["late"]["received"] == MESSAGES - late_first + 1
    assert source["waits"].get("paused", 0) >= STOPPED_S - 2

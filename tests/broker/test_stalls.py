"""A topic whose publishers wait: log, figures and metrics name who holds up whom."""

import contextlib
import subprocess
import sys
import threading
from typing import Any

import pytest

from podring import Full, Publisher, Subscriber, TopicExists, TopicSpec, create_topic
from tests.broker.harness import Broker, eventually

SPEC = TopicSpec("64Ki", 1024, "block", "keep", lease=4)
GOING_ON = TopicSpec("64Ki", 1024, "block", lease=15)


def participants(broker: Broker) -> dict[str, dict[str, Any]]:
    found = broker.call("GET", "/topics/t").json()["participants"]
    return {each["name"]: each for each in found}


def test_a_policy_goes_through_the_broker_and_comes_back(broker: Broker) -> None:
    record = create_topic("t", SPEC, broker=broker.address)
    assert record.spec == SPEC
    shown = broker.call("GET", "/getTopic", params={"topicname": "t"}).json()
    assert (shown["overflow"], shown["unsubscribed"], shown["lease"]) == ("block", "keep", 4.0)
    broker.kill()
    broker.start()
    assert create_topic("t", SPEC, broker=broker.address) == record
    with pytest.raises(TopicExists, match=r"exists with lease 4\.0, and 5\.0 was asked"):
        create_topic("t", TopicSpec("64Ki", 1024, "block", "keep", 5), broker=broker.address)


def test_a_waiting_publisher_and_the_one_it_gave_up_are_named(broker: Broker) -> None:
    with (
        Publisher("t", broker=broker.address, create=GOING_ON, name="source") as publisher,
        Subscriber("t", broker=broker.address, name="billing") as billing,
    ):
        publisher.timeout = 0
        with contextlib.suppress(Full):
            publisher.publish_many([bytes(1000)] * 100)
        publisher.timeout = 60
        waiting = threading.Thread(target=publisher.publish, args=(bytes(1000),))
        waiting.start()
        eventually(lambda: broker.events("publisher.waits"))
        [waits] = broker.events("publisher.waits")
        assert (waits["topic"], waits["name"], waits["slow"]) == ("t", "source", ["billing"])
        assert participants(broker)["source"]["waiting"] > 0
        metrics = broker.call("GET", "/metrics").text
        assert 'podring_publisher_waiting_seconds{publisher="source",topic="t"}' in metrics
        info = subprocess.run(
            [sys.executable, "-m", "podring.cli", "--broker", broker.address, "info", "t"],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout
        assert "block, unsubscribed go-on, lease 15 s" in info
        assert "waits" in info
        waiting.join(60)
        eventually(lambda: broker.events("subscriber.evicted"))
        [evicted] = broker.events("subscriber.evicted")
        assert (evicted["topic"], evicted["name"]) == ("t", "billing")
        assert participants(broker)["billing"]["evicted"]
        metrics = broker.call("GET", "/metrics").text
        assert 'podring_subscriber_evicted{subscriber="billing",topic="t"} 1.0' in metrics
        assert billing.lag > 0

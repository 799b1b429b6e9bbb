"""The client against a real broker, over TCP and over its Unix socket."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from podring import Publisher, Subscriber, client
from podring.client import broker_at
from podring.errors import BrokerUnreachable, InvalidTopic, NoRoom, TopicExists, TopicNotFound
from podring.topic import TopicSpec
from tests.broker.harness import Broker

SPEC = TopicSpec("1Mi", "4Ki")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for the module, with room for 32 MiB."""
    node = f"test-{uuid.uuid4().hex[:12]}"
    broker = Broker(tmp_path_factory.mktemp("broker"), node, "memory:", "--budget", "32Mi")
    yield broker.start()
    broker.close()


@pytest.fixture(params=["http", "unix"])
def address(request: pytest.FixtureRequest, served: Broker) -> str:
    return served.address if request.param == "http" else f"unix://{served.socket}"


@pytest.fixture
def name(served: Broker) -> Iterator[str]:
    made = f"t{uuid.uuid4().hex[:12]}"
    yield made
    served.call("DELETE", f"/topics/{made}")


def test_a_topic_is_created_found_listed_and_deleted(address: str, name: str) -> None:
    broker = broker_at(address)
    record = broker.create(name, SPEC)
    assert (record.name, record.spec) == (name, SPEC)
    assert broker.create(name, SPEC) == broker.get(name) == record
    assert record in broker.topics()
    broker.delete(name)
    with pytest.raises(TopicNotFound):
        broker.get(name)


def test_live_figures_come_with_everybody_on_the_topic(address: str, name: str) -> None:
    broker = broker_at(address)
    broker.create(name, SPEC)
    with (
        Publisher(name, broker=address, name="writer") as publisher,
        Subscriber(name, broker=address, name="reader"),
    ):
        publisher.publish_many([b"a", b"b"])
        status = broker.status(name)
    assert (status.earliest, status.latest) == (1, 3)
    assert [(one.role, one.name, one.lag, one.alive) for one in status.participants] == [
        ("publisher", "writer", 0, True),
        ("subscriber", "reader", 2, True),
    ]


def test_all_topics_come_with_their_figures_in_one_call(address: str, name: str) -> None:
    broker = broker_at(address)
    record = broker.create(name, SPEC)
    with Publisher(name, broker=address) as publisher:
        publisher.publish(b"a")
        assert [each.latest for found, each in broker.live() if found == record and each] == [2]


def test_refusals_are_our_errors(address: str, name: str) -> None:
    broker = broker_at(address)
    broker.create(name, SPEC)
    with pytest.raises(TopicExists, match="shmsize"):
        broker.create(name, TopicSpec("2Mi", "4Ki"))
    with pytest.raises(NoRoom, match=r"needs \d+ bytes"):
        broker.create(f"{name}-big", TopicSpec("31Mi", "4Ki"))
    with pytest.raises(InvalidTopic):
        broker.create("../x", SPEC)
    for call in (broker.get, broker.delete, broker.status):
        with pytest.raises(TopicNotFound) as missing:
            call("no-such-topic")
        assert str(missing.value) == f"no topic 'no-such-topic' on {address}; it knows '{name}'"


def test_opening_with_a_spec_creates_the_topic(address: str, name: str) -> None:
    with Subscriber(name, broker=address, create=SPEC) as subscriber:
        with Publisher(name, broker=address, create=SPEC) as publisher:
            publisher.publish(b"hello")
        assert subscriber.receive(timeout=5) == b"hello"
    assert client.get_topic(name, broker=address).spec == SPEC


def test_the_programs_work_through_a_broker(address: str, name: str) -> None:
    def run(program: str, *arguments: str, data: bytes = b"") -> bytes:
        done = subprocess.run(
            [sys.executable, "-m", program, *arguments, "--broker", address],
            input=data,
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout

    run("podring_publisher", name, "--create", "--size", "1Mi", data=b"1\r\n2")
    assert run("podring_subscriber", name, "--start", "earliest", "--count", "2") == b"1\r\n2"
    assert name.encode() in run("podring.cli", "topics")
    assert b"2 published" in run("podring.cli", "info", name)
    assert run("podring.cli", "delete", name) == b""


def test_messages_flow_while_the_broker_is_away_and_it_comes_back_with_its_topics(
    tmp_path: Path,
) -> None:
    node = f"test-{uuid.uuid4().hex[:12]}"
    served = Broker(tmp_path, node, f"sqlite://{tmp_path}/catalogue.db")
    try:
        served.start()
        address = f"unix://{served.socket}"
        with (
            Publisher("clock", broker=address, create=SPEC) as publisher,
            Subscriber("clock", broker=address) as subscriber,
        ):
            served.kill()
            publisher.publish(b"nobody home")
            assert subscriber.receive(timeout=5) == b"nobody home"
            with pytest.raises(BrokerUnreachable):
                broker_at(address).get("clock")
            served.start()
            assert broker_at(address).get("clock") == publisher.record
            publisher.publish(b"home again")
            assert subscriber.receive(timeout=5) == b"home again"
    finally:
        served.close()

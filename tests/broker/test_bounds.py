"""How many topics there may be, and how often a caller may call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import httpx
import pytest

from podring import Publisher, segment
from podring.client import broker_at
from podring.errors import BrokerRefused, NoRoom
from podring.topic import TopicSpec
from podring_broker import rates
from podring_broker.rates import Rates
from tests.broker.asking import Keys
from tests.broker.conftest import MakeBroker
from tests.broker.harness import Broker

SPEC = TopicSpec(1, 1)


def test_one_topic_too_many_is_507_with_the_remedy_and_a_deleted_one_makes_place(
    make_broker: MakeBroker,
) -> None:
    broker = make_broker("--max-topics", "3").start()
    there = [broker.create(name) for name in "abc"]
    body = {"topicname": "d", "shmsize": 1, "msgsize": 1}
    answer = broker.call("POST", "/createTopic", json=body)
    assert (answer.status_code, answer.json()["type"]) == (
        507,
        "urn:podring:problem:too-many-topics",
    )
    assert "the 3 that this broker may have" in answer.json()["detail"]
    assert "PODRING_MAX_TOPICS" in answer.json()["detail"]
    with pytest.raises(NoRoom, match="one more than the 3"):
        broker_at(broker.address).create("d", SPEC)
    assert broker.create("a") == there[0]
    broker.call("DELETE", "/topics/b")
    assert broker.create("d")["topicname"] == "d"


def test_a_smaller_bound_takes_no_topic_away(make_broker: MakeBroker) -> None:
    broker = make_broker("--max-topics", "2", catalogue="memory:").start()
    there = [broker.create(name) for name in "ab"]
    broker.end()
    tight = make_broker("--max-topics", "1", catalogue="memory:", folder="tight").start()
    assert [tight.get(name) for name in "ab"] == there
    body = {"topicname": "c", "shmsize": 1, "msgsize": 1}
    assert tight.call("POST", "/createTopic", json=body).status_code == 507


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_topics_are_adopted_listed_and_served_and_one_more_is_refused(
    make_broker: MakeBroker,
) -> None:
    broker = make_broker("--budget", "2Gi", catalogue="memory:")
    for number in range(9_999):  # as a broker before it made them
        segment.create(f"t.{number}", SPEC, owner=broker.owner)
    broker.start()
    assert broker.create("last", 1, 1)["topicname"] == "last"
    body = {"topicname": "more", "shmsize": 1, "msgsize": 1}
    assert broker.call("POST", "/createTopic", json=body).status_code == 507
    listed = broker.call("GET", "/topics").json()
    assert len(listed["topics"]) == 10_000
    assert listed["used"] == sum(topic["footprint"] for topic in listed["topics"])
    assert "podring_topics 10000.0" in broker.call("GET", "/metrics").text
    with Publisher("t.5000", broker=broker.address) as publisher:
        assert publisher.publish(b"x") == 1
    assert broker.call("DELETE", "/topics/t.5000").status_code == 204
    assert broker.create("more", 1, 1)["topicname"] == "more"
    with open(f"/proc/{broker.process.pid}/status") as status:
        [resident] = [line.split()[1] for line in status if line.startswith("VmRSS")]
    assert int(resident) < 150_000, f"{resident} kB"
    assert broker.events("janitor.failed") == []


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that lets a caller call 5 times a second, and 50 times at once."""
    broker = Broker(tmp_path_factory.mktemp("slow"), "test-slow", "memory:", "--max-rate", "5")
    try:
        yield broker.start()
    finally:
        broker.close()


@pytest.fixture
def client(slow: Broker) -> Iterator[Callable[[str], httpx.Client]]:
    """Makes clients that call from an address of their own."""
    made: list[httpx.Client] = []

    def make(address: str) -> httpx.Client:
        transport = httpx.HTTPTransport(local_address=address)
        made.append(httpx.Client(transport=transport, base_url=slow.address))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_who_calls_too_often_has_to_wait_as_told_and_nobody_else_has(
    client: Callable[[str], httpx.Client],
) -> None:
    eager, other = client("127.0.7.1"), client("127.0.7.2")
    answers = [eager.get("/topics") for _ in range(80)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:50] == [200] * 50
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["retry-after"] == "1"
    assert "more than 5 calls a second (--max-rate)" in refused.json()["detail"]
    assert other.get("/topics").status_code == 200
    for path in ("/healthz", "/readyz", "/metrics"):
        assert eager.get(path).status_code == 200
    time.sleep(1)
    assert eager.get("/topics").status_code == 200


def test_a_caller_cannot_give_itself_another_address(
    client: Callable[[str], httpx.Client],
) -> None:
    eager = client("127.0.0.1")
    headers = ({"X-Forwarded-For": f"10.0.0.{number}"} for number in range(80))
    assert 429 in [eager.get("/topics", headers=each).status_code for each in headers]


def test_the_library_waits_when_it_is_told_to_and_only_for_so_long(slow: Broker) -> None:
    broker = broker_at(slow.address)
    started = time.monotonic()
    for _ in range(56):
        broker.topics()
    assert time.monotonic() - started >= 1
    with pytest.raises(BrokerRefused, match=r"status 429.*wait") as refusal:
        _exhaust(slow, broker.topics)
    assert refusal.value.status == 429


def _exhaust(slow: Broker, call: Callable[[], object]) -> None:
    """Call while somebody else uses up what there is at our address."""
    with httpx.Client(base_url=slow.address) as client:
        deadline = time.monotonic() + 30
        ended = threading.Event()

        def hammer() -> None:
            while not ended.is_set():
                client.get("/topics")

        hammering = threading.Thread(target=hammer)
        hammering.start()
        try:
            while time.monotonic() < deadline:
                call()
        finally:
            ended.set()
            hammering.join()


def test_callers_with_a_token_are_counted_by_their_name_and_not_their_address(
    make_broker: MakeBroker, keys: Keys
) -> None:
    settings = ["--authenticate", "tokens", "--tokens", str(keys.file), "--max-rate", "1"]
    broker = make_broker(*settings).start()

    def call(who: str) -> int:
        headers = {"Authorization": f"Bearer {keys.tokens[who]}"}
        return broker.call("GET", "/topics", headers=headers).status_code

    statuses = [call("ops") for _ in range(14)]
    assert statuses[:10] == [200] * 10
    assert 429 in statuses[10:]
    assert call("cameras") == 200


def test_a_bucket_fills_steadily_up_to_ten_seconds_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(rates, "time", SimpleNamespace(monotonic=lambda: now[0]))
    limited = Rates(2)
    for _ in range(20):
        assert limited.wait_s("a") == 0
        limited.count("a")
    assert limited.wait_s("a") == pytest.approx(0.5)
    now[0] += 0.25
    assert limited.wait_s("a") == pytest.approx(0.25)
    now[0] += 1000
    for _ in range(20):
        assert limited.wait_s("a") == 0
        limited.count("a")
    assert limited.wait_s("a") > 0


def test_callers_that_come_and_go_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_CALLERS_MAX", 10)
    limited = Rates(0.1)
    for number in range(100):
        limited.count(str(number))
        limited.count("steady")
    assert len(limited._buckets) == 10
    assert limited.wait_s("steady") > 0
    assert Rates(0).wait_s("anybody") == 0

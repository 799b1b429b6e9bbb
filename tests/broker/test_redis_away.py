"""Redis dies and comes back under a running broker, with its records and without."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import redis as redis_py

from podring_broker.janitor import PERIOD_S
from tests.broker.conftest import MakeBroker
from tests.broker.harness import SHM, Broker, Redis, eventually
from tests.broker.traffic import Traffic


@pytest.fixture(params=["durable", "forgetful"])
def redis(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path / "redis", durable=request.param == "durable").start()
    yield server
    server.kill()


@pytest.fixture
def broker(make_broker: MakeBroker, redis: Redis) -> Broker:
    return make_broker(catalogue=redis.url).start()


def forget_segments(broker: Broker) -> None:
    for file in SHM.glob(f"podring.{broker.owner}.*.*"):
        file.unlink()


def test_redis_killed_and_restarted_loses_no_topic_and_nobody_notices(
    broker: Broker, redis: Redis
) -> None:
    record = broker.create("t")
    with Traffic("t", broker.address) as traffic:
        redis.kill()
        traffic.goes_on()
        eventually(lambda: not broker.ready())
        assert broker.get("t") == record
        assert broker.call("GET", "/substopic", params={"topicname": "t"}).is_success
        assert broker.call("GET", "/topics").json()["topics"][0]["topicname"] == "t"
        assert broker.call("GET", "/healthz").is_success
        assert "podring_catalogue_up 0.0" in broker.call("GET", "/metrics").text
        redis.start()
        eventually(broker.ready)
        traffic.goes_on()
    assert len(broker.events("catalogue.lost")) == 1
    assert len(broker.events("catalogue.back")) == 1
    # The record is in Redis again: after a reboot the topic comes back.
    broker.kill()
    forget_segments(broker)
    broker.start()
    assert broker.get("t")["generation"] > record["generation"]


def test_while_redis_is_away_nothing_is_made_and_nothing_left_behind(
    broker: Broker, redis: Redis
) -> None:
    redis.kill()
    answer = broker.call(
        "POST", "/createTopic", json={"topicname": "t", "shmsize": "1Mi", "msgsize": 1024}
    )
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "redis.sock" in answer.json()["detail"]
    assert broker.segments() == []
    assert broker.call("GET", "/topics").json()["used"] == 0
    not_ready = broker.call("GET", "/readyz")
    assert not_ready.status_code == 503
    assert "redis.sock" in not_ready.json()["detail"]
    redis.start()
    eventually(broker.ready)
    broker.create("t")


def test_a_deletion_while_redis_is_away_is_finished_when_it_is_back(
    broker: Broker, redis: Redis
) -> None:
    broker.create("t")
    redis.kill()
    assert broker.call("DELETE", "/topics/t").status_code == 503
    assert broker.call("GET", "/topics/t").status_code == 404
    redis.start()
    eventually(lambda: broker.events("topic.deleted"))
    assert broker.segments() == []
    broker.kill()
    broker.start()
    assert broker.call("GET", "/topics/t").status_code == 404


def test_a_broker_that_starts_without_redis_serves_what_there_is_and_catches_up(
    broker: Broker, redis: Redis
) -> None:
    here, gone = broker.create("here"), broker.create("gone")
    with Traffic("here", broker.address) as traffic:
        broker.kill()
        redis.kill()
        for file in SHM.glob(f"{gone['segment']}.*"):
            file.unlink()
        broker.start()
        assert broker.get("here") == here
        assert not broker.ready()
        assert broker.call("GET", "/topics/gone").status_code == 404
        redis.start()
        # At once: before the janitor has looked, the name is known to be taken.
        body = {"topicname": "gone", "shmsize": "2Mi", "msgsize": 1024}
        answer = broker.call("POST", "/createTopic", json=body)
        assert answer.status_code == (409 if redis.durable else 201)
        eventually(broker.ready)
        assert broker.get("here") == here
        traffic.goes_on()
    assert broker.get("gone")["shmsize"] == (gone["shmsize"] if redis.durable else 2 << 20)


def test_a_redis_that_became_a_replica_is_not_ready_until_it_can_be_written(
    broker: Broker, redis: Redis
) -> None:
    record = broker.create("t")
    with redis_py.Redis(unix_socket_path=str(redis.socket)) as client:
        client.replicaof("127.0.0.1", "1")
        body = {"topicname": "u", "shmsize": "1Mi", "msgsize": 1024}
        answer = broker.call("POST", "/createTopic", json=body)
        assert answer.status_code == 503
        assert "refuses" in answer.json()["detail"]
        time.sleep(2.5 * PERIOD_S)  # the janitor reads it meanwhile
        assert not broker.ready()
        assert broker.events("catalogue.back") == []
        client.replicaof("NO", "ONE")
    eventually(broker.ready)
    broker.create("u")
    assert broker.get("t") == record


@pytest.mark.timeout(60)
def test_however_many_wait_for_a_redis_that_hangs_all_others_are_answered(
    make_broker: MakeBroker, redis: Redis
) -> None:
    broker = make_broker("--max-rate", "0", catalogue=redis.url).start()
    record = broker.create("t")
    redis.signal(signal.SIGSTOP)

    def create(number: int) -> httpx.Response:
        body = {"topicname": f"u{number}", "shmsize": "64Ki", "msgsize": 1024}
        return broker.call("POST", "/createTopic", json=body)

    with ThreadPoolExecutor(100) as threads:
        creating = [threads.submit(create, number) for number in range(100)]
        while not all(each.done() for each in creating):
            reading = broker.call("GET", "/getTopic", params={"topicname": "t"})
            assert reading.json() == record
            assert reading.elapsed.total_seconds() < 1
        answers = [each.result() for each in creating]
    redis.signal(signal.SIGCONT)
    assert {answer.status_code for answer in answers} == {503}
    assert max(answer.elapsed.total_seconds() for answer in answers) < 20
    eventually(broker.ready)
    broker.create("u")


@pytest.mark.timeout(60)
def test_a_redis_that_hangs_delays_creation_by_seconds_and_reading_not_at_all(
    broker: Broker, redis: Redis
) -> None:
    record = broker.create("t")
    redis.signal(signal.SIGSTOP)
    body = {"topicname": "u", "shmsize": "1Mi", "msgsize": 1024}
    answer = broker.call("POST", "/createTopic", json=body)
    assert answer.status_code == 503
    assert answer.elapsed.total_seconds() < 15
    for _ in range(20):
        reading = broker.call("GET", "/getTopic", params={"topicname": "t"})
        assert reading.json() == record
        assert reading.elapsed.total_seconds() < 0.5
    redis.signal(signal.SIGCONT)
    eventually(broker.ready)
    broker.create("u")


def test_two_nodes_share_one_redis(broker: Broker, redis: Redis, tmp_path: Path) -> None:
    other = Broker(tmp_path / "other", "test-other-" + tmp_path.name[:40], redis.url)
    try:
        other.start()
        first, second = broker.create("t"), other.create("t", "2Mi")
        for each in (broker, other):
            each.kill()
            each.start()
        assert broker.get("t") == first
        assert other.get("t") == second
    finally:
        other.close()


def test_a_signal_ends_it_within_a_second_though_redis_hangs(broker: Broker, redis: Redis) -> None:
    redis.signal(signal.SIGSTOP)
    body = {"topicname": "u", "shmsize": "1Mi", "msgsize": 1024}

    def create() -> None:
        with contextlib.suppress(httpx.HTTPError):
            while True:  # it may be refused at once, because somebody else is waiting already
                broker.call("POST", "/createTopic", json=body)

    asking = threading.Thread(target=create)
    asking.start()
    eventually(broker.segments)
    code, seconds = broker.end()
    asking.join()
    redis.signal(signal.SIGCONT)
    assert code == 0
    assert seconds < 1
    # Redis may have carried out what it read when it went on. Topic or not, there is no half of it.
    broker.start()
    listed = broker.call("GET", "/topics").json()["topics"]
    assert broker.segments() == [topic["segment"] for topic in listed]

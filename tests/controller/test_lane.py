"""One broker: what is done about it, what it refuses, and when it is asked again."""

from __future__ import annotations

import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from podring import TopicSpec, errors
from podring.client import Broker, broker_at
from podring.topic import TopicRecord
from podring_controller.cluster import Endpoint, Node
from podring_controller.desired import Desired, Wanted
from podring_controller.lane import Lane
from podring_controller.lanes import LINGER_S, Lanes
from podring_controller.states import state_on
from tests.broker.harness import Broker as BrokerProcess
from tests.broker.harness import Redis
from tests.controller.making import SPEC, made_for
from tests.kubernetes.support.tools import podring_program

NODE = Node("n1", {})


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    name = f"test-{uuid.uuid4().hex[:12]}"
    broker = BrokerProcess(tmp_path_factory.mktemp("broker"), name, "memory:", "--budget", "8Mi")
    yield broker.start()
    broker.close()


@pytest.fixture
def broker(process: BrokerProcess) -> Iterator[Broker]:
    found = broker_at(process.address)
    yield found
    for each in found.topics():
        found.delete(each.name)


@pytest.fixture
def lane(process: BrokerProcess) -> Lane:
    return Lane(endpoint(process.address))


def endpoint(address: str, *, ready: bool = True) -> Endpoint:
    return Endpoint("n1", address, "pod-1", ready)


def wanted(topic: str = "t", uid: str = "u1", spec: TopicSpec = SPEC) -> Wanted:
    return Wanted(topic, spec, made_for(uid).origin, uid)


def world(*here: Wanted) -> Desired:
    return Desired({"n1": {each.name: each for each in here}}, {each.uid for each in here})


def state(lane: Lane, here: Wanted, now: float | None = None) -> str:
    now = time.monotonic() if now is None else now
    return state_on(NODE, here, lane, lane.endpoint, now).reason


def test_a_topic_is_made_and_removed(lane: Lane, broker: Broker) -> None:
    here = wanted()
    assert state(lane, here) == "Pending"
    lane.work(world(here), 30)
    assert broker.get("t").origin == here.origin
    assert state(lane, here) == "Made"
    assert not lane.needs_work(world(here), time.monotonic(), 30)
    assert lane.needs_work(world(), time.monotonic(), 30)
    lane.work(world(), 30)
    assert broker.topics() == []


def test_what_is_there_already_is_found_out_before_anything_is_done(
    lane: Lane, broker: Broker
) -> None:
    broker.create("t", SPEC)
    broker.create("left", SPEC, made_for("gone").origin)
    lane.work(world(wanted()), 30)
    assert [each.name for each in broker.topics()] == ["t"]
    assert state(lane, wanted()) == "UsedAsFound"


def test_no_room_is_kept_in_the_brokers_words_and_asked_again_when_something_goes(
    lane: Lane, broker: Broker
) -> None:
    fat, lean = wanted("fat", "u1", TopicSpec("5Mi", 1)), wanted("lean", "u2", TopicSpec("5Mi", 1))
    lane.work(world(fat), 30)
    lane.work(world(fat, lean), 30)
    assert state(lane, fat) == "Made"
    assert state(lane, lean) == "NoRoom"
    assert "free" in lane.refusals["lean"].message
    assert not lane.needs_work(world(fat, lean), time.monotonic(), 30)
    lane.work(world(lean), 30)
    assert state(lane, lean) == "Made"


def test_a_topic_in_the_way_is_told_and_the_way_is_found_when_it_is_free(
    lane: Lane, broker: Broker
) -> None:
    broker.create("t", TopicSpec(4096, 64))
    lane.work(world(wanted()), 30)
    assert state(lane, wanted()) == "TopicDiffers"
    broker.delete("t")
    lane.stale = True
    lane.work(world(wanted()), 30)
    assert state(lane, wanted()) == "Made"


def test_a_refusal_is_forgotten_with_what_was_refused(lane: Lane, broker: Broker) -> None:
    lane.work(world(wanted(spec=TopicSpec("1Gi", 1))), 30)
    assert list(lane.refusals) == ["t"]
    lane.work(world(wanted(uid="u2")), 30)
    assert lane.refusals == {}


def test_a_broker_that_is_not_there_is_asked_less_and_less_often(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    lane = Lane(endpoint(f"http://127.0.0.1:{port}"))
    lane.work(world(wanted()), 30)
    first = lane.backoff.due - time.monotonic()
    assert state(lane, wanted()) == "BrokerUnreachable"
    lane.work(world(wanted()), 30)
    assert lane.backoff.due - time.monotonic() > first
    assert not lane.needs_work(world(wanted()), time.monotonic(), 30)


def test_a_broker_that_is_away_for_a_moment_is_taken_at_its_last_word(
    lane: Lane, broker: Broker
) -> None:
    lane.work(world(wanted()), 30)
    now = time.monotonic()
    lane.follow(endpoint(lane.endpoint.address, ready=False), now)
    assert state(lane, wanted(), now + LINGER_S - 1) == "Made"
    lost = Node("n1", {}, ready=False)
    assert state_on(lost, wanted(), lane, None, now + LINGER_S + 1).reason == "NodeNotReady"
    assert state_on(NODE, wanted(), lane, None, now + LINGER_S + 1).reason == "NoBroker"
    unready = endpoint("http://127.0.0.1:1", ready=False)
    assert state_on(NODE, wanted(), lane, unready, now + LINGER_S + 1).reason == "BrokerNotReady"


def test_a_broker_that_came_back_is_asked_first_what_it_has(lane: Lane, broker: Broker) -> None:
    lane.work(world(wanted()), 30)
    lane.follow(None, time.monotonic())
    broker.delete("t")
    lane.follow(lane.endpoint, time.monotonic())
    assert lane.needs_work(world(wanted()), time.monotonic(), 30)
    lane.work(world(wanted()), 30)
    assert broker.get("t").origin == wanted().origin


def test_a_broker_without_its_catalogue_frees_all_that_is_to_go_and_not_one_at_a_time(
    tmp_path: Path,
) -> None:
    redis = Redis(tmp_path / "redis").start()
    process = BrokerProcess(tmp_path / "broker", f"test-{uuid.uuid4().hex[:12]}", redis.url).start()
    try:
        lane = Lane(endpoint(process.address))
        lane.work(world(*(wanted(f"t{number}") for number in range(5))), 30)
        redis.kill()
        lane.work(world(), 30)
        assert broker_at(process.address).topics() == []
        assert lane.failure is not None
        assert "catalogue" in lane.failure.message
    finally:
        process.close()
        redis.kill()


def test_a_broker_without_its_catalogue_makes_no_topic_and_still_has_those_that_are_there(
    tmp_path: Path,
) -> None:
    redis = Redis(tmp_path / "redis").start()
    process = BrokerProcess(tmp_path / "broker", f"test-{uuid.uuid4().hex[:12]}", redis.url).start()
    try:
        lane = Lane(endpoint(process.address))
        old, new = wanted("old"), wanted("new")
        lane.work(world(old), 30)
        redis.kill()
        lane.work(world(old, new), 30)
        later = time.monotonic() + LINGER_S + 1
        assert (state(lane, old, later), state(lane, new, later)) == ("Made", "BrokerRefuses")
        process.kill()
        lane.work(world(old, new), 30)
        assert state(lane, old, later) == "BrokerUnreachable"
    finally:
        process.close()
        redis.kill()


def test_a_right_that_is_missing_for_one_topic_keeps_no_other_from_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = tmp_path / "tokens"
    making = ("token", "controller", "create,delete:ours.*", "subscribe:*", f"--append={tokens}")
    made = subprocess.check_output([podring_program("podring-broker"), *making], text=True)
    monkeypatch.setenv("PODRING_TOKEN", made.strip())
    arguments = ("--authenticate=tokens", f"--tokens={tokens}")
    name = f"test-{uuid.uuid4().hex[:12]}"
    process = BrokerProcess(tmp_path / "broker", name, "memory:", *arguments).start()
    try:
        lane = Lane(endpoint(process.address))
        lane.work(world(wanted("a"), wanted("ours.b")), 30)
        assert [each.name for each in broker_at(process.address).topics()] == ["ours.b"]
        assert lane.failure is not None
        assert "may not create topic 'a'" in lane.failure.message
    finally:
        process.close()


class Deaf:
    """A broker that takes calls and does not answer for a while."""

    address = "http://deaf:7070"

    def topics(self) -> list[TopicRecord]:
        time.sleep(1.5)
        raise errors.BrokerUnreachable("it took the call and gave no answer")


def test_one_slow_broker_holds_nobody_up(process: BrokerProcess, broker: Broker) -> None:
    deaf = [Endpoint(f"deaf-{number}", "deaf", "pod") for number in range(3)]
    ends = {each.node: each for each in (*deaf, endpoint(process.address))}
    done: list[float] = []
    lanes = Lanes(4, 30, lambda: done.append(time.monotonic()), connect_or_deaf)
    lanes.follow(ends, ends)
    began = time.monotonic()
    lanes.start(world(wanted()))
    while not done and time.monotonic() < began + 1.4:
        time.sleep(0.01)
    assert len(done) == 1
    assert done[0] - began < 1.4
    assert broker.get("t").origin == wanted().origin
    lanes.close()


def connect_or_deaf(address: str) -> Broker:
    return Deaf() if address == "deaf" else broker_at(address)  # type: ignore[return-value]


def test_a_lane_goes_with_its_node_and_comes_back_knowing_nothing(process: BrokerProcess) -> None:
    lanes = Lanes(1, 30, lambda: None)
    ends = {"n1": endpoint(process.address)}
    lanes.follow(ends, ends)
    found = lanes.get("n1")
    assert found is not None
    found.work(world(), 30)
    assert found.seen == {}
    lanes.follow(ends, [])
    assert lanes.get("n1") is None
    lanes.follow(ends, ends)
    again = lanes.get("n1")
    assert again is not None
    assert again.seen is None
    lanes.close()

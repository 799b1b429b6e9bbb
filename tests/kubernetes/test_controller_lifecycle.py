"""From a Sharedmemory to topics on real brokers and back, whatever nodes and brokers do."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from tests.kubernetes.declaring import (
    Declaring,
    call,
    controlling,
    nodes_with,
    prepared,
    remove_all,
    status_of,
    topics,
    wait_ready,
)
from tests.kubernetes.support.api import Json
from tests.kubernetes.support.cluster import Cluster
from tests.kubernetes.support.controlplane import free_port
from tests.kubernetes.support.waiting import wait_until

NODES = ("life-1", "life-2", "life-3")
GRACE_S = 4

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def three(own_cluster: Callable[..., Cluster]) -> Iterator[Cluster]:
    """Three nodes with real brokers."""
    with prepared(own_cluster, *NODES) as cluster:
        yield cluster


@pytest.fixture
def controlled(three: Cluster) -> Iterator[Cluster]:
    """The same with a controller that gives silent nodes up soon."""
    with controlling(three, PODRING_NODE_GRACE=str(GRACE_S), PODRING_RESYNC="5"):
        yield three
        remove_all(three)


@pytest.fixture
def declaring(three: Cluster) -> Declaring:
    namespace = f"life-{next(_numbers)}"
    three.create_namespace(namespace)
    return Declaring(three.api, namespace)


@pytest.fixture
def topic() -> str:
    return f"life.{next(_numbers)}"


def origins(cluster: Cluster, topic: str) -> set[str]:
    found = (topics(cluster, node).get(topic) for node in cluster.brokers.urls())
    return {each["origin"] for each in found if each is not None}


def test_a_resource_becomes_a_topic_on_every_node_and_its_deletion_frees_the_memory(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    uid = declaring.create("one", topic)["metadata"]["uid"]
    status = declaring.wait("one", "TopicReady")["status"]
    assert status["nodesReady"] == "3/3"
    assert (status["readyNodes"], status["desiredNodes"]) == (3, 3)
    assert status["observedGeneration"] == 1
    assert {each["name"] for each in status["nodes"]} == set(NODES)
    assert origins(controlled, topic) == {f"sharedmemory/{declaring.namespace}/one/{uid}"}
    declaring.delete("one")
    declaring.wait_gone("one")
    for node in NODES:
        assert [name for name in controlled.brokers.segments(node) if topic in name] == []


def test_kopf_leaves_no_trace_in_a_resource(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    declaring.create("one", topic)
    meta = declaring.wait("one", "TopicReady")["metadata"]
    assert meta.get("annotations", {}) == {}
    assert meta["finalizers"] == ["podring.io/memory"]


def test_a_status_is_written_when_it_changes_and_not_again(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    declaring.create("one", topic)
    version = declaring.wait("one", "TopicReady")["metadata"]["resourceVersion"]
    time.sleep(7)  # more than a resync
    assert declaring.get("one")["metadata"]["resourceVersion"] == version
    assert declaring.events("one") == [("Normal", "TopicReady")]


def test_a_node_selector_chooses_nodes_and_may_change_its_mind(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    label(controlled, "life-2", zone="b")
    declaring.create("one", topic, nodeSelector={"zone": "b"})
    assert declaring.wait("one", "TopicReady")["status"]["nodesReady"] == "1/1"
    assert nodes_with(controlled, topic) == {"life-2"}
    label(controlled, "life-3", zone="b")
    wait_until("the new node", lambda: nodes_with(controlled, topic) == {"life-2", "life-3"})
    label(controlled, "life-2", zone=None)
    wait_until("the old one to lose it", lambda: nodes_with(controlled, topic) == {"life-3"})
    declaring.patch("one", {"spec": {"nodeSelector": {"zone": "nowhere"}}})
    wait_until("all to lose it", lambda: nodes_with(controlled, topic) == set())
    assert "nowhere" in declaring.wait("one", "NoNodes")["status"]["conditions"][1]["message"]
    label(controlled, "life-3", zone=None)


def test_the_older_of_two_resources_has_the_name_and_the_newer_takes_over(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    old = declaring.create("old", topic)["metadata"]["uid"]
    declaring.wait("old", "TopicReady")
    time.sleep(1.1)  # age counts in seconds
    controlled.create_namespace(f"{declaring.namespace}-other")
    other = Declaring(controlled.api, f"{declaring.namespace}-other")
    new = other.create("new", topic, shmsize=131072)["metadata"]["uid"]
    refused = other.wait("new", "TopicNameTaken", "Accepted")["status"]["conditions"][0]
    assert refused["status"] == "False"
    assert f"Sharedmemory {declaring.namespace}/old" in refused["message"]
    assert origins(controlled, topic) == {f"sharedmemory/{declaring.namespace}/old/{old}"}
    declaring.delete("old")
    other.wait("new", "TopicReady")
    assert origins(controlled, topic) == {f"sharedmemory/{other.namespace}/new/{new}"}
    assert other.events("new") == [
        ("Warning", "TopicNameTaken"),
        ("Normal", "Accepted"),
        ("Normal", "TopicReady"),
    ]


def test_somebody_elses_topic_is_used_if_it_fits_and_stays(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    make(controlled, "life-1", topic, 65536)
    declaring.create("one", topic)
    message = declaring.wait("one", "UsedAsFound")["status"]["conditions"][1]["message"]
    assert "on 1 of them somebody else made it, and it stays there" in message
    declaring.delete("one")
    declaring.wait_gone("one")
    assert nodes_with(controlled, topic) == {"life-1"}
    remove(controlled, "life-1", topic)


def test_somebody_elses_topic_of_another_size_is_left_alone_and_the_broker_says_so(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    make(controlled, "life-1", topic, 4096)
    declaring.create("one", topic)
    found = declaring.wait("one", "TopicDiffers")["status"]
    assert found["nodesReady"] == "2/3"
    assert found["nodes"][0]["name"] == "life-1"
    assert "exists with shmsize 4096, and 65536 was asked for" in found["nodes"][0]["message"]
    remove(controlled, "life-1", topic)
    declaring.wait("one", "TopicReady")


def test_no_room_is_told_in_the_brokers_words_and_tried_again(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    make(controlled, "life-3", "fat", 400 << 20)
    declaring.create("one", topic, shmsize="200Mi")
    found = declaring.wait("one", "NoRoom")["status"]
    assert "of the budget of 536870912 are in use" in found["nodes"][0]["message"]
    assert declaring.events("one") == [("Warning", "NoRoom")]
    remove(controlled, "life-3", "fat")
    declaring.wait("one", "TopicReady", timeout_s=90)


def test_a_retained_topic_stays_when_its_resource_goes(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    declaring.create("one", topic, retain=True)
    declaring.wait("one", "TopicReady")
    declaring.delete("one")
    declaring.wait_gone("one")
    time.sleep(7)  # more than a resync
    assert nodes_with(controlled, topic) == set(NODES)
    for node in NODES:
        remove(controlled, node, topic)


def test_a_new_node_gets_every_topic_and_a_removed_one_is_forgotten(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    declaring.create("one", topic)
    declaring.wait("one", "TopicReady")
    controlled.nodes.add("life-new")
    wait_until("the new node", lambda: declaring.get("one")["status"]["nodesReady"] == "4/4")
    assert "life-new" in nodes_with(controlled, topic)
    controlled.nodes.remove("life-new")
    wait_until("it to be gone", lambda: declaring.get("one")["status"]["nodesReady"] == "3/3")


def test_a_topic_that_somebody_deleted_and_a_broker_that_forgot_everything_are_put_right(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    declaring.create("one", topic)
    declaring.wait("one", "TopicReady")
    remove(controlled, "life-1", topic)
    wait_until("it to be made again", lambda: nodes_with(controlled, topic) == set(NODES))
    controlled.brokers.power_off("life-2")
    controlled.brokers.power_on("life-2")
    wait_until("it to be made again", lambda: nodes_with(controlled, topic) == set(NODES))


def test_deleting_does_not_wait_for_a_node_that_vanished(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    controlled.nodes.add("life-lost")
    declaring.create("one", topic)
    wait_until(
        "four nodes", lambda: declaring.get("one").get("status", {}).get("nodesReady") == "4/4"
    )
    controlled.brokers.power_off("life-lost")
    controlled.nodes.remove("life-lost")
    declaring.delete("one")
    declaring.wait_gone("one", timeout_s=GRACE_S + 10)


def test_a_node_that_is_lost_is_given_up_after_the_grace_and_cleaned_when_it_returns(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    declaring.create("one", topic)
    declaring.wait("one", "TopicReady")
    controlled.brokers.kill_broker("life-3", restart=False)
    controlled.nodes.lose("life-3")
    began = time.monotonic()
    declaring.delete("one")
    declaring.wait_gone("one")
    assert GRACE_S - 1.5 < time.monotonic() - began < GRACE_S + 15
    assert ("Warning", "NodeNotWaitedFor") in declaring.events("one")
    assert any(topic in name for name in controlled.brokers.segments("life-3"))
    controlled.nodes.recover("life-3")
    controlled.brokers.revive("life-3")
    wait_until(
        "the leftovers to be removed",
        lambda: not any(topic in name for name in controlled.brokers.segments("life-3")),
    )


def test_while_a_deletion_waits_the_status_says_for_whom(
    three: Cluster, declaring: Declaring, topic: str
) -> None:
    with controlling(three):
        declaring.create("one", topic)
        declaring.wait("one", "TopicReady")
        three.brokers.kill_broker("life-1", restart=False)
        try:
            declaring.delete("one")
            found = declaring.wait("one", "Deleting")["status"]["conditions"]
            assert "not done yet on life-1" in found[-1]["message"]
        finally:
            three.brokers.revive("life-1")
        declaring.wait_gone("one")


def test_what_happened_while_the_controller_was_down_is_put_right(
    three: Cluster, declaring: Declaring, topic: str
) -> None:
    with controlling(three):
        declaring.create("stays", f"{topic}.stays")
        declaring.create("goes", f"{topic}.goes")
        declaring.wait("stays", "TopicReady")
        declaring.wait("goes", "TopicReady")
    declaring.delete("goes")
    declaring.create("comes", f"{topic}.comes")
    remove(three, "life-1", f"{topic}.stays")
    with controlling(three):
        declaring.wait("comes", "TopicReady")
        declaring.wait_gone("goes")
        wait_until("it", lambda: nodes_with(three, f"{topic}.stays") == set(NODES))
        remove_all(three)
        wait_until("none", lambda: nodes_with(three, f"{topic}.stays") == set())


def test_an_api_server_that_restarts_is_survived(
    controlled: Cluster, declaring: Declaring, topic: str
) -> None:
    declaring.create("before", f"{topic}.before")
    declaring.wait("before", "TopicReady")
    controlled.kill_api_server()
    time.sleep(3)
    controlled.start_api_server()
    controlled.wait_ready()
    declaring.create("after", f"{topic}.after")
    declaring.wait("after", "TopicReady")
    declaring.delete("before")
    declaring.wait_gone("before")


def test_sigterm_ends_it_within_two_seconds_with_code_0(three: Cluster) -> None:
    port = free_port()
    with three.controller(PODRING_HEALTH=f"127.0.0.1:{port}") as controller:
        wait_ready(port)
        assert status_of(port, "/healthz") == 200
        assert status_of(port, "/elsewhere") == 404
        began = time.monotonic()
        controller.program._process.send_signal(signal.SIGTERM)  # type: ignore[union-attr]
        wait_until("it to end", lambda: not controller.program.running, every_s=0.02)
        assert time.monotonic() - began < 2.0
        assert controller.program.exit_code == 0


def label(cluster: Cluster, node: str, **labels: str | None) -> None:
    cluster.api.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": labels}})


def make(cluster: Cluster, node: str, topic: str, size: int) -> None:
    broker = cluster.brokers.on(node)
    assert broker is not None
    wanted: Json = {"topicname": topic, "shmsize": size, "msgsize": 1024}
    assert call(f"{broker.url}/createTopic", "POST", wanted)[0] == 201


def remove(cluster: Cluster, node: str, topic: str) -> None:
    broker = cluster.brokers.on(node)
    assert broker is not None
    assert call(f"{broker.url}/topics/{topic}", "DELETE")[0] in (204, 404)

"""Eleven nodes, one of them a control plane: machines, brokers and the API server come and go.

Nodes are played by kwok, brokers are real, each with a /dev/shm of its own; the controller runs as
the service account that deploy/ makes for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from urllib.request import urlopen

import pytest

from tests.kubernetes.support.api import ApiError, Json
from tests.kubernetes.support.cluster import CONTROL_PLANE_NODE, WORKERS, Cluster
from tests.kubernetes.support.controller import Controller
from tests.kubernetes.support.deployment import RESOURCES, SYSTEM, deployed, sample
from tests.kubernetes.support.waiting import wait_until

pytestmark = pytest.mark.timeout(600)

ALL = {CONTROL_PLANE_NODE, *WORKERS}
OBJECTS = f"{RESOURCES}/namespaces/default/sharedmemories"
PATIENCE_S = 120.0  # for eleven brokers to start on two cores
GRACE_S = 5


@pytest.fixture(scope="module")
def fleet(cluster: Cluster) -> Iterator[Cluster]:
    with deployed(cluster, "minimal"):
        wait_until(
            "eleven brokers", lambda: set(cluster.brokers.urls()) == ALL, timeout_s=PATIENCE_S
        )
        yield cluster


@pytest.fixture(scope="module")
def controller(fleet: Cluster) -> Iterator[Controller]:
    """It looks often and gives a silent node up soon, so that tests need not wait for minutes."""
    with fleet.controller("--resync=5", f"--node-grace={GRACE_S}", "--health=none") as running:
        yield running


@pytest.fixture
def declare(fleet: Cluster, controller: Controller) -> Iterator[Callable[..., None]]:
    """Declares topics by objects of the same name; they are deleted afterwards."""
    declared: list[str] = []

    def make(name: str, **spec: object) -> None:
        fleet.api.create(OBJECTS, sample(name, name, **spec))
        declared.append(name)

    yield make
    for name in declared:
        fleet.api.delete(f"{OBJECTS}/{name}")
    wait_until("the objects to be gone", lambda: not fleet.api.items(OBJECTS), timeout_s=PATIENCE_S)


def topic(url: str, name: str) -> Json | None:
    """What one broker knows of a topic."""
    with urlopen(f"{url}/topics", timeout=10) as answer:
        topics = json.load(answer)["topics"]
    return next((each for each in topics if each["topicname"] == name), None)


def holders(fleet: Cluster, name: str) -> set[str]:
    """Nodes whose broker knows the topic, and whose memory holds it."""
    return {
        node
        for node, url in fleet.brokers.urls().items()
        if topic(url, name) and in_memory(fleet, node, name)
    }


def in_memory(fleet: Cluster, node: str, name: str) -> bool:
    return any(segment.endswith(f".{name}.ring") for segment in fleet.brokers.segments(node))


def nodes_ready(fleet: Cluster, name: str) -> str:
    status: Json = fleet.api.get(f"{OBJECTS}/{name}").get("status", {})
    return str(status.get("nodesReady"))


def is_everywhere(fleet: Cluster, name: str, nodes: set[str] = ALL) -> bool:
    return (
        holders(fleet, name) == nodes and nodes_ready(fleet, name) == f"{len(nodes)}/{len(nodes)}"
    )


def wait_everywhere(fleet: Cluster, name: str, nodes: set[str] = ALL) -> None:
    wait_until(
        f"topic {name} on {len(nodes)} nodes",
        lambda: is_everywhere(fleet, name, nodes),
        timeout_s=PATIENCE_S,
        retry=(OSError, ApiError),
        every_s=0.5,
    )


def test_a_broker_runs_on_every_node_the_control_plane_too(fleet: Cluster) -> None:
    path = f"/apis/apps/v1/namespaces/{SYSTEM}/daemonsets/podring-broker"
    wait_until(
        "the DaemonSet", lambda: fleet.api.get(path)["status"].get("numberReady") == len(ALL)
    )
    pods = fleet.pods(SYSTEM, **{"app.kubernetes.io/component": "broker"})
    assert {pod["spec"]["nodeName"] for pod in pods} == ALL


def test_a_topic_is_made_on_all_eleven_and_freed_on_all_eleven(
    fleet: Cluster, declare: Callable[..., None]
) -> None:
    declare("everywhere")
    wait_everywhere(fleet, "everywhere")
    fleet.api.delete(f"{OBJECTS}/everywhere")
    wait_until("the object to be gone", lambda: not fleet.api.exists(f"{OBJECTS}/everywhere"))
    assert not holders(fleet, "everywhere")
    assert not [node for node in ALL if in_memory(fleet, node, "everywhere")]


def test_a_machine_that_dies_and_comes_back_gets_its_topics_again(
    fleet: Cluster, declare: Callable[..., None]
) -> None:
    declare("survivor")
    wait_everywhere(fleet, "survivor")
    fleet.brokers.power_off("worker-3")
    fleet.nodes.lose("worker-3")
    wait_until("the status to say so", lambda: nodes_ready(fleet, "survivor").startswith("10/"))
    assert holders(fleet, "survivor") == ALL - {"worker-3"}
    fleet.brokers.power_on("worker-3")
    fleet.nodes.recover("worker-3")
    wait_everywhere(fleet, "survivor")


def test_a_dead_machine_does_not_hold_up_a_deletion(
    fleet: Cluster, declare: Callable[..., None]
) -> None:
    declare("mortal")
    wait_everywhere(fleet, "mortal")
    fleet.brokers.power_off("worker-4")
    fleet.nodes.lose("worker-4")
    fleet.api.delete(f"{OBJECTS}/mortal")
    wait_until(
        "the object to be gone",
        lambda: not fleet.api.exists(f"{OBJECTS}/mortal"),
        timeout_s=PATIENCE_S,
    )
    assert not holders(fleet, "mortal")
    fleet.brokers.power_on("worker-4")
    fleet.nodes.recover("worker-4")
    wait_until("all brokers", lambda: set(fleet.brokers.urls()) == ALL, timeout_s=PATIENCE_S)
    assert not in_memory(fleet, "worker-4", "mortal")


def test_a_machine_that_was_away_while_a_topic_was_deleted_frees_it_when_it_is_back(
    fleet: Cluster, declare: Callable[..., None]
) -> None:
    declare("stale")
    wait_everywhere(fleet, "stale")
    # Cut off, not dead: the memory stays as it was.
    fleet.brokers.kill_broker("worker-5", restart=False)
    fleet.nodes.lose("worker-5")
    fleet.api.delete(f"{OBJECTS}/stale")
    wait_until(
        "the object to be gone",
        lambda: not fleet.api.exists(f"{OBJECTS}/stale"),
        timeout_s=PATIENCE_S,
    )
    assert in_memory(fleet, "worker-5", "stale")
    fleet.brokers.revive("worker-5")
    fleet.nodes.recover("worker-5")
    wait_until(
        "worker-5 to free it",
        lambda: not in_memory(fleet, "worker-5", "stale"),
        timeout_s=PATIENCE_S,
    )


def test_a_new_machine_gets_the_topics_and_a_removed_one_is_forgotten(
    fleet: Cluster, declare: Callable[..., None]
) -> None:
    declare("growing")
    wait_everywhere(fleet, "growing")
    fleet.nodes.add("worker-11")
    wait_everywhere(fleet, "growing", ALL | {"worker-11"})
    fleet.brokers.power_off("worker-11")
    fleet.nodes.remove("worker-11")
    wait_everywhere(fleet, "growing")


def test_a_killed_broker_finds_its_topics_and_they_stay_the_same(
    fleet: Cluster, declare: Callable[..., None]
) -> None:
    declare("steady")
    wait_everywhere(fleet, "steady")
    before = topic(fleet.brokers.urls()["worker-6"], "steady")
    fleet.brokers.kill_broker("worker-6")
    wait_everywhere(fleet, "steady")
    after = topic(fleet.brokers.urls()["worker-6"], "steady")
    assert before
    assert after
    assert after["generation"] == before["generation"]
    assert after["origin"] == before["origin"]


def test_the_api_server_may_die_and_what_was_asked_for_meanwhile_is_done_later(
    fleet: Cluster, controller: Controller, declare: Callable[..., None]
) -> None:
    declare("before")
    wait_everywhere(fleet, "before")
    fleet.kill_api_server()
    # Shared memory and brokers do not need it.
    assert all(topic(url, "before") for url in fleet.brokers.urls().values())
    fleet.brokers.kill_broker("worker-7")
    with pytest.raises(OSError, match="refused"):
        declare("during")
    fleet.start_api_server()
    assert controller.program.running
    declare("after")
    wait_everywhere(fleet, "after")
    wait_everywhere(fleet, "before")

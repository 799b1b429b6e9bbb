"""What the API server says, read as values; what it leaves out is empty."""

from typing import Any

import pytest

from podring_controller.cluster import Declared, Endpoint, Node, Pod, endpoints_of, seconds

META = {
    "namespace": "shop",
    "name": "prices",
    "uid": "u1",
    "resourceVersion": "7",
    "creationTimestamp": "2026-11-21T00:00:00Z",
}
SPEC = {"topicname": "t", "shmsize": "1Mi", "msgsize": 1024}


def entry(address: str = "10.0.0.1", node: str | None = "n1", **conditions: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"addresses": [address], "conditions": conditions}
    return found | ({"nodeName": node} if node else {})


def piece(*entries: dict[str, Any], family: str = "IPv4", **more: Any) -> dict[str, Any]:
    ports = [{"name": "http", "port": 7070}]
    return {"addressType": family, "ports": ports, "endpoints": list(entries), **more}


def test_a_resource_is_read_with_what_decides_over_it() -> None:
    found = Declared.of({"metadata": {**META, "finalizers": ["podring.io/memory"]}, "spec": SPEC})
    assert (found.path, found.uid, found.generation, found.version) == ("shop/prices", "u1", 1, "7")
    assert found.guarded
    assert found.deleted_at is None
    assert found.wish is not None
    assert found.wish.spec.size == 1 << 20


def test_a_resource_that_podring_refuses_says_why() -> None:
    found = Declared.of({"metadata": META, "spec": SPEC | {"shmsize": "64Qi"}})
    assert found.wish is None
    assert "spec.shmsize '64Qi' is not a quantity" in found.fault


def test_a_resource_that_is_being_deleted_knows_since_when() -> None:
    meta = {**META, "deletionTimestamp": "2026-11-21T00:00:10Z"}
    found = Declared.of({"metadata": meta, "spec": SPEC})
    assert found.deleted_at == seconds("2026-11-21T00:00:10Z")


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_a_node_that_is_not_ready_knows_since_when(status: str) -> None:
    when = "2026-11-21T00:00:10Z"
    ready = {"type": "Ready", "status": status, "lastTransitionTime": when}
    node = Node.of({"metadata": {"name": "n1"}, "status": {"conditions": [ready]}})
    assert (node.ready, node.since) == (False, seconds(when))


def test_a_node_that_says_nothing_is_ready() -> None:
    assert Node.of({"metadata": {"name": "n1"}}) == Node("n1", {}, ready=True, since=0.0)


def test_each_nodes_broker_is_found() -> None:
    found = endpoints_of([piece(entry("10.0.0.1", "n1"), entry("10.0.0.2", "n2", ready=False))])
    assert found["n1"].address == "http://10.0.0.1:7070"
    assert found["n1"].ready
    assert not found["n2"].ready


def test_the_ready_one_of_two_is_taken_and_the_one_that_ends_is_not_ready() -> None:
    old, new = entry("10.0.0.9", ready=True, terminating=True), entry("10.0.0.1", ready=True)
    for order in ([old, new], [new, old]):
        assert endpoints_of([piece(*order)])["n1"] == Endpoint(
            "n1", "http://10.0.0.1:7070", "http://10.0.0.1:7070"
        )
    assert not endpoints_of([piece(old)])["n1"].ready


def test_ipv4_is_preferred_and_ipv6_is_written_in_brackets() -> None:
    six, four = piece(entry("fd00::1"), family="IPv6"), piece(entry("10.0.0.1"))
    assert endpoints_of([six])["n1"].address == "http://[fd00::1]:7070"
    assert endpoints_of([six, four])["n1"].address == "http://10.0.0.1:7070"


def test_another_pod_is_another_identity() -> None:
    one = entry() | {"targetRef": {"uid": "pod-1"}}
    two = entry() | {"targetRef": {"uid": "pod-2"}}
    assert endpoints_of([piece(one)]) != endpoints_of([piece(two)])


@pytest.mark.parametrize(
    "strange",
    [
        piece(entry(node=None)),
        piece(entry(), family="FQDN"),
        piece(entry(), ports=None),
        piece(entry(), ports=[]),
        piece({"addresses": [], "nodeName": "n1"}),
        {"addressType": "IPv4", "ports": [{"name": "http", "port": 1}], "endpoints": None},
    ],
)
def test_what_leads_to_no_nodes_broker_is_passed_over(strange: dict[str, Any]) -> None:
    assert endpoints_of([strange]) == {}


def test_a_single_port_needs_no_name() -> None:
    found = endpoints_of([piece(entry(), ports=[{"name": "", "port": 7071}])])
    assert found["n1"].address == "http://10.0.0.1:7071"


def test_a_pod_says_which_topics_it_uses() -> None:
    annotations = {"podring.io/publishes": "a", "podring.io/subscribes": "b, c"}
    pod = Pod.of({"metadata": {**META, "annotations": annotations}, "spec": {"nodeName": "n1"}})
    assert pod.node == "n1"
    assert pod.topics.publishes == {"a"}
    assert pod.topics.subscribes == {"b", "c"}
    assert not Pod.of({"metadata": META, "spec": {}}).topics

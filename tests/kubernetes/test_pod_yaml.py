"""redis-master.yml and pod.yaml on a real node: what the user gave these files their names for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kubernetes.support.checks import load_redis, not_ready, ok
from tests.kubernetes.support.deployment import ROOT
from tests.kubernetes.support.nodecluster import NodeCluster
from tests.kubernetes.support.waiting import wait_until

FILES = (ROOT / "redis-master.yml", ROOT / "pod.yaml")

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def node(node_cluster: NodeCluster) -> Iterator[NodeCluster]:
    """`kubectl apply -f redis-master.yml && kubectl apply -f pod.yaml`, and all is Ready."""
    load_redis(node_cluster)
    for file in FILES:
        node_cluster.apply(file)
    pods = ("pod/broker", "pod/publisher", "pod/subscriber")
    ok(node_cluster, "wait", "--for=condition=Ready", *pods, "--timeout=120s")
    yield node_cluster
    node_cluster.kubectl("exec", "publisher", "--", "podring", "delete", "load")
    for file in reversed(FILES):
        ok(node_cluster, "delete", "--now", "-f", str(file))


def test_the_manifests_at_the_root_carry_the_nodes_load_from_pod_to_pod(
    node: NodeCluster,
) -> None:
    ok(node, "rollout", "status", "deployment/redis-master", "--timeout=60s")
    pods = node.pods("default", **{"app.kubernetes.io/name": "podring"})
    assert len(pods) == 4
    assert not_ready(pods) == []
    segments = node.node.segments()
    assert [name for name in segments if name.endswith(".load.ring")]

    def printed() -> bool:
        lines = ok(node, "logs", "subscriber").splitlines()
        return len(lines) >= 3 and all(len(line.split()) == 5 for line in lines)

    wait_until("three lines of /proc/loadavg", printed, timeout_s=30)


def test_messages_go_on_without_the_broker_pod(node: NodeCluster) -> None:
    ok(node, "delete", "pod", "broker", "--now")
    before = len(ok(node, "logs", "subscriber").splitlines())

    def more() -> bool:
        return len(ok(node, "logs", "subscriber").splitlines()) >= before + 3

    wait_until("three more messages", more, timeout_s=30)
    node.apply(FILES[1])
    ok(node, "wait", "--for=condition=Ready", "pod/broker", "--timeout=60s")
    known = ok(node, "exec", "subscriber", "--", "podring", "info", "load")
    assert known.count("  yes") == 2  # both were there all the time, and the new broker sees them

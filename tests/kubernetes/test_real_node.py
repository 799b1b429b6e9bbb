"""Our images on a real kubelet: a topic declared with kubectl carries messages from pod to pod.

Everything here is what a user's node does: containerd starts the containers, they see the node's
/dev/shm because of hostIPC, and find the broker by its Service's name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.kubernetes.support.api import Json
from tests.kubernetes.support.deployment import (
    RESOURCES,
    SYSTEM,
    deployed,
    is_true,
    rolled_out,
    sample,
)
from tests.kubernetes.support.nodecluster import NodeCluster
from tests.kubernetes.support.waiting import wait_until

pytestmark = pytest.mark.timeout(400)

BROKER = "http://podring-broker.podring-system:7070"
MESSAGES = 500


@pytest.fixture(scope="module")
def node(node_cluster: NodeCluster) -> Iterator[NodeCluster]:
    """The real node with overlay minimal on it, all of it rolled out."""
    with deployed(node_cluster, "minimal"):
        rolled_out(node_cluster, "daemonset", "podring-broker")
        rolled_out(node_cluster, "deployment", "podring-controller")
        yield node_cluster


@pytest.fixture
def topic(node: NodeCluster) -> Iterator[str]:
    """Topic t, declared by the seed's sample object, and Ready."""
    node.apply(json.dumps(sample()))
    wait_until(
        "the sample to be Ready", lambda: is_true(node, "default", "sharedmemory-sample", "Ready")
    )
    yield "t"
    node.kubectl("delete", "--ignore-not-found", "sharedmemory", "sharedmemory-sample")


def run(node: NodeCluster, body: Json) -> None:
    node.api.create("/api/v1/namespaces/default/pods", body)


def ended(node: NodeCluster, name: str, timeout_s: float = 60.0) -> int:
    """Wait until a pod's container has ended; returns its exit code."""

    def end() -> Json:
        status = node.api.get(f"/api/v1/namespaces/default/pods/{name}")["status"]
        states = [each["state"] for each in status.get("containerStatuses", [])]
        found: Json = states[0].get("terminated", {}) if states else {}
        return found

    return int(wait_until(f"pod {name} to end", end, timeout_s=timeout_s)["exitCode"])


def logs(node: NodeCluster, name: str) -> str:
    return node.kubectl("logs", name).stdout


@pytest.fixture
def lines(node: NodeCluster) -> Iterator[str]:
    """Input for publisher pods, as a ConfigMap that `publisher` mounts."""
    text = "".join(f"message {number} of {MESSAGES}\n" for number in range(1, MESSAGES + 1))
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lines"}}
    node.api.create("/api/v1/namespaces/default/configmaps", {**made, "data": {"lines": text}})
    yield text
    node.api.delete("/api/v1/namespaces/default/configmaps/lines")


@pytest.fixture(autouse=True)
def no_pods_left(node: NodeCluster) -> Iterator[None]:
    yield
    node.kubectl("delete", "pods", "--all", "--now", "--namespace=default")


def publisher(name: str, *arguments: str) -> Json:
    body = pod(name, "publisher", "t", "--file=/input/lines", *arguments)
    body["spec"]["volumes"] = [{"name": "input", "configMap": {"name": "lines"}}]
    mount = {"name": "input", "mountPath": "/input"}
    body["spec"]["containers"][0]["volumeMounts"] = [mount]
    return body


def subscriber(name: str, *arguments: str) -> Json:
    # Another user than the publisher's: it reads what it could not write.
    return pod(name, "subscriber", "t", *arguments, user=65531)


def test_the_sample_object_becomes_ready_and_its_segment_is_on_the_node(
    node: NodeCluster, topic: str
) -> None:
    assert [name for name in node.node.segments() if name.endswith(".t.ring")]
    shown = node.kubectl("get", "shm").stdout.split("\n")
    assert shown[0].split() == ["NAME", "TOPIC", "SIZE", "MESSAGE", "NODES", "AGE"]
    assert shown[1].split()[:5] == ["sharedmemory-sample", "t", "1048576", "1024", "1/1"]


def test_what_a_publisher_pod_sends_a_subscriber_pod_receives_whole_and_in_order(
    node: NodeCluster, topic: str, lines: str
) -> None:
    run(node, subscriber("reader", "--start=earliest", f"--count={MESSAGES}", "--fail-on-loss"))
    run(node, publisher("writer"))
    assert ended(node, "writer") == 0, logs(node, "writer")
    assert ended(node, "reader") == 0, logs(node, "reader")
    assert logs(node, "reader") == lines


def test_a_pod_without_hostipc_is_told_that_it_cannot_see_the_memory(
    node: NodeCluster, topic: str, lines: str
) -> None:
    body = publisher("outsider")
    body["spec"]["hostIPC"] = False
    run(node, body)
    assert ended(node, "outsider") != 0
    assert "hostIPC" in logs(node, "outsider")


def test_publisher_and_subscriber_do_not_notice_that_the_broker_pod_is_replaced(
    node: NodeCluster, topic: str, lines: str
) -> None:
    rounds = 20
    count = f"--count={MESSAGES * rounds}"
    run(node, subscriber("reader", "--start=earliest", "--quiet", "--fail-on-loss", count))
    run(node, publisher("writer", "--every=0.5"))
    wait_until("messages to flow", lambda: _published(node) > MESSAGES)
    segments = node.node.segments()
    (broker,) = _brokers(node)
    node.api.delete(f"/api/v1/namespaces/{SYSTEM}/pods/{broker}")
    wait_until("another broker pod", lambda: broker not in _brokers(node))
    rolled_out(node, "daemonset", "podring-broker")
    assert ended(node, "reader", timeout_s=90) == 0, logs(node, "reader")
    assert {name for name in segments if ".t." in name} <= node.node.segments()


def test_kubectl_delete_frees_the_memory_on_the_node(node: NodeCluster, topic: str) -> None:
    done = node.kubectl("delete", "sharedmemory", "sharedmemory-sample", "--timeout=30s")
    assert done.returncode == 0, done.stderr
    assert not [name for name in node.node.segments() if ".t." in name]
    assert not node.api.exists(f"{RESOURCES}/namespaces/default/sharedmemories/sharedmemory-sample")


def test_a_killed_controller_pod_finishes_later_what_it_missed(node: NodeCluster) -> None:
    """SIGKILL of the container: the kubelet starts it again, and it looks at everything anew."""
    kill_controller(node)
    node.apply(json.dumps(sample()))
    wait_until(
        "the sample to be Ready",
        lambda: is_true(node, "default", "sharedmemory-sample", "Ready"),
        timeout_s=90,
    )
    kill_controller(node)
    done = node.kubectl(
        "delete", "sharedmemory", "sharedmemory-sample", "--timeout=90s", timeout_s=100
    )
    assert done.returncode == 0, done.stderr
    assert not [name for name in node.node.segments() if ".t." in name]


def kill_controller(node: NodeCluster) -> None:
    found = node.pods(SYSTEM, **{"app.kubernetes.io/component": "controller"})
    container = found[0]["status"]["containerStatuses"][0]["containerID"].removeprefix(
        "containerd://"
    )
    node.node.containerd.ctr("tasks", "kill", "--signal=SIGKILL", container)


def _brokers(node: NodeCluster) -> set[str]:
    found = node.pods(SYSTEM, **{"app.kubernetes.io/component": "broker"})
    return {each["metadata"]["name"] for each in found}


def _published(node: NodeCluster) -> int:
    """How many messages topic t has seen, as the reader's pod tells."""
    done = node.kubectl("exec", "reader", "--", "podring", "info", "t", "--json")
    return int(json.loads(done.stdout)["latest"]) if done.returncode == 0 else 0


def pod(name: str, role: str, *arguments: str, user: int = 65533) -> Json:
    """A pod as deploy/ and pod.yaml confine it."""
    container = {
        "name": role,
        "image": f"podring-{role}:0.1.0",
        "imagePullPolicy": "IfNotPresent",
        "args": list(arguments),
        "env": [{"name": "PODRING_BROKER", "value": BROKER}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "hostIPC": True,
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 2,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": user,
                "runAsGroup": user,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }

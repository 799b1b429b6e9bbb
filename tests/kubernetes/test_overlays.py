"""What overlay full makes on a real node: everything Ready, in use, and as its page says.

Overlay minimal is what test_real_node.py and test_transcript.py work with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.kubernetes.support.api import Json
from tests.kubernetes.support.checks import load_redis, not_ready, ok
from tests.kubernetes.support.deployment import OVERLAYS, ROOT, SYSTEM, deployed, rolled_out, sample
from tests.kubernetes.support.nodecluster import NodeCluster
from tests.kubernetes.support.waiting import wait_until

SAMPLE = ROOT / "deploy" / "sample"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def volume(node_cluster: NodeCluster) -> Iterator[None]:
    """A volume for the claim of overlay full, as the cluster has no class that would make one."""
    node = node_cluster
    folder = node.node.machine.folder / "redis-data"
    folder.mkdir()
    folder.chmod(0o777)
    body = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "redis-data"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": str(folder)},
        },
    }
    node.api.create("/api/v1/persistentvolumes", body)
    yield
    node.api.delete(f"/api/v1/namespaces/{SYSTEM}/persistentvolumeclaims/data-podring-redis-0")
    node.api.delete("/api/v1/persistentvolumes/redis-data")


@pytest.fixture(scope="module")
def full(node_cluster: NodeCluster, volume: None) -> Iterator[NodeCluster]:
    """Overlay full, all of it rolled out, with the sample's topic and pods."""
    node = node_cluster
    load_redis(node)
    with deployed(node, "full"):
        rolled_out(node, "statefulset", "podring-redis")
        rolled_out(node, "daemonset", "podring-broker")
        rolled_out(node, "deployment", "podring-controller")
        node.apply(SAMPLE / "topic.yaml")
        node.apply(SAMPLE / "pods.yaml")
        ok(node, "wait", "--for=condition=Ready", "shm/sharedmemory-sample", "--timeout=60s")
        pods = ("pod/sample-publisher", "pod/sample-subscriber")
        ok(node, "wait", "--for=condition=Ready", *pods, "--timeout=90s")
        yield node
        ok(node, "delete", "--now", "-f", str(SAMPLE / "pods.yaml"))


def test_every_pod_of_overlay_full_is_ready(full: NodeCluster) -> None:
    pods = full.pods(SYSTEM)
    components = {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods}
    assert components == {"broker", "controller", "redis"}
    assert not_ready(pods) == []


def test_what_was_applied_is_what_the_api_server_has(full: NodeCluster) -> None:
    """No field was dropped, changed or defaulted to something else."""
    ok(full, "diff", "-k", str(OVERLAYS / "full"))


def test_messages_pass_between_pods_that_said_who_they_are(full: NodeCluster) -> None:
    greeting = "hello by token\n"
    command = ("exec", "--stdin", "sample-publisher", "--", "podring-publisher", "t")
    ok(full, *command, stdin=greeting)
    wait_until("the greeting", lambda: greeting in ok(full, "logs", "sample-subscriber"))


def test_the_controllers_pod_alone_deletes_a_topic_that_was_retained(full: NodeCluster) -> None:
    path = "/apis/is.github.com/v1alpha1/namespaces/default/sharedmemories"
    full.api.create(path, sample("kept", "kept", retain=True))
    ok(full, "wait", "--for=condition=Ready", "shm/kept", "--timeout=60s")
    ok(full, "delete", "shm", "kept")
    inside = ("exec", "sample-publisher", "--", "podring")
    assert full.kubectl(*inside, "delete", "kept").returncode != 0
    (broker,) = (pod for pod in full.pods(SYSTEM) if "-broker-" in pod["metadata"]["name"])
    address = f"http://{broker['status']['podIP']}:7070"
    there = ("exec", f"--namespace={SYSTEM}", "deployment/podring-controller", "--", "podring")
    ok(full, *there, "--broker", address, "delete", "kept")
    assert "kept" not in ok(full, *inside, "topics")


def test_only_the_controller_may_create_topics(full: NodeCluster) -> None:
    command = ("exec", "sample-publisher", "--", "podring", "create", "mine", "--size", "1Mi")
    refused = full.kubectl(*command)
    assert refused.returncode != 0
    assert "system:serviceaccount:default:default" in refused.stderr


def test_a_pod_without_a_token_learns_nothing(full: NodeCluster) -> None:
    command = ("exec", "sample-publisher", "--", "env", "PODRING_TOKEN_FILE=", "podring", "topics")
    refused = full.kubectl(*command)
    assert refused.returncode != 0
    assert "token" in refused.stderr


def test_a_subscribers_pod_cannot_write_to_the_ring(full: NodeCluster) -> None:
    script = "from podring import Publisher; Publisher('t')"
    done = full.kubectl("exec", "sample-subscriber", "--", "/opt/podring/bin/python", "-c", script)
    assert done.returncode != 0
    assert "PermissionError" in done.stderr


def test_topics_are_recorded_in_redis_under_the_nodes_name(full: NodeCluster) -> None:
    command = ("redis-cli", "hkeys", f"podring:{full.node.name}:topics")
    assert ok(full, "-n", SYSTEM, "exec", "podring-redis-0", "--", *command).split() == ["t"]


def test_records_outlive_the_pod_of_redis(full: NodeCluster) -> None:
    uid = full.api.get(f"/api/v1/namespaces/{SYSTEM}/pods/podring-redis-0")["metadata"]["uid"]
    ok(full, "-n", SYSTEM, "delete", "pod", "podring-redis-0", "--now")

    def replaced() -> bool:
        (pod,) = full.pods(SYSTEM, **{"app.kubernetes.io/component": "redis"})
        return pod["metadata"]["uid"] != uid and not not_ready([pod])

    wait_until("another pod of Redis", replaced, retry=(ValueError,), timeout_s=90)
    test_topics_are_recorded_in_redis_under_the_nodes_name(full)


@pytest.fixture
def large(full: NodeCluster) -> Iterator[None]:
    """A topic that takes most of the brokers' budget of 512Mi."""
    full.apply(json.dumps(sample("first", "first", shmsize="400Mi", msgsize="1Mi")))
    ok(full, "wait", "--for=condition=Ready", "shm/first", "--timeout=60s")
    yield
    ok(full, "delete", "shm", "first", "second")


def test_topics_may_take_the_brokers_budget_and_no_more_and_do_not_get_it_killed(
    full: NodeCluster, large: None
) -> None:
    """Every page of the 400Mi is charged to the broker, whose limit is 768Mi."""
    full.apply(json.dumps(sample("second", "second", shmsize="400Mi", msgsize="1Mi")))
    reason = "--for=jsonpath={.status.conditions[?(@.type=='Ready')].reason}=NoRoom"
    ok(full, "wait", reason, "shm/second", "--timeout=60s")
    (broker,) = full.pods(SYSTEM, **{"app.kubernetes.io/component": "broker"})
    (container,) = broker["status"]["containerStatuses"]
    assert container["restartCount"] == 0


@pytest.fixture
def strict(full: NodeCluster) -> Iterator[str]:
    """A namespace at the strictest level of pod security."""
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    meta = {"name": "strict", "labels": level}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
    full.api.create("/api/v1/namespaces", body)
    account = "/api/v1/namespaces/strict/serviceaccounts/default"
    wait_until("its service account", lambda: full.api.exists(account))
    yield "strict"
    full.api.delete("/api/v1/namespaces/strict")


def test_hostipc_is_the_one_thing_that_keeps_pods_from_the_strictest_level(
    full: NodeCluster, strict: str
) -> None:
    for pod in full.pods(SYSTEM) + full.pods("default"):
        body = json.dumps(gated_copy(pod, strict))
        done = full.kubectl("create", "-f", "-", stdin=body)
        if pod["spec"].get("hostIPC", False):
            assert done.stderr.endswith(
                'violates PodSecurity "restricted:latest": host namespaces (hostIPC=true)\n'
            )
        else:
            assert done.returncode == 0, done.stderr


def gated_copy(pod: Json, namespace: str) -> Json:
    """A pod of the same template in another namespace, which never gets a node."""
    spec = {key: value for key, value in pod["spec"].items() if key != "nodeName"}
    spec |= {"schedulingGates": [{"name": "podring.io/never"}], "serviceAccountName": "default"}
    for volume in spec["volumes"]:
        if volume.pop("persistentVolumeClaim", None):
            volume["emptyDir"] = {}
    meta = {"name": pod["metadata"]["name"], "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


@pytest.mark.parametrize("overlay", ["minimal", "full"])
def test_the_api_server_has_nothing_to_remark(full: NodeCluster, overlay: str) -> None:
    """Nothing deprecated, nothing unknown."""
    options = ("--dry-run=server", "--validate=strict", "-k", str(OVERLAYS / overlay))
    done = full.kubectl("apply", *options)
    remarks = [line for line in done.stderr.splitlines() if line.startswith("Warning: ")]
    assert (done.returncode, remarks) == (0, [])

"""The rights that deploy/ grants are the least: each is used, and without any one something breaks.

The controller and the brokers run as their own service accounts on a cluster whose API server
writes an audit log. One scenario does all that they are for. With the roles as they are it must
pass, use every right and be refused none; with any one right taken away it must fail.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import time
from collections.abc import Callable

import pytest
import yaml

from deploy.helm.sources import DEPLOY
from tests.kubernetes.support.api import ApiError, Json
from tests.kubernetes.support.cluster import Cluster
from tests.kubernetes.support.controlplane import ApiServerOptions, free_port
from tests.kubernetes.support.rights import Right, granted, used, without
from tests.kubernetes.support.waiting import wait_until

SYSTEM = "podring-system"
USERS = {
    role: f"system:serviceaccount:{SYSTEM}:{role}"
    for role in ("podring-broker", "podring-controller")
}
PATIENCE_S = 60.0
"""For each step when nothing is missing: a machine may be busy."""
SHORT_S = 10.0
"""For each step when a right is missing. Later kopf would begin its streams anew, with lists."""

_numbers = itertools.count(1)


def granted_by_deploy() -> list[tuple[str, Right]]:
    files = ("base/controller-rbac.yaml", "components/authentication/rbac.yaml")
    found = [each for name in files for each in yaml.safe_load_all((DEPLOY / name).read_text())]
    roles = [each for each in found if each["kind"] == "ClusterRole"]
    return [(role["metadata"]["name"], right) for role in roles for right in granted(role)]


@pytest.fixture(scope="module")
def audited(own_cluster: Callable[..., Cluster]) -> Cluster:
    """Overlay full with brokers that authenticate, on two nodes; the controller is the test's."""
    cluster = own_cluster(ApiServerOptions(audit=True))
    cluster.apply(DEPLOY / "overlays" / "full")
    account = cluster.folder / "broker-account"
    account.mkdir()
    (account / "token").write_text(cluster.token(SYSTEM, "podring-broker"))
    (account / "ca.crt").write_bytes(cluster.authority.certificate.read_bytes())
    cluster.brokers.environment |= {
        "PODRING_AUTHENTICATE": "tokenreview",
        "PODRING_MANAGERS": USERS["podring-controller"],
        "PODRING_API_SERVER": cluster.url,
        "PODRING_SERVICE_ACCOUNT": str(account),
    }
    cluster.nodes.add("rbac-1", "rbac-2")
    wait_until("two brokers", lambda: len(cluster.brokers.urls()) == 2)
    return cluster


class Scenario:
    """What controller and brokers are for, in a namespace and with a topic of its own."""

    def __init__(
        self, cluster: Cluster, *, ready_s: float = PATIENCE_S, step_s: float = PATIENCE_S
    ) -> None:
        """Be patient: `ready_s` until the controller is ready, then `step_s` for each step."""
        self._cluster, self._api = cluster, cluster.api
        self._ready_s, self._step_s = ready_s, step_s
        self.took_s = 0.0
        self._number = next(_numbers)
        self.topic = f"rbac.{self._number}"
        self.namespace = f"rbac-{self._number}"
        self.path = f"/apis/is.github.com/v1alpha1/namespaces/{self.namespace}/sharedmemories"
        self.object = f"{self.path}/sample"

    def run(self) -> None:
        token = self._cluster.folder / "controller-token"
        token.write_text(self._cluster.token(SYSTEM, "podring-controller", audience="podring"))
        port = free_port()
        settings = {
            "PODRING_HEALTH": f"127.0.0.1:{port}",
            "PODRING_TOKEN_FILE": str(token),
            "PODRING_RESYNC": "3600",  # or it would find out what it does not hear of
        }
        begun = time.monotonic()
        with self._cluster.controller(**settings):
            try:
                eventually("the controller to be ready", lambda: is_ready(port), self._ready_s)
                self.took_s = time.monotonic() - begun
                self._declare()
                self._use_it_on_two_nodes()
                self._grow_and_shrink()
                self._delete()
            finally:
                self._clean()

    def _declare(self) -> None:
        self._cluster.create_namespace(self.namespace)
        self._api.create(self.path, sharedmemory(self.topic))
        self._eventually("the topic on every node", lambda: self._condition("Ready") == "True")
        assert self._api.get(self.object)["status"]["nodesReady"] == "2/2"
        assert self._api.get(self.object)["metadata"].get("finalizers") == ["podring.io/memory"]
        self._eventually("an event that says so", self._events)
        assert self._segments() == 2

    def _use_it_on_two_nodes(self) -> None:
        """A topic whose publisher and subscriber cannot hear each other is told of."""
        pods = f"/api/v1/namespaces/{self.namespace}/pods"
        self._api.create(pods, pod("publisher", "rbac-1", f"podring.io/publishes={self.topic}"))
        self._api.create(pods, pod("subscriber", "rbac-2", f"podring.io/subscribes={self.topic}"))
        self._eventually("the status to say so", lambda: self._condition("Colocated") == "False")

    def _grow_and_shrink(self) -> None:
        name = f"rbac-new-{self._number}"
        self._cluster.nodes.add(name)
        self._eventually("the topic on a new node", lambda: self._nodes() == "3/3")
        self._cluster.nodes.remove(name)
        self._eventually("a node to be forgotten", lambda: self._nodes() == "2/2")

    def _delete(self) -> None:
        self._api.delete(self.object)
        self._eventually("the object to go", lambda: not self._api.exists(self.object))
        assert self._segments() == 0

    def _eventually(self, what: str, condition: Callable[[], object]) -> None:
        eventually(what, condition, self._step_s)

    def _condition(self, kind: str) -> str:
        status = self._api.get(self.object).get("status", {})
        return next(
            (each["status"] for each in status.get("conditions", ()) if each["type"] == kind), ""
        )

    def _nodes(self) -> str:
        return str(self._api.get(self.object)["status"]["nodesReady"])

    def _events(self) -> list[Json]:
        found = self._api.items(f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events")
        return [each for each in found if each["regarding"]["kind"] == "Sharedmemory"]

    def _segments(self) -> int:
        """Nodes that have the topic's memory."""
        files = [
            name for node in ("rbac-1", "rbac-2") for name in self._cluster.brokers.segments(node)
        ]
        return len([name for name in files if name.endswith(f".{self.topic}.ring")])

    def _clean(self) -> None:
        """Leave nothing that the next scenario would meet, whatever failed."""
        for name in [each for each in self._cluster.nodes.names if each.startswith("rbac-new-")]:
            self._cluster.nodes.remove(name)
        eventually("what is left to go", self._gone)
        self._api.delete(f"/api/v1/namespaces/{self.namespace}")

    def _gone(self) -> bool:
        """Delete the object without the controller, which may be unable to let it go."""
        self._api.delete(self.object)
        with contextlib.suppress(ApiError):  # it has gone already
            self._api.patch(self.object, {"metadata": {"finalizers": []}})
        return not self._api.exists(self.object)


def eventually(what: str, condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    wait_until(what, condition, timeout_s=timeout_s, retry=(OSError, ApiError))


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def sharedmemory(topic: str) -> Json:
    return {
        "apiVersion": "is.github.com/v1alpha1",
        "kind": "Sharedmemory",
        "metadata": {"name": "sample"},
        "spec": {"topicname": topic, "shmsize": 1048576, "msgsize": 1024},
    }


def pod(name: str, node: str, annotation: str) -> Json:
    key, _, value = annotation.partition("=")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": {key: value}},
        "spec": {"nodeName": node, "containers": [{"name": "app", "image": "app"}]},
    }


@pytest.fixture(scope="module")
def passed(audited: Cluster) -> Scenario:
    """The scenario, when it has run with the roles as they are; the audit log tells of it."""
    scenario = Scenario(audited)
    scenario.run()
    return scenario


@pytest.mark.parametrize("role", USERS)
def test_every_right_that_is_granted_is_used_and_no_other_is_wanted(
    role: str, audited: Cluster, passed: Scenario
) -> None:
    rights = {right for name, right in granted_by_deploy() if name == role}
    done, refused = used(audited.audit_log, USERS[role])
    assert done == rights
    assert refused == set()


@pytest.mark.parametrize(("role", "right"), granted_by_deploy(), ids=str)
def test_without_any_one_right_something_breaks(
    role: str, right: Right, audited: Cluster, passed: Scenario
) -> None:
    ready_s = max(SHORT_S, 3 * passed.took_s)
    with (
        without(audited.api, role, right, USERS[role]),
        pytest.raises(AssertionError) as failure,
    ):
        Scenario(audited, ready_s=ready_s, step_s=SHORT_S).run()
    print(f"without {right}: {failure.value}")

"""Sharedmemory resources and what became of them, in words that the controller's tests share."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from deploy.helm.sources import DEPLOY
from tests.kubernetes.support.api import Api, ApiError, Json
from tests.kubernetes.support.cluster import Cluster
from tests.kubernetes.support.controller import Controller
from tests.kubernetes.support.controlplane import free_port
from tests.kubernetes.support.waiting import wait_until

ALL = "/apis/is.github.com/v1alpha1/sharedmemories"


@contextmanager
def prepared(make: Callable[[], Cluster], *nodes: str) -> Iterator[Cluster]:
    """A cluster with CRD, rights and brokers: overlay minimal, a real broker on each node."""
    cluster = make()
    cluster.apply(DEPLOY / "overlays" / "minimal")
    cluster.nodes.add(*nodes)
    wait_until(
        f"{len(nodes)} brokers", lambda: len(cluster.brokers.urls()) == len(nodes), timeout_s=120
    )
    yield cluster
    # The session would end it too, but a cluster is half a gigabyte, and others follow.
    cluster.__exit__(None, None, None)


@contextmanager
def controlling(cluster: Cluster, **environment: str) -> Iterator[Controller]:
    """A controller that is ready."""
    port = free_port()
    with cluster.controller(PODRING_HEALTH=f"127.0.0.1:{port}", **environment) as controller:
        wait_ready(port)
        yield controller


def wait_ready(port: int) -> None:
    wait_until("the controller to be ready", lambda: status_of(port, "/readyz") == 200)


def status_of(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


class Declaring:
    """The resources of a namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api, self.namespace = api, namespace
        self.path = f"/apis/is.github.com/v1alpha1/namespaces/{namespace}/sharedmemories"

    def create(self, name: str, topic: str, **spec: object) -> Json:
        fields = {"topicname": topic, "shmsize": 65536, "msgsize": 1024, **spec}
        return self.api.create(self.path, resource(name, fields))

    def get(self, name: str) -> Json:
        return self.api.get(f"{self.path}/{name}")

    def delete(self, name: str) -> None:
        self.api.delete(f"{self.path}/{name}")

    def patch(self, name: str, body: Json) -> Json:
        return self.api.patch(f"{self.path}/{name}", body)

    def exists(self, name: str) -> bool:
        return self.api.exists(f"{self.path}/{name}")

    def condition(self, name: str, kind: str = "Ready") -> Json:
        conditions = self.get(name).get("status", {}).get("conditions", ())
        return next((each for each in conditions if each["type"] == kind), {})

    def wait(self, name: str, reason: str, kind: str = "Ready", timeout_s: float = 40.0) -> Json:
        """Wait for a condition's reason: the resource then."""
        try:
            wait_until(
                f"{name} to be {kind} {reason}",
                lambda: self.condition(name, kind).get("reason") == reason,
                timeout_s=timeout_s,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.get(name)}") from None
        return self.get(name)

    def wait_gone(self, name: str, timeout_s: float = 40.0) -> None:
        wait_until(f"{name} to be gone", lambda: not self.exists(name), timeout_s=timeout_s)

    def events(self, name: str) -> list[tuple[str, str]]:
        """Type and reason of its events, oldest first."""
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        found = [each for each in self.api.items(path) if each["regarding"].get("name") == name]
        return [
            (each["type"], each["reason"])
            for each in sorted(found, key=lambda each: str(each["eventTime"]))
        ]


def resource(name: str, spec: Json) -> Json:
    return {
        "apiVersion": "is.github.com/v1alpha1",
        "kind": "Sharedmemory",
        "metadata": {"name": name},
        "spec": spec,
    }


def call(url: str, method: str = "GET", body: Json | None = None) -> tuple[int, Json]:
    """Ask a broker, as anybody could."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        payload = None if body is None else json.dumps(body)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, target, payload, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else {}
    finally:
        connection.close()


def topics(cluster: Cluster, node: str) -> dict[str, Json]:
    """What a node's broker has, by name."""
    broker = cluster.brokers.on(node)
    assert broker is not None, f"no broker runs on {node}"
    return {each["topicname"]: each for each in call(f"{broker.url}/topics")[1]["topics"]}


def nodes_with(cluster: Cluster, topic: str) -> set[str]:
    """Nodes whose broker has a topic."""
    return {node for node in cluster.brokers.urls() if topic in topics(cluster, node)}


def remove_all(cluster: Cluster) -> None:
    """Take every resource away, finalizers or not, so that the next test begins with none."""
    for each in cluster.api.items(ALL):
        meta = each["metadata"]
        path = (
            f"/apis/is.github.com/v1alpha1/namespaces/{meta['namespace']}/sharedmemories"
            f"/{meta['name']}"
        )
        try:
            cluster.api.delete(path)
            cluster.api.patch(path, {"metadata": {"finalizers": None}})
        except ApiError as error:
            if error.code != 404:
                raise

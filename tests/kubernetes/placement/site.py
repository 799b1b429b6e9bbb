"""Placement on a real API server: turned on and off, and asked what it makes of a pod."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.controller.placement.examples import BARE
from tests.kubernetes.support.api import ApiError, Json
from tests.kubernetes.support.cluster import Cluster
from tests.kubernetes.support.waiting import wait_until

DEPLOY = Path(__file__).parents[3] / "deploy"
ENABLED = {"podring.io/placement": "enabled"}

# What a cluster with the webhook has, without brokers: placement asks none.
OVERLAY = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [{deploy}/base]
components: [{deploy}/placement/webhook, {deploy}/components/common]
patches:
  - target: {{kind: DaemonSet}}
    patch: |-
      apiVersion: apps/v1
      kind: DaemonSet
      metadata: {{name: podring-broker}}
      $patch: delete
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A cluster in which placement works, and can be made not to.

    pid   of the webhook's process
    """

    cluster: Cluster
    turn_on: Callable[[], None]
    turn_off: Callable[[], None]
    pid: Callable[[], int] = lambda: 0

    def made_of(self, namespace: str, body: Json) -> Json:
        """The pod that the API server would store."""
        return self.cluster.api.create(f"/api/v1/namespaces/{namespace}/pods?dryRun=All", body)

    def create(
        self, namespace: str, name: str, annotations: Mapping[str, str], **spec: Any
    ) -> None:
        self.cluster.api.create(
            f"/api/v1/namespaces/{namespace}/pods", pod(name, annotations, **spec)
        )

    def node_of(self, namespace: str, name: str) -> str | None:
        found = self.cluster.api.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
        node: str | None = found["spec"].get("nodeName")
        return node

    def scheduled(self, namespace: str, name: str) -> str:
        """The pod's node, once it has one."""
        return wait_until(
            f"pod {name} to be scheduled", lambda: self.node_of(namespace, name) or ""
        )

    def labels(self, namespace: str) -> dict[str, str]:
        """The labels that a pod of topic t would have there."""
        made = self.made_of(namespace, pod("asks", {"podring.io/publishes": "t"}))
        found: dict[str, str] = made["metadata"].get("labels", {})
        return found

    def wait_for(self, *, on: bool) -> None:
        wait_until(
            f"placement to be {'on' if on else 'off'}",
            lambda: bool(self.labels("placed")) == on,
            retry=(OSError, ApiError),
        )

    @contextmanager
    def cordoned(self, node: str) -> Iterator[None]:
        """The node takes no more pods."""
        path = f"/api/v1/nodes/{node}"
        self.cluster.api.patch(path, {"spec": {"unschedulable": True}})
        try:
            yield
        finally:
            self.cluster.api.patch(path, {"spec": {"unschedulable": None}})


def pod(
    name: str,
    annotations: Mapping[str, str],
    labels: Mapping[str, str] | None = None,
    **spec: Any,
) -> Json:
    metadata = {"name": name, "annotations": dict(annotations)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata | ({"labels": dict(labels)} if labels else {}),
        "spec": BARE | spec,
    }


def by_policy(cluster: Cluster) -> Iterator[Site]:
    """The API server places pods by itself."""
    site = Site(
        cluster,
        turn_on=lambda: _ignore(cluster.apply(DEPLOY / "placement")),
        turn_off=lambda: _ignore(cluster.kubectl("delete", "-k", str(DEPLOY / "placement"))),
    )
    yield from _on(site)
    site.turn_off()


def webhook_overlay(folder: Path) -> Path:
    """A kustomization with the controller and its webhook."""
    text = OVERLAY.format(deploy=os.path.relpath(DEPLOY, folder))
    (folder / "kustomization.yaml").write_text(text)
    return folder


def by_webhook(cluster: Cluster, folder: Path) -> Iterator[Site]:
    """The API server asks podring-controller, by the manifests that people apply.

    kwok plays the controller's pod, so the Service has its address; behind that, which is local
    here, the real program listens, with the account and the rights of the pod.
    """
    cluster.apply(webhook_overlay(folder))
    controller = cluster.controller("--placement-webhook", "--health=none")
    site = Site(cluster, controller.start, controller.kill, lambda: controller.program.pid)
    try:
        yield from _on(site)
    finally:
        controller.stop()


def _on(site: Site) -> Iterator[Site]:
    site.cluster.create_namespace("placed", ENABLED)
    site.turn_on()
    site.wait_for(on=True)
    yield site


def _ignore(_: object) -> None:
    pass

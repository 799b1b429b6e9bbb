"""Nodes without machines: kwok plays their kubelet, and the pods there are Running at once.

Brokers are the exception: kwok leaves their pods alone, and brokers.py runs a real broker for each
and reports its state, as a kubelet would. Every fake node bears the label `type: kwok`; taking it
away makes kwok forget the node, which is how a machine is lost.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from tests.kubernetes.support.api import Api, ApiError, Json
from tests.kubernetes.support.controlplane import ControlPlane
from tests.kubernetes.support.isolation import FAKE_PODS
from tests.kubernetes.support.processes import Program
from tests.kubernetes.support.tools import tool
from tests.kubernetes.support.waiting import wait_until

BROKER = "broker"  # the value of app.kubernetes.io/component that kwok leaves to brokers.py
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
ROOM = {"cpu": "32", "memory": "64Gi", "pods": "500"}

STAGES = """\
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: boot}
spec:
  resourceRef: {apiGroup: v1, kind: Node}
  selector:
    matchExpressions:
    - key: .status.conditions.[] | select( .type == "Ready" ) | .status
      operator: NotIn
      values: ["True"]
  next:
    statusTemplate: |
      {{ $now := Now }}
      conditions:
      {{ range NodeConditions }}
      - type: {{ .type }}
        status: {{ .status | Quote }}
        reason: {{ .reason | Quote }}
        message: {{ .message | Quote }}
        lastHeartbeatTime: {{ $now | Quote }}
        lastTransitionTime: {{ $now | Quote }}
      {{ end }}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: run}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
    - {key: '.metadata.labels["app.kubernetes.io/component"]', operator: NotIn, values: [BROKER]}
    - {key: .status.phase, operator: In, values: [Pending]}
  next:
    statusTemplate: |
      {{ $now := Now }}
      phase: Running
      startTime: {{ $now | Quote }}
      conditions:
      {{ range list "PodScheduled" "Initialized" "ContainersReady" "Ready" }}
      - {type: {{ . }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
      {{ end }}
      {{ $meta := .metadata }}
      {{ $all := PodIPsWith .spec.nodeName false $meta.uid $meta.name $meta.namespace }}
      {{ $address := index $all 0 }}
      hostIP: {{ index (NodeIPsWith .spec.nodeName) 0 | Quote }}
      podIP: {{ $address | Quote }}
      podIPs: [{ip: {{ $address | Quote }}}]
      containerStatuses:
      {{ range .spec.containers }}
      - name: {{ .name | Quote }}
        image: {{ .image | Quote }}
        imageID: ""
        ready: true
        restartCount: 0
        state: {running: {startedAt: {{ $now | Quote }}}}
      {{ end }}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: remove}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: Exists}
  next: {delete: true}
""".replace("BROKER", BROKER)


class KwokNodes:
    """kwok, and the nodes that it plays. Use as a context manager."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.api: Api = plane.api
        self.names: list[str] = []
        self.lost: set[str] = set()
        self._made = 0
        stages = folder / "kwok.yaml"
        stages.write_text(STAGES)
        command = [
            tool("kwok"),
            f"--kubeconfig={plane.kubeconfig_for('kwok', 'system:masters')}",
            f"--config={stages}",
            "--manage-nodes-with-label-selector=type=kwok",
            f"--cidr={FAKE_PODS}",
            "--node-lease-duration-seconds=20",
        ]
        self.program = Program("kwok", command, folder / "kwok.log")

    def __enter__(self) -> Self:
        self.program.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.program.kill()

    def add(
        self, *names: str, control_plane: bool = False, labels: Mapping[str, str] | None = None
    ) -> None:
        """Create nodes, and wait until they are Ready."""
        for name in names:
            self._made += 1
            self.api.create("/api/v1/nodes", _node(name, self._made, control_plane, labels or {}))
            self.names.append(name)
        for name in names:
            wait_until(f"node {name} to be Ready", functools.partial(self.is_ready, name))

    def remove(self, name: str) -> None:
        """Delete the node object: the machine is gone for good, and so are its pods."""
        self.api.delete(f"/api/v1/nodes/{name}")
        self.names.remove(name)
        self.lost.discard(name)
        for pod in self.pods_on(name):
            meta = pod["metadata"]
            path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
            self.api.delete(path, gracePeriodSeconds=0)

    def lose(self, name: str) -> None:
        """The machine falls silent: kwok forgets it, and it is NotReady from now on.

        The node controller would find out by itself, 20 s later; that wait is spared.
        """
        self.lost.add(name)
        self.api.patch(f"/api/v1/nodes/{name}", {"metadata": {"labels": {"type": "lost"}}})
        self._set_ready(name, "Unknown", "NodeStatusUnknown")
        wait_until(f"node {name} to be lost", lambda: not self.is_ready(name))

    def recover(self, name: str) -> None:
        """The machine is heard of again."""
        self.api.patch(f"/api/v1/nodes/{name}", {"metadata": {"labels": {"type": "kwok"}}})
        self._set_ready(name, "True", "KubeletReady")
        wait_until(f"node {name} to be back", lambda: self.is_ready(name))
        self.lost.discard(name)

    def is_ready(self, name: str) -> bool:
        try:
            status = self.api.get(f"/api/v1/nodes/{name}")["status"]
        except ApiError:
            return False
        conditions = status.get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def pods_on(self, name: str) -> list[Json]:
        return self.api.items("/api/v1/pods", fieldSelector=f"spec.nodeName={name}")

    def _set_ready(self, name: str, status: str, reason: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
        condition = {"type": "Ready", "status": status, "reason": reason, **times}
        path = f"/api/v1/nodes/{name}/status"
        self.api.patch(path, {"status": {"conditions": [condition]}}, "strategic")


def _node(name: str, number: int, control_plane: bool, labels: Mapping[str, str]) -> Json:
    roles = {CONTROL_PLANE: ""} if control_plane else {}
    taints = [{"key": CONTROL_PLANE, "effect": "NoSchedule"}] if control_plane else []
    own = {"type": "kwok", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**own, **roles, **labels}},
        "spec": {"podCIDR": FAKE_PODS.replace("0.0/16", f"{number}.0/24"), "taints": taints},
        "status": {
            "allocatable": ROOM,
            "capacity": ROOM,
            "addresses": [{"type": "InternalIP", "address": f"10.244.0.{number}"}],
        },
    }

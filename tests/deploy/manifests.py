"""The objects that are checked: those of the files at the root, and what kustomize makes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from deploy.helm.sources import DEPLOY, FEATURES, ROOT, Object, build, folders, render
from tests.support.components import require

FILES = {
    "root": ("redis-master.yml", "pod.yaml"),
    "sample": ("deploy/sample/topic.yaml", "deploy/sample/pods.yaml"),
}
OVERLAYS = ("minimal", "full")
SETS = ("root", *OVERLAYS, "everything")
"""Each holds a broker; what is in `sample` uses the broker of one of them."""


def require_tool(name: str) -> str:
    """The path of kubectl or helm; scripts/kubernetes-tools builds them."""
    path = os.environ["PATH"]
    os.environ["PATH"] = os.pathsep.join(folders())
    try:
        return require(name)
    finally:
        os.environ["PATH"] = path


@cache
def objects(which: str) -> list[Object]:
    """The objects of one of SETS, or of the sample: what `kubectl apply` would send."""
    if which in FILES:
        texts = [(ROOT / name).read_text() for name in FILES[which]]
        return [each for text in texts for each in yaml.safe_load_all(text)]
    require_tool("kubectl")
    return build(FEATURES) if which == "everything" else render(DEPLOY / "overlays" / which)


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, or what makes pods. `labels` are its pods'."""

    kind: str
    name: str
    labels: dict[str, str]
    spec: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def component(self) -> str:
        return self.labels["app.kubernetes.io/component"]

    @property
    def containers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.spec["containers"] + self.spec.get("initContainers", [])
        return found

    def environment(self) -> dict[str, str]:
        """Of its first container; the kubelet would fill in `node-a` and `podring-system`."""
        filled = {"spec.nodeName": "node-a", "metadata.namespace": "podring-system"}
        return {
            each["name"]: each["value"]
            if "value" in each
            else filled[each["valueFrom"]["fieldRef"]["fieldPath"]]
            for each in self.containers[0].get("env", ())
        }


def pods(which: str) -> Iterator[Pod]:
    """Every pod that a set makes."""
    for each in objects(which):
        if each["kind"] == "Pod":
            yield Pod("Pod", each["metadata"]["name"], each["metadata"]["labels"], each["spec"])
        elif "template" in each.get("spec", ()):
            template = each["spec"]["template"]
            labels = template["metadata"]["labels"]
            yield Pod(each["kind"], each["metadata"]["name"], labels, template["spec"])


def pod(which: str, component: str) -> Pod:
    """The one pod of a component."""
    (found,) = (each for each in pods(which) if each.component == component)
    return found


def of_kind(which: str, kind: str) -> list[Object]:
    """Every object of a kind."""
    return [each for each in objects(which) if each["kind"] == kind]

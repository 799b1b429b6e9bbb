"""From a pod to the JSON patch that brings it near its topics' other users. Pure.

For each topic that the annotations name, the pod gets the topic's label (see `labels`) and one term
of pod affinity: near pods that bear this label, on the same host, in any namespace that opted in.
Publishers seek publishers too, and subscribers subscribers: a topic is a ring in one node's memory,
so all its users belong together. A pod matches its own terms, which is what lets the first pod of a
topic be scheduled where the affinity is required.

What the pod has already stays: a label with the same key keeps its value, and terms are appended.
A second call finds its own work and adds nothing. Labels and terms come in one patch, all or
nothing: a required term without the label would keep the first pod waiting for ever.

deploy/placement/policy.yaml makes the same patch in CEL; the tests hold the two to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from podring_controller.placement.annotations import Role, Strength, wish_of
from podring_controller.placement.labels import label_of

HOST = "kubernetes.io/hostname"
OPT_IN = "podring.io/placement"
"""The label of namespaces whose pods are placed, and count; its value is `enabled`."""
WEIGHT = 100
"""Of a preferred term: the most that Kubernetes has, and still one score among others."""

_LISTS: dict[Strength, str] = {
    "preferred": "preferredDuringSchedulingIgnoredDuringExecution",
    "required": "requiredDuringSchedulingIgnoredDuringExecution",
}

Operation = dict[str, Any]
"""One operation of RFC 6902."""


def patch_of(pod: Mapping[str, Any]) -> list[Operation]:
    """The operations that add labels and affinity to a pod; none where there is nothing to add.

    pod      as the API server gives it: metadata and spec, without empty lists
    raises   MalformedAnnotation, where an annotation cannot be read
    """
    metadata = pod.get("metadata") or {}
    wish = wish_of(metadata.get("annotations") or {})
    roles = _roles_by_label(wish.topics.roles())
    if not roles:
        return []
    labels = _label_operations(metadata.get("labels"), roles)
    return labels + _affinity_operations(pod.get("spec") or {}, wish.strength, roles)


def _roles_by_label(roles: Mapping[str, Role]) -> dict[str, Role]:
    """Labels in order, each with what the pod does to the topics that share it."""
    merged: dict[str, Role] = {}
    for topic, role in roles.items():
        label = label_of(topic)
        merged[label] = role if merged.get(label, role) == role else "both"
    return dict(sorted(merged.items()))


def _label_operations(
    present: Mapping[str, str] | None, roles: Mapping[str, Role]
) -> list[Operation]:
    parents = [] if present else [_add("/metadata/labels", {})]
    missing = [
        _add(f"/metadata/labels/{label.replace('/', '~1')}", role)
        for label, role in roles.items()
        if label not in (present or {})
    ]
    return parents + missing if missing else []


def _affinity_operations(
    spec: Mapping[str, Any], strength: Strength, labels: Iterable[str]
) -> list[Operation]:
    affinity = spec.get("affinity")
    pod_affinity = (affinity or {}).get("podAffinity")
    present = (pod_affinity or {}).get(_LISTS[strength])
    missing = [label for label in labels if not any(_is_for(label, term) for term in present or ())]
    if not missing:
        return []
    path = "/spec/affinity/podAffinity"
    end = f"{path}/{_LISTS[strength]}"
    parents = [
        *([] if affinity else [_add("/spec/affinity", {})]),
        *([] if pod_affinity else [_add(path, {})]),
        *([] if present else [_add(end, [])]),
    ]
    return parents + [_add(f"{end}/-", _term(strength, label)) for label in missing]


def _term(strength: Strength, label: str) -> dict[str, Any]:
    term = {
        "labelSelector": {"matchExpressions": [{"key": label, "operator": "Exists"}]},
        "namespaceSelector": {"matchLabels": {OPT_IN: "enabled"}},
        "topologyKey": HOST,
    }
    return term if strength == "required" else {"weight": WEIGHT, "podAffinityTerm": term}


def _is_for(label: str, entry: Mapping[str, Any]) -> bool:
    """Whether a term of either list already seeks pods with this label on the same host."""
    term = entry.get("podAffinityTerm") or entry
    expressions = (term.get("labelSelector") or {}).get("matchExpressions") or ()
    return term.get("topologyKey") == HOST and any(
        expression.get("key") == label and expression.get("operator") == "Exists"
        for expression in expressions
    )


def _add(path: str, value: object) -> Operation:
    return {"op": "add", "path": path, "value": value}

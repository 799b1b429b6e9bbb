"""From a pod to the JSON patch that brings it near its topics' other users. Pure.

For each topic that the annotations name, the pod gets the topic's label (see `labels`) and one term
of pod affinity: near pods that bear this label, on the same host, in any namespace that opted in.
Publishers seek publishers too, and subscribers subscribers: a topic is a ring in one node's memory,
so all its users belong together. A pod matches its own terms, which is what lets the first pod of a
topic be scheduled where the affinity is required.

Kubernetes counts another pod towards required terms only if it meets all of them at once. With one
term for each of two topics, a pod that has one of them would count for nothing. So only the topic
that is named first (subscribed ones before published ones) is required, and the others preferred;
and nothing is required of a pod that has required terms of its own, because no pod might meet both.

What the pod has already stays: a label with the same key keeps its value, and terms are appended.
A second call finds its own work and adds nothing. Labels and terms come in one patch, all or
nothing: a required term without the label would keep the first pod waiting for ever.

deploy/placement/policy.yaml makes the same patch in CEL; the tests hold the two to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from podring_controller.placement.annotations import Role, Strength, Wish, wish_of
from podring_controller.placement.labels import label_of

HOST = "kubernetes.io/hostname"
OPT_IN = "podring.io/placement"
"""The label of namespaces whose pods are placed, and count; its value is `enabled`."""
WEIGHT = 100
"""Of a preferred term: the most that Kubernetes has, and still one score among others."""

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"

Json = Mapping[str, Any]
Operation = dict[str, Any]
"""One operation of RFC 6902."""


def patch_of(pod: Json) -> list[Operation]:
    """The operations that add labels and affinity to a pod; none where there is nothing to add.

    pod      as the API server gives it: metadata and spec
    raises   MalformedAnnotation, where an annotation cannot be read
    """
    metadata = pod.get("metadata") or {}
    wish = wish_of(metadata.get("annotations") or {})
    if not wish.names:
        return []
    roles = _roles_by_label(wish)
    labels = _label_operations(metadata.get("labels") or {}, roles)
    return labels + _affinity_operations(pod.get("spec") or {}, wish.strength, list(roles))


def _roles_by_label(wish: Wish) -> dict[str, Role]:
    """Labels in the order of names, each with what the pod does to the topics that share it."""
    merged: dict[str, Role] = {}
    for topic in wish.names:
        label, role = label_of(topic), wish.topics.role_in(topic)
        merged[label] = role if merged.get(label, role) == role else "both"
    return merged


def _label_operations(present: Mapping[str, str], roles: Mapping[str, Role]) -> list[Operation]:
    missing = [
        _add(f"/metadata/labels/{label.replace('/', '~1')}", role)
        for label, role in roles.items()
        if label not in present
    ]
    return missing if present or not missing else [_add("/metadata/labels", {}), *missing]


def _affinity_operations(spec: Json, strength: Strength, labels: list[str]) -> list[Operation]:
    affinity = spec.get("affinity") or {}
    present = affinity.get("podAffinity") or {}
    has_required, has_preferred = present.get(REQUIRED) or [], present.get(PREFERRED) or []
    binding = strength == "required" and (not has_required or _seeks(has_required, labels[0]))
    missing = {
        REQUIRED: labels[:1] if binding and not has_required else [],
        PREFERRED: [each for each in labels[binding:] if not _seeks(has_preferred, each)],
    }
    parents = [] if affinity else [_add("/spec/affinity", {})]
    parents += [] if present else [_add("/spec/affinity/podAffinity", {})]
    added = [
        operation
        for kind, missed in missing.items()
        for operation in _append(kind, bool(present.get(kind)), missed)
    ]
    return parents + added if added else []


def _append(kind: str, exists: bool, labels: list[str]) -> list[Operation]:
    path = f"/spec/affinity/podAffinity/{kind}"
    terms = [_add(f"{path}/-", _entry(kind, label)) for label in labels]
    return terms if exists or not terms else [_add(path, []), *terms]


def _entry(kind: str, label: str) -> dict[str, Any]:
    term = {
        "labelSelector": {"matchExpressions": [{"key": label, "operator": "Exists"}]},
        "namespaceSelector": {"matchLabels": {OPT_IN: "enabled"}},
        "topologyKey": HOST,
    }
    return term if kind == REQUIRED else {"weight": WEIGHT, "podAffinityTerm": term}


def _seeks(entries: Iterable[Json], label: str) -> bool:
    return any(_is_for(label, entry) for entry in entries)


def _is_for(label: str, entry: Json) -> bool:
    """Whether a term of either list already seeks pods with this label on the same host."""
    term = entry.get("podAffinityTerm") or entry
    expressions = (term.get("labelSelector") or {}).get("matchExpressions") or ()
    return term.get("topologyKey") == HOST and any(
        expression.get("key") == label and expression.get("operator") == "Exists"
        for expression in expressions
    )


def _add(path: str, value: object) -> Operation:
    return {"op": "add", "path": path, "value": value}

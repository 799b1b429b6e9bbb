"""The `status` of a resource, made from how its topic stands on each node.

It is computed anew each time and written only where it differs from what the API server has, so
nothing needs to be remembered. Conditions are as everywhere in Kubernetes:

    Accepted   the resource has its topic's name; False: an older one has, or podring refuses it
    Ready      every selected node has the topic
    Colocated  the topic's publishers and subscribers are on the same nodes; Unknown: not both seen

A list of nodes grows with the cluster and an object must not, so `nodes` holds the first 16, those
without the topic first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from podring_controller.cluster import Declared
from podring_controller.colocation import Verdict
from podring_controller.resource import Sharedmemory
from podring_controller.states import NodeState

NODES_MOST = 16
_NAMED = 3

Status = dict[str, Any]


def accepted_status(resource: Declared, states: Sequence[NodeState], where: Verdict) -> Status:
    """The status of a resource that has its topic's name."""
    wish = resource.wish
    topic = wish.topic if wish is not None else ""
    accepted = Verdict("True", "Accepted", f"this resource declares topic {topic!r}")
    ready = _ready(topic, states) if states else _nowhere(topic, wish)
    return _status(resource, states, accepted, ready, where)


def refused_status(resource: Declared, holder: Declared | None) -> Status:
    """The status of a resource whose topic is not made on its behalf.

    holder   the older resource that has the name; None when podring refuses the spec
    """
    if holder is None:
        accepted = Verdict("False", "Invalid", resource.fault)
    else:
        topic = holder.wish.topic if holder.wish is not None else ""
        age = "older" if holder.created < resource.created else "as old and has the name"
        accepted = Verdict(
            "False",
            "TopicNameTaken",
            f"topic {topic!r} is declared by Sharedmemory {holder.path}, which is {age}: it passes "
            "to this resource when that one is gone",
        )
    ready = Verdict("False", accepted.reason, accepted.message)
    where = Verdict("Unknown", accepted.reason, "this resource does not declare the topic")
    return _status(resource, (), accepted, ready, where)


def leaving_status(resource: Declared, waiting: Sequence[str]) -> Status:
    """The status of a resource that is being deleted: what it was, and what it waits for."""
    why = f"its memory is being freed; not done yet on {_listed(waiting)}"
    before = [each for each in resource.status.get("conditions") or () if each["type"] != "Ready"]
    leaving = _condition(resource, "Ready", Verdict("False", "Deleting", why))
    return {**resource.status, "conditions": [*before, leaving]}


def condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """A condition of a status by its type; empty when it is not there."""
    return next((each for each in status.get("conditions") or () if each["type"] == kind), {})


def _status(
    resource: Declared,
    states: Sequence[NodeState],
    accepted: Verdict,
    ready: Verdict,
    where: Verdict,
) -> Status:
    worst_first = sorted(states, key=lambda each: (each.ready, each.pending, each.node))
    good = sum(each.ready for each in states)
    verdicts = {"Accepted": accepted, "Ready": ready, "Colocated": where}
    return {
        "observedGeneration": resource.generation,
        "readyNodes": good,
        "desiredNodes": len(states),
        "nodesReady": f"{good}/{len(states)}",
        "nodes": [_entry(each) for each in worst_first[:NODES_MOST]],
        "conditions": [_condition(resource, kind, each) for kind, each in verdicts.items()],
    }


def _entry(state: NodeState) -> Status:
    entry: Status = {"name": state.node, "ready": state.ready, "reason": state.reason}
    return entry | ({"message": state.message} if state.message else {})


def _condition(resource: Declared, kind: str, verdict: Verdict) -> Status:
    before = condition(resource.status, kind)
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    since = before["lastTransitionTime"] if before.get("status") == verdict.status else now
    return {
        "type": kind,
        "status": verdict.status,
        "reason": verdict.reason,
        "message": verdict.message,
        "lastTransitionTime": since,
        "observedGeneration": resource.generation,
    }


def _nowhere(topic: str, wish: Sharedmemory | None) -> Verdict:
    labels = wish.node_selector if wish is not None else {}
    shown = _listed([f"{name}={value}" for name, value in sorted(labels.items())])
    why = (
        f"no node carries the labels of spec.nodeSelector ({shown})"
        if labels
        else "no node runs a broker"
    )
    return Verdict("False", "NoNodes", f"topic {topic!r} is nowhere: {why}")


def _ready(topic: str, states: Sequence[NodeState]) -> Verdict:
    bad = [each for each in states if not each.ready and not each.pending]
    late = [each for each in states if each.pending]
    count = f"{sum(each.ready for each in states)} of {len(states)} nodes"
    if bad:
        reasons = {each.reason for each in bad}
        reason = reasons.pop() if len(reasons) == 1 else "NodesFailing"
        return Verdict("False", reason, f"topic {topic!r} is on {count}; {_described(bad)}")
    if late:
        return Verdict("False", "Pending", f"topic {topic!r} is on {count}, and on its way")
    found = [each for each in states if each.reason == "UsedAsFound"]
    if found:
        return Verdict(
            "True",
            "UsedAsFound",
            f"topic {topic!r} is on {count}; on {len(found)} of them somebody else made it, and it "
            f"stays there when this resource goes; {_described(found)}",
        )
    return Verdict("True", "TopicReady", f"topic {topic!r} is on {count}")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _described(states: Sequence[NodeState]) -> str:
    """What is the matter, each with some of the nodes that it is the matter with."""
    nodes: dict[str, list[str]] = {}
    for each in sorted(states, key=lambda each: each.node):
        nodes.setdefault(each.message, []).append(each.node)
    sentences = [f"{_listed(names)}: {what}" for what, names in list(nodes.items())[:_NAMED]]
    return "; ".join(sentences) + ("; and more" if len(nodes) > _NAMED else "")

"""Whether the publishers and subscribers of a topic are on the same nodes.

Shared memory ends at the node: a subscriber where nobody publishes hears nothing, and a publisher
where nobody subscribes speaks to nobody. Pods say in annotations which topics they use. A topic
that no pod names, or that only one side names, has nothing to be said about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from podring_controller.cluster import Pod

_NAMED = 3


@dataclass(slots=True)
class Users:
    """The pods that publish and subscribe to a topic."""

    publishers: list[Pod] = field(default_factory=list)
    subscribers: list[Pod] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the condition Colocated says."""

    status: str
    reason: str
    message: str


def users(pods: Iterable[Pod]) -> Mapping[str, Users]:
    """Who uses each topic, of the pods that are on a node."""
    found: dict[str, Users] = defaultdict(Users)
    for pod in sorted(pods, key=lambda pod: (pod.namespace, pod.name)):
        if pod.node:
            for topic in pod.topics.publishes:
                found[topic].publishers.append(pod)
            for topic in pod.topics.subscribes:
                found[topic].subscribers.append(pod)
    return found


def verdict(using: Users) -> Verdict:
    """Judge a topic by its users."""
    publishing = {pod.node for pod in using.publishers}
    subscribing = {pod.node for pod in using.subscribers}
    if not publishing or not subscribing:
        sides = {(False, True): "publishes", (True, False): "subscribes"}
        missing = sides.get((bool(publishing), bool(subscribing)), "publishes or subscribes")
        return Verdict(
            "Unknown", "NotBothSides", f"no pod on a node says in its annotations that it {missing}"
        )
    deaf = [pod for pod in using.subscribers if pod.node not in publishing]
    unheard = [pod for pod in using.publishers if pod.node not in subscribing]
    if not deaf and not unheard:
        where = _names(sorted(publishing))
        return Verdict("True", "SameNodes", f"publishers and subscribers are together on {where}")
    sentences = []
    if deaf:
        sentences.append(f"no publisher is on the node of subscriber {_places(deaf)}")
    if unheard:
        sentences.append(f"no subscriber is on the node of publisher {_places(unheard)}")
    return Verdict("False", "DifferentNodes", "; ".join(sentences))


def _places(pods: list[Pod]) -> str:
    return _names([f"{pod.namespace}/{pod.name} ({pod.node})" for pod in pods])


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more

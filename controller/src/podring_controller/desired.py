"""What every broker shall have, from the resources, the nodes and nothing else.

Who gets a topic's name: of all valid resources that ask for it, in any namespace, the oldest by
creation time; of those made in the same second one that is guarded, for which the topic may be in
use by now, else by uid. It keeps the name until it is gone, its deletion included; then the next
one takes over. An invalid resource claims nothing.

Which nodes: those that carry all labels of `nodeSelector`. Without a selector, those that run a
broker: nobody means the control plane by saying nothing. A node that was chosen by its labels and
runs none counts, so that the resource says what is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from podring.topic import TopicSpec
from podring_controller.cluster import Declared, Node
from podring_controller.origin import origin_of
from podring_controller.resource import Sharedmemory


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic that a broker shall have."""

    name: str
    spec: TopicSpec
    origin: str
    uid: str


@dataclass(frozen=True, slots=True)
class Desired:
    """What brokers shall have.

    topics   by node and name; a node that is not there shall have none
    living   uids of resources whose topics go where they are not wanted
    spared   uids of resources whose topics are left alone wherever they are. Some we cannot read:
             they may be a newer controller's, and rolling back must not cost anybody's messages.
             Some have lost their guard, as by `kubectl replace`: until it is in again nothing is
             made for them, and nothing removed
    """

    topics: Mapping[str, Mapping[str, Wanted]] = field(default_factory=dict)
    living: Collection[str] = ()
    spared: Collection[str] = ()

    def on(self, node: str) -> Mapping[str, Wanted]:
        return self.topics.get(node, {})


def claims(resources: Iterable[Declared]) -> dict[str, Declared]:
    """Who has each topic's name."""
    holders: dict[str, Declared] = {}
    for each in sorted(resources, key=_by_age):
        if each.wish is not None:
            holders.setdefault(each.wish.topic, each)
    return holders


def _by_age(resource: Declared) -> tuple[str, bool, str]:
    return resource.created, not resource.guarded, resource.uid


def selected(wish: Sharedmemory, nodes: Mapping[str, Node], hosts: Collection[str]) -> list[str]:
    """The nodes that shall have a resource's topic, by name.

    hosts   nodes that run a broker
    """
    if not wish.node_selector:
        return sorted(name for name in nodes if name in hosts)
    return sorted(
        name
        for name, node in nodes.items()
        if all(node.labels.get(key) == value for key, value in wish.node_selector.items())
    )


def origin(resource: Declared) -> str:
    """What is written into the topics of a resource."""
    retain = resource.wish is not None and resource.wish.retain
    return origin_of(resource.namespace, resource.name, resource.uid, retain=retain)


def needs_guard(resource: Declared, holders: Mapping[str, Declared]) -> bool:
    """Whether it must be kept from vanishing before topics are made for it."""
    wish = resource.wish
    return (
        wish is not None
        and not wish.retain
        and not resource.guarded
        and resource.deleted_at is None
        and holders[wish.topic].uid == resource.uid
    )


def desired(
    resources: Collection[Declared], nodes: Mapping[str, Node], hosts: Collection[str]
) -> Desired:
    """What every broker shall have. A resource that is not guarded yet has to wait."""
    topics: dict[str, dict[str, Wanted]] = {}
    holders = claims(resources)
    unguarded = {each.uid for each in holders.values() if needs_guard(each, holders)}
    for name, holder in holders.items():
        wish = holder.wish
        if wish is None or holder.deleted_at is not None or holder.uid in unguarded:
            continue
        wanted = Wanted(name, wish.spec, origin(holder), holder.uid)
        for node in selected(wish, nodes, hosts):
            topics.setdefault(node, {})[name] = wanted
    # One that is being deleted counts as gone: only its name is still taken.
    alive = [each for each in resources if each.deleted_at is None]
    spared = {each.uid for each in alive if each.wish is None} | unguarded
    living = {each.uid for each in alive} - spared
    return Desired(topics, frozenset(living), frozenset(spared))

"""When a resource that is being deleted may go: once its memory is free wherever it can be.

A node whose broker answers is waited for. One that does not answer is waited for no longer than the
grace, because a cluster must be able to lose nodes; what is left there is removed when its broker
is back, since no resource claims it any more. A node without a Node object is not waited for.

    the node's broker                                               then
    answers, and has nothing of the resource                        free
    answers, and has something                                      wait
    is being worked with on behalf of the resource                  wait
    is silent, failing or away, for less than the grace             wait
    the same, for longer; or its node was NotReady for longer       give up
    never was there, and the status does not speak of it            free
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from podring_controller.cluster import Declared, Node
from podring_controller.lane import Lane
from podring_controller.origin import owner_in


@dataclass(slots=True)
class Release:
    """Nodes that keep a resource from going, and nodes that were given up."""

    waiting: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)


def release(
    resource: Declared,
    nodes: Mapping[str, Node],
    lanes: Iterable[Lane],
    *,
    now: float,
    grace_s: float,
) -> Release:
    """Judge a resource that is being deleted and guarded.

    now  seconds since 1970
    """
    result = Release()
    by_node = {lane.node: lane for lane in lanes}
    spoken_of = {each["name"] for each in resource.status.get("nodes") or ()}
    for name in sorted({*by_node, *spoken_of} & nodes.keys()):
        lane = by_node.get(name)
        if lane is not None and is_free(resource, lane):
            continue
        if _is_lost(resource, nodes[name], lane, now, grace_s):
            result.given_up.append(name)
        else:
            result.waiting.append(name)
    return result


def is_free(resource: Declared, lane: Lane) -> bool:
    """Whether a broker is known to hold nothing of a resource, and not to be about to."""
    if lane.seen is None or lane.stale or lane.gone_at is not None:
        return False
    topic = resource.wish.topic if resource.wish is not None else None
    job = lane.job
    if job is not None and topic is not None:
        coming = job.on(lane.node).get(topic)
        if coming is not None and coming.uid == resource.uid:
            return False
    records = [lane.seen.get(topic)] if topic is not None else list(lane.seen.values())
    owners = [owner_in(record.origin) for record in records if record is not None]
    return all(owner is None or owner.retained or owner.uid != resource.uid for owner in owners)


def _is_lost(resource: Declared, node: Node, lane: Lane | None, now: float, grace_s: float) -> bool:
    if not node.ready and now - node.since >= grace_s:
        return True
    silent = lane is None or lane.failure is not None or lane.gone_at is not None
    return silent and now - (resource.deleted_at or now) >= grace_s

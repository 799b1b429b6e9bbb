"""How a resource's topic stands on one node, in one word and a sentence.

The words, from the worst to the best: NoBroker, NodeNotReady, BrokerNotReady, BrokerUnreachable,
BrokerRefuses, TopicDiffers, NoRoom, Refused, Pending, UsedAsFound, Made. Sentences hold no time
and no count of attempts, because each change of a status is a write to the API server.
"""

from __future__ import annotations

from dataclasses import dataclass

from podring_controller.cluster import Endpoint, Node
from podring_controller.desired import Wanted
from podring_controller.lane import Lane
from podring_controller.lanes import LINGER_S
from podring_controller.origin import owner_in

_SHOWN = 300


@dataclass(frozen=True, slots=True)
class NodeState:
    """A topic on a node.

    ready    whether it can be published to and subscribed to there
    pending  whether nothing is wrong, it only takes a moment
    """

    node: str
    reason: str
    message: str = ""

    @property
    def ready(self) -> bool:
        return self.reason in ("Made", "UsedAsFound")

    @property
    def pending(self) -> bool:
        return self.reason == "Pending"


def state_on(
    node: Node, wanted: Wanted, lane: Lane | None, endpoint: Endpoint | None, now: float
) -> NodeState:
    """The state of a wanted topic on a node.

    A broker that was silent or away for less than `LINGER_S` is taken at its last word: topics
    live without it, and restarting brokers shall not rewrite every status. One that refuses
    something and tells what it has, as while its catalogue is away, has what it tells.

    now  on the monotonic clock
    """
    found = _found(node, wanted, lane)
    trouble = _trouble(node, lane, endpoint, now)
    if trouble is not None and (found is None or not _tells(lane)):
        return trouble
    if lane is None or lane.seen is None:
        return NodeState(node.name, "Pending", "its broker was not asked yet")
    if found is not None:
        return found
    refusal = lane.refusals.get(wanted.name)
    if refusal is not None and refusal.wanted == wanted:
        return NodeState(node.name, refusal.reason, _short(refusal.message))
    return NodeState(node.name, "Pending", "it is being made")


def _found(node: Node, wanted: Wanted, lane: Lane | None) -> NodeState | None:
    """The topic as the broker last told of it; None if it is not there as it shall be."""
    record = lane.seen.get(wanted.name) if lane is not None and lane.seen is not None else None
    if record is None or record.spec != wanted.spec:
        return None
    owner = owner_in(record.origin)
    if owner is not None and owner.uid == wanted.uid:
        return NodeState(node.name, "Made")
    if owner is None or owner.retained:
        whose = f"made by {record.origin!r}" if record.origin else "made by nobody who said so"
        return NodeState(node.name, "UsedAsFound", f"it was there, {whose}: used, and left")
    return None


def _tells(lane: Lane | None) -> bool:
    """Whether a broker that fails at something tells what it has: that is there nonetheless."""
    return lane is not None and lane.gone_at is None and bool(lane.failure and lane.failure.listed)


def _trouble(
    node: Node, lane: Lane | None, endpoint: Endpoint | None, now: float
) -> NodeState | None:
    """What stands between us and the node's broker, unless it is a matter of seconds."""
    since = _silent_since(lane)
    if since is None or (lane is not None and lane.seen is not None and now - since < LINGER_S):
        return None
    if not node.ready:
        return NodeState(node.name, "NodeNotReady", "the node does not report to the cluster")
    if lane is not None and lane.failure is not None:
        return NodeState(node.name, lane.failure.reason, _words(lane))
    if endpoint is None:
        return NodeState(
            node.name, "NoBroker", "it was selected and runs no broker: let the DaemonSet run there"
        )
    if not endpoint.ready:
        return NodeState(node.name, "BrokerNotReady", "its broker is there and not ready")
    return None


def _silent_since(lane: Lane | None) -> float | None:
    """Since when a broker has not answered; None while it does. For ever if it never was there."""
    if lane is None:
        return -LINGER_S
    return lane.gone_at if lane.failure is None else lane.failure.since


def _words(lane: Lane) -> str:
    """What failed, without the seconds and attempts that differ every time."""
    if lane.failure is None or lane.failure.reason == "BrokerUnreachable":
        return f"no answer from {lane.endpoint.address}"
    return _short(lane.failure.message)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"

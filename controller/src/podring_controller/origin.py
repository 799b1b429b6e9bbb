"""Whose a topic on a broker is, as it is written into the topic.

    sharedmemory/NAMESPACE/NAME/UID            goes with its resource
    sharedmemory-retained/NAMESPACE/NAME/UID   stays when its resource goes

Where that would be too long for an origin, namespace and name are left out: the uid decides, the
rest is for people. Every other origin, the empty one too, is somebody else's, whose topics the
controller uses and never removes.
"""

from __future__ import annotations

from dataclasses import dataclass

from podring.topic import ORIGIN_MAX

_KEPT_FOR = {"sharedmemory": False, "sharedmemory-retained": True}


@dataclass(frozen=True, slots=True)
class Owner:
    """The resource that a topic was made for.

    retained   whether the topic is to outlive it
    """

    uid: str
    retained: bool


def origin_of(namespace: str, name: str, uid: str, *, retain: bool) -> str:
    """The origin to write into the topics of a resource."""
    prefix = "sharedmemory-retained" if retain else "sharedmemory"
    full = f"{prefix}/{namespace}/{name}/{uid}"
    return full if len(full) <= ORIGIN_MAX else f"{prefix}/{uid}"


def owner_in(origin: str) -> Owner | None:
    """The resource that an origin names; None when it is not of the controller's making."""
    prefix, *rest = origin.split("/")
    if prefix not in _KEPT_FOR or len(rest) not in (1, 3) or not rest[-1]:
        return None
    return Owner(rest[-1], _KEPT_FOR[prefix])

"""What the controller reads of a cluster, as values. Parsing only; `kube` fetches.

Objects come as the API server's JSON. What an object lacks is taken as empty, because the API
server leaves out what is, and nothing here may fail on an object that it accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from podring_controller.placement.annotations import PodTopics, topics_of
from podring_controller.resource import InvalidResource, Sharedmemory

FINALIZER = "podring.io/memory"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Declared:
    """A `Sharedmemory` resource.

    wish        what it asks for; None when podring refuses it, and then `fault` says why
    deleted_at  seconds since 1970; None while nobody asked for its deletion
    """

    namespace: str
    name: str
    uid: str
    created: str
    generation: int
    version: str
    deleted_at: float | None
    finalizers: tuple[str, ...]
    status: Json = field(compare=False)
    wish: Sharedmemory | None
    fault: str = ""

    @property
    def path(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def guarded(self) -> bool:
        """Whether it cannot go before the controller lets it."""
        return FINALIZER in self.finalizers

    @classmethod
    def of(cls, item: Json) -> Declared:
        meta = item["metadata"]
        wish, fault = None, ""
        try:
            wish = Sharedmemory.of_spec(item.get("spec"))
        except InvalidResource as error:
            fault = str(error)
        deleted = meta.get("deletionTimestamp")
        return cls(
            namespace=meta["namespace"],
            name=meta["name"],
            uid=meta["uid"],
            created=meta["creationTimestamp"],
            generation=meta.get("generation", 1),
            version=meta["resourceVersion"],
            deleted_at=None if deleted is None else seconds(deleted),
            finalizers=tuple(meta.get("finalizers", ())),
            status=item.get("status") or {},
            wish=wish,
            fault=fault,
        )


@dataclass(frozen=True, slots=True)
class Node:
    """A node. `since` is when it became ready or stopped being so, in seconds since 1970."""

    name: str
    labels: Mapping[str, str]
    ready: bool = True
    since: float = 0.0

    @classmethod
    def of(cls, item: Json) -> Node:
        conditions = (item.get("status") or {}).get("conditions") or ()
        ready: Json = next((each for each in conditions if each["type"] == "Ready"), {})
        return cls(
            name=item["metadata"]["name"],
            labels=item["metadata"].get("labels") or {},
            # A node that says nothing about itself is one that nothing is known against.
            ready=ready.get("status", "True") == "True",
            since=seconds(ready.get("lastTransitionTime")),
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a node's broker is. `identity` changes when another pod takes its place."""

    node: str
    address: str
    identity: str
    ready: bool = True


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that says which topics it uses."""

    namespace: str
    name: str
    node: str
    topics: PodTopics

    @classmethod
    def of(cls, item: Json) -> Pod:
        meta = item["metadata"]
        node = (item.get("spec") or {}).get("nodeName") or ""
        return cls(meta["namespace"], meta["name"], node, topics_of(meta.get("annotations") or {}))


def endpoints_of(slices: Iterable[Json]) -> dict[str, Endpoint]:
    """The best endpoint of each node: one that is ready, and IPv4 where there are both."""
    found: dict[str, tuple[tuple[bool, bool, str], Endpoint]] = {}
    for each in slices:
        port = _port(each.get("ports") or ())
        family = each.get("addressType")
        if port is None or family not in ("IPv4", "IPv6"):
            continue
        for entry in each.get("endpoints") or ():
            endpoint = _endpoint(entry, port)
            if endpoint is not None:
                rank = (not endpoint.ready, family != "IPv4", endpoint.address)
                found[endpoint.node] = min(
                    found.get(endpoint.node, (rank, endpoint)), (rank, endpoint), key=_first
                )
    return {node: endpoint for node, (_, endpoint) in found.items()}


def _first(pair: tuple[tuple[bool, bool, str], Endpoint]) -> tuple[bool, bool, str]:
    return pair[0]


def _endpoint(entry: Json, port: int) -> Endpoint | None:
    node, addresses = entry.get("nodeName"), entry.get("addresses")
    conditions = entry.get("conditions") or {}
    if not node or not addresses:
        return None
    host = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    address = f"http://{host}:{port}"
    identity = (entry.get("targetRef") or {}).get("uid") or address
    # Absent means ready, says the API; while it terminates, its replacement is the one to ask.
    ready = conditions.get("ready") is not False and not conditions.get("terminating")
    return Endpoint(node, address, identity, ready)


def _port(ports: Iterable[Json]) -> int | None:
    numbers = {each.get("name"): each.get("port") for each in ports}
    return numbers.get("http") or next(iter(numbers.values()), None)


def seconds(timestamp: str | None) -> float:
    """An RFC 3339 timestamp as seconds since 1970; 0 for none."""
    return 0.0 if not timestamp else datetime.fromisoformat(timestamp).timestamp()

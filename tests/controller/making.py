"""Resources, nodes and topics for the controller's tests, and what a test does not care about."""

from __future__ import annotations

from typing import Any

from podring import TopicSpec
from podring.topic import TopicRecord
from podring_controller.cluster import FINALIZER, Declared, Node
from podring_controller.origin import origin_of
from podring_controller.resource import InvalidResource, Sharedmemory

SPEC = TopicSpec(65536, 1024)


def declared(
    uid: str = "u1",
    topic: str = "t",
    *,
    created: str = "2026-11-21T00:00:00Z",
    guarded: bool = True,
    deleted_at: float | None = None,
    status: dict[str, Any] | None = None,
    **spec: Any,
) -> Declared:
    fields = {"topicname": topic, "shmsize": 65536, "msgsize": 1024, **spec}
    wish, fault = None, ""
    try:
        wish = Sharedmemory.of_spec(fields)
    except InvalidResource as error:
        fault = str(error)
    return Declared(
        namespace="shop",
        name=f"name-{uid}",
        uid=uid,
        created=created,
        generation=1,
        version="1",
        deleted_at=deleted_at,
        finalizers=(FINALIZER,) if guarded else (),
        status=status or {},
        wish=wish,
        fault=fault,
    )


def nodes(*names: str, ready: bool = True, since: float = 0.0, **labels: str) -> dict[str, Node]:
    return {name: Node(name, labels, ready, since) for name in names}


def record(topic: str = "t", origin: str = "", spec: TopicSpec = SPEC) -> TopicRecord:
    return TopicRecord(topic, spec, spec.size_bytes, 1, f"segment.{topic}", origin)


def made_for(uid: str = "u1", topic: str = "t", *, retain: bool = False) -> TopicRecord:
    return record(topic, origin_of("shop", f"name-{uid}", uid, retain=retain))

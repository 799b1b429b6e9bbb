"""kopf: watch streams that outlive API servers, and ring the loop's bell when something changed.

The handlers write nothing and keep nothing but a digest of what matters, so kopf puts neither
annotations nor finalizers anywhere, needs no right to write, and may miss events: it does not
announce what was deleted while it had no stream, and so its events cannot be the truth. The lists
that the loop reads are.

Peering is off (`standalone`): one replica with `strategy: Recreate` is the whole arrangement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import kopf
import structlog

from podring_controller.cluster import Json, Node, Pod
from podring_controller.kube import GROUP, PLURAL, VERSION
from podring_controller.settings import Settings

Ring = Callable[[str], None]
"""Called with what changed: `resources`, `nodes`, `endpoints` or `pods`."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def registry(ring: Ring) -> kopf.OperatorRegistry:
    """The handlers: one a kind of object."""
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers)(kopf.login_via_client)
    kinds: tuple[tuple[tuple[str, str, str], str, Callable[[Json], object]], ...] = (
        ((GROUP, VERSION, PLURAL), "resources", _of_resource),
        (("", "v1", "nodes"), "nodes", Node.of),
        (("discovery.k8s.io", "v1", "endpointslices"), "endpoints", _of_slice),
        (("", "v1", "pods"), "pods", _of_pod),
    )
    for kind, what, digest in kinds:
        kopf.on.event(*kind, registry=handlers, id=what)(_handler(what, digest, ring))
    return handlers


def kopf_settings(settings: Settings) -> kopf.OperatorSettings:
    """kopf without its habits of writing, and with patience that ends."""
    result = kopf.OperatorSettings()
    result.posting.enabled = False
    result.scanning.disabled = True  # needs the right to list CRDs; the loop waits for ours
    result.peering.standalone = True
    result.process.ultimate_exiting_timeout = None  # process.py sees to that
    result.networking.connect_timeout = 5.0
    result.networking.request_timeout = 30.0
    result.networking.error_backoffs = (1, 1, 2, 3, 5)
    # An API server that dies without a word is noticed by the missing bookmarks, after the 70 s of
    # inactivity_timeout; these are for proxies that keep a stream open and let nothing through.
    result.watching.server_timeout = 240  # a whole number, else the API server refuses it
    result.watching.client_timeout = 300.0
    result.watching.connect_timeout = 5.0
    service = settings.brokers_service
    selectors = result.watching.label_selectors
    selectors["discovery.k8s.io", "v1", "endpointslices"] = f"kubernetes.io/service-name={service}"
    result.watching.field_selectors["", "v1", "pods"] = "spec.nodeName!="
    return result


async def watch(
    handlers: kopf.OperatorRegistry,
    settings: kopf.OperatorSettings,
    stop: asyncio.Event,
    heed_signals: Callable[[], None],
) -> None:
    """Watch until told to stop. Raises what kopf could not get over; then call it again.

    heed_signals   called once kopf has put handlers of its own in place: a signal that only kopf
                   heard of would be lost if kopf failed at the same time
    """
    others = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=handlers, settings=settings, clusterwide=True, standalone=True, stop_flag=stop
    )
    heed_signals()
    await kopf.run_tasks(tasks, ignored=others)


def _handler(what: str, digest: Callable[[Json], object], ring: Ring) -> Callable[..., Any]:
    known: dict[str, object] = {}

    async def changed(event: Mapping[str, Any], **_: Any) -> None:
        item = event["object"]
        uid = item["metadata"]["uid"]
        if event["type"] == "DELETED":
            if known.pop(uid, None) is not None:
                ring(what)
            return
        now = digest(item)
        if known.get(uid) != now:
            if now is None:
                del known[uid]
            else:
                known[uid] = now
            ring(what)

    return changed


def _of_resource(item: Json) -> object:
    """What of a resource is not of our own writing."""
    meta = item["metadata"]
    return meta.get("generation"), meta.get("deletionTimestamp"), meta.get("finalizers")


def _of_slice(item: Json) -> object:
    return item["metadata"]["resourceVersion"]


def _of_pod(item: Json) -> object:
    """None for pods that name no topic, so that most pods of a cluster cost nothing."""
    pod = Pod.of(item)
    phase = (item.get("status") or {}).get("phase")
    return (pod, phase in ("Succeeded", "Failed")) if pod.topics else None

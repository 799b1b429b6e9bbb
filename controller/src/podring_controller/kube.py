"""The API server: the lists that the controller acts upon, and every write that it makes.

The official client, without its models: they cost twenty times the parsing, and a resource of ours
has none. Lists are read in full and from the newest version, because topics of whatever is not in
them are removed. Writes carry what they rely on, so that one which comes late changes nothing.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from kubernetes import client, config
from urllib3.exceptions import HTTPError

from podring_controller.cluster import FINALIZER, Declared, Endpoint, Node, Pod, endpoints_of
from podring_controller.settings import Settings

GROUP, VERSION, PLURAL = "is.github.com", "v1alpha1", "sharedmemories"
TIMEOUT_S = (3.0, 15.0)
"""To connect, and to wait for an answer."""
PAGE = 500
WRITERS = 8
_NOTE_MOST = 1000
_MERGE = "application/merge-patch+json"


class NoApiServer(Exception):
    """Nothing that can be read says which API server to ask."""


class ApiUnreachable(Exception):
    """The API server does not answer, or refuses."""


class ApiRefused(ApiUnreachable):
    """The API server answers, and does not want this one call."""


class Conflict(Exception):
    """Somebody else changed the object first: look again."""


class Gone(Exception):
    """The object is not there any more."""


def load_config() -> None:
    """Find the API server: the pod's own, else what KUBECONFIG or ~/.kube/config says.

    raises  NoApiServer, which names where was looked
    """
    try:
        if os.environ.get("KUBERNETES_SERVICE_HOST"):
            place = "the pod's service account"
            config.load_incluster_config()  # type: ignore[no-untyped-call]
        else:
            place = f"KUBECONFIG {os.environ.get('KUBECONFIG') or '~/.kube/config'}"
            config.load_kube_config()  # type: ignore[no-untyped-call]
    except Exception as error:  # of any kind: the client trusts files to be what they should be
        why = " ".join(f"{error}".split())
        raise NoApiServer(f"{place} does not say which API server to ask: {why}") from error


class Kube:
    """The calls. Each raises ApiUnreachable; writes also Conflict and Gone."""

    def __init__(self, settings: Settings) -> None:
        configuration = client.Configuration.get_default_copy()
        configuration.connection_pool_maxsize = WRITERS + 2
        configuration.retries = False
        api = client.ApiClient(configuration)
        self._objects = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)
        self._discovery = client.DiscoveryV1Api(api)
        self._events = client.EventsV1Api(api)
        self._namespace, self._service = settings.brokers_namespace, settings.brokers_service
        self._instance = socket.gethostname()

    def resources(self) -> dict[str, Declared]:
        """Every `Sharedmemory` resource, by uid."""
        items = self._list(self._objects.list_cluster_custom_object, GROUP, VERSION, PLURAL)
        return {each.uid: each for each in map(Declared.of, items)}

    def nodes(self) -> dict[str, Node]:
        """Every node, by name."""
        return {each.name: each for each in map(Node.of, self._list(self._core.list_node))}

    def endpoints(self) -> dict[str, Endpoint]:
        """Where each node's broker is, by node."""
        return endpoints_of(
            self._list(
                self._discovery.list_namespaced_endpoint_slice,
                self._namespace,
                label_selector=f"kubernetes.io/service-name={self._service}",
            )
        )

    def pods(self) -> list[Pod]:
        """Pods that were given a node, have not ended, and name topics."""
        items = self._list(
            self._core.list_pod_for_all_namespaces,
            field_selector="spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed",
        )
        return [pod for pod in map(Pod.of, items) if pod.topics]

    def guard(self, resource: Declared) -> Declared:
        """Put our finalizer in. Raises Conflict when the resource changed meanwhile."""
        meta = {
            "resourceVersion": resource.version,
            "finalizers": [*resource.finalizers, FINALIZER],
        }
        return self._patch(resource, {"metadata": meta})

    def let_go(self, resource: Declared) -> None:
        """Take our finalizer out. Raises Conflict when the resource changed meanwhile."""
        rest = [each for each in resource.finalizers if each != FINALIZER]
        meta = {"resourceVersion": resource.version, "finalizers": rest}
        self._patch(resource, {"metadata": meta})

    def write_status(self, resource: Declared, status: dict[str, Any]) -> Declared:
        """Replace the status, whatever else happened to the resource."""
        call = self._objects.patch_namespaced_custom_object_status
        return self._patch(resource, {"status": status}, call)

    def tell(self, resource: Declared, kind: str, reason: str, note: str) -> None:
        """Post an event about a resource. kind: Normal or Warning."""
        about = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Sharedmemory",
            "namespace": resource.namespace,
            "name": resource.name,
            "uid": resource.uid,
        }
        event = {
            "metadata": {"name": f"{resource.name}.{secrets.token_hex(8)}"[-253:].lstrip("-.")},
            "regarding": about,
            "type": kind,
            "reason": reason,
            "note": note[:_NOTE_MOST],
            "action": "Reconcile",
            "eventTime": datetime.now(UTC).isoformat(timespec="microseconds"),
            "reportingController": "podring.io/controller",
            "reportingInstance": self._instance,
        }
        self._call(self._events.create_namespaced_event, resource.namespace, event)

    def _patch(
        self, resource: Declared, body: dict[str, Any], call: Callable[..., Any] | None = None
    ) -> Declared:
        where = (GROUP, VERSION, resource.namespace, PLURAL, resource.name)
        # The uid says which: a namesake that was made meanwhile is another resource.
        meta = {**body.get("metadata", {}), "uid": resource.uid}
        return Declared.of(
            self._call(
                call or self._objects.patch_namespaced_custom_object,
                *where,
                {**body, "metadata": meta},
                _content_type=_MERGE,
            )
        )

    def _list(self, call: Callable[..., Any], *args: Any, **query: Any) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            more = {"_continue": token} if token else {}
            page = self._call(call, *args, limit=PAGE, **query, **more)
            yield from page["items"]
            token = page["metadata"].get("continue", "")
            if not token:
                return

    def _call(self, call: Callable[..., Any], *args: Any, **more: Any) -> dict[str, Any]:
        try:
            answer = call(*args, **more, _preload_content=False, _request_timeout=TIMEOUT_S)
            found: dict[str, Any] = json.loads(answer.data)
        except client.ApiException as error:
            raise _translated(error) from None
        except (HTTPError, OSError, ValueError) as error:
            raise ApiUnreachable(f"{type(error).__name__}: {error}") from None
        return found


def _translated(error: client.ApiException) -> Exception:
    try:
        words = json.loads(error.body or "")["message"]
    except (TypeError, ValueError, KeyError):
        words = error.reason
    kinds = {400: ApiRefused, 403: ApiRefused, 404: Gone, 409: Conflict, 422: ApiRefused}
    return kinds.get(error.status, ApiUnreachable)(f"{error.status} {words}")

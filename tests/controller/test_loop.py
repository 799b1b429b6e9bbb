"""What the loop is made of: the bell that wakes it, its patience, its probes, and kopf's part."""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
from typing import Any

import pytest
import structlog.testing
from hypothesis import given
from hypothesis import strategies as st

from podring_controller import health, watching
from podring_controller.backoff import Backoff
from podring_controller.bell import Bell
from podring_controller.health import HUNG_S, Health
from podring_controller.kube import ApiUnreachable
from podring_controller.reconciler import Reconciler
from podring_controller.settings import Settings
from podring_controller.view import EVERYTHING, View
from tests.kubernetes.support.controlplane import free_port


def test_the_bell_collects_what_changed_until_somebody_takes_it() -> None:
    bell = Bell()
    for what in ("nodes", "pods", "nodes", ""):
        bell.ring(what)
    assert bell.wait(0) == {"nodes", "pods"}
    assert bell.wait(0) == set()


def test_a_ring_from_another_thread_ends_the_waiting() -> None:
    bell = Bell()
    threading.Timer(0.1, bell.ring).start()
    began = time.monotonic()
    assert bell.wait(30) == set()
    assert time.monotonic() - began < 10


@given(st.integers(1, 40))
def test_a_backoff_grows_to_its_limit_and_forgets_after_a_success(failures: int) -> None:
    backoff = Backoff(first_s=1.0, most_s=30.0)
    for _ in range(failures):
        backoff.failed(100.0)
    most = min(30.0, 2.0 ** (failures - 1))
    assert 100.0 + 0.8 * most <= backoff.due <= 100.0 + most
    backoff.succeeded()
    assert (backoff.failures, backoff.due) == (0, 0.0)


def test_probes_tell_a_loop_that_hangs_from_one_that_has_not_seen_everything() -> None:
    state = Health()
    assert state.trouble("/healthz") == ""
    assert "not looked at in full" in state.trouble("/readyz")
    state.complete()
    assert "watch streams are not running" in state.trouble("/readyz")
    state.watching = True
    assert state.trouble("/readyz") == ""
    state._turned_at -= HUNG_S + 1
    assert "has not come round for 301 s" in state.trouble("/healthz")
    state.turned()
    assert state.trouble("/healthz") == ""


def test_the_first_complete_look_is_announced_once() -> None:
    looks: list[int] = []
    state = Health(lambda: looks.append(1))
    state.complete()
    state.complete()
    assert looks == [1]


def test_probes_are_answered_over_http() -> None:
    state, port = Health(), free_port()
    health.serve(state, ("127.0.0.1", port))
    assert [ask(port, path) for path in ("/healthz", "/readyz", "/else")] == [200, 503, 404]


def ask(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


class Lists:
    """An API server that counts, and answers some questions only."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken = ""

    def __getattr__(self, name: str) -> Any:
        def answer() -> Any:
            if name == self.broken:
                raise ConnectionError(name)
            self.asked.append(name)
            return [] if name == "pods" else {}

        return answer


def test_only_what_changed_is_read_and_everything_once_in_a_while() -> None:
    view, lists = View(), Lists()
    view.refresh(lists)
    assert sorted(lists.asked) == sorted(EVERYTHING)
    view.doubt({"nodes"}, 30.0)
    view.refresh(lists)
    assert lists.asked[4:] == ["nodes"]
    view.doubt((), 30.0)
    assert view.unread == set()
    view.doubt((), 0.0)
    assert view.unread == EVERYTHING


def test_what_could_not_be_read_is_read_the_next_time() -> None:
    view, lists = View(), Lists()
    lists.broken = "nodes"
    with pytest.raises(ConnectionError):
        view.refresh(lists)
    lists.broken = ""
    view.refresh(lists)
    assert view.unread == set()
    assert "nodes" in lists.asked


class Troubled:
    """An API server that never answers, each time for the next reason."""

    def __init__(self, *reasons: str) -> None:
        self._reasons = iter(reasons)

    def resources(self) -> None:
        raise ApiUnreachable(next(self._reasons))


def test_a_trouble_with_the_api_server_is_logged_once_and_another_one_too() -> None:
    api: Any = Troubled("refused", "refused", "403 forbidden", "403 forbidden")
    reconciler = Reconciler(api, Settings(), Health())
    with structlog.testing.capture_logs() as logs:
        for _ in range(4):
            reconciler._guarded_turn()
    assert [each["why"] for each in logs] == ["refused", "403 forbidden"]


class Handlers:
    """kopf's handlers by what they ring for, called as kopf calls them."""

    def __init__(self) -> None:
        self.rung: list[str] = []
        made = watching.registry(self.rung.append)
        handlers: Any = made._watching.get_all_handlers()
        self._by_name = {str(each.id): each.fn for each in handlers}

    def tell(self, what: str, kind: str | None, item: dict[str, Any]) -> int:
        """How often the bell rings."""
        before = len(self.rung)
        meta = {"uid": "u1", "name": "n", "namespace": "shop", "resourceVersion": "1"}
        whole = {**item, "metadata": meta | item.get("metadata", {})}
        asyncio.run(self._by_name[what](event={"type": kind, "object": whole}))
        return len(self.rung) - before


def test_our_own_writes_to_a_status_do_not_ring_the_bell() -> None:
    handlers = Handlers()
    assert handlers.tell("resources", None, {"metadata": {"generation": 1}}) == 1
    status = {"metadata": {"generation": 1, "resourceVersion": "2"}, "status": {"readyNodes": 1}}
    assert handlers.tell("resources", "MODIFIED", status) == 0
    assert handlers.tell("resources", "MODIFIED", {"metadata": {"generation": 2}}) == 1
    assert handlers.tell("resources", "DELETED", {}) == 1


def test_a_nodes_heartbeat_does_not_ring_the_bell_and_its_labels_and_readiness_do() -> None:
    handlers = Handlers()
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T00:00:00Z"}
    assert handlers.tell("nodes", None, {"status": {"conditions": [ready]}}) == 1
    beat = ready | {"lastHeartbeatTime": "2026-11-21T00:05:00Z"}
    assert handlers.tell("nodes", "MODIFIED", {"status": {"conditions": [beat]}}) == 0
    lost = ready | {"status": "Unknown"}
    assert handlers.tell("nodes", "MODIFIED", {"status": {"conditions": [lost]}}) == 1
    labelled = {"metadata": {"labels": {"a": "b"}}, "status": {"conditions": [lost]}}
    assert handlers.tell("nodes", "MODIFIED", labelled) == 1


def test_pods_that_name_no_topic_never_ring_the_bell() -> None:
    handlers = Handlers()
    plain = {"spec": {"nodeName": "n1"}}
    assert handlers.tell("pods", None, plain) == 0
    assert handlers.tell("pods", "DELETED", plain) == 0
    ours = plain | {"metadata": {"annotations": {"podring.io/publishes": "t"}}}
    assert handlers.tell("pods", "ADDED", ours) == 1
    assert handlers.tell("pods", "MODIFIED", plain) == 1


def test_kopf_writes_nothing_and_looks_for_no_peers() -> None:
    made = watching.kopf_settings(Settings())
    assert not made.posting.enabled
    assert made.scanning.disabled
    assert made.peering.standalone
    assert isinstance(made.watching.server_timeout, int)

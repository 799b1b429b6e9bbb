"""The loop: read what changed, set brokers to work, write what came of it. Then wait for the bell.

Each turn decides everything anew from what was read, so it makes no difference which events were
missed, in which order they came, or after which call the controller was killed. The turn itself is
one thread's; brokers are worked with in `lanes`, and writes go out in `writer`, in threads of
theirs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from podring.client import Broker, broker_at
from podring_controller import colocation
from podring_controller.backoff import Backoff
from podring_controller.bell import Bell
from podring_controller.cluster import Declared
from podring_controller.desired import (
    Wanted,
    claims,
    desired,
    needs_guard,
    origin,
    selected,
)
from podring_controller.health import Health
from podring_controller.kube import ApiUnreachable, Conflict, Gone, Kube
from podring_controller.lanes import Lanes
from podring_controller.release import release
from podring_controller.resource import Sharedmemory
from podring_controller.settings import Settings
from podring_controller.states import NodeState, state_on
from podring_controller.status import Status, accepted_status, leaving_status, refused_status
from podring_controller.view import View
from podring_controller.writer import Writer

GAP_S = 0.1
"""After a turn, or as long as it took: a burst of changes is one turn's work."""
GAP_MOST_S = 2.0
RESTLESS_S = 2.0
"""How long to wait at most while something hangs in the balance, such as a node's grace."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Reconciler:
    """Brings a cluster's resources and its brokers together until told to stop."""

    def __init__(
        self,
        kube: Kube,
        settings: Settings,
        health: Health,
        connect: Callable[[str], Broker] = broker_at,
    ) -> None:
        self.bell = Bell()
        self._kube, self._settings, self._health = kube, settings, health
        self._view = View()
        self._writer = Writer(kube)
        self._lanes = Lanes(settings.broker_calls, settings.resync_s, self.bell.ring, connect)
        self._backoff = Backoff(first_s=0.5, most_s=10.0)
        self._trouble = ""
        self._stopping = threading.Event()
        self._restless = False

    def run(self) -> None:
        """Turn after turn. What goes wrong in one is logged and does not stop the next."""
        while not self._stopping.is_set():
            began = time.monotonic()
            self._guarded_turn()
            self._health.turned()
            took_s = time.monotonic() - began
            self._stopping.wait(min(max(GAP_S, took_s), GAP_MOST_S))
            self._view.doubt(self.bell.wait(self._pause_s()), self._settings.resync_s)
        self._lanes.close()
        self._writer.close()

    def stop(self) -> None:
        """End after the turn that is under way. Returns at once."""
        self._stopping.set()
        self.bell.ring()

    def _guarded_turn(self) -> None:
        try:
            self._turn()
        except (ApiUnreachable, Gone, Conflict) as error:
            if str(error) != self._trouble:  # once a trouble, and the next one too
                log.warning("api.unreachable", why=str(error))
            self._trouble = str(error)
            self._backoff.failed(time.monotonic())
        except Exception:
            log.exception("turn.failed")
            self._backoff.failed(time.monotonic())
        else:
            if self._backoff.failures:
                log.info("api.back")
            self._trouble = ""
            self._backoff.succeeded()
            self._health.complete()

    def _turn(self) -> None:
        view = self._view
        view.refresh(self._kube)
        self._lanes.follow(view.endpoints, view.nodes)
        holders = claims(view.resources.values())
        unguarded = [each for each in holders.values() if needs_guard(each, holders)]
        self._writer.guard(view, unguarded)
        hosts = self._lanes.hosts(view.endpoints)
        self._lanes.start(desired(view.resources.values(), view.nodes, hosts))
        written = self._writer.write_statuses(view, self._statuses(hosts))
        waiting = self._release()
        self._restless = waiting or not written or self._is_anyone_away()
        if self._writer.left_over():
            self.bell.ring()

    def _statuses(self, hosts: set[str]) -> dict[str, Status]:
        """The status of every resource that is not being deleted."""
        view = self._view
        holders = claims(view.resources.values())
        using = colocation.users(view.pods)
        statuses = {}
        for uid, resource in view.resources.items():
            if resource.deleted_at is not None:
                continue
            holder = None if resource.wish is None else holders[resource.wish.topic]
            if resource.wish is None or holder is None or holder.uid != uid:
                statuses[uid] = refused_status(resource, holder)
                continue
            topic = resource.wish.topic
            where = colocation.verdict(using.get(topic) or colocation.Users())
            statuses[uid] = accepted_status(
                resource, self._states(resource, resource.wish, hosts), where
            )
        return statuses

    def _states(self, resource: Declared, wish: Sharedmemory, hosts: set[str]) -> list[NodeState]:
        view, now = self._view, time.monotonic()
        wanted = Wanted(wish.topic, wish.spec, origin(resource), resource.uid)
        return [
            state_on(view.nodes[node], wanted, self._lanes.get(node), view.endpoints.get(node), now)
            for node in selected(wish, view.nodes, hosts)
        ]

    def _release(self) -> bool:
        """Let go what may go; tell of the rest what it waits for. Whether there is a rest."""
        view = self._view
        leaving: dict[str, list[str]] = {}
        statuses: dict[str, Status] = {}
        for uid, resource in view.resources.items():
            if resource.deleted_at is None or not resource.guarded:
                continue
            verdict = release(
                resource,
                view.nodes,
                self._lanes,
                now=time.time(),
                grace_s=self._settings.node_grace_s,
            )
            if verdict.waiting:
                statuses[uid] = leaving_status(resource, verdict.waiting)
            else:
                leaving[uid] = verdict.given_up
        self._writer.let_go(view, leaving)
        self._writer.write_statuses(view, statuses)
        return bool(statuses)

    def _is_anyone_away(self) -> bool:
        return any(lane.failure is not None or lane.gone_at is not None for lane in self._lanes)

    def _pause_s(self) -> float:
        now = time.monotonic()
        if self._backoff.failures:
            return max(0.0, self._backoff.due - now)
        due = min(self._lanes.next_due(), self._view.read_at + self._settings.resync_s)
        if self._restless:
            due = min(due, now + RESTLESS_S)
        return max(0.0, due - now)

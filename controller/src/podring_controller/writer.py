"""Everything that the controller writes to the cluster: finalizers, statuses, events.

Each write is of one resource and stands for itself, so they go out several at a time, and one that
fails stops none of the others. Whoever changed a resource meanwhile wins: then it is read again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import structlog

from podring_controller.cluster import Declared
from podring_controller.kube import WRITERS, ApiRefused, ApiUnreachable, Conflict, Gone, Kube
from podring_controller.news import News, news
from podring_controller.status import Status, condition
from podring_controller.view import View

HURRY_S = 5.0
"""How often the status of a topic that is on its way may be written, while it only gets nearer."""

ROUND = 200
"""Writes of a kind in one turn: the loop must come round, also with an API server that is slow."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Writer:
    """The writes to a cluster, which also bring the view up to date. Raises ApiUnreachable."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="write")
        self._written_at: dict[str, float] = {}
        self._left_over = False

    def left_over(self) -> bool:
        """Whether something was left for the next turn since this was last asked."""
        left, self._left_over = self._left_over, False
        return left

    def close(self) -> None:
        """Start nothing any more; what is on its way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def guard(self, view: View, resources: Iterable[Declared]) -> None:
        """Put the finalizer into resources."""

        def write(resource: Declared) -> None:
            view.resources[resource.uid] = self._kube.guard(resource)

        self._each(view, resources, write)

    def let_go(self, view: View, leaving: Mapping[str, Collection[str]]) -> None:
        """Take the finalizer out of resources, by uid, each with the nodes that were given up."""

        def write(resource: Declared) -> None:
            if given_up := leaving[resource.uid]:
                self._post(resource, _given_up(given_up))
            self._kube.let_go(resource)
            log.info("resource.released", resource=resource.path, given_up=sorted(given_up))
            del view.resources[resource.uid]

        self._each(view, [view.resources[uid] for uid in leaving], write)

    def write_statuses(self, view: View, statuses: Mapping[str, Status]) -> bool:
        """Write those statuses, by uid, that differ. False when some were put off for a moment."""
        now = time.monotonic()
        changed = {
            uid: status for uid, status in statuses.items() if view.resources[uid].status != status
        }
        timely = [uid for uid in changed if self._is_time(uid, changed[uid], now)]

        def write(resource: Declared) -> None:
            status = changed[resource.uid]
            view.resources[resource.uid] = self._kube.write_status(resource, status)
            self._written_at[resource.uid] = now
            for each in news(resource.status, status):
                self._post(resource, each)

        self._each(view, [view.resources[uid] for uid in timely], write)
        self._written_at = {
            uid: at for uid, at in self._written_at.items() if uid in view.resources
        }
        return len(timely) == len(changed)

    def _is_time(self, uid: str, status: Status, now: float) -> bool:
        if condition(status, "Ready")["reason"] not in ("Pending", "Deleting"):
            return True
        return now - self._written_at.setdefault(uid, now) >= HURRY_S

    def _post(self, resource: Declared, item: News) -> None:
        log.info("resource.event", resource=resource.path, reason=item.reason, note=item.note[:300])
        try:
            self._kube.tell(resource, item.kind, item.reason, item.note)
        except (ApiUnreachable, Conflict, Gone) as error:  # the status says the same
            log.warning("event.lost", resource=resource.path, why=str(error))

    def _each(
        self, view: View, resources: Iterable[Declared], write: Callable[[Declared], None]
    ) -> None:
        failures: list[ApiUnreachable] = []
        refused: list[tuple[str, str]] = []
        some = list(resources)

        def attempt(resource: Declared) -> None:
            if failures:  # it would only fail as well, after as many seconds
                return
            try:
                write(resource)
            except (Conflict, Gone):
                view.unread.add("resources")
            except ApiRefused as error:
                refused.append((resource.path, str(error)))
            except ApiUnreachable as error:
                failures.append(error)

        list(self._pool.map(attempt, some[:ROUND]))
        if refused:  # a line, and not hundreds: a right that is missing is missing for all
            path, why = refused[0]
            log.warning("write.refused", resource=path, why=why, others=len(refused) - 1)
        # A round of nothing but refusals is not gone through again at once.
        self._left_over |= len(some) > ROUND > len(refused)
        if failures:
            raise failures[0]


def _given_up(nodes: Collection[str]) -> News:
    names = ", ".join(sorted(nodes)[:10])
    return News(
        "Warning",
        "NodeNotWaitedFor",
        f"deleted without an answer from {names}: what is left there is removed when the broker "
        "of that node is back",
    )

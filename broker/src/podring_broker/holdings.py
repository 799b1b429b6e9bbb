"""What this node holds: its topics in memory, and the steps that change them.

What is served is kept here and mirrors the segments; the catalogue is told. Every step is in an
order that leaves something to recognise if the broker dies behind it:

    making        budget → segment → catalogue     dies: half made, or an orphan
    deleting      mark → catalogue → segment       dies: a segment that is marked
    making again  segment → catalogue              dies: a newer generation of the same spec

Whoever takes a step holds `lock`, budget included. Reading takes no lock.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import structlog

from podring import segment
from podring.errors import NoRoom
from podring.topic import TopicRecord, TopicSpec
from podring_broker.budget import Budget
from podring_broker.catalogue import Catalogue, CatalogueUnreachable
from podring_broker.live import Waiting
from podring_broker.records import Records
from podring_broker.refusals import Refused

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Holdings:
    """The topics of one owner (see `podring.segment`), each in one of three states.

    topics    there, and served
    waiting   recorded, and not there
    deleting  gone for everybody; the catalogue, or the memory, has yet to follow

    group     whose members may write to rings; None: everybody
    """

    def __init__(self, catalogue: Catalogue, owner: str, budget: Budget, group: int | None) -> None:
        self.catalogue, self.owner, self.budget, self.group = catalogue, owner, budget, group
        self.topics = Records()
        self.waiting: dict[str, Waiting] = {}
        self.deleting = Records()
        self.lock = threading.RLock()

    def count(self) -> int:
        """Topics in whatever state."""
        return len(self.topics) + len(self.waiting) + len(self.deleting)

    def used(self) -> int:
        """Bytes of shared memory that topics take, also those whose deletion is not finished."""
        return self.topics.footprint + self.deleting.footprint

    def find(self, name: str) -> TopicRecord | None:
        """A topic's record, whatever state it is in."""
        waiting = self.waiting.get(name)
        known = waiting.record if waiting is not None else self.topics.get(name)
        return known or self.deleting.get(name)

    def make(self, name: str, spec: TopicSpec, origin: str) -> TopicRecord:
        """Make a topic that nobody has. Raises Refused, CatalogueUnreachable."""
        record = self._segment(name, spec, origin)
        try:
            self.catalogue.put([record])
        except BaseException:
            segment.remove(record.segment)
            raise
        self.topics[name] = record
        log.info("topic.created", **facts(record))
        return record

    def make_again(self, name: str) -> None:
        """Make a topic that waits. Raises Refused."""
        with self.lock:
            waiting = self.waiting.get(name)
            if waiting is None:
                return
            try:
                record = self._segment(name, waiting.record.spec, waiting.record.origin)
            except Refused as refused:
                if not waiting.refused:
                    log.warning("topic.waiting", topic=name, why=str(refused))
                self.waiting[name] = Waiting(waiting.record, str(refused), refused=True)
                raise
            # In this order, so that a reader without the lock always finds it in one of the two.
            self.topics[name] = record
            del self.waiting[name]
            log.info("topic.recreated", **facts(record))
            with contextlib.suppress(CatalogueUnreachable):  # the janitor tells it later
                self.catalogue.put([record])

    def begin_deletion(self, name: str) -> None:
        """Take a topic from everybody."""
        if name in self.topics:
            segment.mark_deleted(self.topics[name].segment)
            self.deleting[name] = self.topics.pop(name)
        elif name in self.waiting:
            self.deleting[name] = self.waiting.pop(name).record

    def finish_deletion(self, name: str) -> None:
        """Forget a topic whose deletion began, and free its memory. Raises CatalogueUnreachable."""
        record = self.deleting[name]
        self.catalogue.delete(name)
        segment.remove(record.segment)
        del self.deleting[name]
        log.info("topic.deleted", **facts(record))

    def _segment(self, name: str, spec: TopicSpec, origin: str) -> TopicRecord:
        needed, used = segment.footprint(spec), self.used()
        self.budget.require_room(name, needed, used)
        try:
            return segment.create(name, spec, owner=self.owner, origin=origin, group=self.group)
        except NoRoom:
            free, total = segment.free_bytes(), self.budget.total
            raise Refused(name, needed=needed, free=free, used=used, budget=total) from None


def facts(record: TopicRecord) -> dict[str, Any]:
    """What a line in the log tells about a topic."""
    return {
        "topic": record.name,
        "shmsize": record.spec.size,
        "msgsize": record.spec.max_message,
        "generation": record.generation,
        "origin": record.origin,
    }

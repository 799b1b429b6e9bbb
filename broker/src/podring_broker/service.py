"""The topics of this node: the only place where the catalogue and the segments meet.

What is served is kept in memory and mirrors the segments; the catalogue is told, and asked only
at the start. So while it is away nothing is missing but the making and the final forgetting of
topics. Every step is in an order that leaves something to recognise if the broker dies behind it:

    creating      budget → segment → catalogue     dies: half made, or an orphan
    deleting      mark → catalogue → segment       dies: a segment that is marked
    making again  segment → catalogue              dies: a newer generation of the same spec

One lock serialises whatever changes topics, budget included. Reading takes no lock.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import structlog

from podring import segment
from podring.errors import NoRoom
from podring.topic import TopicRecord, TopicSpec, check_name
from podring_broker.budget import Budget
from podring_broker.catalogue import Catalogue, CatalogueUnreachable
from podring_broker.live import Live, Waiting, in_use, read
from podring_broker.reconcile import plan
from podring_broker.refusals import Different, Refused, UnknownTopic

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Service:
    """The topics of one owner (see `podring.segment`). Call `reconcile` before anything else."""

    def __init__(self, catalogue: Catalogue, owner: str, budget: Budget) -> None:
        self.budget = budget
        self.reconciled = False
        self._catalogue, self._owner = catalogue, owner
        self._topics: dict[str, TopicRecord] = {}
        self._waiting: dict[str, Waiting] = {}
        self._deleting: dict[str, TopicRecord] = {}
        self._lock = threading.RLock()

    # ---- what the calls ask for

    def create(self, name: str, spec: TopicSpec) -> tuple[TopicRecord, bool]:
        """Make a topic, or find the same one: its record, and whether it was made now.

        raises  InvalidTopic, Different, Refused, CatalogueUnreachable; then nothing was made
        """
        check_name(name)
        with self._lock:
            self._require_reconciled()
            if name in self._deleting:
                self._finish_deletion(name)
            waiting = self._waiting.get(name)
            known = waiting.record if waiting is not None else self._topics.get(name)
            if known is not None:
                if known.spec != spec:
                    raise Different(known, spec)
                return self.get(name), waiting is not None
            self.budget.require_possible(name, segment.footprint(spec))
            record = self._make(name, spec)
            try:
                self._catalogue.put([record])
            except BaseException:
                segment.remove(record.segment)
                raise
            self._topics[name] = record
            log.info("topic.created", **_facts(record))
            return record, True

    def get(self, name: str) -> TopicRecord:
        """A topic's record. One that waits to be made again is made now.

        raises  InvalidTopic, UnknownTopic, Refused
        """
        if check_name(name) not in self._topics and name in self._waiting:
            self._make_again(name)
        record = self._topics.get(name)
        if record is None:
            raise UnknownTopic(name, sorted(self._topics))
        return record

    def live(self, name: str) -> Live:
        """A topic with its figures. Raises like `get`."""
        return read(self.get(name))

    def delete(self, name: str) -> None:
        """Delete a topic: tell its users, forget it, free its memory.

        raises  InvalidTopic; UnknownTopic; CatalogueUnreachable, and then it is deleted for its
                users, and forgotten and freed when the catalogue is back
        """
        check_name(name)
        with self._lock:
            self._require_reconciled()
            if name in self._topics:
                segment.mark_deleted(self._topics[name].segment)
                self._deleting[name] = self._topics.pop(name)
            elif name in self._waiting:
                self._deleting[name] = self._waiting.pop(name).record
            elif name not in self._deleting:
                raise UnknownTopic(name, sorted(self._topics))
            self._finish_deletion(name)

    def records(self) -> list[TopicRecord]:
        """Every topic, by name."""
        return [record for _, record in sorted(self._topics.copy().items())]

    def topics(self) -> list[Live]:
        """Every topic with its figures, by name."""
        return [read(record) for record in self.records()]

    def waiting(self) -> list[Waiting]:
        """The recorded topics that could not be made again yet, by name."""
        return [waiting for _, waiting in sorted(self._waiting.copy().items())]

    def used(self) -> int:
        """Bytes of shared memory that topics take, also those whose deletion is not finished."""
        records = [*self._topics.copy().values(), *self._deleting.copy().values()]
        return sum(segment.footprint(record.spec) for record in records)

    # ---- what the broker does by itself

    def reconcile(self) -> None:
        """Bring topics, segments and catalogue together, as `podring_broker.reconcile` says.

        raises  CatalogueUnreachable; then topics are served as the segments have them, and this
                is to be called again
        """
        with self._lock:
            try:
                self._follow(self._catalogue.load())
            except CatalogueUnreachable:
                self._adopt_what_there_is()
                raise
            self.reconciled = True

    def mirror(self) -> None:
        """Make the catalogue say what is, should it have lost something or gone back in time.

        raises  CatalogueUnreachable
        """
        with self._lock:
            for name in list(self._deleting):
                self._finish_deletion(name)
            records = self._catalogue.load()
            kept = {**{each.record.name: each.record for each in self.waiting()}, **self._topics}
            missing = [each for each in kept.values() if (records or {}).get(each.name) != each]
            if records is None or missing:
                self._catalogue.put(missing)
                log.warning("catalogue.refilled", topics=len(missing))
            for name in set(records or ()) - set(kept):
                self._catalogue.delete(name)
                log.warning("record.removed", topic=name, why="its topic was deleted before")

    def make_waiting_again(self) -> None:
        """Try once more to make the recorded topics that are not there."""
        for waiting in self.waiting():
            with contextlib.suppress(Refused):
                self._make_again(waiting.record.name)

    def lost(self, record: TopicRecord) -> None:
        """Take note that a topic's segment is gone, though nobody deleted the topic."""
        with self._lock:
            if self._topics.get(record.name) == record:
                del self._topics[record.name]
                self._waiting[record.name] = Waiting(record, "its segment is gone")
                log.error("segment.lost", **_facts(record))

    # ---- how

    def _require_reconciled(self) -> None:
        """Know what is recorded before changing anything: a name may be taken by a lost topic."""
        if not self.reconciled:
            self.reconcile()

    def _make(self, name: str, spec: TopicSpec) -> TopicRecord:
        needed, used = segment.footprint(spec), self.used()
        self.budget.require_room(name, needed, used)
        try:
            return segment.create(name, spec, owner=self._owner)
        except NoRoom:
            free, total = segment.free_bytes(), self.budget.total
            raise Refused(name, needed=needed, free=free, used=used, budget=total) from None

    def _make_again(self, name: str) -> None:
        with self._lock:
            waiting = self._waiting.get(name)
            if waiting is None:
                return
            try:
                record = self._make(name, waiting.record.spec)
            except Refused as refused:
                if not waiting.refused:
                    log.warning("topic.waiting", topic=name, why=str(refused))
                self._waiting[name] = Waiting(waiting.record, str(refused), refused=True)
                raise
            # In this order, so that a reader without the lock always finds it in one of the two.
            self._topics[name] = record
            del self._waiting[name]
            log.info("topic.recreated", **_facts(record))
            with contextlib.suppress(CatalogueUnreachable):  # the janitor tells it later
                self._catalogue.put([record])

    def _finish_deletion(self, name: str) -> None:
        record = self._deleting[name]
        self._catalogue.delete(name)
        segment.remove(record.segment)
        del self._deleting[name]
        log.info("topic.deleted", **_facts(record))

    def _follow(self, records: dict[str, TopicRecord] | None) -> None:
        todo = plan(segment.scan(self._owner), records, in_use)
        for name, reason in todo.remove:
            self._remove(name, reason)
        self._adopt(todo.adopt)
        self._deleting.update({record.name: record for record in todo.finish})
        for record in todo.recreate:
            self._waiting[record.name] = Waiting(record, "it was not made again yet")
        self._catalogue.put(todo.record)
        for name in list(self._deleting):
            self._finish_deletion(name)

    def _adopt_what_there_is(self) -> None:
        self._adopt(plan(segment.scan(self._owner), None, in_use).adopt)

    def _adopt(self, records: list[TopicRecord]) -> None:
        for record in records:
            if self._topics.get(record.name) != record:
                self._topics[record.name] = record
                log.info("topic.adopted", **_facts(record))

    def _remove(self, name: str, reason: str) -> None:
        for record in list(self._topics.values()):
            if record.segment == name:
                del self._topics[record.name]
        try:
            segment.remove(name)
        except PermissionError:
            log.error("orphan.kept", segment=name, why=f"{reason}, but another user's")
        else:
            log.warning("orphan.removed", segment=name, why=reason)


def _facts(record: TopicRecord) -> dict[str, Any]:
    return {
        "topic": record.name,
        "shmsize": record.spec.size,
        "msgsize": record.spec.max_message,
        "generation": record.generation,
    }

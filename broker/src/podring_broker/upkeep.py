"""Keep topics, segments and catalogue in agreement: at the start, and from time to time.

What to do with what is found is decided by `reconcile`; here it is done. The catalogue is told and
asked, never obeyed against a segment that somebody uses.
"""

from __future__ import annotations

import contextlib

import structlog

from podring import segment
from podring.errors import TopicNotFound
from podring.topic import TopicRecord
from podring_broker.catalogue import CatalogueUnreachable
from podring_broker.holdings import Holdings, facts
from podring_broker.live import Waiting, in_use
from podring_broker.reconcile import plan
from podring_broker.refusals import Refused

_NOT_OURS = (
    "this node has no such topic: it was deleted while the catalogue was away, or, should this go "
    "on, another node uses the same catalogue and the same --node"
)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Upkeep:
    """Looks after what a node holds. Call `reconcile` before anything else."""

    def __init__(self, holdings: Holdings) -> None:
        self.reconciled = False
        self._held = holdings

    def reconcile(self) -> None:
        """Bring topics, segments and catalogue together, as `podring_broker.reconcile` says.

        raises  CatalogueUnreachable; then topics are served as the segments have them, and this
                is to be called again
        """
        with self._held.lock:
            try:
                self._follow(self._held.catalogue.load())
            except CatalogueUnreachable:
                self._adopt(plan(segment.scan(self._held.owner, mine=True), None, in_use).adopt)
                raise
            self.reconciled = True

    def mirror(self) -> None:
        """Make the catalogue say what is, should it have lost something or gone back in time.

        raises  CatalogueUnreachable
        """
        held = self._held
        with held.lock:
            for name in list(held.deleting):
                held.finish_deletion(name)
            records = held.catalogue.load()
            waiting = {name: each.record for name, each in held.waiting.items()}
            kept = {**waiting, **held.topics}
            missing = [each for each in kept.values() if (records or {}).get(each.name) != each]
            if records is None or missing:
                held.catalogue.put(missing)
                log.warning("catalogue.refilled", topics=len(missing))
            for name in set(records or ()) - set(kept):
                held.catalogue.delete(name)
                log.warning("record.removed", topic=name, why=_NOT_OURS)

    def make_waiting_again(self) -> None:
        """Try once more to make the recorded topics that are not there."""
        for name in sorted(self._held.waiting.copy()):
            with contextlib.suppress(Refused):
                self._held.make_again(name)

    def lost(self, record: TopicRecord) -> None:
        """Take note that a topic's segment is gone, or half of it, though nobody deleted it."""
        held = self._held
        with held.lock:
            if held.topics.get(record.name) == record:
                del held.topics[record.name]
                held.waiting[record.name] = Waiting(record, "its segment is gone")
                log.error("segment.lost", **facts(record))
                with contextlib.suppress(PermissionError):  # another user's, in its place
                    segment.remove(record.segment)

    def _follow(self, records: dict[str, TopicRecord] | None) -> None:
        held = self._held
        todo = plan(segment.scan(held.owner, mine=True), records, in_use)
        for name, reason in todo.remove:
            self._remove(name, reason)
        self._adopt(todo.adopt)
        held.deleting.update({record.name: record for record in todo.finish})
        for record in todo.recreate:
            held.waiting[record.name] = Waiting(record, "it was not made again yet")
        held.catalogue.put(todo.record)
        for name in list(held.deleting):
            held.finish_deletion(name)

    def _adopt(self, records: list[TopicRecord]) -> None:
        for record in records:
            if self._held.topics.get(record.name) != record:
                self._held.topics[record.name] = record
                self._let_publish(record)
                log.info("topic.adopted", **facts(record))

    def _let_publish(self, record: TopicRecord) -> None:
        """A topic of before has the rights of now, should they have been set otherwise then."""
        try:
            segment.let_publish(record.segment, self._held.group)
        except (PermissionError, TopicNotFound) as error:
            log.warning("rights.unchanged", topic=record.name, why=str(error))

    def _remove(self, name: str, reason: str) -> None:
        for record in self._held.topics.by_name():
            if record.segment == name:
                del self._held.topics[record.name]
        try:
            segment.remove(name)
        except PermissionError:
            log.error("orphan.kept", segment=name, why=f"{reason}, but another user's")
        else:
            log.warning("orphan.removed", segment=name, why=reason)

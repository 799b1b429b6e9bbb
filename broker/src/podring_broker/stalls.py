"""Who holds up whom in the topics whose publishers wait: told to the log, once each.

Publishers see to themselves; this only reads. It tells of a publisher that waits for longer than a
round of the janitor, with the names of those who are slow, and of a subscriber that publishers
gave up.
"""

from __future__ import annotations

import time

import structlog

from podring.status import Participant, TopicStatus
from podring.topic import TopicRecord

LONG_NS = 2_000_000_000

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

_Told = tuple[str, str, int, int]


class Stalls:
    """What was told already, so that it is told once: by segment, event, and who since when."""

    def __init__(self) -> None:
        self._told: dict[str, set[_Told]] = {}

    def look_at(self, record: TopicRecord, status: TopicStatus) -> None:
        """Tell what is new in a topic."""
        if record.spec.overflow != "block":
            return
        before, now = self._told.get(record.segment, set()), set()
        for each in status.participants:
            if each.evicted and each.alive:
                told = ("subscriber.evicted", each.name, each.process, each.joined)
                now.add(told)
                if told not in before:
                    log.warning("subscriber.evicted", **_facts(record, each), lag=each.lag)
            if each.waiting and each.alive and time.time_ns() - each.waiting > LONG_NS:
                told = ("publisher.waits", each.name, each.process, each.waiting)
                now.add(told)
                if told not in before:
                    log.warning("publisher.waits", **_facts(record, each), slow=_slow(status))
        self._told[record.segment] = now

    def forget_all_but(self, segments: set[str]) -> None:
        """Keep what was told of these segments only: the others are gone."""
        self._told = {key: told for key, told in self._told.items() if key in segments}


def _facts(record: TopicRecord, participant: Participant) -> dict[str, object]:
    return {"topic": record.name, "name": participant.name, "process": participant.process}


def _slow(status: TopicStatus) -> list[str]:
    """Who may be waited for, slowest first."""
    waited_for = [
        each
        for each in status.participants
        if each.role == "subscriber" and each.alive and not each.lossy and not each.evicted
    ]
    return [each.name for each in sorted(waited_for, key=lambda each: -each.lag)[:3]]

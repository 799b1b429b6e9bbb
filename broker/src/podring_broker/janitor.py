"""What the broker does by itself, every other second; with thousands of topics, less often.

It finds out whether the catalogue answers, and fills it again when it comes back empty. It makes
recorded topics again that had no room before. And it looks after the topics: a publisher that was
killed between showing a message and waking the sleepers leaves them asleep, so when a publisher is
seen dead for the first time they are woken once more. That bounds such a sleep to one round.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

import structlog
from starlette.concurrency import run_in_threadpool

from podring.errors import PodringError, TopicNotFound
from podring.segment import Segment
from podring.status import Participant, status_of
from podring.topic import TopicRecord
from podring_broker.catalogue import CatalogueUnreachable
from podring_broker.service import Service
from podring_broker.stalls import Stalls

PERIOD_S = 2.0
SHARE = 5
"""Of so much time, rounds take at most one part: a round costs about 0.05 ms a topic."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Janitor:
    """Looks after a service's topics for as long as `run` is not cancelled."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._dead: dict[str, set[tuple[int, str, int]]] = {}
        self._unreadable: dict[str, str] = {}
        self._stalls = Stalls()

    async def run(self) -> None:
        """Make the rounds; what goes wrong in one is logged and does not stop the next."""
        while True:
            began = time.monotonic()
            try:
                await run_in_threadpool(self.round)
            except Exception:
                log.exception("janitor.failed")
            took_s = time.monotonic() - began
            await asyncio.sleep(max(PERIOD_S, took_s * (SHARE - 1)))

    def round(self) -> None:
        """One round. Takes a few seconds at most while the catalogue does not answer."""
        with contextlib.suppress(CatalogueUnreachable):
            if self._service.upkeep.reconciled:
                self._service.upkeep.mirror()
            else:
                self._service.upkeep.reconcile()
        records = self._service.records()
        unreadable = {}
        for record in records:
            if why := self._look_after(record):
                unreadable[record.segment] = why
                if why != self._unreadable.get(record.segment):
                    log.warning("topic.unreadable", topic=record.name, why=why)
        self._unreadable = unreadable
        there = {record.segment for record in records}
        self._dead = {key: dead for key, dead in self._dead.items() if key in there}
        self._stalls.forget_all_but(there)
        self._service.upkeep.make_waiting_again()

    def _look_after(self, record: TopicRecord) -> str | None:
        """Look at a topic: None, or why that was not possible."""
        try:
            status = status_of(record.segment)
            dead = {_identity(each) for each in status.participants if _is_dead_publisher(each)}
            if dead - self._dead.get(record.segment, set()):
                log.info("publisher.died", topic=record.name, dead=len(dead))
                _wake(record.segment)
            self._dead[record.segment] = dead
            self._stalls.look_at(record, status)
        except TopicNotFound:
            self._service.upkeep.lost(record)
        except (PodringError, OSError) as error:
            return str(error)
        return None


def _wake(segment: str) -> None:
    attached = Segment(segment, write=True)
    try:
        attached.mapping.wake()
    finally:
        attached.close()


def _is_dead_publisher(participant: Participant) -> bool:
    return participant.role == "publisher" and not participant.alive


def _identity(participant: Participant) -> tuple[int, str, int]:
    return participant.joined, participant.name, participant.process

"""A catalogue, and whether it answers: one line in the log when that changes, not one a call.

One that can be read and not written, on a full disk or in a Redis that became a replica, is away
until a write succeeds. And one that hangs makes one caller wait, not everybody in turn.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator

import structlog

from podring.topic import TopicRecord
from podring_broker.catalogue.protocol import Catalogue, CatalogueUnreachable

SLOW_S = 0.5
AWAY_S = 1.0
"""After a failure that took longer than SLOW_S, nobody tries again for so long."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class WatchedCatalogue:
    """Passes every call on. `problem` is why the last one failed, None when it did not."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.problem: str | None = None
        self._catalogue = catalogue
        self._unwritten = False
        self._away_until = 0.0

    def load(self) -> dict[str, TopicRecord] | None:
        with self._watching():
            records = self._catalogue.load()
        if self._unwritten and records is not None:
            self.put(records.values())  # the same again, to find out
        return records

    def put(self, records: Iterable[TopicRecord]) -> None:
        with self._watching(writing=True):
            self._catalogue.put(records)

    def delete(self, name: str) -> None:
        with self._watching(writing=True):
            self._catalogue.delete(name)

    def close(self) -> None:
        self._catalogue.close()

    @contextlib.contextmanager
    def _watching(self, *, writing: bool = False) -> Iterator[None]:
        began = time.monotonic()
        if self.problem is not None and began < self._away_until:
            raise CatalogueUnreachable(self.problem)
        try:
            yield
        except CatalogueUnreachable as error:
            if self.problem is None:
                log.error("catalogue.lost", why=str(error))
            self.problem = str(error)
            self._unwritten |= writing
            if time.monotonic() - began > SLOW_S:
                self._away_until = time.monotonic() + AWAY_S
            raise
        self._unwritten &= not writing
        if self.problem is not None and not self._unwritten:
            log.info("catalogue.back")
            self.problem = None

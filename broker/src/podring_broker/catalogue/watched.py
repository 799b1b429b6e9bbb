"""A catalogue, and whether it answers: one line in the log when that changes, not one a call."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import structlog

from podring.topic import TopicRecord
from podring_broker.catalogue.protocol import Catalogue, CatalogueUnreachable

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class WatchedCatalogue:
    """Passes every call on. `problem` is why the last one failed, None when it did not."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.problem: str | None = None
        self._catalogue = catalogue

    def load(self) -> dict[str, TopicRecord] | None:
        with self._watching():
            return self._catalogue.load()

    def put(self, records: Iterable[TopicRecord]) -> None:
        with self._watching():
            self._catalogue.put(records)

    def delete(self, name: str) -> None:
        with self._watching():
            self._catalogue.delete(name)

    def close(self) -> None:
        self._catalogue.close()

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        try:
            yield
        except CatalogueUnreachable as error:
            if self.problem is None:
                log.error("catalogue.lost", why=str(error))
            self.problem = str(error)
            raise
        if self.problem is not None:
            log.info("catalogue.back")
        self.problem = None

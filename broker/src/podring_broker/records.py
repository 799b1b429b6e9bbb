"""Records by name, with the memory that their topics take: kept as a sum, for there may be many."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping

from podring import segment
from podring.topic import TopicRecord


class Records(MutableMapping[str, TopicRecord]):
    """A dictionary of records. Whoever changes it holds a lock; reading takes none.

    footprint  bytes of shared memory that all of them take
    """

    def __init__(self) -> None:
        self.footprint = 0
        self._records: dict[str, TopicRecord] = {}

    def __getitem__(self, name: str) -> TopicRecord:
        return self._records[name]

    def __setitem__(self, name: str, record: TopicRecord) -> None:
        before = self._records.get(name)
        self._records[name] = record
        self.footprint += segment.footprint(record.spec)
        if before is not None:
            self.footprint -= segment.footprint(before.spec)

    def __delitem__(self, name: str) -> None:
        self.footprint -= segment.footprint(self._records.pop(name).spec)

    def __iter__(self) -> Iterator[str]:
        return iter(self._records.copy())

    def __len__(self) -> int:
        return len(self._records)

    def by_name(self) -> list[TopicRecord]:
        """Every record as it is now, by name."""
        return [record for _, record in sorted(self._records.copy().items())]

"""A catalogue that forgets everything when the broker ends.

Topics survive even so, because the next broker adopts the segments that it finds; after a reboot
there are none.
"""

from __future__ import annotations

from collections.abc import Iterable

from podring.topic import TopicRecord


class MemoryCatalogue:
    """Records in a dictionary."""

    def __init__(self) -> None:
        self._records: dict[str, TopicRecord] | None = None

    def load(self) -> dict[str, TopicRecord] | None:
        return None if self._records is None else dict(self._records)

    def put(self, records: Iterable[TopicRecord]) -> None:
        self._records = {**(self._records or {}), **{record.name: record for record in records}}

    def delete(self, name: str) -> None:
        if self._records is not None:
            self._records.pop(name, None)

    def close(self) -> None:
        pass

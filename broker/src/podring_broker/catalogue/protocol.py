"""What a catalogue is: the records of one node's topics, kept somewhere that outlives the broker.

It is a mirror and not the truth: the segments in shared memory are, and a catalogue that lost
everything is filled again from them. What it adds is the memory of topics across a reboot, which
empties /dev/shm. One more bit matters: whether this node ever used it. Without it an empty
catalogue could not be told from one that was lost, and topics would be taken for orphans.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from typing import Protocol

import structlog

from podring.errors import InvalidTopic, PodringError
from podring.topic import TopicRecord

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class CatalogueUnreachable(PodringError):
    """The catalogue does not answer, or cannot write. The message says which, and why."""


class Catalogue(Protocol):
    """The records of one node. Each call may raise CatalogueUnreachable, after 4 s at most.

    Calls come from several threads, one at a time.
    """

    def load(self) -> dict[str, TopicRecord] | None:
        """Every record by its topic's name; None when this node never used the catalogue."""

    def put(self, records: Iterable[TopicRecord]) -> None:
        """Write records, over those of the same names, and note that this node uses the catalogue.

        All of it or nothing, and on its way to a disk when the call returns.
        """

    def delete(self, name: str) -> None:
        """Forget a topic; no error when there is no record of it."""

    def close(self) -> None:
        """Give back connections and files."""


def encode(record: TopicRecord) -> str:
    """A record as the text that is stored."""
    return json.dumps(record.to_json(), separators=(",", ":"))


def decode(name: str, text: str) -> TopicRecord | None:
    """A record from the text that was stored; None, and a line in the log, when it is none.

    Whatever else writes to a catalogue, the broker starts.
    """
    try:
        record = TopicRecord.from_json(json.loads(text))
        if record.name != name:
            raise ValueError(f"it is of {record.name!r}")
    except (InvalidTopic, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        _tell_unreadable(name, str(error))
        return None
    return record


@functools.lru_cache(1000)
def _tell_unreadable(name: str, why: str) -> None:
    """Tell it once, and not with each round of the janitor."""
    log.warning("record.unreadable", topic=name, why=why)


def decode_all(rows: Iterable[tuple[str, str]]) -> dict[str, TopicRecord]:
    """Every readable record of the rows, by name."""
    decoded = ((name, decode(name, text)) for name, text in rows)
    return {name: record for name, record in decoded if record is not None}

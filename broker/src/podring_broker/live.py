"""A topic's figures of this moment, for the list and the metrics, also of a damaged one."""

from __future__ import annotations

from dataclasses import dataclass

from podring import segment
from podring.errors import PodringError
from podring.status import TopicStatus, status_of
from podring.topic import TopicRecord


@dataclass(frozen=True, slots=True)
class Live:
    """A topic with its figures; `status` is None when they cannot be read, and `problem` says why.

    footprint  bytes of shared memory that it takes
    """

    record: TopicRecord
    footprint: int
    status: TopicStatus | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A recorded topic that is not there, because it could not be made again yet: why.

    refused  whether making it was tried, and the log told so
    """

    record: TopicRecord
    reason: str
    refused: bool = False


def read(record: TopicRecord) -> Live:
    """Look at a topic. Never raises for what is wrong with it: others are to be listed as well."""
    footprint = segment.footprint(record.spec)
    try:
        return Live(record, footprint, status_of(record.segment))
    except (PodringError, OSError) as error:
        return Live(record, footprint, None, str(error))


def in_use(name: str) -> bool:
    """Tell whether somebody alive is on the roster of segment `name`."""
    try:
        return any(participant.alive for participant in status_of(name).participants)
    except PodringError:
        return False

"""What a topic is doing right now: how far it has come, and who is on it.

Read from shared memory without disturbing anyone: the figures are a moment's, and a participant
that writes meanwhile may be half a message further in one of them than in another.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from podring.ring import _ring
from podring.segment import Segment

Role = Literal["publisher", "subscriber"]


@dataclass(frozen=True, slots=True)
class Participant:
    """One publisher or subscriber. Times are nanoseconds since 1970, 0 for never.

    process, user  numbers in the participant's own namespace: to show, not to judge by
    active         timestamp of the message that it published or received last
    sequence       that a subscriber receives next, or a publisher wrote last
    lag            messages that a subscriber has yet to receive; 0 for a publisher
    alive          whether it still holds its lock
    lossy          whether it is a subscriber for whom no publisher waits in a `block` topic
    evicted        whether publishers gave it up, because it held them up beyond the lease
    waiting        since when a publisher waits for room in a `block` topic
    """

    role: Role
    name: str
    process: int
    user: int
    joined: int
    active: int
    sequence: int
    messages: int
    bytes: int
    lost: int
    lag: int
    alive: bool
    lossy: bool = False
    evicted: bool = False
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """A topic's live figures.

    earliest  sequence of the oldest message that can still be received
    latest    sequence that the next message will have; so `latest - 1` were published
    """

    earliest: int
    latest: int
    participants: tuple[Participant, ...]

    def to_json(self) -> dict[str, Any]:
        """The figures as plain JSON values."""
        return asdict(self)


def status_of(segment: str) -> TopicStatus:
    """Attach a segment for a moment and read its figures.

    raises  TopicNotFound when it is gone; CorruptRing when its header makes no sense
    cost    two mmap calls, and one fcntl for every entry in use
    """
    attached = Segment(segment, write=False)
    try:
        mapping = attached.mapping
        earliest, latest = mapping.bounds()
        participants = tuple(
            Participant(
                role="publisher" if entry.role == _ring.PUBLISHER else "subscriber",
                name=entry.name,
                process=entry.process,
                user=entry.user,
                joined=entry.joined,
                active=entry.active,
                sequence=entry.sequence,
                messages=entry.messages,
                bytes=entry.bytes,
                lost=entry.lost,
                lag=max(0, latest - entry.sequence) if entry.role == _ring.SUBSCRIBER else 0,
                alive=attached.is_participant(entry.slot),
                lossy=bool(entry.flags & _ring.LOSSY),
                evicted=entry.evicted,
                waiting=entry.waiting,
            )
            for entry in mapping.entries()
        )
        return TopicStatus(earliest, latest, participants)
    finally:
        attached.close()

"""Offsets that outlive their subscriber: each under a name, in the topic's own shared memory.

They lie beside the messages because they mean nothing without them: both survive whatever dies on
the node, programs and broker alike, and both are gone when the topic is deleted or the node starts
anew. Saving one is a store in memory, so it happens at every call that receives.

A name belongs to one subscriber at a time, which holds an OFD lock on its place.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from podring.errors import NameTaken, TooManyParticipants
from podring.ring import _ring
from podring.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Iterator


def take(segment: Segment, name: str) -> tuple[int, int]:
    """Take a name for as long as `segment` is attached.

    returns  its place in the roster, and the sequence to resume from; 0 for a new name
    raises   ValueError for a name that cannot be; NameTaken while another subscriber has it;
             TooManyParticipants when a new name finds no place
    """
    _check(name)
    with _alone(segment):
        names = [known for known, _ in segment.mapping.offsets()]
        if name in names:
            return _take_known(segment, names.index(name), name)
        if "" not in names:
            raise TooManyParticipants(
                f"topic {segment.mapping.name!r} keeps {len(names)} named offsets, which is all it "
                "has room for: forget one that nobody resumes from (forget_offset)"
            )
        place = names.index("")
        segment.mapping.name_offset(place, name)
        segment.lock(segment.mapping.offset_lock(place))
        return place, 0


def forget(segment: Segment, name: str) -> bool:
    """Free a name that nobody has at the moment: whether there was one.

    raises  NameTaken while a subscriber has it
    """
    with _alone(segment):
        names = [known for known, _ in segment.mapping.offsets()]
        if not name or name not in names:
            return False
        place, _ = _take_known(segment, names.index(name), name)
        segment.mapping.name_offset(place, "")
        segment.unlock(segment.mapping.offset_lock(place))
        return True


def forget_offset(topic: str, name: str, *, broker: str | None = None) -> bool:
    """Forget where the subscriber of a name stopped, for a name that nobody will use again.

    returns  whether there was one
    raises   NameTaken while a subscriber has it; as get_topic
    """
    from podring.client import get_topic

    segment = Segment(get_topic(topic, broker=broker).segment, write=False)
    try:
        return forget(segment, name)
    finally:
        segment.close()


def saved(segment: Segment) -> dict[str, int]:
    """Every name, and the sequence from which its subscriber would resume."""
    return {name: sequence for name, sequence in segment.mapping.offsets() if name}


def _take_known(segment: Segment, place: int, name: str) -> tuple[int, int]:
    if not segment.lock(segment.mapping.offset_lock(place)):
        raise NameTaken(
            f"topic {segment.mapping.name!r} has a living subscriber {name!r}, and an offset "
            "belongs to one at a time: end that one, or choose another name"
        )
    return place, segment.mapping.offsets()[place][1]


def _check(name: str) -> None:
    length = len(name.encode(errors="replace"))
    if not 1 <= length <= _ring.OFFSET_NAME_BYTES_MAX or "\0" in name or not name.isprintable():
        raise ValueError(
            f"name {name[:40]!r} ({length} bytes) cannot name an offset: it is 1 to "
            f"{_ring.OFFSET_NAME_BYTES_MAX} bytes of printable UTF-8"
        )


@contextlib.contextmanager
def _alone(segment: Segment) -> Iterator[None]:
    segment.lock_names()
    try:
        yield
    finally:
        segment.unlock_names()

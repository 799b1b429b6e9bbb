"""Join a topic: find it, attach it, take an entry of its roster, and let go of it after fork.

What publishers and subscribers share beyond the ring. A participant is alive for as long as it
holds the OFD lock on its entry; the kernel drops that at death, in whatever namespace it died. A
forked child inherits the lock with the descriptor, so the child closes its copies at once and the
objects it inherited refuse to work.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import warnings
import weakref
from typing import TYPE_CHECKING, Self

from podring.errors import BrokerUnreachable, TooManyParticipants, TopicClosed, TopicNotFound
from podring.ring import _ring
from podring.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from podring.topic import TopicRecord, TopicSpec

ATTEMPTS = 5
"""How often a topic may be deleted and created anew between asking for it and attaching it."""


def open_topic(
    topic: str, broker: str | None, create: TopicSpec | None, *, write: bool
) -> tuple[TopicRecord, Segment]:
    """Ask the broker for a topic, creating it if a spec is given, and attach its segment.

    raises  TopicNotFound, TopicExists, NoRoom, BrokerUnreachable, LayoutMismatch, PermissionError
    """
    from podring.client import broker_at  # late, so that importing podring stays cheap

    keeper = broker_at(broker)
    for attempt in range(ATTEMPTS):
        record = keeper.create(topic, create) if create is not None else keeper.get(topic)
        try:
            return record, Segment(record.segment, write=write)
        except TopicNotFound:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("the loop returns or raises")


@contextlib.contextmanager
def joined(segment: Segment, role: int, name: str | None, flags: int = 0) -> Iterator[int]:
    """Join for good if the block succeeds; leave and close the segment if it does not."""
    slot = -1
    _joined.add(segment)
    try:
        slot = join(segment, role, name, flags)
        yield slot
    except BaseException:
        if slot >= 0:
            segment.mapping.leave(slot)
        segment.close()
        raise


def join(segment: Segment, role: int, name: str | None, flags: int = 0) -> int:
    """Take a free entry of the roster, and the lock that says that we live.

    name     what this participant calls itself; the program's name and process if None
    returns  the entry's slot
    raises   TooManyParticipants; TypeError for a name that is no text
    """
    if not isinstance(name, str | None):
        raise TypeError(f"a participant's name is text, not {type(name).__name__}")
    mapping = segment.mapping
    for slot in range(mapping.slots):
        # Where a publisher died with the writer lock, only a publisher can give it back. Whoever
        # holds the entry's lock even for a moment makes the dead one look alive.
        spared = role != _ring.PUBLISHER and mapping.lock_holder() == slot
        if spared or not segment.lock(mapping.lock_offset(slot)):
            continue
        if role != _ring.PUBLISHER and mapping.lock_holder() == slot:
            segment.unlock(mapping.lock_offset(slot))
            continue
        mapping.join(slot, role, name or _default_name(), flags)
        return slot
    raise TooManyParticipants(
        f"topic {mapping.name!r} has {mapping.slots} participants, which is all it has room for: "
        "close one of them"
    )


def _default_name() -> str:
    return f"{os.path.basename(sys.argv[0] or 'python')[:20]}-{os.getpid()}"


class Participant(_ring.Handle):
    """What a publisher and a subscriber do alike: end in order, end a block, let go after fork.

    record  the topic, as it was when this was opened
    """

    record: TopicRecord
    _segment: Segment
    _broker: str | None
    _follower: Follower | None = None

    def _opened(self, record: TopicRecord, segment: Segment) -> None:
        """From here on there is something to close."""
        self.record, self._segment = record, segment
        _living.add(self)

    def _follow(self, follow: float | None, broker: str | None) -> None:
        """Go on with the topic's next generation, should it be made within `follow` seconds."""
        if follow is None:
            return
        if not follow >= 0:
            raise ValueError(f"follow is seconds from 0 up, or None not to: not {follow!r}")
        self._broker = broker
        self._follower = Follower(self, follow)
        self._follow_with(self._follower)

    def next_generation(self) -> bool:
        """Move to the topic's next generation: False where there is none yet."""
        try:
            record, segment = open_topic(
                self.record.name, self._broker, None, write=isinstance(self, _ring.Writer)
            )
        except (TopicNotFound, BrokerUnreachable):
            return False
        if record.generation == self.record.generation:
            segment.close()
            return False
        left = self._segment
        try:
            self._join(segment)
        except TopicClosed:
            return False
        except BaseException:
            if self.mapping is segment.mapping:
                self.close()  # it is on neither of the two
            raise
        self._opened(record, segment)
        left.close()
        return True

    def _join(self, segment: Segment) -> None:
        """Take part in `segment` instead."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave the topic. Closing twice is fine."""
        super().close()
        self._segment.close()

    def abandon(self) -> None:
        """In a forked child: let go without disturbing the parent."""
        super().abandon()
        self._segment.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "record") and not self.closed:
            try:
                warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            finally:  # python -W error makes it an exception, which nobody gets
                self.close()


class Follower:
    """Brings a participant to its topic's next generation, once the one that it is on is deleted.

    Called again and again until it has: each call asks the broker once, and waits a little where
    there is nothing new yet.
    """

    def __init__(self, participant: Participant, patience_s: float) -> None:
        self._participant = weakref.ref(participant)
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._noticed: float | None = None

    def __call__(self) -> None:
        """Move, or wait for a moment.

        raises  TopicClosed once nothing has come for as long as was asked for
        """
        with self._lock:
            participant = self._participant()
            if participant is None or participant.mapping.state() == _ring.OPEN:
                return  # another thread has moved it
            now = time.monotonic()
            self._noticed = self._noticed or now
            if participant.next_generation():
                self._noticed = None
            elif now - self._noticed >= self._patience_s:
                old = participant.record
                raise TopicClosed(
                    f"topic {old.name!r} (generation {old.generation}) was deleted, and not made "
                    f"anew for {self._patience_s:g} s: open it again when it is there"
                )
            else:
                time.sleep(_FOLLOW_PAUSE_S)


_FOLLOW_PAUSE_S = 0.05

_living: weakref.WeakSet[Participant] = weakref.WeakSet()
_joined: weakref.WeakSet[Segment] = weakref.WeakSet()


def _after_fork() -> None:
    for handle in list(_living):
        handle.abandon()
    for segment in list(_joined):  # also of one that another thread was just opening
        segment.abandon()
    _living.clear()
    _joined.clear()


os.register_at_fork(after_in_child=_after_fork)

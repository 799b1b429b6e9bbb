"""The subscribing end of a topic: opening, losses, asyncio and closing; reading is the ring's.

`receive`, `receive_many`, `view` and iteration come straight from the compiled `Reader`, so a
payload passes one layer on its way out of shared memory.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING, Self

from podring import aio, offsets, roster
from podring.ring import _ring
from podring.start import Start

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType

    from podring.segment import Segment
    from podring.topic import TopicSpec

SPIN = 20e-6
"""Seconds to spin before sleeping where there is more than one processor: about what it takes to
be woken on another one."""

LOSSES_KEPT = 1000
"""How many of the latest losses `Subscriber.losses` remembers."""

_YIELD_EVERY = 256
"""After so many messages without waiting, `async for` lets other tasks run."""


class Losses:
    """What a subscriber lost: all in all, and the latest ranges of sequence numbers."""

    def __init__(self, on_loss: Callable[[range], object] | None) -> None:
        if on_loss is not None and not callable(on_loss):
            raise TypeError(f"on_loss is called with a range: {on_loss!r} cannot be called")
        self.total = 0
        self.ranges: deque[range] = deque(maxlen=LOSSES_KEPT)
        self._on_loss = on_loss

    def __call__(self, first: int, end: int) -> None:
        """Count `first` to `end - 1`, and tell whoever wants to know."""
        lost = range(first, end)
        self.total += len(lost)
        self.ranges.append(lost)
        if self._on_loss is not None:
            self._on_loss(lost)


def _taken(segment: Segment, name: str | None) -> tuple[int, int]:
    """The place of a name's offset and the sequence saved there; -1 and 0 without a name."""
    return (-1, 0) if name is None else offsets.take(segment, name)


class Subscriber(roster.Participant, _ring.Reader):
    """Receives a topic's messages in order, from an offset that it keeps itself.

    topic    its name
    start    where to begin: "latest", "earliest", "last:N", a sequence number, "since:30s",
             "since:2026-11-20T23:00:00Z" or a datetime; see `podring.start`
    broker   as for Publisher
    create   a TopicSpec: create the topic unless it exists with the same one
    name     resume where the subscriber of this name stopped, whatever `start` says, and save how
             far this one comes; one at a time may have it. It is what the roster shows and what
             waiting publishers call it, 1 to 96 bytes of UTF-8 (the roster shows 32)
    lossy    in a `block` topic, do not let publishers wait: lose the oldest messages instead
    spin     seconds to look for news before sleeping, less while that is in vain: default 20 µs
             where there is more than one processor, 0 never, math.inf always
    follow   when the topic is deleted, wait for so many seconds until it is made anew, and go on
             with the first message there; None raises TopicClosed once it is read to its end
    on_loss  called with the range of sequence numbers that were lost, before the first message
             behind them is delivered
    raises   as Publisher; NameTaken; InvalidTopic or OffsetOutOfRange for a start that cannot be

    A subscriber that falls behind by more than the ring loses the oldest messages; `lost` and
    `losses` say exactly which. In a `block` topic publishers wait for it instead, until it closes,
    dies, or has held them up for longer than the topic's lease (Evicted).

    Threads may share one, and then each message goes to one of them. After fork the child must open
    its own. A deleted topic is read to its end, and then every call raises TopicClosed.
    """

    def __init__(
        self,
        topic: str,
        /,
        *,
        start: str | int | datetime = "latest",
        broker: str | None = None,
        create: TopicSpec | None = None,
        name: str | None = None,
        lossy: bool = False,
        spin: float | None = None,
        follow: float | None = None,
        on_loss: Callable[[range], object] | None = None,
    ) -> None:
        where = Start.parse(start)
        if spin is None:
            # The machine's, not ours: who is pinned to one processor has its publisher on another.
            spin = SPIN if (os.cpu_count() or 1) > 1 else 0.0
        self._losses = Losses(on_loss)
        self._unyielded = 0
        record, segment = roster.open_topic(topic, broker, create, write=False)
        flags = _ring.LOSSY if lossy else 0
        with roster.joined(segment, _ring.SUBSCRIBER, name, flags) as slot:
            _ring.Reader.__init__(self, segment.mapping, slot, self._losses, spin)
            self._begin(where, _taken(segment, name))
            self._name, self._flags = name, flags
            self._follow(follow, broker)
        self._opened(record, segment)

    def _begin(self, where: Start, taken: tuple[int, int]) -> None:
        """Go to the offset that was saved at the place that was taken, else to the start."""
        place, sequence = taken
        if sequence:
            self.seek("sequence", sequence)
        else:
            self.seek(where.where, where.value)
        if place >= 0:
            self._save_at(place)

    def _join(self, segment: Segment) -> None:
        with roster.joined(segment, _ring.SUBSCRIBER, self._name, self._flags) as slot:
            taken = _taken(segment, self._name)  # or not at all: then nothing has moved
            self._move(segment.mapping, slot)
            self._begin(Start.parse(1), taken)
        aio.ring_bell()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._disown()
        super().__exit__(kind, value, traceback)

    @property
    def lost(self) -> int:
        """How many messages this subscriber lost so far."""
        return self._losses.total

    @property
    def losses(self) -> list[range]:
        """Which ones: the latest ranges of sequence numbers, oldest first."""
        return list(self._losses.ranges)

    async def receive_async(self) -> bytes:
        """Wait for the next message without blocking the event loop.

        returns  bytes
        raises   as `receive`; for a timeout use asyncio.timeout, which loses no message
        """
        if self._unyielded >= _YIELD_EVERY:
            self._unyielded = 0
            await aio.pause()  # before a message is taken, so that being cancelled here loses none
        slept_from = 0
        while (message := self.receive_nowait()) is None:
            self._unyielded = 0
            if self._follower is not None and self.mapping.state() != _ring.OPEN:
                await aio.in_thread(self._follower)
                continue
            began = time.time_ns()
            if not await aio.spin_for_news(self, aio.SPINS * self._spin_s()):
                slept_from = slept_from or began
                await aio.wait_for_news(self)
        if slept_from:
            self._learn(slept_from, aio.SPINS)
        self._unyielded += 1
        return message

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        return await self.receive_async()

    def close(self) -> None:
        """Leave the topic and wake whoever waits here. Closing twice is fine; views stay valid."""
        super().close()
        aio.ring_bell()

    def __repr__(self) -> str:
        state = " closed" if self.closed else f" at {self.offset}"
        return f"<Subscriber of {self.record.name!r}, generation {self.record.generation}{state}>"

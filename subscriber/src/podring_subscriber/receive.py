"""The subscriber's loop: take what is there, write it, and know when to end.

While nothing comes it sleeps, and wakes up only for what was asked for: to end after some idle
seconds, or to show statistics; and to tell of losses. A batch is about BATCH_BYTES long, judged by
the one before it. Only what is written counts as received: a subscriber with a name that is ended
after that goes on behind it, and otherwise with it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from podring import Evicted, Subscriber
from podring.cli.exits import Exit
from podring.cli.meter import Meter
from podring.cli.signals import Signals
from podring_subscriber.losses import Losses
from podring_subscriber.sink import Sink

BATCH_BYTES = 4 << 20
BATCH_MESSAGES = 4096


@dataclass(frozen=True, slots=True)
class Until:
    """When to end: after `count` messages, `idle_s` without one, or a loss. None: never."""

    count: int | None
    idle_s: float | None
    loss: bool


def receive(
    subscriber: Subscriber, sink: Sink, meter: Meter, losses: Losses, signals: Signals, until: Until
) -> Exit:
    """Receive until it is time to end, and tell with which code.

    raises  Stopped, TopicClosed, CorruptRing, OSError; what was received is written by then
    """
    limit = max(1, min(64, BATCH_BYTES // subscriber.record.spec.max_message_bytes))
    last = time.monotonic()
    while until.count is None or meter.messages < until.count:
        wait_s = _wait_s(last, meter, losses, until)
        batch = _batch(subscriber, _at_most(limit, meter, until), wait_s, losses)
        losses.tell()
        if until.loss and subscriber.lost:
            # A batch never spans a loss: what comes after it is not written, and not received.
            subscriber.seek("sequence", subscriber.offset - len(batch))
            return Exit.LOSS
        if batch:
            size = sum(map(len, batch))
            limit = max(1, min(BATCH_MESSAGES, BATCH_BYTES * len(batch) // max(1, size)))
            with signals.held():
                sink.take(batch)
                subscriber.commit()
                meter.add(len(batch), size)
            last = time.monotonic()
        elif until.idle_s is not None and time.monotonic() >= last + until.idle_s:
            return Exit.OK if until.count is None else Exit.INCOMPLETE
        meter.tick()
    return Exit.OK


def _batch(subscriber: Subscriber, limit: int, wait_s: float | None, losses: Losses) -> list[bytes]:
    """The next messages; none when none came in time."""
    while True:
        try:
            return subscriber.receive_many(limit, wait_s)
        except Evicted:
            losses.given_up()


def _at_most(limit: int, meter: Meter, until: Until) -> int:
    return limit if until.count is None else min(limit, until.count - meter.messages)


def _wait_s(last: float, meter: Meter, losses: Losses, until: Until) -> float | None:
    """Seconds until something is to be done even if no message comes; None: for ever."""
    idle = None if until.idle_s is None else max(0.0, last + until.idle_s - time.monotonic())
    wanted = [seconds for seconds in (idle, meter.due_s(), losses.due_s()) if seconds is not None]
    return min(wanted, default=None)

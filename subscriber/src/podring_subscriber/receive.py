"""The subscriber's loop: take what is there, write it, and know when to end.

While nothing comes it sleeps, and wakes up only for what was asked for: to end after some idle
seconds, or to show statistics. A batch is about BATCH_BYTES long, judged by the one before it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from podring import Subscriber
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

    raises  Stopped, TopicClosed, CorruptRing, OSError; what was received is in the sink by then
    """
    limit = max(1, min(64, BATCH_BYTES // subscriber.record.spec.max_message_bytes))
    last = time.monotonic()
    while until.count is None or meter.messages < until.count:
        batch = subscriber.receive_many(_at_most(limit, meter, until), _wait_s(last, meter, until))
        losses.tell()
        if until.loss and subscriber.lost:
            return Exit.LOSS  # a batch never spans a loss: what comes after it is not written
        if batch:
            size = sum(map(len, batch))
            limit = max(1, min(BATCH_MESSAGES, BATCH_BYTES * len(batch) // max(1, size)))
            with signals.held():
                sink.take(batch, more=subscriber.lag > 0)
                meter.add(len(batch), size)
            last = time.monotonic()
        elif until.idle_s is not None and time.monotonic() >= last + until.idle_s:
            return Exit.OK if until.count is None else Exit.INCOMPLETE
        meter.tick()
    return Exit.OK


def _at_most(limit: int, meter: Meter, until: Until) -> int:
    return limit if until.count is None else min(limit, until.count - meter.messages)


def _wait_s(last: float, meter: Meter, until: Until) -> float | None:
    """Seconds until something is to be done even if no message comes; None: for ever."""
    idle = None if until.idle_s is None else max(0.0, last + until.idle_s - time.monotonic())
    wanted = [seconds for seconds in (idle, meter.due_s()) if seconds is not None]
    return min(wanted, default=None)

"""Send at a steady rate: so many messages, or so many bytes, a second.

The pace is kept against the clock and not from one message to the next, so a late wake-up is made
good by the next messages and the rate does not drift. A source that pauses earns no more than
BURST_S of arrears: what was not there to be sent is not caught up with.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from podring.cli.framing import Payload
from podring.topic import parse_quantity

BURST_S = 1.0
SLOWEST = 1e-6
"""A second: one message in eleven days. What sleeps longer than years overflows the clock."""
TICK_S = 0.001
"""Messages that are due within this time are sent together."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`amount` a second, of bytes or of messages."""

    amount: float
    bytes: bool

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read `1000`, `0.5/s` (messages), `100Mi/s`, `500B` (bytes, by their unit).

        raises  ValueError
        """
        number = text.strip().removesuffix("/s")
        try:
            amount, of_bytes = float(number), False
        except ValueError:
            try:
                amount, of_bytes = float(parse_quantity(number.removesuffix("B"), "rate")), True
            except ValueError:
                amount, of_bytes = math.nan, True
        if not SLOWEST <= amount < math.inf:
            raise ValueError(
                f"rate {text!r} is neither messages a second (such as 1000 or 0.5, and at least "
                f"{SLOWEST:f}) nor bytes a second with a unit (such as 100Mi or 500B)"
            )
        return cls(amount, of_bytes)


class Pacer:
    """Splits batches so that each part is due when it is given. A rate of None is no limit."""

    def __init__(self, rate: Rate | None) -> None:
        self._rate = rate
        self._due = math.inf

    def parts(self, batch: Sequence[Payload]) -> Iterator[Sequence[Payload]]:
        """Give `batch` in parts, sleeping before each until it is due."""
        if self._rate is None:
            yield batch
            return
        start = 0
        while start < len(batch):
            now = time.monotonic()
            self._due = now if self._due == math.inf else max(self._due, now - BURST_S)
            if self._due > now:
                time.sleep(self._due - now)
            stop, self._due = self._within(batch, start, time.monotonic() + TICK_S)
            yield batch[start:stop]
            start = stop

    def _within(self, batch: Sequence[Payload], start: int, until: float) -> tuple[int, float]:
        """Where the part that is due before `until` ends (at least one message), and what then."""
        assert self._rate is not None
        due = self._due
        if not self._rate.bytes:
            many = min(len(batch) - start, max(1, int((until - due) * self._rate.amount)))
            return start + many, due + many / self._rate.amount
        stop = start
        while stop < len(batch) and (stop == start or due < until):
            due += len(batch[stop]) / self._rate.amount
            stop += 1
        return stop, due

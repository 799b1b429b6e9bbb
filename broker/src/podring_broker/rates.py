"""How often a caller may call: a bucket of tokens each, which fills at a steady rate.

A full bucket holds ten seconds' worth, so that a controller may bring its topics at once, and a
program may list them all, while nobody keeps the broker busy for long at the others' expense.
"""

from __future__ import annotations

import time
from collections import OrderedDict

BURST_S = 10.0
_CALLERS_MAX = 4096


class Rates:
    """Buckets of up to `rate` × BURST_S calls, by caller; 0 is no bound. For one thread."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._size = max(1.0, rate * BURST_S)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """Seconds until `caller` may call; 0 when it may now."""
        if not self.rate:
            return 0.0
        return max(0.0, (1.0 - self._filled(caller)) / self.rate)

    def count(self, caller: str) -> None:
        """Take note of a call."""
        if self.rate:
            self._buckets[caller] = (self._filled(caller) - 1.0, time.monotonic())
            self._buckets.move_to_end(caller)
            # A caller that is forgotten has a full bucket again: the one that was longest silent.
            if len(self._buckets) > _CALLERS_MAX:
                self._buckets.popitem(last=False)

    def _filled(self, caller: str) -> float:
        left, since = self._buckets.get(caller, (self._size, 0.0))
        return min(self._size, left + (time.monotonic() - since) * self.rate)

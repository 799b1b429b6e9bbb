"""How long to wait before the next attempt, after so many in vain."""

from __future__ import annotations

import random
from dataclasses import dataclass

_jitter = random.Random()  # not the module's own: whoever seeds that one counts on what follows


@dataclass(slots=True)
class Backoff:
    """Waits that double from `first_s` to `most_s`, each a little off so that many do not meet.

    due   when the next attempt may be made, on the clock that the caller uses
    """

    first_s: float = 1.0
    most_s: float = 30.0
    failures: int = 0
    due: float = 0.0

    def failed(self, now: float) -> None:
        """Note an attempt in vain."""
        wait_s = min(self.most_s, self.first_s * 2.0**self.failures)
        self.failures = min(self.failures + 1, 30)
        self.due = now + wait_s * _jitter.uniform(0.8, 1.0)

    def succeeded(self) -> None:
        """Note one that was not: the next may be made at once."""
        self.failures, self.due = 0, 0.0

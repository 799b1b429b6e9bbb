"""Tell of lost messages: how many, from which sequence to which.

A subscriber that falls behind may lose some many times a second, and a line for each would only
slow it further. So the first loss is told at once, and those that follow within PERIOD_S are told
together; none is left untold.
"""

from __future__ import annotations

import time
from collections.abc import Callable

PERIOD_S = 1.0


class Losses:
    """Gathers losses, as a subscriber's `on_loss`, and says them through `say`."""

    def __init__(self, topic: str, say: Callable[[str], None]) -> None:
        self._topic, self._say = topic, say
        self._told_at = -PERIOD_S
        self._first = self._end = self._count = self._gaps = 0

    def __call__(self, lost: range) -> None:
        if not self._gaps:
            self._first = lost.start
        self._end = lost.stop
        self._count += len(lost)
        self._gaps += 1

    def given_up(self) -> None:
        """Publishers of a `block` topic went on without this subscriber: say why a loss follows."""
        self._say(f"{self._topic}: publishers waited for this subscriber for the topic's lease")

    def due_s(self) -> float | None:
        """Seconds until what was gathered is to be told; None when nothing was."""
        if not self._gaps:
            return None
        return max(0.0, self._told_at + PERIOD_S - time.monotonic())

    def tell(self, *, now: bool = False) -> None:
        """Say what was gathered, if it is time or `now`."""
        moment = time.monotonic()
        if not self._gaps or (moment < self._told_at + PERIOD_S and not now):
            return
        gaps = f" in {self._gaps} gaps" if self._gaps > 1 else ""
        self._say(
            f"{self._topic}: lost {self._count} messages{gaps}, sequence {self._first} to "
            f"{self._end - 1}: read faster, or make the topic larger"
        )
        self._told_at, self._gaps, self._count = moment, 0, 0

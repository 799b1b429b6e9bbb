"""What wakes the loop, and what it then has to read again."""

from __future__ import annotations

import threading


class Bell:
    """Rung from any thread; the loop waits for it.

    What changed in the cluster is named (`resources`, `nodes`, `endpoints`, `pods`) and collected
    until somebody takes it. A ring without a name says only that some work was done.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._changed: set[str] = set()
        self._rung = False

    def ring(self, what: str = "") -> None:
        with self._condition:
            self._rung = True
            if what:
                self._changed.add(what)
            self._condition.notify()

    def wait(self, timeout_s: float) -> set[str]:
        """Wait for a ring, at most so long: what changed since the last time."""
        with self._condition:
            self._condition.wait_for(lambda: self._rung, timeout_s)
            changed, self._changed, self._rung = self._changed, set(), False
            return changed

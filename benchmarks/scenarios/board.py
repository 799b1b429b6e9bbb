"""What the halves of a run tell each other while it lasts: how far each receiver has come.

A file of counters that all of them have mapped. A receiver stores how many messages of a sender it
has checked; a sender looks there when it must not be too far ahead of the slowest. That takes no
system call of the receiver and wakes nobody, so it disturbs what is measured least of all ways.
"""

from __future__ import annotations

import mmap
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

_APART = 8
"""Words between two counters: a cache line, so that receivers do not slow each other down."""
_SHORT = 64
"""A window of fewer messages is too soon empty for the sender to sleep at once."""
_SPIN_S, _NAP_S = 20e-6, 20e-6


class Board:
    """The counters, one for each pair of a sender and a receiver."""

    def __init__(self, path: Path, senders: int, receivers: int) -> None:
        self._senders, self._receivers = senders, receivers
        length = senders * receivers * _APART * 8
        with path.open("a+b") as file:
            file.truncate(length)
            self._memory = mmap.mmap(file.fileno(), length)
        self.words = memoryview(self._memory).cast("Q")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.words.release()
        self._memory.close()

    def place(self, sender: int, receiver: int) -> int:
        """Index of a pair's counter in `words`."""
        return (receiver * self._senders + sender) * _APART

    def told(self, sender: int) -> int:
        """How many messages of a sender every receiver has checked."""
        return min(self.words[self.place(sender, r)] for r in range(self._receivers))

    def checked(self) -> list[int]:
        """How many messages each receiver has told that it checked."""
        return [
            sum(self.words[self.place(s, r)] for s in range(self._senders))
            for r in range(self._receivers)
        ]


class Credit:
    """How far a sender may go: at most a window ahead of the slowest receiver."""

    def __init__(self, board: Board, sender: int, window: int) -> None:
        """window  messages; 0: as far as it likes."""
        self._board, self._sender, self._window = board, sender, window
        self._spin_s = _SPIN_S if window < _SHORT else 0.0
        self._sent = self._told = 0
        self.waited_s = 0.0

    def take(self, messages: int) -> None:
        """Wait until so many more may be sent."""
        self._sent += messages
        if self._window and self._sent - self._told > self._window:
            self._wait(self._sent - self._window)

    def _wait(self, needed: int) -> None:
        started = now = time.perf_counter()
        while (told := self._board.told(self._sender)) < needed:
            if now - started >= self._spin_s:
                time.sleep(_NAP_S)
            now = time.perf_counter()
        self._told = told
        self.waited_s += time.perf_counter() - started

"""End on SIGINT, SIGTERM and SIGHUP at once, yet never in the middle of a message.

A program that waits is stopped where it stands: the handler raises `Stopped`, which no
`except Exception` swallows. While it delivers what it already has (`with signals.held()`), the
signal is only noted, and `Stopped` is raised when the delivery is done. Should ending take longer
than GRACE_S, because nobody reads a full pipe, or should a signal come again, it is raised there
and then.

A pod's first process gets no default action for SIGTERM, so without this it would take ten seconds
to stop. A signal that was ignored when the program started stays ignored, as for a shell's
background job or under nohup.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Self

GRACE_S = 1.0
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


class Stopped(BaseException):
    """The program was told to end by `number`, a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Signals:
    """The signals while a program runs; a context manager that puts back what was there."""

    def __init__(self) -> None:
        self._holding = False
        self._noted = 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in _ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._caught)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let what is inside be finished before a signal ends the program, for GRACE_S at most."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._noted:
            raise Stopped(self._noted)

    def _caught(self, number: int, _frame: FrameType | None) -> None:
        again = bool(self._noted)
        if number == signal.SIGALRM and not again:
            return
        if not again:
            self._noted = number
            signal.setitimer(signal.ITIMER_REAL, GRACE_S)
        if again or not self._holding:
            raise Stopped(self._noted)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hear of signals that end the program only afterwards: what is inside is short, and whole."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

"""Ctrl-C, SIGTERM and a closed terminal, at safe points only.

A signal never breaks into what the demo is doing, so there is no moment at which a process has been
started and is not yet known. It is noted, and wakes whoever waits with `fileno`; `check` raises it.
"""

from __future__ import annotations

import signal
import socket
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """The demo was told to end by `number`, a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Interrupts:
    """The signals while the demo runs; a context manager that puts back what was there."""

    def __init__(self) -> None:
        self._noted = 0
        self._before: dict[int, Any] = {}
        self._wakes, self._rings = socket.socketpair()

    def __enter__(self) -> Self:
        self._wakes.setblocking(False)
        self._rings.setblocking(False)
        self._fd_before = signal.set_wakeup_fd(self._rings.fileno(), warn_on_full_buffer=False)
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._fd_before)
        self._wakes.close()
        self._rings.close()

    def fileno(self) -> int:
        """Becomes readable when a signal comes."""
        return self._wakes.fileno()

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self._noted:
            raise Interrupted(self._noted)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._noted = self._noted or number

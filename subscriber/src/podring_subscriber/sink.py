"""Where messages are written to: gathered while there are more, written when there are none.

So a slow topic is seen at once (`| grep` is live) and a fast one costs one system call for a
mebibyte. What a signal cuts off in a pipe that nobody reads is not written a second time.
"""

from __future__ import annotations

import os
import select
from collections.abc import Sequence

from podring.cli.framing import Joiner

GATHER_BYTES = 1 << 20


class Sink:
    """Writes to a descriptor. It does not own it."""

    def __init__(self, fd: int, join: Joiner) -> None:
        self._fd, self._join = fd, join
        self._pending: list[bytes] = []
        self._waiting = 0

    def take(self, batch: Sequence[bytes], *, more: bool) -> None:
        """Write messages, or keep them for later when there are `more` and these are few.

        raises  BrokenPipeError, OSError
        """
        if data := self._join(batch):
            self._pending.append(data)
            self._waiting += len(data)
        if not more or self._waiting >= GATHER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is kept."""
        pending = self._pending
        self._pending, self._waiting = [], 0
        for data in pending if len(pending) == 1 else [b"".join(pending)]:
            _write(self._fd, data)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:  # somebody made the terminal or pipe non-blocking
            select.select([], [fd], [])

"""Where messages are written to: each batch at once, in one piece.

So a slow topic is seen at once (`| grep` is live), a fast one costs one system call for thousands
of messages, and what a subscriber says it is done with is written.
"""

from __future__ import annotations

import os
import select
from collections.abc import Sequence

from podring.cli.framing import Joiner
from podring.cli.program import naming


class Sink:
    """Writes to a descriptor, which `name` calls in errors. It does not own it."""

    def __init__(self, fd: int, name: str, join: Joiner) -> None:
        self._fd, self._name, self._join = fd, name, join

    def take(self, batch: Sequence[bytes]) -> None:
        """Write messages.

        raises  BrokenPipeError, OSError
        """
        view = memoryview(self._join(batch))
        with naming(self._name):
            while view:
                view = view[self._write(view) :]

    def _write(self, view: memoryview) -> int:
        try:
            return os.write(self._fd, view)
        except BlockingIOError:  # somebody made the terminal or pipe non-blocking
            select.select([], [self._fd], [])
            return 0

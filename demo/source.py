"""The input, whichever it is: messages one by one without end, in batches to its end, or a tape."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from demo import files, tape, telemetry
from demo.messages import Setup
from podring.cli import framing


class Source:
    """What a publisher sends."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self.one_by_one = endless(setup.input, setup.frame)
        self.tape = cycle(tape.batches(tape.load(setup.tape)))

    def whole(self) -> framing.Batches:
        """The file, once."""
        if self._setup.input is None:
            raise ValueError("telemetry has no end")
        return files.batches(self._setup.input, self._setup.frame)


def endless(path: str | None, frame: int | None) -> Iterator[framing.Payload]:
    """Live telemetry, or a file from beginning to end and then from its beginning again."""
    if path is None:
        return telemetry.readings()
    return _repeated(path, frame)


def _repeated(path: str, frame: int | None) -> Iterator[framing.Payload]:
    while True:
        for batch in files.batches(path, frame):
            yield from batch

"""A publisher's process: sends the input in slices, as the director asks for them.

`python -m demo.publish SETUP`. It ends when its standard input does.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Sequence

from demo.measure import cpu_s
from demo.messages import REPORT_NS, Figures, Phase, Setup, Slice, next_slice, say, say_figures
from demo.source import Source
from demo.tether import die_with_parent
from demo.transport import Outlet, open_outlet
from podring import PodringError
from podring.cli.framing import Payload

MESSAGES_PER_S = 4000
BYTES_PER_S = 25e6
"""The steady pace: whichever of the two is slower for a message. Far from what two processors can
do, so that the latencies are the transport's and not those of a queue."""
_ARREARS_S = 0.05
"""How much of a delay is made good; the rest is given up."""
_END = b""


class Sender:
    """Sends slices, and keeps the figures of the current phase."""

    def __init__(self, outlet: Outlet, source: Source) -> None:
        self._outlet, self._source = outlet, source
        self._phase: Phase | None = None
        self._figures = Figures()
        self._digest = hashlib.sha256()
        self._report_at = 0

    def play(self, wanted: Slice) -> None:
        """Send one slice to its end."""
        if wanted.phase != self._phase:
            self._phase, self._figures, self._digest = wanted.phase, Figures(), hashlib.sha256()
        started, used, before_s = time.monotonic(), cpu_s(), self._figures.seconds
        if wanted.phase == "paced":
            self._paced(wanted.seconds)
            self._figures.sha256 = self._digest.hexdigest()
        elif wanted.phase == "whole":
            for batch in self._source.whole():
                self._send_many(batch)
        else:
            self._flood(wanted.seconds)
        self._outlet.send(_END)
        self._figures.seconds = before_s + time.monotonic() - started
        self._figures.cpu_s += cpu_s() - used
        say_figures(self._figures, done=True)

    def _paced(self, seconds: float) -> None:
        now = due = time.monotonic()
        until = now + seconds
        while now < until:
            message = self._next_message()
            now = time.monotonic()
            if due > now:
                time.sleep(due - now)
            self._outlet.send(message)
            self._digest.update(message)
            self._count(1, len(message))
            now = time.monotonic()
            due = max(due, now - _ARREARS_S) + max(1 / MESSAGES_PER_S, len(message) / BYTES_PER_S)

    def _next_message(self) -> Payload:
        before = time.thread_time()
        message = next(self._source.one_by_one)
        self._figures.source_s += time.thread_time() - before
        return message

    def _flood(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for batch in self._source.tape:
            self._send_many(batch)
            if time.monotonic() >= until:
                return

    def _send_many(self, batch: Sequence[Payload]) -> None:
        self._outlet.send_many(batch)
        self._count(len(batch), sum(map(len, batch)))

    def _count(self, messages: int, size: int) -> None:
        self._figures.messages += messages
        self._figures.bytes += size
        if (now := time.monotonic_ns()) >= self._report_at:
            self._report_at = now + REPORT_NS
            say_figures(self._figures, done=False)


def main(argument: str) -> None:
    """Open the publisher's end, and send slices until there are no more."""
    die_with_parent()
    setup = Setup.from_argument(argument)
    source = Source(setup)
    outlet = open_outlet(setup)
    try:
        sender = Sender(outlet, source)
        say("ready")
        while (wanted := next_slice()) is not None:
            sender.play(wanted)
    finally:
        outlet.close()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (PodringError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")

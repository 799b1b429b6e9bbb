"""A subscriber's process: receives slices, takes the times, and checks what it got.

`python -m demo.subscribe SETUP`. It ends when its standard input does.

A message's latency lasts from its own timestamp to the moment when Python has it. At a steady pace
each message counts. In the other phases messages come in batches, and of each the first counts,
which has waited longest. The time is taken before anything else is done with a message.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Sequence

from demo import tape
from demo.measure import Histogram, cpu_s
from demo.messages import (
    REPORT_NS,
    Figures,
    Phase,
    Received,
    Setup,
    Slice,
    next_slice,
    say,
    say_figures,
)
from demo.tether import die_with_parent
from demo.transport import Inlet, open_inlet
from podring import PodringError

COMPARE_EVERY = 8
"""As fast as it goes, one batch in so many is compared with the tape byte by byte."""


class Receiver:
    """Receives slices, and keeps the figures of the current phase."""

    def __init__(self, inlet: Inlet, comparison: tape.Comparison) -> None:
        self._inlet, self._comparison = inlet, comparison
        self._phase: Phase | None = None
        self._report_at = 0
        self._begin("paced")

    def play(self, wanted: Slice) -> None:
        """Receive one slice to its end."""
        if wanted.phase != self._phase:
            self._begin(wanted.phase)
        used = cpu_s()
        self._started, self._before_s = 0, self._figures.seconds
        say("started")
        if wanted.phase == "paced":
            self._one_by_one()
        else:
            self._in_batches()
        self._figures.cpu_s += cpu_s() - used
        if wanted.phase != "flood":
            self._figures.sha256 = self._digest.hexdigest()
        self._report(time.time_ns(), done=True)

    def _begin(self, phase: Phase) -> None:
        self._phase = phase
        self._figures = Figures()
        self._latency = Histogram()
        self._digest = hashlib.sha256()
        self._batches = 0
        self._lost_before = self._inlet.lost

    def _one_by_one(self) -> None:
        receive, figures = self._inlet.receive, self._figures
        while True:
            message, sent_at = receive()
            now = time.time_ns()
            if not message:
                return
            self._latency.add(now - sent_at)
            self._digest.update(message)
            figures.messages += 1
            figures.bytes += len(message)
            self._tick(now)

    def _in_batches(self) -> None:
        ended = False
        while not ended:
            batch, sent_at = self._inlet.receive_many()
            now = time.time_ns()
            if ended := not batch[-1]:
                batch = batch[:-1]
            if batch:
                self._latency.add(now - sent_at)
                self._check(batch)
                self._figures.messages += len(batch)
                self._figures.bytes += sum(map(len, batch))
            self._tick(now)

    def _check(self, batch: Sequence[Received]) -> None:
        if self._phase == "whole":
            for message in batch:
                self._digest.update(message)
            return
        self._batches += 1
        if self._batches % COMPARE_EVERY == 1:
            self._figures.compared += len(batch)
            self._figures.wrong += self._comparison.differing(self._figures.messages, batch)

    def _tick(self, now: int) -> None:
        if not self._started:
            self._started, self._report_at = now, now + REPORT_NS
        elif now >= self._report_at:
            self._report_at = now + REPORT_NS
            self._report(now, done=False)

    def _report(self, now: int, *, done: bool) -> None:
        self._figures.seconds = self._before_s + (now - (self._started or now)) / 1e9
        self._figures.latency = self._latency.to_json()
        self._figures.lost = self._inlet.lost - self._lost_before
        self._figures.lag = self._inlet.lag
        say_figures(self._figures, done=done)


def main(argument: str) -> None:
    """Open the subscriber's end, and receive slices until there are no more."""
    die_with_parent()
    setup = Setup.from_argument(argument)
    comparison = tape.Comparison(tape.load(setup.tape))
    inlet = open_inlet(setup)
    try:
        receiver = Receiver(inlet, comparison)
        say("ready")
        while (wanted := next_slice()) is not None:
            receiver.play(wanted)
    finally:
        inlet.close()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (PodringError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")

"""Bytes from standard input and files, as soon as they are there.

A read returns what has arrived and does not wait for a full block, so somebody who types is heard
line by line, while a file comes in large pieces. Waiting for input ends at once on a signal, and
wakes up only when a meter wants to show something. Files whose content changes, as that of sensors
below /sys does, can be read again and again.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Iterator, Sequence

from podring.cli.meter import Meter
from podring.cli.program import STDIN, descriptor, naming

READ_BYTES = 1 << 20


def rounds(paths: Sequence[str], every_s: float | None, meter: Meter) -> Iterator[str]:
    """Give every path once, or all of them again every `every_s` seconds, for ever.

    The pace is kept against the clock; a round that takes longer than that is followed at once by
    the next, and none is made up for.
    """
    due = time.monotonic()
    while True:
        yield from paths
        if every_s is None:
            return
        due = max(due + every_s, time.monotonic())
        while (left := due - time.monotonic()) > 0:
            shown_in = meter.due_s()
            time.sleep(left if shown_in is None else min(left, shown_in + 0.001))
            meter.tick()


def chunks(path: str, meter: Meter, *, most: int = READ_BYTES) -> Iterator[bytes]:
    """Read a file, or standard input for "-", in pieces of `most` bytes or less, to its end.

    raises  OSError when it cannot be opened or read; Failure when standard input is closed
    """
    if path == "-":
        yield from _drain(descriptor(sys.stdin, STDIN), STDIN, meter, most)
        return
    with open(path, "rb", buffering=0) as file:
        yield from _drain(file.fileno(), path, meter, most)


def _drain(fd: int, name: str, meter: Meter, most: int) -> Iterator[bytes]:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while True:
        # Asked before each read: the input may be non-blocking, and the meter shows that it idles.
        while not poll.poll(_milliseconds(meter.due_s())):
            meter.tick()
        try:
            with naming(name):
                data = os.read(fd, most)
        except BlockingIOError:
            continue
        if not data:
            return
        yield data


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000 + 1

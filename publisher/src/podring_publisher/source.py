"""Bytes from standard input and files, as soon as they are there.

A read returns what has arrived and does not wait for a full block, so somebody who types is heard
line by line, while a file comes in large pieces. Waiting for input ends at once on a signal, and
wakes up only when a meter wants to show something.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator

from podring.cli.meter import Meter
from podring.cli.program import descriptor

READ_BYTES = 1 << 20


def chunks(path: str, meter: Meter, *, most: int = READ_BYTES) -> Iterator[bytes]:
    """Read a file, or standard input for "-", in pieces of `most` bytes or less, to its end.

    raises  OSError when it cannot be opened or read; Failure when standard input is closed
    """
    if path == "-":
        yield from _drain(descriptor(sys.stdin, "standard input"), meter, most)
        return
    with open(path, "rb", buffering=0) as file:
        yield from _drain(file.fileno(), meter, most)


def _drain(fd: int, meter: Meter, most: int) -> Iterator[bytes]:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while True:
        # Asked before each read: the input may be non-blocking, and the meter shows that it idles.
        while not poll.poll(_milliseconds(meter.due_s())):
            meter.tick()
        try:
            data = os.read(fd, most)
        except BlockingIOError:
            continue
        if not data:
            return
        yield data


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000 + 1

"""What is sent, and how a receiver sees that it is what was sent, in the right order.

A sender has a cycle of different messages, made beforehand, and sends it over and over. Every word
of a message holds the sender and the place in the cycle. A message that is lost, comes twice, comes
early or belongs to another is not what the receiver expects at that place; a whole cycle lost is
missing in the end.

Short messages are compared whole. Of messages of LONG bytes and more, whose comparison would take a
good part of the time that is measured, the length and the first and last 16 bytes of each are
compared, and the whole of one in WHOLE cycles.
"""

from __future__ import annotations

import struct
from itertools import repeat, starmap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.peers.protocol import Receiver

LONG = 16 << 10
WHOLE = 8
STAMP = 16
_MOST, _BYTES = 512, 1 << 20
"""A cycle has so many messages or so many bytes: it stays in a cache of the second level."""


def cycle_length(size: int, window: int) -> int:
    """How many messages a cycle has.

    At most a quarter of a window, because a sender takes credit for a whole cycle at once.
    """
    wanted = max(2, min(_MOST, _BYTES // size))
    return max(1, min(wanted, window // 4)) if window else wanted


def payloads(size: int, number: int, sender: int) -> list[bytes]:
    """A cycle of `number` different messages of a sender."""
    return [_word(sender, place) * (size // 8) for place in range(number)]


def stamps(number: int, sender: int) -> list[bytes]:
    """The first and last bytes of each message of a cycle."""
    return [_word(sender, place) * (STAMP // 8) for place in range(number)]


def _word(sender: int, place: int) -> bytes:
    return bytes([sender]) + place.to_bytes(7, "little")


def source(end: Receiver) -> Iterator[Any]:
    """Everything that arrives, one message a call."""
    return end.iterate or starmap(end.receive, repeat(()))


def unstamp(size: int) -> Callable[[Any], tuple[bytes, bytes]]:
    """A function that takes the stamps from a buffer of `size` bytes; struct.error of any other."""
    return struct.Struct(f"{STAMP}s{size - 2 * STAMP}x{STAMP}s").unpack


class Wrong(Exception):
    """A message is not what it must be."""

    def __init__(self, place: int, got: Any, expected: bytes) -> None:
        """place  in the whole run, from 0; the rest: the messages, or how they begin."""
        super().__init__(
            f"message {place} is {_show(bytes(got))} instead of {_show(expected)}: "
            "lost, reordered or changed"
        )


def _show(message: bytes) -> str:
    return f"{len(message)} bytes {message[:STAMP].hex()}"

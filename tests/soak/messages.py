"""Messages that say who sent them, which of his they are, and whether they are whole.

    0   4  CRC-32 of all that follows
    4   4  publisher: a number that no other opening of a topic has, in the whole run
    8   8  counter: 0 for that publisher's first message, then one more each time
   16   4  length of the rest
   20   …  a piece of the run's random bytes

Two messages never have the same head, so none can be mistaken for another, and a message that was
put together from two fails its checksum.
"""

from __future__ import annotations

import random
import struct
import zlib
from typing import Any

_HEAD = struct.Struct("<IQI")
HEAD_BYTES = 4 + _HEAD.size
NEVER = 0xFFFFFFFF
"""The publisher of messages that were dropped before they were committed: nobody may see one."""
_POOL_BYTES = 1 << 20


class Torn(AssertionError):
    """Bytes that nobody published."""


class Maker:
    """Makes messages from one run's random bytes."""

    def __init__(self, seed: int) -> None:
        self._pool = random.Random(seed).randbytes(_POOL_BYTES)

    def make(self, publisher: int, counter: int, length: int) -> bytes:
        """A message of HEAD_BYTES and `length` more, at most half of the random bytes."""
        at = (counter * 2654435761 + publisher * 40503) % (_POOL_BYTES - length)
        rest = _HEAD.pack(publisher, counter, length) + self._pool[at : at + length]
        return zlib.crc32(rest).to_bytes(4, "little") + rest


def check(message: Any) -> tuple[int, int]:
    """Who sent a message, and which of his it is. Raises Torn when it is not whole."""
    with memoryview(message) as view:
        if len(view) < HEAD_BYTES:
            raise Torn(f"{len(view)} bytes are shorter than any message")
        publisher, counter, length = _HEAD.unpack_from(view, 4)
        claimed = int.from_bytes(view[:4], "little")
        found = zlib.crc32(view[4:])
        if length != len(view) - HEAD_BYTES or claimed != found:
            raise Torn(
                f"message {counter} of publisher {publisher} says {length} bytes and checksum "
                f"{claimed:08x}; there are {len(view) - HEAD_BYTES} and it is {found:08x}: "
                f"{bytes(view[:64]).hex()}"
            )
    if publisher == NEVER:
        raise Torn(f"message {counter} was dropped by its publisher, and appeared all the same")
    return publisher, counter

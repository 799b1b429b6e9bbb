"""A part of the input that is kept, so that it can be sent again and again as fast as it goes.

Without it the fast phase would measure how fast /proc or a disk can be read. Both publishers send
the same tape, and all subscribers know it, so each can tell what its n-th message must be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from podring.cli import framing
from podring.cli.program import naming

LONGEST_BYTES = 16 << 20
LONGEST_MESSAGES = 20_000
BATCH_BYTES = 128 << 10
"""What is handed to a transport at once; at least one message."""


def record(path: str, messages: Iterable[framing.Payload], breathe: Callable[[], None]) -> None:
    """Write the first messages to a tape: at least one, and then what the limits allow.

    breathe  called now and then: may raise to end it
    """
    taken: list[bytes] = []
    size = 0
    for message in messages:
        if taken and size + len(message) > LONGEST_BYTES:
            break
        taken.append(bytes(message))
        size += len(message)
        if len(taken) == LONGEST_MESSAGES:
            break
        if len(taken) % 256 == 0:
            breathe()
    with naming(path), open(path, "wb") as file:
        file.write(framing.with_lengths(taken))


def load(path: str) -> list[bytes]:
    """The messages of a tape."""
    with open(path, "rb") as file:
        whole = file.read()
    return [
        bytes(message) for batch in framing.prefixed([whole], len(whole), path) for message in batch
    ]


def batches(messages: Sequence[bytes]) -> list[Sequence[bytes]]:
    """The messages in lists of about BATCH_BYTES."""
    found: list[Sequence[bytes]] = []
    start = size = 0
    for index, message in enumerate(messages):
        if size and size + len(message) > BATCH_BYTES:
            found.append(messages[start:index])
            start, size = index, 0
        size += len(message)
    found.append(messages[start:])
    return found


class Comparison:
    """Tells whether what arrives is the tape, repeated, from wherever it has come to."""

    def __init__(self, messages: Sequence[bytes]) -> None:
        self._messages = messages

    def differing(self, number: int, batch: Sequence[bytes | bytearray]) -> int:
        """How many of a batch are not what they must be.

        number  of the batch's first message, counted from 0 at the tape's first beginning
        """
        start = number % len(self._messages)
        if list(batch) == self._messages[start : start + len(batch)]:
            return 0
        wanted = (self._messages[(start + i) % len(self._messages)] for i in range(len(batch)))
        return sum(got != want for got, want in zip(batch, wanted, strict=True))

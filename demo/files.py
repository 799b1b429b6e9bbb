"""A file as messages: its lines, or blocks of a fixed size.

A line keeps its newline, so the messages one after the other are the file, byte for byte. The
cutting is the publisher program's own (`podring.cli.framing`).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from podring.cli import framing
from podring.cli.exits import Failure

LONGEST = 64 << 20
"""Bytes of the longest message that the demo sends: eight of them must fit in the topic."""
_CHUNK_BYTES = 1 << 20


class BadInput(Exception):
    """A file that cannot be sent; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file is before it is sent: bytes, messages, bytes of the longest one, its sha256."""

    bytes: int
    messages: int
    longest: int
    sha256: str


def batches(path: str, frame: int | None) -> framing.Batches:
    """The file's messages from beginning to end, in lists.

    frame   size of a block, or None for lines
    """
    chunks = _chunks(path)
    if frame is not None:
        return framing.blocks(chunks, frame)
    return framing.lines(chunks, LONGEST, path)


def examine(path: str, frame: int | None, breathe: Callable[[], None]) -> Facts:
    """Read the file once.

    breathe  called between two pieces: may raise to end it
    raises   BadInput
    """
    _require_file(path)
    digest = hashlib.sha256()
    size = messages = longest = 0
    try:
        for batch in batches(path, frame):
            for message in batch:
                digest.update(message)
            size += sum(map(len, batch))
            messages += len(batch)
            longest = max(longest, *map(len, batch))
            breathe()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    except Failure:
        raise BadInput(
            f"line {messages + 1:,} of {path} is longer than {LONGEST:,} bytes: "
            "FRAME=65536 sends blocks of that size instead of lines"
        ) from None
    if not messages:
        raise BadInput(f"{path} is empty: there is nothing to send")
    return Facts(size, messages, longest, digest.hexdigest())


def _require_file(path: str) -> None:
    try:
        mode = os.stat(path).st_mode
        with open(path, "rb"):
            pass
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise BadInput(f"{path} is not a file whose end is known: save it to one first")


def _chunks(path: str) -> Iterator[bytes]:
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk

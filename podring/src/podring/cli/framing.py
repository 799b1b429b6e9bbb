"""Where one message ends and the next begins, in a stream of bytes; in both directions.

lines             A message is a line together with its newline, so the messages one after the other
                  are the input, byte for byte: CRLF, NUL bytes and a last line without newline
                  included. Only LF (10) ends a line.
blocks            A message is `size` bytes; the last may be shorter.
length-prefixed   A message is preceded by its length: 4 bytes, unsigned, network byte order (big
                  endian). The one form that carries any bytes and also keeps where messages end.

Each reader is a generator of batches. It gives what is complete as soon as it is complete, so a
slow input is published as it comes; and what stands before a fault in the input is given before
the fault is raised.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, takewhile

from podring.cli.exits import Exit, Failure

Payload = bytes | memoryview
Batches = Iterator[Sequence[Payload]]
LENGTH = struct.Struct(">I")

_COPY_BELOW = 4096
"""Up to here a copied slice is cheaper than a view of the same bytes."""


def lines(chunks: Iterable[bytes], longest: int, source: str) -> Batches:
    """Split at every LF.

    longest  the topic's max_message; a longer line ends the input
    source   what the input is called in an error
    raises   Failure, with the line's number
    """
    number = 1
    parts: list[bytes] = []
    waiting = 0
    for chunk in chunks:
        cut = chunk.rfind(b"\n") + 1
        if cut:
            batch = io.BytesIO(b"".join((*parts, chunk[:cut]))).readlines()
            yield from _fitting(batch, longest, source, number)
            number += len(batch)
            parts, waiting = [], 0
        parts.append(chunk[cut:])
        waiting += len(chunk) - cut
        if waiting > longest:
            raise _too_long(source, number, f"{waiting} bytes or more", longest)
    if waiting:
        yield [b"".join(parts)]


def blocks(chunks: Iterable[bytes], size: int) -> Batches:
    """Cut every `size` bytes."""
    parts: list[bytes] = []
    waiting = 0
    for chunk in chunks:
        parts.append(chunk)
        waiting += len(chunk)
        if waiting >= size:
            data = b"".join(parts) if len(parts) > 1 else chunk
            whole = waiting - waiting % size
            view = data if size < _COPY_BELOW else memoryview(data)
            yield [view[start : start + size] for start in range(0, whole, size)]
            parts, waiting = [data[whole:]], waiting - whole
    if waiting:
        yield [b"".join(parts)]


def prefixed(chunks: Iterable[bytes], longest: int, source: str) -> Batches:
    """Take each message by the length before it.

    raises  Failure, with the message's number, when one is longer than `longest` or the input
            ends within one
    """
    number = 1
    parts: list[bytes] = []
    waiting, needed = 0, LENGTH.size
    for chunk in chunks:
        parts.append(chunk)
        waiting += len(chunk)
        if waiting < needed:
            continue
        data = b"".join(parts)
        batch, used = _unpack(data, longest)
        if batch:
            yield batch
        number += len(batch)
        parts, waiting, needed = [data[used:]], len(data) - used, LENGTH.size
        if waiting >= LENGTH.size:
            (length,) = LENGTH.unpack_from(data, used)
            if length > longest:
                raise _too_long(source, number, f"{length} bytes", longest, what="message")
            needed += length
    if waiting:
        raise Failure(
            Exit.BAD_INPUT,
            f"{source} ends within message {number}: {waiting} bytes of it are there, lengths "
            f"included, and {'at least ' * (waiting < LENGTH.size)}{needed} were announced",
        )


def _unpack(data: bytes, longest: int) -> tuple[list[Payload], int]:
    """Messages that are complete in `data` up to one above `longest`, and the bytes they take."""
    batch: list[Payload] = []
    view, end, unpack = memoryview(data), len(data), LENGTH.unpack_from
    start = 0
    while (body := start + LENGTH.size) <= end:
        (length,) = unpack(data, start)
        stop = body + length
        if stop > end or length > longest:
            break
        batch.append(data[body:stop] if length < _COPY_BELOW else view[body:stop])
        start = stop
    return batch, start


def _fitting(batch: list[bytes], longest: int, source: str, number: int) -> Batches:
    """Give `batch`, or what stands before its first line that is too long, and then raise."""
    if max(map(len, batch)) <= longest:
        yield batch
        return
    good = list(takewhile(lambda line: len(line) <= longest, batch))
    if good:
        yield good
    raise _too_long(source, number + len(good), f"{len(batch[len(good)])} bytes", longest)


def _too_long(source: str, number: int, size: str, longest: int, what: str = "line") -> Failure:
    return Failure(
        Exit.BAD_INPUT,
        f"{source}, {what} {number}: {size} do not fit, the topic takes at most {longest}; "
        "its max-message is set when it is created",
    )


def joined(batch: Sequence[bytes]) -> bytes:
    """Messages as they are, one after the other: what `lines` and `blocks` took apart."""
    return b"".join(batch)


def terminated(batch: Sequence[bytes]) -> bytes:
    """Messages with a newline after each that has none: a line each."""
    return b"".join(m if m.endswith(b"\n") else m + b"\n" for m in batch)


def with_lengths(batch: Sequence[bytes]) -> bytes:
    """Messages with their lengths before them: what `prefixed` takes apart."""
    return b"".join(chain.from_iterable((LENGTH.pack(len(m)), m) for m in batch))


def nothing(_: Sequence[bytes]) -> bytes:
    """No bytes: for messages that are only counted."""
    return b""


Joiner = Callable[[Sequence[bytes]], bytes]

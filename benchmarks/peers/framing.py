"""Messages in a stream of bytes: a length before each, as a program over a pipe or socket does."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from benchmarks.peers.protocol import Receiver, Sender

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HEADER = 4
BUFFER = 1 << 16
_APART = 16 << 10
"""From so many bytes on, header and payload go out by one gathering call instead of a copy."""


def frame(payload: bytes) -> bytes:
    """A message as it goes through the stream."""
    return len(payload).to_bytes(HEADER, "little") + payload


def framed_sender(
    write: Callable[[bytes], object], gather: Callable[[Sequence[bytes]], int]
) -> Sender:
    """A sender over a stream.

    write   writes all the bytes of one message or several
    gather  writes several buffers in one call, and returns how many bytes went out
    """

    def send(payload: bytes) -> None:
        if len(payload) < _APART:
            write(len(payload).to_bytes(HEADER, "little") + payload)
        else:
            done = gather((len(payload).to_bytes(HEADER, "little"), payload))
            if done < HEADER + len(payload):
                write(memoryview(payload)[done - HEADER :])  # type: ignore[arg-type]

    def send_many(payloads: Sequence[bytes]) -> None:
        write(b"".join(map(frame, payloads)))

    return Sender(send, send_many)


def framed_receiver(file: BinaryIO) -> Receiver:
    """A receiver over a stream; the buffered reader fetches many short messages in one call."""
    read, number = file.read, int.from_bytes

    def receive() -> bytes:
        return read(number(read(HEADER), "little"))

    return Receiver(receive)


def to_each(senders: Sequence[Sender]) -> Sender:
    """A sender to several receivers, each over a stream of its own."""
    if len(senders) == 1:
        return senders[0]
    sends = [sender.send for sender in senders]

    def send(payload: bytes) -> None:
        for to_one in sends:
            to_one(payload)

    return Sender(send)

"""os.pipe, with a length before each message and a buffered reader, as a Python program would.

A receiver has a pipe of its own, and a sender writes to each. Several senders share a pipe, whose
writes of up to PIPE_BUF bytes never mix.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import platform
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.peers.framing import BUFFER, framed_receiver, framed_sender, to_each
from benchmarks.peers.protocol import Receiver, Sender, Served, Topology, Traits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

CAPACITY = 1 << 20  # what Linux lets everybody ask for; 64 KiB is its default


@dataclass
class _Link:
    topology: Topology
    readers: list[Connection]
    writers: list[Connection]

    @contextmanager
    def sender(self, index: int) -> Iterator[Sender]:
        files = [self.writers[receiver].fileno() for receiver in self.topology.reached(index)]
        yield to_each([_sender(file) for file in files])

    @contextmanager
    def receiver(self, index: int) -> Iterator[Receiver]:
        with open(self.readers[index].fileno(), "rb", BUFFER, closefd=False) as file:
            yield framed_receiver(file)


def _sender(file: int) -> Sender:
    return framed_sender(_writing(file), lambda buffers: os.writev(file, buffers))


def _writing(file: int) -> Callable[[bytes], None]:
    write = os.write

    def write_all(content: bytes) -> None:
        done = write(file, content)
        if done < len(content):
            rest = memoryview(content)
            while done < len(content):
                done += write(file, rest[done:])

    return write_all


@dataclass(frozen=True)
class _Pipe:
    traits: Traits

    @contextmanager
    def serve(self, folder: Path, topology: Topology) -> Iterator[Served]:  # noqa: ARG002
        pairs = [multiprocessing.Pipe(duplex=False) for _ in range(topology.inboxes)]
        for _, writer in pairs:
            fcntl.fcntl(writer.fileno(), fcntl.F_SETPIPE_SZ, CAPACITY)
        try:
            yield Served(_Link(topology, [r for r, _ in pairs], [w for _, w in pairs]))
        finally:
            for pair in pairs:
                for end in pair:
                    end.close()


PEERS = (
    _Pipe(
        Traits(
            name="os.pipe",
            family="os.pipe",
            version=lambda: f"Linux {platform.release()}",
            settings="A pipe of 1 MiB for each receiver, a length before each message, one "
            "os.write a message or batch, a buffered reader of 64 KiB.",
            paces=True,
            ways=("single", "batched"),
            rate=1.2e6,
        )
    ),
)

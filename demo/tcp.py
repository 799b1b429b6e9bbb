"""The same stream over loopback TCP, as one would write it by hand: one connection a subscriber.

A message is preceded by 12 bytes: its length, and when it was sent. TCP_NODELAY is set; buffers
are left to the kernel, which grows them as needed. Small messages that are sent together are
joined, and go to each connection in one call; a large one is sent from where it lies. A subscriber
reads as much as there is in one call, and a large message right to where it will stay.

Nothing is lost and nothing comes out of order, because the publisher waits for the slowest.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from itertools import chain

from demo.messages import SUBSCRIBERS, Received, Setup, say
from podring.cli.framing import Payload

_HEADER = struct.Struct("!IQ")
_LARGE_BYTES = 16 << 10
"""From here on a copy costs more than a system call of its own."""
_BUFFER_BYTES = 256 << 10


class TcpOutlet:
    """Listens on a free port, and sends to everybody who has connected."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=SUBSCRIBERS) as listener:
            say("listening", address=json.dumps(listener.getsockname()))
            self._connections = [listener.accept()[0] for _ in range(SUBSCRIBERS)]
        for connection in self._connections:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, message: Payload) -> None:
        header = _HEADER.pack(len(message), time.time_ns())
        if len(message) >= _LARGE_BYTES:
            self._send_large(header, message)
        else:
            self._send_all(header + bytes(message))

    def send_many(self, messages: Sequence[Payload]) -> None:
        if len(messages) == 1 or len(messages[0]) >= _LARGE_BYTES:
            for message in messages:
                self.send(message)
            return
        now = time.time_ns()
        pack = _HEADER.pack
        self._send_all(
            b"".join(chain.from_iterable((pack(len(each), now), each) for each in messages))
        )

    def _send_all(self, data: bytes) -> None:
        for connection in self._connections:
            connection.sendall(data)

    def _send_large(self, header: bytes, message: Payload) -> None:
        whole = len(header) + len(message)
        for connection in self._connections:
            sent = connection.sendmsg((header, message))
            if sent < len(header):
                connection.sendall(header[sent:])
                sent = len(header)
            if sent < whole:
                connection.sendall(memoryview(message)[sent - len(header) :])

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


class TcpInlet:
    """Receives from the publisher's connection."""

    lost = 0
    lag = None

    def __init__(self, setup: Setup) -> None:
        host, port = json.loads(setup.address)
        self._connection = socket.create_connection((host, port))
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0

    def receive(self) -> tuple[Received, int]:
        while self._end - self._start < _HEADER.size:
            self._fill()
        length, sent_at = _HEADER.unpack_from(self._buffer, self._start)
        self._start += _HEADER.size
        if length > _BUFFER_BYTES // 2:
            return self._large(length), sent_at
        while self._end - self._start < length:
            self._fill()
        stop = self._start + length
        message = bytes(self._view[self._start : stop])
        self._start = stop
        return message, sent_at

    def receive_many(self) -> tuple[list[Received], int]:
        first, first_sent_at = self.receive()
        found: list[Received] = [first]
        buffer, view, start, end = self._buffer, self._view, self._start, self._end
        unpack, size = _HEADER.unpack_from, _HEADER.size
        while end - start >= size:
            stop = start + size + unpack(buffer, start)[0]
            if stop > end:
                break
            found.append(bytes(view[start + size : stop]))
            start = stop
        self._start = start
        return found, first_sent_at

    def _fill(self) -> None:
        """Read what there is, behind what is already there."""
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end > _BUFFER_BYTES // 2:
            left = self._end - self._start
            self._buffer[:left] = self._buffer[self._start : self._end]
            self._start, self._end = 0, left
        got = self._connection.recv_into(self._view[self._end :])
        if not got:
            raise ConnectionError("the TCP publisher has gone")
        self._end += got

    def _large(self, length: int) -> bytearray:
        """Read a message that does not fit into the buffer, its beginning from there."""
        message = bytearray(length)
        there = min(length, self._end - self._start)
        message[:there] = self._view[self._start : self._start + there]
        self._start += there
        rest = memoryview(message)[there:]
        while rest:
            got = self._connection.recv_into(rest)
            if not got:
                raise ConnectionError("the TCP publisher has gone")
            rest = rest[got:]
        return message

    def close(self) -> None:
        self._connection.close()

"""One message there and one back, 64 bytes: the round trip, spinning, by default, and sleeping.

Both sides of a round use the same way of waiting. A Unix socket and a TCP socket carry the same
rounds in the same run, to see what the kernel's own ways cost on this machine.
"""

from __future__ import annotations

import math
import os
import socket
import time
from typing import TYPE_CHECKING

from benchmarks import pair
from podring import Publisher, Subscriber, TopicSpec, create_topic, delete_topic

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = 64
WARM_UP = 2000
ROUNDS_TIMED = 10
"""Rounds between two looks at the clock, which costs a tenth of a round."""


WAYS: dict[str, float | None] = {
    "podring, spinning": math.inf,
    "podring, default": None,
    "podring, sleeping": 0.0,
}
TWINS = ("Unix socket", "TCP socket")


def measure(rounds: int) -> dict[str, list[float]]:
    """Nanoseconds of a round, by way: the means of ROUNDS_TIMED rounds at a time."""
    found = {way: _podring(spin, rounds) for way, spin in WAYS.items()}
    for twin in TWINS:
        found[twin] = _twin(twin, rounds)
    return found


def _podring(spin: float | None, rounds: int) -> list[float]:
    topics = [f"bench.{os.getpid()}.{kind}" for kind in ("there", "back")]
    for topic in topics:
        create_topic(topic, TopicSpec(65536, LENGTH), broker="local")
    try:
        times, _ = pair.run(call_podring, answer_podring, *topics, spin, rounds)
    finally:
        for topic in topics:
            delete_topic(topic, broker="local")
    return times


def call_podring(there: str, back: str, spin: float | None, rounds: int) -> list[float]:
    """Publish on `there`, wait on `back`."""
    with (
        Publisher(there, broker="local", exclusive=True) as out,
        Subscriber(back, start="earliest", broker="local", spin=spin) as answers,
    ):
        return _time_rounds(out.publish, answers.receive, rounds)


def answer_podring(there: str, back: str, spin: float | None, rounds: int) -> None:
    """Send back whatever comes."""
    with (
        Subscriber(there, start="earliest", broker="local", spin=spin) as calls,
        Publisher(back, broker="local", exclusive=True) as out,
    ):
        receive, publish = calls.receive, out.publish
        for _ in range(rounds + WARM_UP):
            publish(receive())


def _time_rounds(
    send: Callable[[bytes], object], receive: Callable[[], bytes], rounds: int
) -> list[float]:
    clock, times = time.perf_counter_ns, []
    messages = [number.to_bytes(8, "little") * (LENGTH // 8) for number in range(ROUNDS_TIMED)]
    for _ in range((rounds + WARM_UP) // ROUNDS_TIMED):
        started = clock()
        for message in messages:
            send(message)
            if receive() != message:
                raise AssertionError("a round brought back another message")
        times.append((clock() - started) / ROUNDS_TIMED)
    return times[WARM_UP // ROUNDS_TIMED :]


def _twin(kind: str, rounds: int) -> list[float]:
    near, far = socket.socketpair() if kind == "Unix socket" else _tcp_pair()
    with near, far:
        times, _ = pair.run(call_socket, answer_socket, near, far, rounds)
        return times


def _tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    for end in (near, far):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return near, far


def call_socket(near: socket.socket, far: socket.socket, rounds: int) -> list[float]:
    """Send on a socket, wait for the answer."""
    far.close()
    return _time_rounds(near.sendall, lambda: near.recv(LENGTH, socket.MSG_WAITALL), rounds)


def answer_socket(near: socket.socket, far: socket.socket, rounds: int) -> None:
    """Send back whatever comes."""
    near.close()
    for _ in range(rounds + WARM_UP):
        far.sendall(far.recv(LENGTH, socket.MSG_WAITALL))

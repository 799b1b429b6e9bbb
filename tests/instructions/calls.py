"""Every call of Publisher and Subscriber, N times and 2N times, for callgrind to count.

Run as `calls.py MARKS TOPIC`, with the library that holds the marks and a topic's name that is
free. What belongs to Python's loops is counted with the interpreter, and not guarded.
"""

from __future__ import annotations

import builtins
import ctypes
import os
import sys
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from podring import Publisher, Subscriber

    Way = Callable[[Publisher, Subscriber, bytes, int], None]

N = 1000
WARM = 200  # the interpreter specialises what it has seen some times
BATCH = 100
SIZES = (64, 1024)
RING = 4 << 20
"""Room for every message of a case, so that nothing is lost and nobody waits."""


def publish(out: Publisher, _: Subscriber, payload: bytes, count: int) -> None:
    call = out.publish
    for _none in repeat(None, count):
        call(payload)


def publish_many(out: Publisher, _: Subscriber, payload: bytes, count: int) -> None:
    batch = [payload] * BATCH
    for _none in repeat(None, count // BATCH):
        out.publish_many(batch)


def loan(out: Publisher, _: Subscriber, payload: bytes, count: int) -> None:
    length = len(payload)
    for _none in repeat(None, count):
        with out.loan(length) as lent:
            lent[:] = payload


def receive(_: Publisher, come: Subscriber, _payload: bytes, count: int) -> None:
    call = come.receive
    for _none in repeat(None, count):
        call()


def iterate(_: Publisher, come: Subscriber, _payload: bytes, count: int) -> None:
    for _message in islice(come, count):
        pass


def receive_many(_: Publisher, come: Subscriber, _payload: bytes, count: int) -> None:
    for _none in repeat(None, count // BATCH):
        come.receive_many(BATCH)


def view(_: Publisher, come: Subscriber, _payload: bytes, count: int) -> None:
    for _none in repeat(None, count):
        with come.view():
            pass


def turns(out: Publisher, come: Subscriber, payload: bytes, count: int) -> None:
    send, call = out.publish, come.receive
    for _none in repeat(None, count):
        send(payload)
        call()


SENDING: tuple[Way, ...] = (publish, publish_many, loan, turns)
RECEIVING: tuple[Way, ...] = (receive, iterate, receive_many, view)


def main() -> None:
    marks, topic = ctypes.CDLL(sys.argv[1]), sys.argv[2]
    without_the_counter()
    marks.mark_start()
    for overflow in ("overwrite", "block"):
        for size in SIZES:
            for way in SENDING:
                for exclusive in (False, True):
                    measure(marks, topic, way, overflow, size, exclusive)
            for way in RECEIVING:
                measure(marks, topic, way, overflow, size, exclusive=False)


def without_the_counter() -> None:
    """Import podring so that a publisher asks the kernel for each timestamp.

    It would ask once a millisecond, and read the processor's counter in between. Under valgrind,
    where a millisecond is a few messages, that is a matter of chance.
    """
    real = builtins.open

    def hide(path: Any, *arguments: Any, **named: Any) -> Any:
        if os.path.basename(os.fspath(path)) == "current_clocksource":
            raise FileNotFoundError(path)
        return real(path, *arguments, **named)

    builtins.open = hide  # type: ignore[assignment]
    import podring.ring._ring  # noqa: F401

    builtins.open = real


def measure(marks: Any, name: str, way: Way, overflow: Any, size: int, exclusive: bool) -> None:
    from podring import Publisher, Subscriber, TopicSpec, create_topic, delete_topic

    create_topic(name, TopicSpec(RING, size, overflow=overflow), broker="local")
    payload = bytes(size)
    try:
        with (
            Publisher(name, broker="local", exclusive=exclusive) as out,
            Subscriber(name, broker="local", start="earliest") as come,
        ):
            if way in RECEIVING:
                publish(out, come, payload, WARM + 3 * N)
            mark = f"{way.__name__} {size} B, {overflow}{', exclusive' if exclusive else ''}"
            count(marks, mark, lambda times: way(out, come, payload, times))
            if come.lost:
                raise AssertionError(f"{mark}: lost {come.lost} messages")
    finally:
        delete_topic(name, broker="local")


def count(marks: Any, mark: str, act: Callable[[int], None]) -> None:
    act(WARM)
    for times in (N, 2 * N):
        marks.mark_begin()
        act(times)
        marks.mark_end(f"{times} {mark}".encode())


if __name__ == "__main__":
    main()

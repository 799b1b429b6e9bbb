"""Python's floors: what a message costs before anybody has moved it.

Whoever receives in a `for` pays for the loop, for the call, and for the bytes object that it gets;
whoever checks it pays for the comparison. Each is measured alone, in loops of some milliseconds,
with the cost of the empty loop taken off (but for the loops themselves); the least of them counts,
because what disturbs a loop of nothing only ever adds.
"""

from __future__ import annotations

import time
from itertools import repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COUNT = 50_000
LOOPS = 7

SIZES = {"64 B": 64, "1 KiB": 1024}

UNITS = dict.fromkeys(
    (
        "Python: an empty for",
        "Python: a for over zip",
        "Python: calling a C function",
        "Python: calling a Python function",
        *(f"Python: making bytes, {size}" for size in SIZES),
        "Python: comparing bytes, 64 B",
    ),
    "ns",
)


def measure(count: int = COUNT) -> Iterator[tuple[str, float]]:
    """Each floor's name, and nanoseconds a round of it."""
    empty = _least(_loop, count)
    yield "Python: an empty for", empty
    yield "Python: a for over zip", _least(_zip, count, [b""] * count)
    yield "Python: calling a C function", _least(_call, count, callable) - empty
    yield "Python: calling a Python function", _least(_call, count, _nothing) - empty
    for name, size in SIZES.items():
        yield f"Python: making bytes, {name}", _least(_make, count, size) - empty
    yield "Python: comparing bytes, 64 B", _least(_compare, count) - empty


def _least(loop: Callable[..., None], count: int, *arguments: object) -> float:
    times = []
    for _ in range(LOOPS):
        began = time.perf_counter_ns()
        loop(count, *arguments)
        times.append(time.perf_counter_ns() - began)
    return min(times) / count


def _nothing(_: object) -> None:
    pass


def _loop(count: int) -> None:
    for _ in repeat(None, count):
        pass


def _zip(_count: int, values: list[bytes]) -> None:
    for _, _ in zip(values, values, strict=True):
        pass


def _call(count: int, function: Callable[[object], object]) -> None:
    payload = b""
    for _ in repeat(None, count):
        function(payload)


def _make(count: int, size: int) -> None:
    source, cut = bytes(size + 1), slice(0, size)  # a slice of all would be the same object
    for _ in repeat(None, count):
        source[cut]


def _compare(count: int) -> None:
    first, second = bytes(64), bytes(bytearray(64))
    for _ in repeat(None, count):
        first == second  # noqa: B015

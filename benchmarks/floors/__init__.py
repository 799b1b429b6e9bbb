"""The floors: what this machine, and Python on it, can do at best.

They are measured between the other runs, a few seconds a repetition, so that the report can say
what fraction of them each peer reaches on the same machine in the same minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.floors import interpreter, native
from benchmarks.results import Floor

if TYPE_CHECKING:
    from collections.abc import Iterator

UNITS = native.UNITS | interpreter.UNITS
"""Of every floor, by name, in the report's order."""


def measure(repetition: int, milliseconds: int = native.MILLISECONDS) -> list[Floor]:
    """Measure each floor once, those of the machine for so long; three seconds all in all.

    raises  RuntimeError when the C program cannot be built or run
    """
    return [Floor(name, UNITS[name], repetition, value) for name, value in _values(milliseconds)]


def _values(milliseconds: int) -> Iterator[tuple[str, float]]:
    yield from native.measure(milliseconds)
    yield from interpreter.measure()

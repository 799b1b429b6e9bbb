"""Latencies in fixed memory, and the figures that a process has gathered.

A histogram's buckets grow with the value: 32 to each power of two, so a percentile is off by 3 %
at most, whether it is a microsecond or a minute. Adding costs one index into a list.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping

_STEPS = 5
"""Each power of two has 2 to this many buckets."""
_BUCKETS = (64 - _STEPS) << _STEPS


class Histogram:
    """How often which time span occurred, in nanoseconds."""

    def __init__(self, counts: Mapping[str, int] | None = None) -> None:
        """An empty one, or what `to_json` gave."""
        self._counts = [0] * _BUCKETS
        for index, count in (counts or {}).items():
            self._counts[int(index)] = count

    def add(self, span_ns: int) -> None:
        """Count a span. A clock that was set back gives negative ones, which count as 0."""
        if span_ns < 0:
            span_ns = 0
        shift = max(0, span_ns.bit_length() - _STEPS - 1)
        self._counts[(shift << _STEPS) + (span_ns >> shift)] += 1

    def merge(self, other: Histogram) -> None:
        """Add everything that `other` has counted."""
        self._counts = [a + b for a, b in zip(self._counts, other._counts, strict=True)]

    @property
    def count(self) -> int:
        """How many spans were added."""
        return sum(self._counts)

    def percentile(self, percent: float) -> float | None:
        """The span in nanoseconds that `percent` of all stay below, or None when there is none."""
        left = self.count * percent / 100
        if not left:
            return None
        for index, count in enumerate(self._counts):
            left -= count
            if count and left <= 0:
                return _middle(index)
        raise AssertionError("the counts add up to their sum")

    def to_json(self) -> dict[str, int]:
        """The buckets that are not empty."""
        return {str(index): count for index, count in enumerate(self._counts) if count}


def _middle(index: int) -> float:
    """The middle of what falls into a bucket."""
    shift = max(0, (index >> _STEPS) - 1)
    lowest = (index - (shift << _STEPS)) << shift
    return lowest + ((1 << shift) - 1) / 2


def cpu_s() -> float:
    """CPU seconds that this process has used so far, in its own code and in the kernel for it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

"""Of latencies: the median and the two that show the tail."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The least of the values that so many percent of them do not exceed."""
    found = sorted(values)
    return found[min(len(found) - 1, int(len(found) * percent / 100))]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """The figures of a report; none that would be the greatest of too few values."""
    return {
        name: percentile(values, percent)
        for name, (percent, least) in _SHOWN.items()
        if len(values) >= least
    }


_SHOWN = {"p50": (50.0, 1), "p99": (99.0, 100), "p99_9": (99.9, 1000)}
"""Each with how many values it takes."""

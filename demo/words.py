"""Figures as people read them."""

from __future__ import annotations

from demo.messages import Phase

PHASES: dict[Phase, str] = {
    "whole": "the whole file",
    "paced": "at a steady pace",
    "flood": "as fast as it goes",
}
UNKNOWN = "–"


def count(value: float | None) -> str:
    """12,345."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def megabytes(value: float) -> str:
    """A million bytes is one: 0.5, 155.1, 2,310."""
    return f"{value / 1e6:,.{0 if value >= 1e9 else 1}f}"


def size(value: float) -> str:
    """Bytes in the largest unit that leaves a number above 1: 130 bytes, 8.0 MiB."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"


def span(nanoseconds: float | None) -> str:
    """41 µs, 3.8 ms, 1.2 s."""
    if nanoseconds is None:
        return UNKNOWN
    for unit, length in (("s", 1e9), ("ms", 1e6)):
        if nanoseconds >= length:
            return f"{nanoseconds / length:.{1 if nanoseconds < 100 * length else 0}f} {unit}"
    microseconds = nanoseconds / 1e3
    return f"{microseconds:.{1 if microseconds < 10 else 0}f} µs"


def seconds(value: float | None) -> str:
    """0.33 s."""
    return UNKNOWN if value is None else f"{value:.2f} s"


def ratio(podring: float | None, tcp: float | None) -> str:
    """What podring's figure is against TCP's: 2.8× more, 1.3× less."""
    if not podring or not tcp:
        return ""
    if 0.95 < podring / tcp < 1.05:
        return "the same"
    return f"{podring / tcp:.1f}× more" if podring > tcp else f"{tcp / podring:.1f}× less"

"""Numbers and sizes as people read them: three digits, one unit for a median and its range."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.results import Spread

_DECIMAL = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_BINARY = ((2.0**30, "Gi"), (2.0**20, "Mi"), (2.0**10, "Ki"), (1.0, ""))
_TIMES = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
_SCALES: dict[str, tuple[tuple[tuple[float, str], ...], str]] = {
    "messages/s": (_DECIMAL, "/s"),
    "bytes/s": (_DECIMAL, "B/s"),
    "bytes": (_BINARY, "B"),
    "ns": (_TIMES, ""),
}


def size(count: int) -> str:
    """Bytes: 64 B, 1 KiB, 4 MiB."""
    for factor, prefix in _BINARY:
        if count >= factor > 1:
            return f"{digits(count / factor)} {prefix}B"
    return f"{count} B"


def digits(value: float) -> str:
    """Three significant digits, and never an exponent."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    text = f"{value:.{1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3}f}"
    if abs(value) < 0.01:
        text = f"{value:.2g}" if abs(value) >= 1e-4 else f"{value:.1e}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def amount(value: float, unit: str) -> str:
    """A number with its unit: 8.12 M/s, 450 ns, 1.5 MiB, 0.12 s."""
    factor, suffix = _scale(value, unit)
    return f"{digits(value / factor)} {suffix}".rstrip()


def spread(found: Spread, unit: str) -> str:
    """A cell: median with (least to most), all in the median's unit."""
    factor, suffix = _scale(found.median, unit)
    low, high = digits(found.least / factor), digits(found.most / factor)
    middle = f"{digits(found.median / factor)} {suffix}".rstrip()
    return middle if low == high == digits(found.median / factor) else f"{middle} ({low} to {high})"


def paragraph(text: str) -> str:
    """Text in lines as long as those of the other pages."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def count(number: int, what: str) -> str:
    """1 run, 2 runs."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _scale(value: float, unit: str) -> tuple[float, str]:
    if unit not in _SCALES:
        return 1.0, unit
    steps, rest = _SCALES[unit]
    factor, prefix = next((each for each in steps if abs(value) >= each[0]), steps[-1])
    return factor, prefix + rest

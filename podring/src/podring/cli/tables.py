"""Figures for people: sizes, ages and aligned columns.

Participants write their own names into the roster, so whatever is not printable is replaced before
it reaches a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence


def size(count: float) -> str:
    """Bytes as people write them: 512, 64Mi, 1.5Gi. Exact where that is short, else one decimal."""
    units = ["", "Ki", "Mi", "Gi", "Ti"]
    while count >= 1024 and len(units) > 1:
        count /= 1024
        del units[0]
    unit = units[0]
    return f"{count:.0f}{unit}" if count == int(count) or not unit else f"{count:.1f}{unit}"


def age(seconds: float) -> str:
    """A time span in its largest unit: 3s, 12m, 5h, 9d."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{int(max(0, seconds))}s"


def columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with its columns aligned: what looks like a number to the right, the rest left."""
    cells = [list(map(clean, row)) for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [
        bool(rows) and all(row[i][:1].isdigit() or row[i] == "-" for row in cells[1:])
        for i in range(len(heads))
    ]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    )


def clean(text: str) -> str:
    """Text that cannot drive a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)

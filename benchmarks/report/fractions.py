"""What fraction of each floor podring reaches: a table and a plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.report import tables, words
from benchmarks.report.measure import KIB, MIB, Limit, Median, Pick
from benchmarks.report.tracks import plot_tracks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from benchmarks.report.book import Book

_SIZES = {"64 B": 64, "1 KiB": KIB, "16 KiB": 16 * KIB, "256 KiB": 256 * KIB, "4 MiB": 4 * MIB}


@dataclass(frozen=True)
class Pair:
    """A floor, and what of ours stands on it."""

    what: str
    ours: Pick
    floor: Limit


def _receiving(size: str) -> Limit:
    names = ("Python: a for over zip", f"Python: making bytes, {size}")
    check = ("Python: comparing bytes, 64 B",) if size == "64 B" else ()
    return Limit(names + check, _SIZES[size])


def _limits(size: str, way: str) -> list[tuple[str, Limit]]:
    """A batch is made and compared in C, so that Python's loop is no floor of it."""
    found = [("a bare ring in C", Limit((f"bare ring in C, {size}",)))]
    if way == "single":
        found.append(("Python's loop and bytes", _receiving(size)))
    return found


def _one_to_one(size: str, way: str) -> Pick:
    return Pick("one to one", _SIZES[size], (way,), "rate")


PAIRS = (
    Pair(
        "round trip, spinning, against the same message in C",
        Pick("round trip", 64, ("spin",), "p50"),
        Limit(("message of 64 B, round trip",)),
    ),
    Pair(
        "round trip, sleeping, against a futex",
        Pick("round trip", 64, ("sleep",), "p50"),
        Limit(("futex, round trip",)),
    ),
    *(
        Pair(
            f"one to one, {size}, {way}, against {what}",
            _one_to_one(size, way),
            floor,
        )
        for size in ("64 B", "1 KiB")
        for way in ("single", "batched")
        for what, floor in _limits(size, way)
    ),
    *(
        Pair(
            f"one to one, {size}, against copying in and out",
            _one_to_one(size, "single"),
            Limit((f"copy in and out, {size}",), bytes_),
        )
        for size, bytes_ in _SIZES.items()
        if bytes_ >= 16 * KIB
    ),
)


def table(book: Book) -> str:
    """Each pair with both medians, and then every floor as it was measured."""
    rows = [
        [
            pair.what,
            str(ours),
            words.amount(floor.value, floor.unit),
            f"{words.digits(100 * fraction)} %",
        ]
        for pair, ours, floor, fraction in _reached(book)
    ]
    parts = []
    if rows:
        parts.append(tables.table(["", "podring", "floor", "fraction"], rows))
    floors = [
        [name, words.spread(spread, book.floor_units[name])] for name, spread in book.floors.items()
    ]
    if floors:
        parts.append("Every floor:\n\n" + tables.table(["floor", "measured"], floors))
    return "\n\n".join(parts)


def plot(book: Book) -> Figure | None:
    """A track for each pair, as long as the floor, and filled as far as podring comes."""
    tracks = [(pair.what, fraction) for pair, _, _, fraction in _reached(book)]
    return plot_tracks(tracks) if tracks else None


def _reached(book: Book) -> list[tuple[Pair, Median, Median, float]]:
    found = []
    for pair in PAIRS:
        ours, floor = pair.ours.of(book), pair.floor.of(book)
        if ours is None or floor is None or not ours.value or not floor.value:
            continue
        less = ours.unit == "ns"
        fraction = floor.value / ours.value if less else ours.value / floor.value
        found.append((pair, ours, floor, fraction))
    return found

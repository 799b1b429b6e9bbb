"""Which lines and rows a plot has, and the tables that go over more than one scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.report import dots, lines, tables, words
from benchmarks.report.book import KNOWN, Found, Place, unique
from benchmarks.report.tables import Column

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from matplotlib.figure import Figure

    from benchmarks.report.book import Book
    from benchmarks.results import Spread


def over_sizes(book: Book, figure: str, scenario: str, way: str) -> Figure | None:
    """A line a peer over the sizes; a row each where there is one size only."""
    series: dict[str, dict[int, Spread]] = {}
    for place, spread in book.find(figure, [scenario], [way]).items():
        series.setdefault(place.peer, {})[place.size] = spread
    if not any(len(points) > 1 for points in series.values()):
        return panel_a_size(book, {"": figure}, [scenario], [way])
    across = lines.Axis("message", "bytes")
    title = "messages a second" if figure == "rate" else KNOWN[figure].title
    up = lines.Axis(title, KNOWN[figure].unit)
    return lines.plot(book, series, across, up)


def panel_a_size(
    book: Book, figures: dict[str, str], scenarios: Collection[str], ways: Collection[str] = ()
) -> Figure | None:
    """A panel for each size, a row for each peer, the best first; a mark for each figure."""
    first = next(iter(figures.values()))
    found = book.find(first, scenarios, ways)
    panels = []
    for size in unique(place.size for place in found):
        here = {place: spread for place, spread in found.items() if place.size == size}
        panels.append(dots.Panel(words.size(size), _rows(book, figures.values(), here)))
    return dots.plot(book, panels, list(figures), KNOWN[first].unit) if panels else None


def smallest(book: Book, figures: dict[str, str]) -> Figure | None:
    """The same for the smallest messages, one to one, one message a call."""
    first = next(iter(figures.values()))
    found = book.find(first, ["one to one"], ["single"])
    if not found:
        return None
    least = min(place.size for place in found)
    here = {place: spread for place, spread in found.items() if place.size == least}
    panel = dots.Panel(words.size(least), _rows(book, figures.values(), here))
    return dots.plot(book, [panel], list(figures), KNOWN[first].unit)


def subscribers_table(book: Book) -> str:
    """What a message costs the publisher, a column for each number of subscribers."""
    found = _subscribed(book)
    columns = [
        Column(
            words.count(count, "subscriber"),
            "publisher_ns",
            {place: spread for place, spread in found.items() if place.receivers == count},
        )
        for count in unique(place.receivers for place in found)
    ]
    return tables.by_column(book, columns)


def over_subscribers(book: Book) -> Figure | None:
    """A line a peer over the number of subscribers."""
    found = _subscribed(book)
    if len({place.receivers for place in found}) < 2:
        return None
    series: dict[str, dict[int, Spread]] = {}
    for place, spread in found.items():
        series.setdefault(place.peer, {})[place.receivers] = spread
    up = lines.Axis(KNOWN["publisher_ns"].title, "ns")
    return lines.plot(book, series, lines.Axis("subscribers", ""), up, from_zero=True)


def unpinned_table(book: Book) -> str:
    """Beside each other, pinned and not, whatever was measured both ways."""
    parts = []
    for figure, scenario, way, size in _both_ways(book):
        columns = [
            Column(head, figure, book.find(figure, [scenario], [way], [size], pinned=pinned))
            for head, pinned in (("pinned", True), ("unpinned", False))
        ]
        there = {place.peer for place in columns[1].found}
        columns[0] = Column("pinned", figure, _of(columns[0].found, there))
        parts.append(
            f"{scenario}, {way}, {words.size(size)}, {KNOWN[figure].title}:\n\n"
            + tables.by_column(book, columns)
        )
    return "\n\n".join(parts)


def unpinned(book: Book) -> Figure | None:
    """The first of them."""
    for figure, scenario, way, size in _both_ways(book):
        found = book.find(figure, [scenario], [way], [size], pinned=False)
        rows = []
        for place, spread in sorted(found.items(), key=lambda each: _goodness(figure, each)):
            twin = book.at(Place(scenario, place.peer, way, size, place.receivers), figure)
            rows.append(dots.Row(place.peer, place.peer, (twin, spread)))
        title = f"{scenario}, {way}, {words.size(size)}"
        panel = dots.Panel(title, tuple(rows))
        return dots.plot(book, [panel], ["pinned", "unpinned"], KNOWN[figure].unit)
    return None


def _rows(book: Book, figures: Iterable[str], found: Found) -> tuple[dots.Row, ...]:
    figures = list(figures)
    several = len({place.way for place in found}) > 1
    ordered = sorted(found.items(), key=lambda each: _goodness(figures[0], each))
    return tuple(
        dots.Row(
            f"{place.peer}, {place.way}" if several else place.peer,
            place.peer,
            tuple(book.at(place, figure) for figure in figures),
        )
        for place, _ in ordered
    )


def _goodness(figure: str, each: tuple[Place, Spread]) -> float:
    median = each[1].median
    return -median if KNOWN[figure].more_is_better else median


def _subscribed(book: Book) -> Found:
    """By the scenario that changes nothing but how many subscribe."""
    return book.find("publisher_ns", ["subscribers"])


def _both_ways(book: Book) -> list[tuple[str, str, str, int]]:
    cases: dict[tuple[str, str, str, int], None] = {}
    for figure in ("rate", "p50"):
        for place in book.find(figure, pinned=False):
            cases[(figure, place.scenario, place.way, place.size)] = None
    return list(cases)


def _of(found: Found, peers: set[str]) -> Found:
    return {place: spread for place, spread in found.items() if place.peer in peers}

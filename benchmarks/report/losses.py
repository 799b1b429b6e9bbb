"""Where somebody else is better: every case in which another peer's median beats podring's.

Like is compared with like: the same scenario, size, figure and way of calling or waiting. The other
peers' default way of waiting also stands against podring's sleeping, which is what most of them do.
A way that podring does not have stands against its default, else against its best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.report import tables, words
from benchmarks.report.book import KNOWN, Place, best, is_better

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.report.book import Book, Found
    from benchmarks.results import Spread

COMPARED = {
    "Throughput": ("rate",),
    "The publisher's cost": ("publisher_ns",),
    "Latency": ("p50", "p99", "p99_9"),
    "Processor time": ("publisher_cpu", "subscriber_cpu", "cpu"),
    "Memory": ("publisher_memory", "subscriber_memory", "memory"),
    "Idleness": ("wakeups", "idle_cpu"),
}
"""Of a server podring has none, so only totals count it."""


@dataclass(frozen=True)
class Case:
    """One comparison: ours, and those who are better."""

    place: Place
    figure: str
    ours: Spread
    better: tuple[tuple[Place, Spread], ...]


def cases(book: Book) -> list[Case]:
    """Every comparison that can be made, lost or not."""
    figures = [figure for several in COMPARED.values() for figure in several]
    return [case for figure in figures for case in _of_figure(book, figure)]


def section(book: Book) -> str:
    """What was compared, and a table of what was lost."""
    compared = cases(book)
    lost = [case for case in compared if case.better]
    looked = (
        f"{words.count(len(compared), 'comparison')} of medians: each scenario, size and way of "
        "calling, by throughput, by what each subscriber costs the publisher, by latency (p50, p99 "
        "and p99.9), by processor time and by memory of publisher, subscriber and all together, "
        "and by what an idle subscriber costs."
    )
    if not lost:
        return words.paragraph(
            f"Looked for in {looked} No other peer's median is better in any of them."
        )
    head = (
        f"In {len(lost)} of {looked} Where the ranges overlap, another run may well turn it round."
    )
    parts = [words.paragraph(head)]
    for title, figures in COMPARED.items():
        rows = [_row(case) for case in lost if case.figure in figures]
        if rows:
            heads = ["scenario", "size", "way", "figure", "podring", "better"]
            parts += [f"### {title}", tables.prose_table(heads, rows)]
    return "\n\n".join(parts)


def _row(case: Case) -> list[str]:
    unit, place = KNOWN[case.figure].unit, case.place
    scenario = place.scenario if place.pinned else f"{place.scenario}, unpinned"
    if place.receivers > 1:
        scenario += f", {place.receivers} subscribers"
    better = []
    for other, spread in case.better:
        way = "" if other.way == place.way else f", {other.way}"
        overlap = spread.least <= case.ours.most and case.ours.least <= spread.most
        better.append(
            f"{other.peer}{way} {words.spread(spread, unit)}" + (" (overlaps)" if overlap else "")
        )
    figure = KNOWN[case.figure].title
    ours = words.spread(case.ours, unit)
    return [scenario, words.size(place.size), place.way, figure, ours, "; ".join(better)]


def _of_figure(book: Book, figure: str) -> Iterator[Case]:
    # Elsewhere some peers' publishers wait for room in that time, and some outside of it.
    scenarios = ["subscribers"] if figure == "publisher_ns" else []
    found = book.find(figure, scenarios, pinned=None)
    groups: dict[tuple[str, int, int, bool], Found] = {}
    for place, spread in found.items():
        key = (place.scenario, place.size, place.receivers, place.pinned)
        groups.setdefault(key, {})[place] = spread
    for group in groups.values():
        ours = {place: spread for place, spread in group.items() if book.is_ours(place.peer)}
        theirs = {place: spread for place, spread in group.items() if place not in ours}
        if ours and theirs:
            yield from _of_group(figure, ours, theirs)


def _of_group(figure: str, ours: Found, theirs: Found) -> Iterator[Case]:
    ways = list(dict.fromkeys(place.way for place in ours))
    against: dict[str, list[tuple[Place, Spread]]] = {way: [] for way in ways}
    for place, spread in theirs.items():
        for way in _rivals(place.way, ways, figure, ours):
            against[way].append((place, spread))
    for way in ways:
        place, mine = _main(ours, way)
        if against[way]:
            better = [each for each in against[way] if is_better(figure, each[1], mine)]
            sign = -1 if KNOWN[figure].more_is_better else 1
            better.sort(key=lambda each: sign * each[1].median)
            yield Case(place, figure, mine, tuple(better))


def _rivals(way: str, ways: list[str], figure: str, ours: Found) -> list[str]:
    """Which of our ways a peer's way stands against."""
    if way == "default" and "sleep" in ways:
        return [each for each in ways if each in ("default", "sleep")]
    if way in ways:
        return [way]
    if "default" in ways:
        return ["default"]
    first = best(ours, figure)
    return [first[0].way] if first else []


def _main(ours: Found, way: str) -> tuple[Place, Spread]:
    """The first of our peers: the others are variants of it."""
    return next((place, spread) for place, spread in ours.items() if place.way == way)

"""Markdown tables: a row a peer, the best of a column in bold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.report import words
from benchmarks.report.book import KNOWN, best, unique

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from benchmarks.report.book import Book, Found, Place
    from benchmarks.results import Spread

NOTHING = "–"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first column to the left and the others to the right."""
    lines = ["| " + " | ".join(map(escape, heads)) + " |"]
    lines.append("|---" + "|--:" * (len(heads) - 1) + "|")
    lines += ["| " + " | ".join(map(escape, row)) + " |" for row in rows]
    return "\n".join(lines)


def prose_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same for cells that are read: all to the left."""
    return table(heads, rows).replace("--:", "---")


def escape(text: str) -> str:
    """Text that stays within its cell."""
    return " ".join(text.split()).replace("|", "\\|")


@dataclass(frozen=True)
class Column:
    """One column: what it shows, of which places."""

    head: str
    figure: str
    found: Found


def by_size(book: Book, figure: str, scenario: str, ways: Collection[str]) -> str:
    """A column for each size."""
    found = book.find(figure, [scenario], ways)
    return by_column(
        book,
        [
            Column(words.size(size), figure, {p: s for p, s in found.items() if p.size == size})
            for size in unique(place.size for place in found)
        ],
    )


def by_figure(book: Book, figures: dict[str, str], found: Sequence[Place]) -> str:
    """A column for each figure, by its head; places differ by peer and way at most."""
    columns = []
    for head, figure in figures.items():
        spreads = {place: spread for place in found if (spread := book.at(place, figure))}
        columns.append(Column(head, figure, spreads))
    return by_column(book, columns)


def by_column(book: Book, columns: Sequence[Column]) -> str:
    """A row for each peer and way that any column has; empty when there is nothing to show."""
    columns = [column for column in columns if column.found]
    names = {row_name(book, place, columns): None for c in columns for place in c.found}
    rows = [[name, *(_cell(book, name, column, columns) for column in columns)] for name in names]
    return table(["", *(column.head for column in columns)], rows) if rows else ""


def row_name(book: Book, place: Place, columns: Sequence[Column]) -> str:
    """The peer, and its way where the table has several; ours in bold."""
    several = len({each.way for column in columns for each in column.found}) > 1
    name = f"{place.peer}, {place.way}" if several else place.peer
    return f"**{name}**" if book.is_ours(place.peer) else name


def _cell(book: Book, name: str, column: Column, columns: Sequence[Column]) -> str:
    here = next((p for p in column.found if row_name(book, p, columns) == name), None)
    if here is None:
        return "failed" if _failed(book, name, column, columns) else NOTHING
    spread = column.found[here]
    text = words.spread(spread, KNOWN[column.figure].unit)
    if _stands_out(column, spread):
        middle, bracket, rest = text.partition(" (")
        return f"**{middle}**{bracket}{rest}"
    return text


def _stands_out(column: Column, spread: Spread) -> bool:
    first = best(column.found, column.figure)
    if first is None or spread.median != first[1].median:
        return False
    alike = [each for each in column.found.values() if each.median == spread.median]
    return len(alike) == 1 < len(column.found)


def _failed(book: Book, name: str, column: Column, columns: Sequence[Column]) -> bool:
    like = next(iter(column.found))
    return any(
        (failure.scenario, failure.size) == (like.scenario, like.size)
        and name.strip("*") in (failure.peer, f"{failure.peer}, {failure.way}")
        and failure.way in {each.way for c in columns for each in c.found}
        for failure in book.results.failures
    )


def title(figure: str) -> str:
    """What a figure is, as the beginning of a sentence."""
    text = KNOWN[figure].title
    return text[0].upper() + text[1:]

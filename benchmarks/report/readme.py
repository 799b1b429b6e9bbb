"""The little of the results that README.md shows: one table and one plot, with date and machine.

It stands between two marks, which somebody put there by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.report import style, tables, words
from benchmarks.report.book import KNOWN, Book, best
from benchmarks.report.measure import KIB, MIB
from benchmarks.report.questions import PASSIVE, QUESTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.report.book import Found
    from benchmarks.results import Results

BEGIN, END = "<!-- benchmarks begin -->", "<!-- benchmarks end -->"
PLOT = "throughput-single"


@dataclass(frozen=True)
class Line:
    """A row: what is shown of us, and in which ways the others are looked at."""

    what: str
    scenario: str
    size: int
    way: str
    theirs: tuple[str, ...]
    figure: str


LINES = (
    Line("one to one, 64 B, one message a call", "one to one", 64, "single", ("single",), "rate"),
    Line("one to one, 64 B, batched calls", "one to one", 64, "batched", ("batched",), "rate"),
    Line("one to one, 1 KiB, one message a call", "one to one", KIB, "single", ("single",), "rate"),
    Line("one to one, 4 MiB, without a copy", "one to one", 4 * MIB, "loan", ("loan",), "rate"),
    Line("round trip, 64 B, spinning", "round trip", 64, "spin", ("spin",), "p50"),
    Line("round trip, 64 B, default settings", "round trip", 64, "default", ("default",), "p50"),
    Line("round trip, 64 B, asleep", "round trip", 64, "sleep", PASSIVE, "p50"),
    Line("one to four, 1 KiB, all together", "one to four", KIB, "single", ("single",), "rate"),
)


def write(results: Results, readme: Path, docs: Path) -> None:
    """Put the block between the marks, and draw its plot below `docs`.

    raises  ValueError when the marks are not there
    """
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} lacks the lines {BEGIN} and {END}: put them where it shall be")
    made = block(Book(results), f"{docs.name}/benchmarks")
    _draw(Book(results), docs / "benchmarks")
    readme.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}", encoding="utf-8")


def block(book: Book, folder: str) -> str:
    """What stands between the marks."""
    about = book.results.about
    rows = [row for line in LINES if (row := _row(book, line))]
    when = about.get("date", "")
    where = ", ".join(about[key] for key in ("processor", "kernel") if key in about)
    head = words.paragraph(
        f"Measured by `make bench` on {when} ({where}, Python {about.get('python', '?')}): both "
        "sides Python, processes pinned, every message checked; medians with (least to most). "
        "Messages a second are those of a `block` topic, which loses nothing."
    )
    table = tables.table(["", "podring", "best of the others", ""], rows)
    plot = f"![Messages a second by size, one message a call]({folder}/{PLOT}.svg)"
    tail = words.paragraph(
        f"[All of it]({folder}.md), beginning with what such numbers do not show, and with every "
        "case in which podring loses."
    )
    return f"{head}\n\n{table}\n\n{plot}\n\n{tail}"


def _row(book: Book, line: Line) -> list[str]:
    unit = KNOWN[line.figure].unit
    found = book.find(line.figure, [line.scenario], (line.way, *line.theirs), [line.size])
    ours: Found = {
        p: spread for p, spread in found.items() if book.is_ours(p.peer) and p.way == line.way
    }
    if not ours:
        return []
    # Where there is one in the race, a topic that loses nothing by itself, as most others do.
    lossless = [spread for place, spread in ours.items() if "block" in place.peer]
    mine = next(iter(lossless or ours.values()))
    others = {
        place: spread
        for place, spread in found.items()
        if not book.is_ours(place.peer) and place.way in line.theirs
    }
    first = best(others, line.figure)
    theirs = ["", tables.NOTHING]
    if first is not None:
        theirs = [first[0].peer, words.spread(first[1], unit)]
    return [line.what, words.spread(mine, unit), theirs[1], theirs[0]]


def _draw(book: Book, pictures: Path) -> None:
    question = next(each for each in QUESTIONS if each.name == PLOT)
    picture = question.plot(book)
    if picture is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        style.save(picture, pictures / f"{PLOT}.svg")

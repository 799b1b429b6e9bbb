"""How the page begins, and where its numbers come from. The words lie in *.md beside this file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import tables, words
from benchmarks.report.book import unique

if TYPE_CHECKING:
    from benchmarks.report.book import Book

_HERE = Path(__file__).parent


def introduction() -> str:
    """How the page begins: with what its numbers do not show."""
    return (_HERE / "introduction.md").read_text(encoding="utf-8").strip()


def provenance(book: Book) -> str:
    """Where the numbers come from: machine, versions, settings."""
    results = book.results
    about = [[key, value] for key, value in results.about.items()]
    about.append(["repetitions", _repetitions(book)])
    peers = [
        [name, each.get("version", tables.NOTHING), each.get("settings", tables.NOTHING)]
        for name, each in results.peers.items()
    ]
    parts = [tables.prose_table(["", ""], about)]
    parts.append((_HERE / "method.md").read_text(encoding="utf-8").strip())
    if peers:
        parts.append(tables.prose_table(["peer", "version", "settings"], peers))
    return "\n\n".join(parts)


def _repetitions(book: Book) -> str:
    counts: dict[object, int] = {}
    for run in book.results.runs:
        key = (run.scenario, run.peer, run.way, run.size, run.receivers, run.pinned)
        counts[key] = counts.get(key, 0) + 1
    found = unique(counts.values())
    if not found:
        return "0"
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"


def failures(book: Book) -> str:
    """Every run that did not end well."""
    found = Counter(
        (each.scenario, words.size(each.size), each.way, each.peer, each.error)
        for each in book.results.failures
    )
    if not found:
        return "No run failed."
    rows = [[*row, str(times)] for row, times in found.items()]
    heads = ["scenario", "size", "way", "peer", "what happened", "times"]
    return f"{words.count(found.total(), 'run')} failed.\n\n" + tables.prose_table(heads, rows)

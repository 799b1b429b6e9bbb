"""The goals as a section of the page: each with its number and verdict, and why where not met.

What explains a row is written by hand in explanations.toml, by the row's key: a paragraph that says
what was measured to find the reason, and what the floor is.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import tables, words
from benchmarks.report.goals import ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.report.book import Book

EXPLANATIONS = Path(__file__).with_name("explanations.toml")
_VERDICTS = {True: "yes", False: "**no**", None: "not measured"}


def explanations() -> dict[str, str]:
    """Paragraphs by row."""
    found = tomllib.loads(EXPLANATIONS.read_text(encoding="utf-8"))
    known = {row.key for row in ROWS}
    if strange := sorted(found.keys() - known):
        raise ValueError(
            f"{EXPLANATIONS.name} explains {', '.join(strange)}, which no row of goals.py is "
            f"called; they are {', '.join(sorted(known))}"
        )
    return {key: " ".join(str(text).split()) for key, text in found.items()}


def section(book: Book, why: Mapping[str, str]) -> str:
    """The table, and a paragraph for each row that is not met."""
    rows, paragraphs, met, missed = [], [], 0, 0
    for row in ROWS:
        outcomes, verdict = row.judge(book)
        met, missed = met + (verdict is True), missed + (verdict is False)
        first = row.what
        for goal, outcome in zip(row.goals, outcomes, strict=True):
            against = f"{goal.what}" if goal.against is None else f"against {goal.what}"
            verdicts = _VERDICTS[outcome.met]
            if row.either and outcome.met is False and verdict:
                verdicts = "not needed"
            rows.append([first, against, goal.wanted, outcome.shown, outcome.source, verdicts])
            first = ""
        if verdict is False:
            text = f"**{row.what}**: {why.get(row.key, 'not explained yet.')}"
            paragraphs.append(words.paragraph(text))
    heads = ["what", "", "to reach", "measured", "from", "met"]
    head = f"Of {len(ROWS)} rows {met} are met, {missed} are not"
    rest = len(ROWS) - met - missed
    head += f", and {rest} could not be judged: this run did not measure them." if rest else "."
    return "\n\n".join([head, tables.prose_table(heads, rows), *paragraphs])


def unexplained(book: Book, why: Mapping[str, str]) -> list[str]:
    """Keys of rows that are not met, and of which nobody wrote why."""
    return [row.key for row in ROWS if row.judge(book)[1] is False and row.key not in why]

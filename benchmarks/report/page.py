"""All of it in one page: docs/benchmarks.md, and its plots in docs/benchmarks/."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.report import goaltable, losses, prose, style, words
from benchmarks.report.book import Book
from benchmarks.report.questions import QUESTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.report.questions import Question
    from benchmarks.results import Results

FOLDER = "benchmarks"


def write(results: Results, docs: Path) -> None:
    """Write the page and its plots into the folder of the pages; plots of an older page go."""
    book = Book(results)
    pictures = docs / FOLDER
    pictures.mkdir(parents=True, exist_ok=True)
    for old in pictures.glob("*.svg"):
        old.unlink()
    sections = [text for question in QUESTIONS if (text := _answer(book, question, pictures))]
    parts = [
        prose.introduction(),
        "## Where they come from",
        prose.provenance(book),
        *sections,
        "## Where podring loses",
        losses.section(book),
        "## Failures",
        prose.failures(book),
        "## The figures to reach",
        goaltable.section(book, goaltable.explanations()),
    ]
    (docs / f"{FOLDER}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _answer(book: Book, question: Question, pictures: Path) -> str:
    """A section, empty when the results hold nothing of it."""
    table = question.table(book)
    if not table:
        return ""
    parts = [f"## {question.title}", words.paragraph(question.text)]
    picture = question.plot(book)
    if picture is not None:
        style.save(picture, pictures / f"{question.name}.svg")
        alt = f"Plot of the table below: {question.title[0].lower()}{question.title[1:]}"
        parts.append(f"![{alt}]({FOLDER}/{question.name}.svg)")
    return "\n\n".join([*parts, table])

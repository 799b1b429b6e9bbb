"""The pages: where they are, which blocks of code they hold, and where their links point.

A block of ```python or ```console is run by test_pages_run.py, and a comment before a block may
say more about it:

    <!-- printed -->                        what the blocks of Python above print, in ```text
    <!-- not run: it stops the machine -->  why this one cannot be run
    <!-- run by tests/x/test_y.py -->       it needs more than these tests have, such as a cluster
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
PAGES += sorted(ROOT.glob("docs/**/*.md"))

RUNNABLE = ("python", "console")
"""Languages of blocks that are run."""

_FENCE = re.compile(
    r"^(?P<fence>`{3,})(?P<language>[^\n]*)\n(?P<source>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL
)
_REMARK = re.compile(r"<!-- (?P<remark>[^\n]+) -->\n+\Z")
_HEADING = re.compile(r"^#{1,4} (?P<text>.+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE_SPAN = re.compile(r"`[^`\n]*`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `start` and `end` are where its source lies in the page's text.

    line    of the first line of its source
    remark  the comment before it
    """

    page: Path
    line: int
    start: int
    end: int
    language: str
    source: str
    remark: str

    @property
    def excused(self) -> bool:
        """Whether the page says why this block is not run."""
        return self.remark.startswith("not run: ")

    @property
    def run_by(self) -> str | None:
        """The file of tests that runs this block, if not those of the pages."""
        return self.remark.removeprefix("run by ") if self.remark.startswith("run by ") else None

    @property
    def run_here(self) -> bool:
        """Whether test_pages_run.py is to run this block."""
        return self.language in RUNNABLE and not self.excused and self.run_by is None


def name_of(page: Path) -> str:
    """How a page is called in a test's name."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of a page, from its top."""
    text = page.read_text()
    for found in _FENCE.finditer(text):
        remark = _REMARK.search(text, 0, found.start())
        yield Block(
            page,
            text.count("\n", 0, found.start("source")) + 1,
            found.start("source"),
            found.end("source"),
            found["language"].strip(),
            found["source"],
            remark["remark"] if remark else "",
        )


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """The targets of a page's links."""
    return [found["target"] for found in _LINK.finditer(_CODE_SPAN.sub("", prose(page)))]


def anchors(page: Path) -> set[str]:
    """What a link into a page may name after its #, as GitHub and MyST make it."""
    return {_slug(found["text"]) for found in _HEADING.finditer(prose(page))}


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    text = page.read_text()
    start = re.search(rf"^#+ {re.escape(heading)}$", text, re.MULTILINE)
    assert start is not None, f"{name_of(page)} has no heading {heading!r}"
    found: list[list[str]] = []
    for line in text[start.end() :].splitlines():
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line.strip("|"))
            found.append([cell.strip().replace("\\|", "|") for cell in cells])
        elif found or line.startswith("#"):
            break
    return found[2:]

"""What all plots look like, and how one becomes an SVG.

The background is transparent, and text and axes are of a grey that can be read on white and on
black: an SVG in a page does not learn which theme its reader chose. Text is drawn as paths, so
that no reader's fonts make it overlap. Colours are those of Okabe and Ito, which most
colour-blind people tell apart; black, which a dark page would swallow, is left out.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.report import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from benchmarks.report.book import Book

GREY = "#80868b"
FAINT = "#80868b40"
OURS_COLOUR = "#d55e00"
COLOURS = (
    "#0f86c9",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#a58b00",
    "#9a6fd0",
    "#5f9c3a",
    "#b07d62",
)
DASHES: tuple[tuple[float, tuple[float, ...]], ...] = (
    (0, ()),
    (0, (5, 1.5)),
    (0, (1.2, 1.2)),
    (0, (5, 1.2, 1.2, 1.2)),
    (0, (8, 2)),
)
WIDTH_IN = 8.0

_SETTINGS: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
    "font.size": 9,
    "text.color": GREY,
    "axes.labelcolor": GREY,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "svg.fonttype": "path",
    "svg.hashsalt": "podring",
    "path.simplify": False,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Everything that is drawn inside looks like this."""
    with mpl.rc_context(_SETTINGS):
        yield


def figure(height_in: float) -> Figure:
    """An empty picture, as wide as all of them."""
    made = Figure(figsize=(WIDTH_IN, height_in))
    made.patch.set_alpha(0)
    return made


def transparent(axes: Axes) -> None:
    """Let the page be seen behind the axes."""
    axes.patch.set_alpha(0)


def logarithmic(axis: Axis, low: float, high: float, unit: str) -> None:
    """Mark an axis at round numbers: powers of ten, or of two for bytes, and more if it is short.

    low, high  what it shows
    """
    if unit == "bytes":
        step = max(1, round(math.log2(high / low) / 6))
        marks = [2.0**n for n in range(math.floor(math.log2(low)), 64, step)]
    else:
        between = (1,) if high / low > 40 else (1, 2, 5) if high / low > 6 else (1, 1.5, 2, 3, 5, 7)
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        marks = [each * 10.0**power for power in powers for each in between]
    axis.set_major_locator(FixedLocator([mark for mark in marks if low <= mark <= high]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: words.amount(value, unit)))


def save(picture: Figure, path: Path) -> None:
    """Write an SVG whose bytes depend on nothing but what is drawn."""
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with drawing():  # the salt of its ids counts now
        picture.savefig(path, format="svg", transparent=True, metadata=nothing)
    # matplotlib ends lines of path data with blanks, which git complains about.
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(map(str.rstrip, lines)) + "\n", encoding="utf-8")


class Look:
    """A colour for each family, and a dash for each of its variants."""

    def __init__(self, book: Book) -> None:
        self._book = book
        theirs = [peer for peer in book.peers if not book.is_ours(peer)]
        self._families = list(dict.fromkeys(map(book.family, theirs)))

    def colour(self, peer: str) -> str:
        """Of the peer's family; ours is like no other."""
        if self._book.is_ours(peer):
            return OURS_COLOUR
        return COLOURS[self._families.index(self._book.family(peer)) % len(COLOURS)]

    def dash(self, peer: str) -> tuple[float, Sequence[float]]:
        """Of the variant. Where the colours begin again, so that lines differ all the same."""
        family = self._book.family(peer)
        variants = [each for each in self._book.peers if self._book.family(each) == family]
        again = 0 if self._book.is_ours(peer) else self._families.index(family) // len(COLOURS)
        return DASHES[(variants.index(peer) + 2 * again) % len(DASHES)]

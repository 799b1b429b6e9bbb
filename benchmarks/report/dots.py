"""A row a peer on a logarithmic axis, with a mark for each figure: p50, p99 and p99.9, say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.report import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmarks.report.book import Book
    from benchmarks.results import Spread

MARKS = ("o", "|", "x", "D")
_ROW_IN = 0.2
_TITLE_IN = 0.36
_BOTTOM_IN = 0.36
_LEGEND_IN = 0.34
_LEFT = 0.29


@dataclass(frozen=True)
class Row:
    """A name, the peer whose it is, and a spread for each mark; None where there is none."""

    name: str
    peer: str
    spreads: tuple[Spread | None, ...]


@dataclass(frozen=True)
class Panel:
    """Rows that are compared with each other."""

    title: str
    rows: tuple[Row, ...]


def plot(book: Book, panels: Sequence[Panel], marks: Sequence[str], unit: str) -> Figure:
    """Draw panels one above the other, on the same axis; `marks` are their names, in turn."""
    heights = [_TITLE_IN + _ROW_IN * len(panel.rows) for panel in panels]
    legend = _LEGEND_IN if len(marks) > 1 else 0.0
    total = sum(heights) + legend + _BOTTOM_IN * len(panels)
    low, high = _limits(panels)
    with style.drawing():
        picture = style.figure(total)
        look = style.Look(book)
        top = total - legend
        for panel, height in zip(panels, heights, strict=True):
            bottom = top - height
            inner = height - _TITLE_IN
            axes = picture.add_axes((_LEFT, bottom / total, 0.67, inner / total))
            _panel(axes, book, look, panel)
            axes.set_xlim(low, high)
            style.logarithmic(axes.xaxis, low, high, unit)
            top = bottom - _BOTTOM_IN
        if len(marks) > 1:
            _legend(picture, marks, 1 - 0.5 * legend / total)
        return picture


def _panel(axes: Axes, book: Book, look: style.Look, panel: Panel) -> None:
    style.transparent(axes)
    axes.set_xscale("log")
    axes.set_ylim(len(panel.rows) - 0.5, -0.5)
    axes.set_title(panel.title, color=style.GREY, x=-_LEFT / 0.67 + 0.03)
    axes.set_yticks(range(len(panel.rows)), [row.name for row in panel.rows], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x")
    axes.spines["left"].set_visible(False)
    for place, row in enumerate(panel.rows):
        ours = book.is_ours(row.peer)
        label = axes.get_yticklabels()[place]
        label.set_color(look.colour(row.peer))
        label.set_fontweight("bold" if ours else "normal")
        _marks(axes, place, row, look.colour(row.peer), 2.4 if ours else 1.2)


def _marks(axes: Axes, place: int, row: Row, colour: str, width: float) -> None:
    there = [(n, spread) for n, spread in enumerate(row.spreads) if spread and spread.median > 0]
    if not there:
        return
    if len(row.spreads) > 1:  # a thread through the marks; each says its own median
        reach = [spread.median for _, spread in there]
    else:
        reach = [there[0][1].least, there[0][1].most]
    axes.plot([min(reach), max(reach)], [place, place], color=colour, linewidth=width)
    for n, spread in there:
        axes.plot(
            [spread.median],
            [place],
            color=colour,
            marker=MARKS[n],
            markersize=5 + 2 * (MARKS[n] == "|"),
            markeredgewidth=1.6,
            linestyle="none",
        )


def _legend(picture: Figure, marks: Sequence[str], y: float) -> None:
    axes = picture.add_axes((0, y - 0.001, 1, 0.002))
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(-1, 1)
    for n, name in enumerate(marks):
        x = _LEFT + 0.02 + 0.67 * n / max(3, len(marks))
        axes.plot([x], [0], MARKS[n], color=style.GREY, markersize=6, clip_on=False)
        axes.text(x + 0.015, 0, name, va="center", color=style.GREY)


def _limits(panels: Sequence[Panel]) -> tuple[float, float]:
    values = [
        value
        for panel in panels
        for row in panel.rows
        for spread in row.spreads
        if spread
        for value in (spread.median, spread.least, spread.most)
        if value > 0
    ]
    return (min(values) / 1.4, max(values) * 1.4) if values else (1.0, 10.0)

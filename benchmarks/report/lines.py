"""A line a peer over sizes or counts, each named where it ends; axes mostly logarithmic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.report import style, words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmarks.report.book import Book
    from benchmarks.results import Spread

_LABEL_PT = 11.0
_HEIGHT_IN = 4.6


@dataclass(frozen=True)
class Axis:
    """How an axis is named, and its numbers."""

    title: str
    unit: str


def plot(
    book: Book,
    series: Mapping[str, Mapping[int, Spread]],
    across: Axis,
    up: Axis,
    *,
    from_zero: bool = False,
) -> Figure:
    """Draw lines by peer: a spread for each place across.

    from_zero  axes are linear and begin at zero
    """
    with style.drawing():
        picture = style.figure(max(_HEIGHT_IN, (len(series) + 4) * _LABEL_PT / 72))
        axes = picture.add_axes((0.085, 0.12, 0.625, 0.81))
        style.transparent(axes)
        if not from_zero:
            axes.set_xscale("log")
            axes.set_yscale("log")
        look = style.Look(book)
        for peer, points in series.items():
            _line(axes, look, peer, points, ours=book.is_ours(peer))
        _dress(
            axes, sorted({x for points in series.values() for x in points}), across, up, from_zero
        )
        _label(picture, axes, look, series)
        return picture


def _line(
    axes: Axes, look: style.Look, peer: str, points: Mapping[int, Spread], *, ours: bool
) -> None:
    xs = sorted(points)
    colour, order = look.colour(peer), 5 if ours else 3
    axes.plot(
        xs,
        [points[x].median for x in xs],
        color=colour,
        linestyle=look.dash(peer),
        linewidth=2.8 if ours else 1.3,
        marker="o",
        markersize=5 if ours else 3,
        zorder=order,
    )
    axes.vlines(
        xs,
        [points[x].least for x in xs],
        [points[x].most for x in xs],
        color=colour,
        linewidth=1,
        zorder=order - 1,
    )


def _dress(axes: Axes, xs: list[int], across: Axis, up: Axis, from_zero: bool) -> None:
    named: Callable[[float, int], str] = lambda x, _: (  # noqa: E731
        words.size(round(x)) if across.unit == "bytes" else words.digits(x)
    )
    axes.xaxis.set_major_locator(FixedLocator(xs))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(named))
    if from_zero:
        axes.set_xlim(0)
        axes.set_ylim(0)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: words.amount(y, up.unit)))
    else:
        style.logarithmic(axes.yaxis, *axes.get_ylim(), up.unit)
    axes.set_xlabel(across.title)
    axes.set_title(up.title, color=style.GREY)
    axes.grid(visible=True, which="major")


def _label(
    picture: Figure,
    axes: Axes,
    look: style.Look,
    series: Mapping[str, Mapping[int, Spread]],
) -> None:
    """Names at the right, in the lines' order, none over another, each led to its line's end."""
    picture.draw_without_rendering()
    to_share = axes.transData + axes.transAxes.inverted()
    ends = []
    for peer, points in series.items():
        last = max(points)
        ends.append((*to_share.transform((last, points[last].median)), peer))
    ends.sort(key=lambda end: end[1])
    height_pt = axes.get_window_extent().height * 72 / picture.dpi
    places = spread_out([end[1] for end in ends], _LABEL_PT / height_pt)
    for (x, y, peer), place in zip(ends, places, strict=True):
        colour = look.colour(peer)
        axes.plot(
            [x + 0.008, 1.035, 1.05],
            [y, place, place],
            transform=axes.transAxes,
            color=colour,
            linewidth=0.5,
            clip_on=False,
        )
        axes.text(
            1.06,
            place,
            peer,
            transform=axes.transAxes,
            color=colour,
            va="center",
            fontsize=8,
            weight="bold" if colour == style.OURS_COLOUR else "normal",
        )


def spread_out(wanted: list[float], gap: float) -> list[float]:
    """Places in the same order, as near as can be to those wanted, none nearer than `gap`.

    wanted  in rising order, from 0 to 1; the places may go a little beyond when there are many
    """
    groups: list[list[float]] = []
    for place in wanted:
        groups.append([place])
        while len(groups) > 1 and _top(groups[-2], gap) + gap > _bottom(groups[-1], gap):
            last = groups.pop()
            groups[-1] += last
    return [_bottom(g, gap) + n * gap for g in groups for n in range(len(g))]


def _bottom(group: list[float], gap: float) -> float:
    middle = sum(group) / len(group)
    half = (len(group) - 1) * gap / 2
    return min(max(middle - half, 0.0), max(0.0, 1.0 - 2 * half))


def _top(group: list[float], gap: float) -> float:
    return _bottom(group, gap) + (len(group) - 1) * gap

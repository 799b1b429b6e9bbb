"""A bar for each fraction, on a track that is a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.report import style, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

_ROW_IN = 0.23
_BESIDES_IN = 0.2
_LONGEST = 1.25
"""A bar that would be longer is cut here; its number is beside it."""


def plot_tracks(tracks: Sequence[tuple[str, float]]) -> Figure:
    """Draw fractions by name; more than a whole goes beyond the track."""
    with style.drawing():
        inner = _ROW_IN * len(tracks)
        total = inner + _BESIDES_IN
        picture = style.figure(total)
        axes = picture.add_axes((0.47, 0.1 / total, 0.45, inner / total))
        style.transparent(axes)
        places = range(len(tracks))
        axes.barh(places, [1.0] * len(tracks), height=0.5, color=style.FAINT)
        axes.barh(
            places,
            [min(each, _LONGEST) for _, each in tracks],
            height=0.5,
            color=style.OURS_COLOUR,
            alpha=0.85,
        )
        axes.set_yticks(places, [name for name, _ in tracks], fontsize=8)
        axes.set_ylim(len(tracks) - 0.5, -0.5)
        axes.set_xlim(0, _LONGEST)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        for place, (_, each) in enumerate(tracks):
            text = f"{words.digits(100 * each)} %"
            axes.annotate(
                text,
                (min(max(1.0, each), _LONGEST), place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                annotation_clip=False,
            )
        return picture

"""What is seen while the demo runs: a live table on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from demo.measure import Histogram
from demo.messages import Figures
from demo.play import Board
from demo.results import LABELS, SIDES, Result
from demo.words import PHASES, count, megabytes, span
from podring.cli.program import STDOUT, naming

_LIVE_S = 0.5
_LINE_S = 2.0


class Screen:
    """Shows boards; a context manager that leaves the terminal as it was."""

    def __init__(self, console: Console, headline: str) -> None:
        self._console, self._headline = console, headline
        self._live: Live | None = None
        self._shown_at = time.monotonic()
        if console.is_terminal:
            self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        with naming(STDOUT):
            self._console.print(self._headline, soft_wrap=True)
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, board: Board) -> None:
        """Show it if enough time has passed since the last one."""
        now = time.monotonic()
        if now < self._shown_at + (_LINE_S if self._live is None else _LIVE_S):
            return
        self._shown_at = now
        if self._live is not None:
            self._live.update(Group(Text(_where(board), style="bold"), _table(board)), refresh=True)
        elif board.turns:
            with naming(STDOUT):
                self._console.print(_lines(board), soft_wrap=True)


def _where(board: Board) -> str:
    if not board.turns:
        return f"starting: the broker {f'is at {board.broker}' if board.broker else ''}"
    return (
        f"slice {board.turn} of {board.turns}: {PHASES[board.phase]}, {LABELS[board.side]}\n"
        f"broker at {board.broker}"
    )


def _table(board: Board) -> Table:
    """Every subscriber's figures in this phase."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("", "subscriber"):
        table.add_column(head, no_wrap=True)
    for head in ("messages", "a second", "MB/s", "lag", "lost", "p50", "p99"):
        table.add_column(head, justify="right", no_wrap=True)
    for side in SIDES:
        result = board.results.get((board.phase, side), Result())
        style = "bold green" if side == board.side else "dim"
        for number, figures in enumerate(result.subscribers, start=1):
            table.add_row(LABELS[side], str(number), *_cells(figures), style=style)
    return table


def _cells(figures: Figures) -> list[str]:
    latency = Histogram(figures.latency)
    per_s = 1 / figures.seconds if figures.seconds else 0.0
    return [
        count(figures.messages),
        count(figures.messages * per_s),
        megabytes(figures.bytes * per_s),
        count(figures.lag),
        count(figures.lost),
        span(latency.percentile(50)),
        span(latency.percentile(99)),
    ]


def _lines(board: Board) -> str:
    """The same of the side whose turn it is, a line a subscriber."""
    result = board.results.get((board.phase, board.side), Result())
    where = f"{board.turn:2}/{board.turns} {PHASES[board.phase]}, {LABELS[board.side]}"
    lines = []
    for number, figures in enumerate(result.subscribers, start=1):
        messages, per_s, rate, lag, lost, p50, p99 = _cells(figures)
        lines.append(
            f"{where:38} subscriber {number}: {messages:>11} messages {per_s:>10}/s {rate:>8} MB/s"
            f"  lag {lag}  lost {lost}  p50 {p50}  p99 {p99}"
        )
    return "\n".join(lines)

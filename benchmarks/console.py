"""What the benchmarks show on a terminal: how far they are, and the medians in the end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.results import Run, Spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.results import Results

_SHOWN = (
    ("rate", 1e-6, "M/s"),
    ("publisher_ns", 1, "publisher, ns"),
    ("p50", 1e-3, "p50, µs"),
    ("p99", 1e-3, "p99, µs"),
    ("publisher_cpu", 1, "publisher, CPU µs"),
    ("subscriber_cpu", 1, "subscriber, CPU µs"),
    ("wakeups", 1, "wake-ups/s"),
)
"""Figures in columns: name, factor, title. Seconds per million messages are microseconds each."""


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on standard error; the function is called at the beginning of each step."""
    columns = (
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    # Few refreshes: drawing takes processor time from what is measured.
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=0.5) as bar:
        task = bar.add_task("", total=total)
        done = iter(range(total + 1))
        yield lambda words: bar.update(task, completed=next(done), description=words)
        bar.update(task, completed=total, description="done")


def show(results: Results) -> None:
    """Print medians and failures, a table for each scenario, size and way."""
    console = Console()
    groups: dict[tuple[str, int, str, bool], dict[tuple[str, int], list[Run]]] = {}
    for run in results.runs:
        group = groups.setdefault((run.scenario, run.size, run.way, run.pinned), {})
        group.setdefault((run.peer, run.receivers), []).append(run)
    for (scenario, size, way, pinned), rows in groups.items():
        title = f"{scenario}, {size} B, {way}" + ("" if pinned else ", not pinned")
        console.print(_table(title, rows))
    for failure in results.failures:
        where = f"{failure.scenario}, {failure.size} B, {failure.way}"
        console.print(f"[red]failed[/red] {failure.peer} ({where}): {failure.error}")


def _table(title: str, rows: dict[tuple[str, int], list[Run]]) -> Table:
    known = {name for runs in rows.values() for run in runs for name in run.figures}
    columns = [column for column in _SHOWN if column[0] in known]
    table = Table("peer", "subscribers", title=title, title_justify="left")
    for _, _, heading in columns:
        table.add_column(heading, justify="right")
    for (peer, receivers), runs in rows.items():
        cells = [_median(runs, name, factor) for name, factor, _ in columns]
        table.add_row(peer, str(receivers), *cells)
    return table


def _median(runs: list[Run], name: str, factor: float) -> str:
    values = [run.figures[name] for run in runs if name in run.figures]
    return f"{Spread.of(values).median * factor:.3g}" if values else ""

"""Run the scenarios in turn, several times, and print medians with the least and the most."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from typing import TYPE_CHECKING

import benchmarks
from benchmarks import machine, one_to_one, ping_pong

if TYPE_CHECKING:
    from collections.abc import Sequence

Figures = dict[str, list[float]]


def main() -> int:
    """Measure, print, and perhaps write a file; the exit status is 1 when a check failed."""
    options = _parse()
    figures: Figures = {}
    for repetition in range(options.repeat):
        print(f"repetition {repetition + 1} of {options.repeat}", file=sys.stderr)
        for name, value in _measure_once(options).items():
            figures.setdefault(name, []).append(value)
    about = machine.describe()
    print("\n".join(f"{key:10} {value}" for key, value in about.items()))
    print(_table(figures))
    if options.output:
        with open(options.output, "w", encoding="utf-8") as file:
            json.dump({"machine": about, "figures": figures}, file, indent=2)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=benchmarks.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", choices=["one-to-one", "ping-pong"], help="run this scenario alone"
    )
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="times (default 5)")
    parser.add_argument(
        "--messages", type=int, default=5_000_000, metavar="N", help="one to one (default 5000000)"
    )
    parser.add_argument(
        "--rounds", type=int, default=20_000, metavar="N", help="ping-pong (default 20000)"
    )
    parser.add_argument("--output", metavar="FILE", help="write all figures as JSON")
    return parser.parse_args()


def _measure_once(options: argparse.Namespace) -> dict[str, float]:
    figures: dict[str, float] = {}
    if options.only in (None, "one-to-one"):
        for name, rate in one_to_one.measure(options.messages).items():
            figures[f"one to one, 64 B, {name}: million messages/s"] = rate / 1e6
    if options.only in (None, "ping-pong"):
        for name, times in ping_pong.measure(options.rounds).items():
            figures[f"round trip, 64 B, {name}: p50 µs"] = statistics.median(times) / 1e3
            figures[f"round trip, 64 B, {name}: p99 µs"] = _percentile(times, 99) / 1e3
    return figures


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


def _table(figures: Figures) -> str:
    width = max(map(len, figures), default=0)
    lines = [f"{'':{width}}  {'median':>9} {'least':>9} {'most':>9}"]
    for name, values in figures.items():
        cells = (statistics.median(values), min(values), max(values))
        lines.append(f"{name:{width}}  " + " ".join(f"{cell:9.2f}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m benchmarks.floors [REPETITIONS]`: the floors of this machine, as a table."""

from __future__ import annotations

import sys

from benchmarks import floors
from benchmarks.results import Spread


def main() -> None:
    found: dict[str, list[float]] = {}
    for repetition in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        for floor in floors.measure(repetition):
            found.setdefault(floor.name, []).append(floor.value)
    width = max(map(len, found))
    print(f"{'':{width}} {'median':>9} {'least':>9} {'most':>9}")
    for name, values in found.items():
        spread = Spread.of(values)
        cells = (_short(value) for value in (spread.median, spread.least, spread.most))
        print(f"{name:{width}} {' '.join(cells)}  {floors.UNITS[name]}")


def _short(value: float) -> str:
    for factor, letter in ((1e9, "G"), (1e6, "M")):
        if value >= factor:
            return f"{value / factor:8.2f}{letter}"
    return f"{value:8.1f} "


if __name__ == "__main__":
    main()

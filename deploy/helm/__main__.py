"""`python -m deploy.helm [--check]`: write the chart, or say whether it is current."""

from __future__ import annotations

import sys
from pathlib import Path

from deploy.helm.chart import files
from deploy.helm.sources import DEPLOY

CHART = DEPLOY / "chart"
BY_HAND = ("Chart.yaml", "templates/NOTES.txt")


def main(arguments: list[str]) -> int:
    """Run; the return value is the exit code."""
    if arguments not in ([], ["--check"]):
        print("usage: scripts/chart [--check]", file=sys.stderr)
        return 2
    wanted = files()
    stale = differing(CHART, wanted)
    if not arguments:
        for name in stale:
            _put(CHART / name, wanted.get(name))
        return 0
    for name in stale:
        print(f"deploy/chart/{name} is not current: run scripts/chart", file=sys.stderr)
    return 1 if stale else 0


def differing(chart: Path, wanted: dict[str, str]) -> list[str]:
    """The files of the chart that differ from what they should be, or should not be there."""
    there = {
        str(each.relative_to(chart)): each.read_text()
        for each in sorted(chart.rglob("*"))
        if each.is_file() and str(each.relative_to(chart)) not in BY_HAND
    }
    return sorted(name for name in {*there, *wanted} if there.get(name) != wanted.get(name))


def _put(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink()
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

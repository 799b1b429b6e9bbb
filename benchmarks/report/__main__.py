"""`python -m benchmarks.report RESULTS.json`: write the page, or README's block of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.report import goaltable, page, readme
from benchmarks.report.book import Book
from benchmarks.results import Results

ROOT = Path(__file__).parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Render; the exit status is 1 when there is nothing to render or nowhere to put it."""
    options = _parse(arguments)
    try:
        results = Results.read(options.results)
        if options.readme:
            readme.write(results, options.root / "README.md", options.root / "docs")
            return 0
        page.write(results, options.root / "docs")
    except (OSError, ValueError) as error:
        print(f"benchmarks.report: {error}", file=sys.stderr)
        return 1
    for key in goaltable.unexplained(Book(results), goaltable.explanations()):
        print(
            f"benchmarks.report: {key} is not met, and {goaltable.EXPLANATIONS.name} does not say "
            "why",
            file=sys.stderr,
        )
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.report",
        description="Render a results file as docs/benchmarks.md with its plots.",
    )
    parser.add_argument("results", metavar="RESULTS.json", type=Path)
    parser.add_argument(
        "--readme", action="store_true", help="write the block of README.md instead, and its plot"
    )
    parser.add_argument(
        "--root", type=Path, default=ROOT, metavar="FOLDER", help="where README.md and docs/ are"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

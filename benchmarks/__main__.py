"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import benchmarks

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write a file; the exit status is 1 when a run failed."""
    from benchmarks import plan, runner
    from benchmarks.results import Results

    options = _parse(arguments)
    results = Results(about={})
    found = runner.load(options.peers, results)
    groups = [g for g in plan.GROUPS if not options.only or _key(g.scenario) in options.only]
    cases = list(plan.cases(found, groups, options.sizes))
    if options.messages:
        cases = [replace(case, messages=min(case.messages, options.messages)) for case in cases]
    runner.run(cases, found, options.repeat, results, lambda case, _: print(case, file=sys.stderr))
    for run in results.runs:
        print(run)
    for failure in results.failures:
        print(failure)
    if options.output:
        Path(options.output).parent.mkdir(parents=True, exist_ok=True)
        results.write(Path(options.output))
    return 1 if results.failures else 0


def _key(scenario: str) -> str:
    return scenario.replace(" ", "-")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=benchmarks.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--only", nargs="+", metavar="SCENARIO", default=[], help="run these scenarios alone")
    add("--peers", nargs="+", metavar="PEER", default=[], help="run these peers alone")
    add("--sizes", nargs="+", type=int, metavar="BYTES", default=[], help="messages of these sizes")
    add("--repeat", type=int, default=5, metavar="N", help="repetitions (default 5)")
    add("--messages", type=int, metavar="N", help="messages of each run at most")
    add("--output", metavar="FILE", help="write everything as JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

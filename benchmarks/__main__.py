"""The command line of the benchmarks: `make bench`, `make bench-quick`."""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import benchmarks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.peers.protocol import Peer
    from benchmarks.plan import Case
    from benchmarks.results import Results

# The processes of each run import this module again: what only a command line needs, it imports
# itself, so that they start soon and hold no memory of it.

OUTPUT = Path("build/benchmarks.json")
DOCS = Path("docs")
_SHORTEST = 32


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the results and show them.

    returns  0; 1 when a run failed, 2 when there is none. A peer that is not installed is left out
             and named, and no failure
    """
    from benchmarks import console, peers, plan, runner
    from benchmarks.results import Results

    options = _parse(arguments)
    results = Results(about={})
    found = runner.load(options.peers or (plan.QUICK_PEERS if options.quick else ()), results)
    runner.describe(found, results)
    cases = _cases(options, found)
    if not cases:
        known = " ".join(peers.MODULES)
        print(f"benchmarks: nothing to run; peers are: {known}", file=sys.stderr)
        return 2
    with console.progress(options.repeat * len(cases)) as progress:
        for repetition in range(options.repeat):
            if not (options.only or options.quick):
                runner.measure_floors(repetition, results)
            runner.run(cases, found, repetition, results, progress)
    console.show(results)
    _write(options, results)
    return 1 if any(failure.scenario != "import" for failure in results.failures) else 0


def _cases(options: argparse.Namespace, found: list[Peer]) -> list[Case]:
    from benchmarks import plan

    groups = [
        group
        for group in (plan.QUICK if options.quick else plan.GROUPS)
        if (not options.only or group.scenario.replace(" ", "-") in options.only)
        and (group.pinned or not options.unpinned)
    ]
    cases = list(plan.cases(found, groups, options.sizes))
    if options.unpinned:
        cases = [replace(case, pinned=False) for case in cases]
    if options.messages:
        cases = [replace(case, messages=min(case.messages, options.messages)) for case in cases]
    return cases


def _write(options: argparse.Namespace, results: Results) -> None:
    output = Path(options.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    results.write(output)
    print(f"benchmarks: {len(results.runs)} runs, {len(results.failures)} failures: {output}")
    if options.page:
        from benchmarks.report import page

        page.write(results, DOCS)
        print(f"benchmarks: {DOCS / 'benchmarks.md'}")


def _size(text: str) -> int:
    """An argparse type: messages are made of words of eight bytes, and begin and end with two."""
    size = int(text)
    if size < _SHORTEST or size % 8:
        raise argparse.ArgumentTypeError(f"{text} is not a multiple of 8 from {_SHORTEST} up")
    return size


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=benchmarks.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    from benchmarks import plan

    known = [scenario.replace(" ", "-") for scenario in plan.SCENARIOS]
    add = parser.add_argument
    add("--only", nargs="+", choices=known, default=[], help="such as one-to-one round-trip")
    add("--peers", nargs="+", metavar="PEER", default=[], help="such as podring zeromq")
    add("--sizes", nargs="+", type=_size, metavar="BYTES", default=[], help="instead of the plan's")
    add("--repeat", type=int, metavar="N", help="repetitions (default 5; quick: 2)")
    add("--messages", type=int, metavar="N", help="at most so many messages a run of a stream")
    add("--quick", action="store_true", help="a minute: a few scenarios with a few peers")
    add("--unpinned", action="store_true", help="let the kernel choose the processors")
    add("--output", default=OUTPUT, metavar="FILE", help=f"where to write all (default {OUTPUT})")
    add("--page", action="store_true", help=f"then write {DOCS}/benchmarks.md and its plots")
    options = parser.parse_args(arguments)
    options.repeat = options.repeat or (2 if options.quick else 5)
    return options


if __name__ == "__main__":
    # As Ctrl-C, after which servers, topics and folders in /dev/shm are removed as ever.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("benchmarks: interrupted; nothing is written")

"""`make demo`, `python -m demo [--input PATH] [--frame N] [--seconds N]`: arguments and exit codes.

0  everything arrived as it was sent     1  something did not, or a part of the demo failed
2  arguments or input that cannot be     128 + N  ended by signal N
"""

from __future__ import annotations

import argparse
import sys
import tempfile

from rich.console import Console

from demo import files, report
from demo.interrupts import Interrupted, Interrupts
from demo.play import Plan, Play
from demo.screen import Screen
from demo.stage import PartFailed, Stage
from demo.verdict import complaints, praise
from demo.words import size
from podring import PodringError
from podring.cli.program import STDOUT, abandon_stdout, in_words, naming
from podring.topic import parse_quantity

SECONDS = 8.0
"""For each of the two sides."""


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; the return value is its exit code."""
    options = _parser().parse_args(arguments)
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # not every terminal knows µ
    console = Console(markup=False, highlight=False, emoji=False)
    try:
        with Interrupts() as interrupts:
            return _run(options, console, interrupts)
    except files.BadInput as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except Interrupted as signal:
        print(f"demo: ended by {signal}; everything is stopped and cleared up", file=sys.stderr)
        return 128 + signal.number
    except (PartFailed, PodringError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        abandon_stdout()
        print(f"demo: {in_words(error)}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace, console: Console, interrupts: Interrupts) -> int:
    facts = None
    if options.frame is not None and options.input is None:
        raise files.BadInput("FRAME cuts a file into blocks: name the file, too, with INPUT=path")
    if options.input is not None:
        facts = files.examine(options.input, options.frame, interrupts.check)
    plan = Plan(options.input, options.frame, facts, options.seconds)
    with (
        tempfile.TemporaryDirectory(prefix="podring-demo-", ignore_cleanup_errors=True) as folder,
        Screen(console, _headline(plan)) as screen,
        Stage(interrupts) as stage,
    ):
        play = Play(plan, stage, interrupts, folder)
        for board in play.run():
            screen.show(board)
    results = play.board.results
    wrong = complaints(results, facts)
    with naming(STDOUT):
        report.show(console, results, play.board.others)
        for sentence in wrong or praise(results, facts):
            style = "bold red" if wrong else "green"
            console.print(f"{'WRONG' if wrong else 'checked'}: {sentence}", style=style)
    return 1 if wrong else 0


def _headline(plan: Plan) -> str:
    """What is about to be seen."""
    what = "this machine's live telemetry, each reading a message"
    if plan.facts is not None:
        cut = "lines" if plan.frame is None else f"blocks of {size(plan.frame)}"
        what = f"{plan.input}, {size(plan.facts.bytes)} in {plan.facts.messages:,} {cut}"
    return (
        f"podring demo: {what}\n"
        f"one publisher, three subscribers, a topic of {size(plan.ring_bytes)}, "
        "in turn with TCP sockets"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make demo",
        description="A running podring on real input, beside the same stream over TCP.",
        epilog="with make: make demo INPUT=path FRAME=n SECONDS=n",
    )
    parser.add_argument(
        "--input", metavar="PATH", help="a file to send (default: this machine's telemetry)"
    )
    parser.add_argument(
        "--frame", metavar="N", type=_frame, help="cut it into blocks of N bytes, not into lines"
    )
    parser.add_argument(
        "--seconds",
        metavar="N",
        type=_seconds,
        default=SECONDS,
        help=f"how long to send on each of the two sides, from 1 to 3600 (default: {SECONDS:g}); "
        "a file is first sent once as a whole, however long that takes",
    )
    return parser


def _frame(text: str) -> int:
    try:
        frame = parse_quantity(text, "FRAME")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not 1 <= frame <= files.LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to {files.LONGEST} bytes")
    return frame


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 to 3600")
    return value

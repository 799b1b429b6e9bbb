"""`podring-subscriber TOPIC`: its options, and how its parts are put together."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence

from podring import Subscriber
from podring.cli import framing
from podring.cli.arguments import (
    Parser,
    add_broker,
    add_spec,
    add_stats,
    broker_of,
    checked,
    create_spec,
    exit_help,
    positive_count,
    seconds,
    topic_name,
)
from podring.cli.exits import Exit
from podring.cli.meter import Meter
from podring.cli.program import STDOUT, descriptor, run, show
from podring.cli.signals import Signals
from podring.cli.version import add_version
from podring.start import Start
from podring_subscriber.losses import Losses
from podring_subscriber.receive import Until, receive
from podring_subscriber.sink import Sink

PROGRAM = "podring-subscriber"
_EPILOG = """\
messages:
  They are written as they are, one after the other: what the publisher read from a file is that
  file again. --lines adds a newline to each that has none, and --length-prefixed puts 4 bytes
  before each, its length, unsigned, network byte order. Lost messages are told on stderr.

start positions:
  latest           what is published from now on (the default)
  earliest         the oldest message still there
  last:N           the last N messages
  sequence:N, N    from the message with that sequence
  since:WHEN       from a time (2030-01-31T12:00:00Z, unix seconds), or an age (30s, 5m, 2h)

examples:
  podring-subscriber logs --start earliest | grep -i error
  podring-subscriber camera --output video.raw --idle-exit 10 --stats
  podring-subscriber prices --count 1 --lines
  podring-subscriber prices --quiet --stats

"""


def run_command(arguments: Sequence[str] | None) -> int:
    """Parse, subscribe, and give the exit code."""
    return run(PROGRAM, lambda signals: subscribe(parser().parse_args(arguments), signals))


def parser() -> Parser:
    """The program's arguments."""
    top = Parser(
        prog=PROGRAM,
        description="Write the messages of a topic to standard output or a file.",
        epilog=_EPILOG + exit_help(),
    )
    top.add_argument("topic", metavar="TOPIC", type=topic_name)
    top.add_argument(
        "--start",
        metavar="WHERE",
        default="latest",
        type=checked(_start),
        help="where to begin, see below (default: latest)",
    )
    form = top.add_mutually_exclusive_group()
    form.add_argument("--lines", action="store_true", help="end each message with a newline")
    form.add_argument(
        "--length-prefixed", action="store_true", help="write each message's length before it"
    )
    form.add_argument(
        "--quiet", action="store_true", help="write no messages, only how many came, at the end"
    )
    top.add_argument("--output", metavar="PATH", help="write to this file, which is emptied first")
    top.add_argument("--count", metavar="N", type=positive_count, help="end after N messages")
    top.add_argument(
        "--idle-exit", metavar="SECONDS", type=seconds, help="end after so long without a message"
    )
    top.add_argument(
        "--fail-on-loss",
        action="store_true",
        help=f"end with exit code {int(Exit.LOSS)} when a message was lost",
    )
    top.add_argument("--create", action="store_true", help="create the topic if it is not there")
    add_spec(top)
    add_broker(top)
    top.add_argument(
        "--name",
        help="resume where the subscriber of this name stopped, and be called so in `podring info`",
    )
    add_stats(top)
    add_version(top)
    return top


def _start(text: str) -> str | int:
    start = int(text) if text.isascii() and text.isdigit() else text
    Start.parse(start)
    return start


def subscribe(options: argparse.Namespace, signals: Signals) -> int:
    """Receive until it is time to end, and give the exit code.

    raises  Failure, PodringError, OSError; what was received before is written
    """
    mixed = not options.quiet and options.output is None and os.isatty(1)
    meter = Meter(PROGRAM, options.topic, shown=options.stats, as_json=options.json, live=not mixed)
    losses = Losses(options.topic, meter.notice)
    until = Until(options.count, options.idle_exit, options.fail_on_loss)
    with (
        Subscriber(
            options.topic,
            start=options.start,
            broker=broker_of(options).address,
            create=create_spec(options),
            name=options.name,
            on_loss=losses,
        ) as subscriber,
        _sink(options) as sink,
    ):
        meter.extra = lambda: {"lost": subscriber.lost, "lag": subscriber.lag}
        try:
            return receive(subscriber, sink, meter, losses, signals, until)
        finally:
            _finish(losses, meter, quiet=options.quiet)


@contextlib.contextmanager
def _sink(options: argparse.Namespace) -> Iterator[Sink]:
    """Where the messages go."""
    join: framing.Joiner = framing.joined
    if options.quiet:
        join = framing.nothing
    elif options.lines:
        join = framing.terminated
    elif options.length_prefixed:
        join = framing.with_lengths
    if options.output is None:
        yield Sink(descriptor(sys.stdout, STDOUT), STDOUT, join)
        return
    fd = os.open(options.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        yield Sink(fd, options.output, join)
    finally:
        os.close(fd)


def _finish(losses: Losses, meter: Meter, *, quiet: bool) -> None:
    """Say the last words, even when the output is gone."""
    try:
        if quiet:
            meter.clear()
            show(str(meter.messages))
    finally:
        losses.tell(now=True)
        meter.finish()

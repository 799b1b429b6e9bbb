"""`podring-publisher TOPIC`: its options, and how its parts are put together."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from podring import Publisher
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
    positive_size,
    seconds,
    topic_name,
)
from podring.cli.exits import Exit, Failure
from podring.cli.meter import Meter
from podring.cli.pace import Pacer, Rate
from podring.cli.program import run
from podring.cli.signals import Signals
from podring.cli.version import add_version
from podring_publisher.source import READ_BYTES, chunks, rounds

PROGRAM = "podring-publisher"
_EPILOG = """\
messages:
  A line is a message, its newline included, so that what the subscriber writes is the input, byte
  for byte. With --frame-size each N bytes are one, and the last may be shorter. With
  --length-prefixed each is preceded by its length: 4 bytes, unsigned, network byte order.
  No message spans two files.

examples:
  tail -F app.log | podring-publisher logs --create --size 64Mi
  podring-publisher camera --frame-size 4Mi --file video.raw --rate 25/s --stats
  podring-publisher backup --frame-size 64Ki --file a.bin b.bin --rate 100Mi/s
  podring-publisher load --create --file /proc/loadavg --every 1

"""


def run_command(arguments: Sequence[str] | None) -> int:
    """Parse, publish, and give the exit code."""
    return run(PROGRAM, lambda signals: publish(parser().parse_args(arguments), signals))


def parser() -> Parser:
    """The program's arguments."""
    top = Parser(
        prog=PROGRAM,
        description="Publish standard input or files to a topic.",
        epilog=_EPILOG + exit_help(),
    )
    top.add_argument("topic", metavar="TOPIC", type=topic_name)
    cut = top.add_mutually_exclusive_group()
    cut.add_argument("--lines", action="store_true", help="a message is a line (the default)")
    cut.add_argument(
        "--frame-size", metavar="N", type=positive_size, help="a message is N bytes, such as 64Ki"
    )
    cut.add_argument(
        "--length-prefixed", action="store_true", help="a message comes after its length"
    )
    top.add_argument(
        "--file", metavar="PATH", nargs="+", action="extend", help="read these, - is standard input"
    )
    top.add_argument(
        "--every",
        metavar="SECONDS",
        type=seconds,
        help="read the files again so often, for ever: a sensor below /sys, /proc/loadavg",
    )
    top.add_argument(
        "--rate",
        metavar="N[/s]",
        type=checked(Rate.parse),
        help="messages a second, or bytes with a unit such as 100Mi",
    )
    top.add_argument(
        "--exclusive", action="store_true", help="keep every other publisher out meanwhile"
    )
    top.add_argument("--create", action="store_true", help="create the topic if it is not there")
    add_spec(top)
    add_broker(top)
    top.add_argument("--name", help="what to be called in `podring info`")
    add_stats(top)
    add_version(top)
    return top


def publish(options: argparse.Namespace, signals: Signals) -> int:
    """Send everything there is, and give the exit code.

    raises  Failure, PodringError, OSError; what came before the fault is published
    """
    with Publisher(
        options.topic,
        broker=broker_of(options).address,
        create=create_spec(options),
        exclusive=options.exclusive,
        name=options.name,
    ) as publisher:
        meter = Meter(PROGRAM, options.topic, shown=options.stats, as_json=options.json)
        pacer = Pacer(options.rate)
        try:
            for batch in _batches(options, publisher, meter):
                for part in pacer.parts(batch):
                    with signals.held():
                        publisher.publish_many(part)
                        meter.add(len(part), sum(map(len, part)))
        finally:
            _settle(publisher, meter)
            meter.finish()
    return Exit.OK


def _settle(publisher: Publisher, meter: Meter) -> None:
    """Count also what a call had published when it was cut short."""
    own = next(one for one in publisher.mapping.entries() if one.slot == publisher.slot)
    if own.messages > meter.messages:
        meter.add(own.messages - meter.messages, own.bytes - meter.bytes)


def _batches(options: argparse.Namespace, publisher: Publisher, meter: Meter) -> framing.Batches:
    """The messages of every input, one input after the other."""
    longest = publisher.max_message
    if options.frame_size is not None and options.frame_size > longest:
        raise Failure(
            Exit.USAGE,
            f"--frame-size {options.frame_size} does not fit: {options.topic!r} takes messages of "
            f"at most {longest} bytes",
        )
    # No batch fills more than an eighth of a small ring: subscribers shall have time to follow.
    most = max(4096, min(READ_BYTES, publisher.record.capacity // 8))
    for path in rounds(_inputs(options), options.every, meter):
        pieces = chunks(path, meter, most=most)
        source = "stdin" if path == "-" else path
        if options.frame_size is not None:
            yield from framing.blocks(pieces, options.frame_size)
        elif options.length_prefixed:
            yield from framing.prefixed(pieces, longest, source)
        else:
            yield from framing.lines(pieces, longest, source)


def _inputs(options: argparse.Namespace) -> list[str]:
    """The files to read; standard input, which is read only once, is "-"."""
    paths: list[str] = options.file or ["-"]
    if options.every is not None and "-" in paths:
        raise Failure(Exit.USAGE, "--every is for files, which can be read again: add --file PATH")
    return paths

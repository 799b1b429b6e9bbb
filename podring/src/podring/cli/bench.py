"""`podring bench`: how fast podring is on this machine, in a few seconds, with nothing else there.

Two processes do what a user's would: one to one throughput with one message a call and with batched
calls, for messages of several lengths, through a topic that blocks, so that nothing is lost; and
the round trip of a short message, spinning, with the default settings, and asleep. Every message is
checked. The topics are its own, and deleted at the end however it comes.

What two processes that do nothing else measure is the best case; docs/benchmarks.md, where there is
one, begins by saying what such numbers do not show.
"""

# Every verb imports this module: pathlib and secrets, which take long to import, stay out.
from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from podring.cli import bench_halves as halves
from podring.cli.arguments import Parser, checked, positive_size
from podring.cli.exits import Exit, Failure
from podring.cli.program import show
from podring.cli.signals import undisturbed
from podring.cli.tables import columns, size
from podring.client import Broker
from podring.errors import PodringError
from podring.topic import TopicSpec

if TYPE_CHECKING:
    from podring.cli.bench_pair import Pair

SIZES = (64, 1 << 10, 64 << 10)
SECONDS = 0.5
SECONDS_MAX = 3600
TRIP = 64
"""Bytes of a message that makes a round trip."""

WAITS = {"spin": math.inf, "default": None, "sleep": 0.0}
_RING = 1 << 20
_PATIENCE_S = 30.0

Figures = dict[str, Any]


def add_options(parser: Parser) -> None:
    """The options of `podring bench` that no other verb has."""
    parser.add_argument(
        "--sizes",
        metavar="BYTES[,BYTES…]",
        type=sizes,
        default=SIZES,
        help="messages to stream (default: 64,1Ki,64Ki)",
    )
    parser.add_argument(
        "--seconds",
        metavar="SECONDS",
        type=lasting,
        default=SECONDS,
        help=f"how long each measurement lasts, up to {SECONDS_MAX} (default: {SECONDS:g})",
    )
    parser.add_argument(
        "--unpinned",
        action="store_true",
        help="let the kernel choose processors, instead of one for each of the two processes",
    )


def sizes(text: str) -> tuple[int, ...]:
    """An argparse type: lengths of messages, with commas between."""
    found = tuple(positive_size(each) for each in text.split(","))
    for each in found:
        if each < halves.SHORTEST:
            raise argparse.ArgumentTypeError(
                f"a message of {each} bytes has no room for its number: from {halves.SHORTEST} up"
            )
    checked(_spec)(str(max(found)))
    return found


def lasting(text: str) -> float:
    """An argparse type: seconds in which something can be measured."""
    with contextlib.suppress(ValueError):
        if 0 < (given := float(text)) <= SECONDS_MAX:
            return given
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to {SECONDS_MAX}")


def bench(broker: Broker, options: argparse.Namespace) -> int:
    """Measure and print; the exit code.

    raises  Failure when a message was not what it must be; PodringError
    """
    # Late: it needs multiprocessing, which the other verbs can do without.
    from podring.cli.bench_pair import Pair

    usable = len(os.sched_getaffinity(0))
    waits = [name for name in WAITS if name != "spin" or usable > 1]
    with Pair(pinned=not options.unpinned) as pair:
        streams = [
            _stream(pair, broker, length, options.seconds, batched=batched)
            for length in options.sizes
            for batched in (False, True)
        ]
        trips = [_trip(pair, broker, name, options.seconds) for name in waits]
    found = {"machine": machine(), "pinned": not options.unpinned}
    found |= {"throughput": streams, "round_trip": trips}
    show(json.dumps(found, indent=2) if options.json else _shown(found))
    return Exit.OK


def _spec(longest: int | str) -> TopicSpec:
    """A topic for messages of that length, with room for a few; raises InvalidTopic."""
    return TopicSpec(max(_RING, 4 * int(longest)), int(longest), overflow="block")


def machine() -> Figures:
    """What must be known to judge the numbers."""
    import podring

    return {
        "processor": processor(),
        "usable_processors": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "podring": podring.__version__,
    }


def percentile(ordered: list[int], share: float) -> int:
    """The value that `share` of the others do not exceed."""
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def processor() -> str:
    """The processor's name, else its architecture's."""
    with (
        contextlib.suppress(OSError),
        open("/proc/cpuinfo", errors="replace", encoding="utf-8") as lines,
    ):
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _stream(pair: Pair, broker: Broker, length: int, lasting: float, *, batched: bool) -> Figures:
    with _topics(broker, _spec(length), 1) as (topic,):
        sent, received = pair.run(
            halves.publish,
            (topic, broker.address, length, lasting, batched),
            halves.receive,
            (topic, broker.address, length, batched),
            lasting + _PATIENCE_S,
        )
    if sent.messages != received.messages:
        raise Failure(
            Exit.FAILED, f"{sent.messages} messages were published, and {received.messages} came"
        )
    rate = received.messages / received.seconds
    return {
        "size": length,
        "calls": "batched" if batched else "single",
        "messages": received.messages,
        "messages_per_s": round(rate, 1),
        "bytes_per_s": round(rate * length, 1),
    }


def _trip(pair: Pair, broker: Broker, name: str, lasting: float) -> Figures:
    with _topics(broker, TopicSpec(1 << 16, TRIP), 2) as (there, back):
        times, _ = pair.run(
            halves.ask,
            (there, back, broker.address, TRIP, lasting, WAITS[name]),
            halves.answer,
            (there, back, broker.address, WAITS[name]),
            lasting + _PATIENCE_S,
        )
    ordered = sorted(times)
    shares = {"p50_ns": 0.5, "p99_ns": 0.99, "p99_9_ns": 0.999}
    return {"size": TRIP, "wait": name, "rounds": len(ordered)} | {
        key: percentile(ordered, share) for key, share in shares.items()
    }


@contextlib.contextmanager
def _topics(broker: Broker, spec: TopicSpec, count: int) -> Iterator[list[str]]:
    """New topics, which are deleted afterwards whatever happens."""
    names = [f"bench.{os.getpid()}.{os.urandom(4).hex()}" for _ in range(count)]
    try:
        for name in names:
            broker.create(name, spec)
        yield names
    finally:
        with undisturbed():
            for name in names:
                with contextlib.suppress(PodringError):  # it may not have been made
                    broker.delete(name)


def _shown(found: Figures) -> str:
    about = found["machine"]
    usable = about["usable_processors"]
    line = (
        f"{about['processor']}, {usable} usable {'processor' if usable == 1 else 'processors'}, "
        f"{'pinned' if found['pinned'] else 'unpinned'}; {about['kernel']}; "
        f"Python {about['python']}; podring {about['podring']}"
    )
    streams = [
        [
            size(row["size"]),
            row["calls"],
            _rate(row["messages_per_s"]),
            f"{row['bytes_per_s'] / 1e6:.0f} MB/s",
        ]
        for row in found["throughput"]
    ]
    trips = [
        [
            size(row["size"]),
            row["wait"],
            *(f"{row[key] / 1e3:.2f} µs" for key in ("p50_ns", "p99_ns", "p99_9_ns")),
        ]
        for row in found["round_trip"]
    ]
    return "\n\n".join(
        [
            line,
            columns(("ONE TO ONE", "CALLS", "MESSAGES", "BYTES"), streams),
            columns(("ROUND TRIP", "WAIT", "P50", "P99", "P99.9"), trips),
        ]
    )


def _rate(value: float) -> str:
    return f"{value / 1e6:.2f} M/s" if value >= 1e6 else f"{value / 1e3:.1f} k/s"

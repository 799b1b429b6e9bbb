"""The verbs of the `podring` command: topics, info, create, delete, forget; and bench.

Each but the last, which is in `bench`, asks the broker and prints a table for people, or with
`--json` the same as the HTTP API spells it. stdout holds the answer and nothing else.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from podring.cli import bench
from podring.cli.arguments import (
    Parser,
    add_broker,
    add_spec,
    broker_of,
    exit_help,
    spec_of,
    topic_name,
)
from podring.cli.exits import Exit, code_of
from podring.cli.program import run, say, show
from podring.cli.signals import Signals
from podring.cli.tables import age, clean, columns, size
from podring.cli.version import add_version
from podring.client import Broker
from podring.errors import TopicNotFound
from podring.offsets import forget_offset
from podring.status import Participant, TopicStatus
from podring.topic import TopicRecord, TopicSpec

PROGRAM = "podring"
Verb = Callable[[Broker, argparse.Namespace], int]
_EXAMPLES = """\
examples:
  podring topics                                  what is there, and who uses it
  podring create prices --size 64Mi --max-message 4Ki
  podring info prices                             each publisher and subscriber, its lag and losses
  podring info prices --json | jq .participants
  podring delete prices clock
  podring --broker local topics                   the same without a broker
  podring bench                                   how fast podring is here

"""


def run_verb(arguments: Sequence[str] | None) -> int:
    """Parse, run the verb, and give the exit code."""

    def body(_: Signals) -> int:
        options = parser().parse_args(arguments)
        options.broker = options.broker or options.otherwise
        verb: Verb = options.verb
        return verb(broker_of(options), options)

    return run(PROGRAM, body)


def parser() -> Parser:
    """The command's arguments."""
    top = Parser(
        prog=PROGRAM,
        description="Look at the topics of this node, create and delete them.",
        epilog=_EXAMPLES + exit_help(),
    )
    add_broker(top)
    add_version(top)
    verbs = top.add_subparsers(metavar="VERB", required=True, title="verbs")

    def add(name: str, verb: Verb, text: str, otherwise: str | None = None) -> Parser:
        sub = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        sub.add_argument("--json", action="store_true", help="print JSON")
        # Suppressed: a default here would overwrite what was given before the verb.
        others = {"otherwise": otherwise} if otherwise else {}
        add_broker(sub, default=argparse.SUPPRESS, **others)
        sub.set_defaults(verb=verb, otherwise=otherwise)
        return sub

    add("topics", _topics, "list the topics")
    add("info", _info, "show one topic and everybody on it").add_argument(
        "topic", metavar="TOPIC", type=topic_name
    )
    create = add("create", _create, "create a topic; nothing happens if the same is there already")
    create.add_argument("topic", metavar="TOPIC", type=topic_name)
    add_spec(create)
    add("delete", _delete, "delete topics; whoever uses them is told").add_argument(
        "topic", metavar="TOPIC", type=topic_name, nargs="+"
    )
    forget = add("forget", _forget, "forget where the subscribers of these names stopped")
    forget.add_argument("topic", metavar="TOPIC", type=topic_name)
    forget.add_argument("name", metavar="NAME", nargs="+")
    measure = add("bench", bench.bench, "measure how fast podring is on this machine", "local")
    bench.add_options(measure)
    return top


def _topics(broker: Broker, options: argparse.Namespace) -> int:
    found = broker.live()
    if options.json:
        _print_json([_plain(record, status) for record, status in found])
    elif found:
        heads = ("TOPIC", "SIZE", "MAX-MESSAGE", "MESSAGES", "PUBLISHERS", "SUBSCRIBERS", "AGE")
        show(columns(heads, [_row(record, status) for record, status in found]))
    else:
        say(PROGRAM, f"no topics at {broker.address}: `podring create` makes one")
    return Exit.OK


def _info(broker: Broker, options: argparse.Namespace) -> int:
    record, status = broker.get(options.topic), broker.status(options.topic)
    if options.json:
        _print_json(_plain(record, status))
        return Exit.OK
    spec = record.spec
    origin = f"  origin       {record.origin}\n" if record.origin else ""
    exact = record.capacity == spec.size_bytes
    given = "" if exact else f" ({record.capacity} bytes given)"
    show(
        f"{record.name}\n"
        f"  size         {size(spec.size_bytes)}{given}\n"
        f"  max-message  {size(spec.max_message_bytes)}\n"
        f"  overflow     {_policy(spec)}\n"
        f"  age          {_age(record)}\n"
        f"  segment      {record.segment}\n"
        f"{origin}"
        f"  messages     {status.latest - 1} published, of which the last "
        f"{status.latest - status.earliest} can be received"
    )
    if status.participants:
        heads = ("ROLE", "NAME", "PROCESS", "MESSAGES", "BYTES", "NEXT", "LAG", "LOST", "ALIVE")
        show("\n" + columns(heads, list(map(_participant, status.participants))))
    return Exit.OK


def _policy(spec: TopicSpec) -> str:
    """Overflow, and for a topic whose publishers wait how long and for whom."""
    if spec.overflow == "overwrite":
        return spec.overflow
    lease = f", lease {spec.lease:g} s" if spec.lease else ""
    return f"{spec.overflow}, unsubscribed {spec.unsubscribed}{lease}"


def _create(broker: Broker, options: argparse.Namespace) -> int:
    record = broker.create(options.topic, spec_of(options))
    if options.json:
        _print_json(record.to_json())
    else:
        spec = record.spec
        show(
            f"{record.name}: {size(spec.size_bytes)} ring, messages up to "
            f"{size(spec.max_message_bytes)}, {_policy(spec)}"
        )
    return Exit.OK


def _delete(broker: Broker, options: argparse.Namespace) -> int:
    deleted: list[str] = []
    worst = Exit.OK
    for name in dict.fromkeys(options.topic):
        try:
            broker.delete(name)
            deleted.append(name)
        except TopicNotFound as error:  # the others are deleted all the same
            say(PROGRAM, str(error))
            worst = code_of(error)
    if options.json:
        _print_json({"deleted": deleted})
    return worst


def _forget(broker: Broker, options: argparse.Namespace) -> int:
    forgotten = [
        name
        for name in dict.fromkeys(options.name)
        if forget_offset(options.topic, name, broker=broker.address)
    ]
    if options.json:
        _print_json({"forgotten": forgotten})
    for name in options.name:
        if name not in forgotten:
            say(PROGRAM, f"topic {options.topic!r} has no offset named {clean(name)!r}")
    return Exit.OK


def _row(record: TopicRecord, status: TopicStatus | None) -> list[str]:
    spec = record.spec
    figures = ["-", "-", "-"]
    if status is not None:
        alive = [p.role for p in status.participants if p.alive]
        figures = [
            str(status.latest - 1),
            str(alive.count("publisher")),
            str(alive.count("subscriber")),
        ]
    sizes = [size(spec.size_bytes), size(spec.max_message_bytes)]
    return [record.name, *sizes, *figures, _age(record)]


def _participant(one: Participant) -> list[str]:
    figures = (one.messages, size(one.bytes), one.sequence + (one.role == "publisher"))
    reading = (one.lag, one.lost) if one.role == "subscriber" else ("-", "-")
    alive = "yes" if one.alive else "no"
    if one.alive and (one.evicted or one.waiting):
        alive = "evicted" if one.evicted else f"waits {age((time.time_ns() - one.waiting) / 1e9)}"
    return [one.role, clean(one.name), str(one.process), *map(str, (*figures, *reading)), alive]


def _age(record: TopicRecord) -> str:
    return age(time.time() - record.generation / 1e6)


def _plain(record: TopicRecord, status: TopicStatus | None) -> dict[str, Any]:
    return record.to_json() | (status.to_json() if status is not None else {})


def _print_json(value: object) -> None:
    show(json.dumps(value, indent=2, ensure_ascii=True))

"""What podring's programs are told on the command line: argparse, its types, and common options.

A wrong argument ends the program with one sentence and the code for it. What is checked here is
not yet asked of any broker.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

from podring.cli.exits import Exit, Failure, table
from podring.cli.program import say, show
from podring.client import Broker, broker_at
from podring.topic import TopicSpec, check_name, parse_quantity

SECONDS_MAX = 366 * 86400


class Parser(argparse.ArgumentParser):
    """argparse, with errors of one line, help as it was written, and no guessed options."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        say(self.prog.split()[0], f"{message} (see {self.prog} --help)")
        sys.exit(Exit.USAGE)

    def print_help(self, _: object = None) -> None:
        show(self.format_help().rstrip())


def checked(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """An argparse type that keeps the words of the ValueError that `kind` raises."""

    def convert(text: str) -> Any:
        try:
            return kind(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def topic_name(text: str) -> str:
    """An argparse type: a valid topic name."""
    return str(checked(check_name)(text))


def positive_count(text: str) -> int:
    """An argparse type: a whole number from 1."""
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")


def positive_size(text: str) -> int:
    """An argparse type: bytes from 1, or a quantity such as 64Ki."""
    size = checked(lambda given: parse_quantity(given, "size"))(text)
    if size > 0:
        return int(size)
    raise argparse.ArgumentTypeError(f"{text!r} is not a size from 1 byte up")


def seconds(text: str) -> float:
    """An argparse type: a time span in seconds."""
    with contextlib.suppress(ValueError):
        if 0 <= (given := float(text)) <= SECONDS_MAX:
            return given
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a number of seconds from 0 to {SECONDS_MAX}, a year"
    )


def add_broker(
    parser: argparse.ArgumentParser,
    *,
    default: str | None = None,
    otherwise: str = "PODRING_BROKER, else the node's socket, else http://127.0.0.1:7070",
) -> None:
    """The --broker option, which is checked but not asked anything yet.

    otherwise  for its help: which one it is if none is given
    """
    parser.add_argument(
        "--broker",
        metavar="ADDRESS",
        default=default,
        type=checked(lambda text: broker_at(text).address),
        help="http://HOST:PORT, unix:///PATH, or local for no broker at all "
        f"(default: {otherwise})",
    )


def broker_of(arguments: argparse.Namespace) -> Broker:
    """The broker that --broker or the environment names.

    raises  Failure when the environment names none that can be
    """
    try:
        return broker_at(arguments.broker)
    except ValueError as error:
        raise Failure(Exit.USAGE, str(error)) from None


def add_spec(parser: argparse.ArgumentParser) -> None:
    """The sizes of a topic that may have to be created."""
    parser.add_argument("--size", metavar="BYTES", help="the ring, such as 64Mi (default: 16Mi)")
    parser.add_argument(
        "--max-message", metavar="BYTES", help="the longest message (default: 1Mi, or the size)"
    )
    parser.add_argument(
        "--overflow",
        metavar="POLICY",
        help="overwrite: a slow subscriber loses the oldest messages (the default); block: "
        "publishers wait for it",
    )
    parser.add_argument(
        "--unsubscribed",
        metavar="POLICY",
        help="with block, while nobody subscribes: go-on overwrites (the default), keep waits",
    )
    parser.add_argument(
        "--lease",
        metavar="SECONDS",
        type=seconds,
        help="with block: go on without a subscriber that is stuck for so long (default: never)",
    )


_SPEC = ("size", "max_message", "overflow", "unsubscribed", "lease")


def spec_of(arguments: argparse.Namespace) -> TopicSpec:
    """The spec that `add_spec`'s options describe.

    raises  InvalidTopic
    """
    given = {name: value for name in _SPEC if (value := getattr(arguments, name)) is not None}
    spec = TopicSpec(**({"max_message": 1} | given))
    if "max_message" in given:
        return spec
    most = min(spec.size_bytes, TopicSpec().max_message_bytes)
    return replace(spec, max_message=most)


def create_spec(arguments: argparse.Namespace) -> TopicSpec | None:
    """The same for a program with --create: None without it.

    raises  Failure when sizes come without --create; InvalidTopic
    """
    if arguments.create:
        return spec_of(arguments)
    for name in _SPEC:
        if getattr(arguments, name) is not None:
            option = "--" + name.replace("_", "-")
            raise Failure(Exit.USAGE, f"{option} is for a topic to be made: add --create")
    return None


def add_stats(parser: argparse.ArgumentParser) -> None:
    """The options of `meter`."""
    parser.add_argument(
        "--stats",
        action="store_true",
        help="figures on stderr: a live line on a terminal, else one every 10 s; one at the end",
    )
    parser.add_argument("--json", action="store_true", help="--stats as lines of JSON")


def exit_help() -> str:
    """The part of `--help` that tells the exit codes."""
    return f"exit codes:\n{table()}"

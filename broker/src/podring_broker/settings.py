"""Every setting of the broker, once: its flag, its environment variable, its default, its meaning.

The command line, `--help` and docs/configuration.md all come from `OPTIONS`. A flag beats its
variable; an empty variable counts as unset, because that is what a manifest with a blank value
means. A setting that cannot work is a `BadSetting`, which names the flag and ends the broker with
exit code 2 before it touched anything.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from podring_broker import budget

NODE_SOCKET = "/run/podring/broker.sock"
LEVELS = ("debug", "info", "warning", "error")
_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", re.ASCII)


class BadSetting(Exception):
    """A setting that cannot work. The message names its flag."""

    def __init__(self, flag: str, message: str) -> None:
        super().__init__(f"{flag}: {message}")


@dataclass(frozen=True, slots=True)
class Option:
    """One setting, as people are told about it. `default` is text to read, not always a value."""

    flag: str
    variable: str
    value: str
    default: str
    meaning: str


OPTIONS = (
    Option("--host", "PODRING_HOST", "ADDRESS", "127.0.0.1", "TCP address to listen on"),
    Option("--port", "PODRING_PORT", "NUMBER", "7070", "TCP port to listen on; 0 takes a free one"),
    Option(
        "--socket",
        "PODRING_SOCKET",
        "PATH",
        f"{NODE_SOCKET} where its folder can be made, else none",
        "Unix socket to listen on as well; 'none' for none",
    ),
    Option(
        "--catalogue",
        "PODRING_CATALOGUE",
        "URL",
        "sqlite:// in a state folder ($STATE_DIRECTORY, else /var/lib/podring for root, else "
        "podring in $XDG_STATE_HOME)",
        "where topics are recorded: memory:, sqlite:///PATH, redis://HOST:PORT/N or "
        "unix:///PATH.sock?db=N",
    ),
    Option(
        "--budget",
        "PODRING_BUDGET",
        "SIZE",
        f"{budget.SHARE} % of the smaller of /dev/shm and the cgroup's memory limit",
        "shared memory to give out in all: a quantity such as 4Gi, or a percentage of that smaller "
        "one such as 30%",
    ),
    Option(
        "--node",
        "PODRING_NODE",
        "NAME",
        "the host's name",
        "this node's name: keeps apart the nodes that share one Redis, so it must differ on each",
    ),
    Option(
        "--log-level",
        "PODRING_LOG_LEVEL",
        "LEVEL",
        "info",
        "least level that is logged: " + ", ".join(LEVELS),
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings after validation.

    socket         None for none
    socket_chosen  whether somebody asked for `socket`: the default one may fail, a chosen one not
    budget         bytes
    """

    host: str
    port: int
    socket: str | None
    socket_chosen: bool
    catalogue: str
    budget: int
    node: str
    log_level: str


def read(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read the command line and the environment.

    raises  BadSetting; SystemExit for --help and for a flag that does not exist
    """
    given = vars(_parser().parse_args(arguments))

    def chosen(name: str) -> str | None:
        value: str | None = given[name]
        return value or environment.get(f"PODRING_{name.upper()}") or None

    path = chosen("socket")
    return Settings(
        host=chosen("host") or "127.0.0.1",
        port=_port(chosen("port") or "7070"),
        socket=None if path == "none" else path or NODE_SOCKET,
        socket_chosen=path is not None,
        catalogue=chosen("catalogue") or _default_catalogue(environment),
        budget=_budget(chosen("budget")),
        node=_node(chosen("node") or socket.gethostname()),
        log_level=_level(chosen("log_level") or "info"),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="podring-broker",
        description="Creates podring's topics on this node and remembers them. "
        "It is never on the data path: it may stop and start without anyone noticing.",
        epilog="SIGTERM ends it; topics live on, and the next broker takes them over.",
    )
    for option in OPTIONS:
        text = f"{option.meaning} (default: {option.default}; {option.variable})"
        parser.add_argument(option.flag, metavar=option.value, help=text.replace("%", "%%"))
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise BadSetting("--port", f"{text!r} is not a number from 0 to 65535")
    return int(text)


def _budget(text: str | None) -> int:
    try:
        return budget.parse(text if text is not None else f"{budget.SHARE}%")
    except ValueError as error:
        raise BadSetting("--budget", str(error)) from None


def _node(text: str) -> str:
    if not _NODE.fullmatch(text):
        raise BadSetting(
            "--node",
            f"{text!r} is not a node's name: 1 to 253 of A-Z a-z 0-9 . _ - "
            "and first a letter or digit",
        )
    return text


def _level(text: str) -> str:
    if text.lower() not in LEVELS:
        raise BadSetting("--log-level", f"{text!r} is none of {', '.join(LEVELS)}")
    return text.lower()


def _default_catalogue(environment: Mapping[str, str]) -> str:
    """SQLite in the state folder: systemd's if it made one, else root's or the user's own."""
    folder = environment.get("STATE_DIRECTORY", "").split(":")[0]
    if not folder and os.geteuid() == 0:
        folder = "/var/lib/podring"
    if not folder:
        home = environment.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        folder = os.path.join(home, "podring")
    return f"sqlite://{os.path.abspath(folder)}/catalogue.db"

"""The settings of a broker, read and checked; `options` has the list of them.

A flag beats its variable; an empty variable counts as unset, because that is what a manifest with a
blank value means. A setting that cannot work is a `BadSetting`, which names the flag and ends the
broker with exit code 2 before it touched anything.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from podring.cli.version import add_version
from podring_broker import budget
from podring_broker.catalogue import check_url
from podring_broker.options import LEVELS, METHODS, NODE_SOCKET, OPTIONS, SERVICE_ACCOUNT

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", re.ASCII)
_MODE = re.compile(r"0?[0-7]{3}", re.ASCII)


class BadSetting(Exception):
    """A setting that cannot work. The message names its flag."""

    def __init__(self, flag: str, message: str) -> None:
        super().__init__(f"{flag}: {message}")
        self._flag, self._message = flag, message

    def told(self, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
        """The message, which names the variable instead where that is what was set."""
        variable = _variable(self._flag.removeprefix("--"))
        if any(each.partition("=")[0] == self._flag for each in arguments):
            return str(self)
        return f"{variable}: {self._message}" if environment.get(variable) else str(self)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings after validation.

    socket            None for none
    socket_chosen     whether somebody asked for `socket`: the default one may fail, a chosen not
    authenticate      one of METHODS; None when nobody said
    publishers_group  None when everybody may publish
    budget            bytes
    max_rate          calls a second; 0 for no bound
    """

    host: str
    port: int
    socket: str | None
    socket_chosen: bool
    socket_mode: int
    authenticate: str | None
    tokens: str | None
    audience: str
    managers: tuple[str, ...]
    api_server: str | None
    service_account: str
    publishers_group: int | None
    catalogue: str
    budget: int
    max_topics: int
    max_rate: int
    node: str
    log_level: str


def read(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read the command line and the environment.

    raises  BadSetting; SystemExit for --help and for a flag that does not exist
    """
    given = vars(_parser().parse_args(arguments))

    def chosen(name: str) -> str | None:
        value: str | None = given[name]
        return value or environment.get(_variable(name)) or None

    path = chosen("socket")
    group = chosen("publishers_group")
    return Settings(
        host=chosen("host") or "127.0.0.1",
        port=_whole("--port", chosen("port") or "7070", 65535),
        socket=None if path == "none" else path or NODE_SOCKET,
        socket_chosen=path is not None,
        socket_mode=_mode(chosen("socket_mode") or "666"),
        authenticate=_method(chosen("authenticate")),
        tokens=chosen("tokens"),
        audience=chosen("audience") or "podring",
        managers=tuple(filter(None, (chosen("managers") or "").replace(",", " ").split())),
        api_server=chosen("api_server") or _api_server(environment),
        service_account=chosen("service_account") or SERVICE_ACCOUNT,
        publishers_group=None if group is None else _whole("--publishers-group", group, 2**32 - 2),
        catalogue=_catalogue(chosen("catalogue") or _default_catalogue(environment)),
        budget=_budget(chosen("budget")),
        max_topics=_whole("--max-topics", chosen("max_topics") or "10000", 10**6),
        max_rate=_whole("--max-rate", chosen("max_rate") or "100", 10**6),
        node=_node(chosen("node") or socket.gethostname()),
        log_level=_level(chosen("log_level") or "info"),
    )


def _variable(name: str) -> str:
    return "PODRING_" + name.replace("-", "_").upper()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="podring-broker",
        allow_abbrev=False,
        description="Creates podring's topics on this node and remembers them. "
        "It is never on the data path: it may stop and start without anyone noticing.",
        epilog="SIGTERM ends it; topics live on, and the next broker takes them over. "
        "`podring-broker token --help` tells how to make a token.",
    )
    for option in OPTIONS:
        text = f"{option.meaning} (default: {option.default}; {option.variable})"
        parser.add_argument(option.flag, metavar=option.value, help=text.replace("%", "%%"))
    add_version(parser)
    return parser


def _whole(flag: str, text: str, most: int) -> int:
    # No longer than it need be, because Python refuses to read very many digits.
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= most):
        raise BadSetting(flag, f"{text!r} is not a number from 0 to {most}")
    return int(text)


def _mode(text: str) -> int:
    if not _MODE.fullmatch(text):
        raise BadSetting("--socket-mode", f"{text!r} is no mode: three octal digits such as 660")
    return int(text, 8)


def _method(text: str | None) -> str | None:
    if text is not None and text not in METHODS:
        raise BadSetting("--authenticate", f"{text!r} is none of {', '.join(METHODS)}")
    return text


def _budget(text: str | None) -> int:
    try:
        return budget.parse(text if text is not None else f"{budget.SHARE}%")
    except ValueError as error:
        raise BadSetting("--budget", str(error)) from None


def _catalogue(text: str) -> str:
    try:
        return check_url(text.strip())  # what comes from a file often ends with a line feed
    except ValueError as error:
        raise BadSetting("--catalogue", str(error)) from None


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


def _api_server(environment: Mapping[str, str]) -> str | None:
    """Where Kubernetes tells its pods that the API server is; None outside of one."""
    host = environment.get("KUBERNETES_SERVICE_HOST")
    port = environment.get("KUBERNETES_SERVICE_PORT") or "443"
    if not host:
        return None
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _default_catalogue(environment: Mapping[str, str]) -> str:
    """SQLite in the state folder: systemd's if it made one, else root's or the user's own."""
    folder = environment.get("STATE_DIRECTORY", "").split(":")[0]
    if not folder and os.geteuid() == 0:
        folder = "/var/lib/podring"
    if not folder:
        home = environment.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        if home.startswith("~"):
            raise BadSetting("--catalogue", "this user has no home folder: say where to keep it")
        folder = os.path.join(home, "podring")
    return f"sqlite://{os.path.abspath(folder)}/catalogue.db"

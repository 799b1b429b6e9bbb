"""The tables of docs/configuration.md, made from the programs' own parsers and settings.

    python -m tests.docs.configuration

writes them into the page, and a test compares. So the page cannot say anything else than --help.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

from podring.cli import verbs
from podring.cli.version import Version
from podring_broker.access import newtoken
from podring_broker.options import OPTIONS
from podring_controller import settings as controller
from podring_publisher import command as publisher
from podring_subscriber import command as subscriber
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "configuration.md"

_LIBRARY = "the library, `podring`, `podring-publisher`, `podring-subscriber`"
_BROKER = """
where the broker is: `http://HOST:PORT`, `unix:///PATH`, or `local` for none. Unset or empty: the
node's socket `/run/podring/broker.sock` if it is there, else `http://127.0.0.1:7070`
"""
_TOKEN = """
the token that says to the broker who calls, where it wants one and there is no `PODRING_TOKEN_FILE`
"""
_TOKEN_FILE = """
a file that holds the token, read again for each call to the broker
"""
_API_SERVER = "where the API server is, see `--api-server`; Kubernetes sets it in its pods"
_STATE_DIRECTORY = """
folder of the default catalogue; systemd sets it for a unit with `StateDirectory=`
"""
_XDG_STATE_HOME = """
where the folder of the default catalogue is made for a user who is not root (default:
`~/.local/state`)
"""
_KUBECONFIG = """
outside of pods, the file that says where the API server is and who asks (default:
`~/.kube/config`)
"""
_TERM = "unset or `dumb`: the terminal cannot rewrite a line, so `--stats` writes new ones"
_OTHERS = {
    "PODRING_BROKER": (_LIBRARY, _BROKER),
    "KUBECONFIG": ("`podring-controller`", _KUBECONFIG),
    "KUBERNETES_SERVICE_HOST": ("`podring-broker`, `podring-controller`", _API_SERVER),
    "KUBERNETES_SERVICE_PORT": ("`podring-broker`", _API_SERVER),
    "PODRING_TOKEN": (_LIBRARY, _TOKEN),
    "PODRING_TOKEN_FILE": (_LIBRARY, _TOKEN_FILE),
    "TERM": ("`podring-publisher`, `podring-subscriber`", _TERM),
    "STATE_DIRECTORY": ("`podring-broker`", _STATE_DIRECTORY),
    "XDG_STATE_HOME": ("`podring-broker`", _XDG_STATE_HOME),
}
"""Variables that are no option of the broker: who reads them, and what for."""


_OF_ALL = (argparse._HelpAction, Version)
"""What every program takes, which the page says in a sentence."""


def flags() -> str:
    """A row for each flag; programs that have the same one share it."""
    rows: dict[tuple[str, str], list[str]] = {}
    for program, action in _actions():
        name = ", ".join(f"`{each}`" for each in action.option_strings)
        if action.nargs != 0:
            value = str(action.metavar or action.dest.upper())
            name = name[:-1] + f" {value}" + (" …`" if action.nargs == "+" else "`")
        rows.setdefault((name, _cell(action.help or "")), []).append(f"`{program}`")
    lines = ["| flag | of | meaning |", "|---|---|---|"]
    for (name, meaning), programs in sorted(rows.items(), key=lambda row: row[0][0]):
        lines.append(f"| {name} | {', '.join(dict.fromkeys(programs))} | {meaning} |")
    return "\n".join(lines)


def variables() -> str:
    """A row for each environment variable."""
    lines = ["| variable | read by | meaning |", "|---|---|---|"]
    rows = dict(_OTHERS)
    for option in OPTIONS:
        what = f"`{option.flag}`: {_cell(option.meaning)} (default: {_cell(option.default)})"
        rows[option.variable] = ("`podring-broker`", what)
    for each in controller.OPTIONS:
        others, what = rows.get(each.variable, ("", ""))
        who = ", ".join(filter(None, (others, "`podring-controller`")))
        mine = f"`{each.flag}`: {_cell(each.meaning)} (default: {_cell(each.default)})"
        rows[each.variable] = (who, what or mine)
    for variable, (readers, meaning) in sorted(rows.items()):
        lines.append(f"| `{variable}` | {readers} | {' '.join(meaning.split())} |")
    return "\n".join(lines)


def variables_in_code() -> set[str]:
    """Every environment variable that the five distributions read."""
    found: set[str] = set()
    for file in ROOT.glob("*/src/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and _asks_environment(node.func):
                found |= _names(node.args[0])
            if isinstance(node, ast.Subscript) and _is_environment(node.value):
                found |= _names(node.slice)
    return found


def make_variables() -> set[str]:
    """Every variable that the Makefile takes from whoever calls it."""
    text = (ROOT / "Makefile").read_text()
    used = set(re.findall(r"\$\(([A-Z]+)\)|\$\(if \$\(([A-Z]+)\)", text))
    assigned = set(re.findall(r"^(?:export )?([A-Z]+) *[:?+]?=", text, re.MULTILINE))
    return {name for pair in used for name in pair if name} - assigned - {"CURDIR"}


def write(page: Path) -> None:
    """Put the tables between the page's marks."""
    text = page.read_text()
    for name, table in {"flags": flags(), "variables": variables()}.items():
        begin, end = f"<!-- begin {name} -->\n", f"\n<!-- end {name} -->"
        before, _, rest = text.partition(begin)
        text = before + begin + "\n" + table + "\n" + end + rest.partition(end)[2]
    page.write_text(text)


def _actions() -> Iterator[tuple[str, argparse.Action]]:
    """Every flag of every program, without --help and --version."""
    parsers: list[tuple[str, argparse.ArgumentParser]] = [
        ("podring", verbs.parser()),
        ("podring-publisher", publisher.parser()),
        ("podring-subscriber", subscriber.parser()),
        (newtoken.PROGRAM, newtoken.parser()),
        ("podring-controller", controller.parser()),
    ]
    for program, parser in parsers:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers += [(f"{program} {verb}", sub) for verb, sub in action.choices.items()]
            elif action.option_strings and not isinstance(action, _OF_ALL):
                yield program, action
    for option in OPTIONS:
        help_text = f"{option.meaning} (default: {option.default})"
        yield (
            "podring-broker",
            argparse.Action([option.flag], "", None, None, metavar=option.value, help=help_text),
        )


def _cell(text: str) -> str:
    text = text.replace("see below", "see [Python](python.md#start-positions)")
    return text.replace("%%", "%").replace("|", "\\|").replace("$", "\\$")


def _asks_environment(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute):
        return False
    return function.attr == "getenv" or (function.attr == "get" and _is_environment(function.value))


def _is_environment(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in ("environ", "environment")


def _names(node: ast.expr) -> set[str]:
    if isinstance(node, ast.Constant):
        return {str(node.value)}
    # Composed from an option's name: one of the broker's or of the controller's.
    return {option.variable for option in (*OPTIONS, *controller.OPTIONS)}


if __name__ == "__main__":
    write(PAGE)

"""Every setting of the controller, once: its flag, its environment variable, default and meaning.

A flag beats its variable; an empty variable counts as unset. A setting that cannot work is a
`BadSetting`, which names the flag and ends the controller with exit code 2 before it did anything.
Where the API server is comes from the pod's service account, else from KUBECONFIG.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from podring.cli.version import add_version

LEVELS = ("debug", "info", "warning", "error")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class BadSetting(Exception):
    """A setting that cannot work. The message names its flag."""

    def __init__(self, flag: str, message: str) -> None:
        super().__init__(f"{flag}: {message}")


@dataclass(frozen=True, slots=True)
class Option:
    """One setting, as people are told about it."""

    flag: str
    value: str
    default: str
    meaning: str

    @property
    def name(self) -> str:
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        return f"PODRING_{self.name.upper()}"


OPTIONS = (
    Option(
        "--brokers-namespace",
        "NAME",
        "podring-system",
        "namespace of the brokers and their Service",
    ),
    Option(
        "--brokers-service",
        "NAME",
        "podring-brokers",
        "headless Service whose EndpointSlices tell where each node's broker is",
    ),
    Option(
        "--resync",
        "SECONDS",
        "30",
        "how often everything is looked at again though nothing was heard of it",
    ),
    Option(
        "--node-grace",
        "SECONDS",
        "300",
        "how long a node that does not answer keeps a resource from being deleted; what is left "
        "there is removed when its broker is back",
    ),
    Option("--broker-calls", "NUMBER", "16", "how many brokers are worked with at the same time"),
    Option(
        "--health",
        "ADDRESS:PORT",
        "0.0.0.0:8080",
        "where probes find /healthz and /readyz; 'none' for nowhere",
    ),
    Option(
        "--placement-webhook",
        "YES/NO",
        "no",
        "serve the admission webhook that places annotated pods, for API servers without "
        "MutatingAdmissionPolicy",
    ),
    Option("--log-level", "LEVEL", "info", "least level that is logged: " + ", ".join(LEVELS)),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings after validation. `health` is None for nowhere."""

    brokers_namespace: str = "podring-system"
    brokers_service: str = "podring-brokers"
    resync_s: float = 30.0
    node_grace_s: float = 300.0
    broker_calls: int = 16
    health: tuple[str, int] | None = None
    placement_webhook: bool = False
    log_level: str = "info"


def read(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read the command line and the environment.

    raises  BadSetting; SystemExit for --help and for a flag that does not exist
    """
    given = vars(parser().parse_args(arguments))
    texts = {
        each.flag: given[each.name] or environment.get(each.variable) or each.default
        for each in OPTIONS
    }
    return Settings(
        brokers_namespace=_label("--brokers-namespace", texts),
        brokers_service=_label("--brokers-service", texts),
        resync_s=_seconds("--resync", texts, least=1.0),
        node_grace_s=_seconds("--node-grace", texts, least=0.0),
        broker_calls=_count("--broker-calls", texts),
        health=_address("--health", texts),
        placement_webhook=_yes_no("--placement-webhook", texts),
        log_level=_level("--log-level", texts),
    )


def parser() -> argparse.ArgumentParser:
    """The command line. The environment is `read`'s."""
    made = argparse.ArgumentParser(
        prog="podring-controller",
        description="Turns Sharedmemory resources into topics on the brokers of a cluster's nodes. "
        "Runs once a cluster; topics do not notice when it stops and starts.",
        epilog="SIGTERM ends it; what it missed is put right when it is back.",
    )
    for option in OPTIONS:
        text = f"{option.meaning} (default: {option.default}; {option.variable})"
        many = {"nargs": "?", "const": "yes"} if option.value == "YES/NO" else {}
        made.add_argument(option.flag, metavar=option.value, help=text, **many)  # type: ignore[arg-type]
    add_version(made)
    return made


def _label(flag: str, texts: Mapping[str, str]) -> str:
    if not _LABEL.fullmatch(texts[flag]):
        raise BadSetting(flag, f"{texts[flag]!r} is not a name of Kubernetes: a-z 0-9 -, up to 63")
    return texts[flag]


def _seconds(flag: str, texts: Mapping[str, str], *, least: float) -> float:
    try:
        value = float(texts[flag])
    except ValueError:
        value = math.nan
    if not least <= value <= 86400:
        raise BadSetting(flag, f"{texts[flag]!r} is not a number of seconds, {least:g} to 86400")
    return value


def _count(flag: str, texts: Mapping[str, str]) -> int:
    text = texts[flag]
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 256):
        raise BadSetting(flag, f"{text!r} is not a number from 1 to 256")
    return int(text)


def _address(flag: str, texts: Mapping[str, str]) -> tuple[str, int] | None:
    if texts[flag] == "none":
        return None
    host, _, port = texts[flag].rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise BadSetting(flag, f"{texts[flag]!r} is not ADDRESS:PORT, such as 0.0.0.0:8080")
    return host.strip("[]"), int(port)


def _yes_no(flag: str, texts: Mapping[str, str]) -> bool:
    if texts[flag].lower() not in _YES_NO:
        raise BadSetting(flag, f"{texts[flag]!r} is neither yes nor no")
    return _YES_NO[texts[flag].lower()]


def _level(flag: str, texts: Mapping[str, str]) -> str:
    if texts[flag].lower() not in LEVELS:
        raise BadSetting(flag, f"{texts[flag]!r} is none of {', '.join(LEVELS)}")
    return texts[flag].lower()

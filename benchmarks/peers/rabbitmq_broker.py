"""The RabbitMQ broker of the benchmarks: one of our own, apart from the system's service.

It runs as whoever runs the benchmarks, with ports, a node name, a cookie, a database and a log of
its own, and its own epmd, which Erlang would otherwise leave behind. Both end with this process.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import server

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = "rabbitmq-server"
_PACKAGE = Path("/usr/lib/rabbitmq")


@dataclass
class Broker:
    """One that runs."""

    port: int
    pid: int
    runs: int = 0
    """How many there were, this one included."""


_kept: Broker | None = None
_ends = contextlib.ExitStack()


@contextlib.contextmanager
def awake() -> Iterator[Broker]:
    """The broker; outside the block it is stopped and takes no processor time."""
    global _kept  # noqa: PLW0603  # as long as the process
    if _kept is None:
        _kept = _ends.enter_context(_running())
        atexit.register(end)
    broker = _kept
    broker.runs += 1
    os.kill(broker.pid, signal.SIGCONT)
    try:
        yield broker
    finally:
        if _kept is broker:
            os.kill(broker.pid, signal.SIGSTOP)


def end() -> None:
    """End the broker that is kept, if there is one."""
    global _kept  # noqa: PLW0603  # as long as the process
    _kept = None
    _ends.close()


def version() -> str:
    """As Debian's package and its folders tell it, for to ask the server takes seconds."""
    server.find(SERVER)
    places = list(_PACKAGE.glob("lib/rabbitmq_server-*"))
    if not places:
        raise FileNotFoundError(
            f"no rabbitmq_server below {_PACKAGE}, where Debian's package has it"
        )
    number = places[0].name.rpartition("-")[2]
    erlang = server.version(
        "erl", "-noshell", "-eval", "io:put_chars(erlang:system_info(otp_release)), halt()."
    )
    return f"rabbitmq-server {number}, Erlang/OTP {erlang}"


@contextlib.contextmanager
def _running() -> Iterator[Broker]:
    server.find(SERVER)
    port, epmd_port = server.free_port(), server.free_port()
    with tempfile.TemporaryDirectory(prefix="podring-rabbitmq-") as name:
        folder = Path(name)
        environment = _environment(folder, port, epmd_port)
        epmd = [server.find("epmd"), "-address", "127.0.0.1", "-port", str(epmd_port)]
        accepts = partial(server.accepts, epmd_port)
        with server.running(epmd, folder / "epmd.log", accepts, environment):
            # Debian's wrapper would change to the user rabbitmq; what it wraps does not.
            program = str(_PACKAGE / "bin" / SERVER)
            accepts = partial(server.accepts, port)
            with server.running([program], folder / "log", accepts, environment) as pid:
                yield Broker(port, pid)


def _environment(folder: Path, port: int, epmd_port: int) -> dict[str, str]:
    (folder / "plugins").write_text("[].\n")
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.local = 127.0.0.1:{port}\n")
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(folder),  # where Erlang keeps the cookie
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(epmd_port),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_NODENAME": f"podring-bench-{os.getpid()}@localhost",
        "RABBITMQ_DIST_PORT": str(server.free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "database"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_LOGS": "-",
        "detached": "yes",  # the script becomes the server, instead of waiting for it
    }

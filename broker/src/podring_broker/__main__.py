"""The broker's process: settings, the lock on its topics, sockets, signals, exit codes.

    0  ended by SIGTERM or SIGINT
    1  another broker keeps these topics, or shared memory cannot be used
    2  a setting cannot work

The lock comes before everything that others could notice. So during a rolling update the new
broker waits at the door until the old one is gone, and then takes over its sockets and topics.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import signal
import socket
import sys
from typing import NoReturn

import structlog
import uvicorn
from fastapi import FastAPI

from podring import segment
from podring_broker import listen, logs
from podring_broker.access import newtoken, open_access
from podring_broker.app import build
from podring_broker.budget import Budget
from podring_broker.catalogue import CatalogueUnreachable, identity, open_catalogue
from podring_broker.catalogue.watched import WatchedCatalogue
from podring_broker.connections import HEAD_MAX, Connection, raise_limit
from podring_broker.service import Service
from podring_broker.settings import BadSetting, Settings, read

PATIENCE_S = 10.0
"""How long to wait for the broker before us to end."""
GRACE_S = 0.25
"""How long running requests may take once we are told to end."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def main() -> NoReturn:
    """Run a broker until a signal ends it; or make a token."""
    _open_standard_files()
    for number in (signal.SIGTERM, signal.SIGINT):
        # While it serves, uvicorn has its own handlers, and raises the signal again afterwards.
        signal.signal(number, _leave)
    try:
        code = newtoken.main(sys.argv[2:]) if sys.argv[1:2] == ["token"] else _main()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # a full disk
            stream.flush()
    # Not sys.exit, which would wait for a thread that may be zeroing gigabytes just now. What it
    # leaves half made, the next broker removes.
    os._exit(code)


def owner_of(node: str, catalogue: str) -> str:
    """Who owns a broker's segments: the same after a restart, another for another catalogue."""
    return hashlib.sha256(f"{node}\n{identity(catalogue)}".encode()).hexdigest()[:8]


def _main() -> int:
    logs.configure("info")
    try:
        settings = read(sys.argv[1:], os.environ)
        logs.configure(settings.log_level)
        _run(settings)
    except BadSetting as error:
        print(f"podring-broker: {error.told(sys.argv, os.environ)}", file=sys.stderr)
        return 2
    except TimeoutError as error:
        log.error("broker.refused", why=str(error))
        return 1
    except OSError as error:
        log.error("broker.failed", why=str(error))
        return 1
    return 0


def _open_standard_files() -> None:
    """Fill the places of closed ones, or a socket or a lock would be written to as stderr."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every terminal knows the … of --help


def _run(settings: Settings) -> None:
    owner = owner_of(settings.node, settings.catalogue)
    log.info(
        "broker.start",
        node=settings.node,
        owner=owner,
        catalogue=identity(settings.catalogue),
        budget=settings.budget,
        authenticate=settings.authenticate or "none",
    )
    authenticator = open_access(settings)
    _require_group(settings.publishers_group)
    try:
        catalogue = WatchedCatalogue(open_catalogue(settings.catalogue, settings.node))
    except (ValueError, CatalogueUnreachable) as error:
        raise BadSetting("--catalogue", str(error)) from None
    with (
        segment.owner_lock(owner, timeout_s=PATIENCE_S, shared=False),
        listen.sockets(settings) as listeners,
    ):
        service = Service(
            catalogue,
            owner,
            Budget(settings.budget, settings.max_topics),
            settings.publishers_group,
        )
        with contextlib.suppress(CatalogueUnreachable):  # logged, and the janitor's from now on
            service.upkeep.reconcile()
        _serve(
            build(
                service,
                catalogue,
                authenticator,
                rate=settings.max_rate,
                # Who cannot connect need not be asked who they are.
                trust_socket=not settings.socket_mode & 0o006,
            ),
            listeners,
        )
        log.info("broker.stop")


def _require_group(group: int | None) -> None:
    """Find out before the first topic whether we may give files to the publishers' group."""
    if group is None:
        return
    fd = os.memfd_create("podring-rights")  # of the same kind as a segment, and nobody's else
    try:
        os.fchown(fd, -1, group)
    except OSError as error:
        raise BadSetting(
            "--publishers-group",
            f"this process may not give files to group {group}: {error.strerror}; it must be a "
            "member of that group, or root with CAP_CHOWN",
        ) from None
    finally:
        os.close(fd)


def _serve(app: FastAPI, listeners: list[socket.socket]) -> None:
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=Connection,
        h11_max_incomplete_event_size=HEAD_MAX,
        backlog=listen.BACKLOG,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # or a caller could give itself another address, and be counted anew
        timeout_graceful_shutdown=GRACE_S,  # type: ignore[arg-type]  # asyncio takes fractions
    )
    raise_limit()
    log.info("broker.listening", addresses=[_address(each) for each in listeners])
    try:
        uvicorn.Server(config).run(sockets=listeners)
    except SystemExit as leaving:  # from _leave once everything is shut down, or uvicorn's own
        if leaving.code:
            raise


def _address(listener: socket.socket) -> str:
    """A listening socket's address, as clients write it."""
    place = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix://{place}"
    host = f"[{place[0]}]" if ":" in place[0] else place[0]
    return f"http://{host}:{place[1]}"


def _leave(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    main()

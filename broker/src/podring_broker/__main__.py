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
import os
import signal
import socket
import sys
from collections.abc import Iterator
from typing import NoReturn

import structlog
import uvicorn

from podring import segment
from podring_broker import listen, logs
from podring_broker.app import build
from podring_broker.budget import Budget
from podring_broker.catalogue import CatalogueUnreachable, identity, open_catalogue
from podring_broker.catalogue.watched import WatchedCatalogue
from podring_broker.service import Service
from podring_broker.settings import BadSetting, Settings, read

PATIENCE_S = 10.0
"""How long to wait for the broker before us to end."""
GRACE_S = 0.25
"""How long running requests may take once we are told to end."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def main() -> NoReturn:
    """Run a broker until a signal ends it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # While it serves, uvicorn has its own handlers, and raises the signal again afterwards.
        signal.signal(number, _leave)
    try:
        code = _main()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit, which would wait for a thread that may be zeroing gigabytes just now. What it
    # leaves half made, the next broker removes.
    os._exit(code)


def owner_of(node: str, catalogue: str) -> str:
    """Who owns a broker's segments: the same after a restart, another for another catalogue."""
    return hashlib.sha256(f"{node}\n{identity(catalogue)}".encode()).hexdigest()[:8]


def _main() -> int:
    try:
        settings = read(sys.argv[1:], os.environ)
        logs.configure(settings.log_level)
        _run(settings)
    except BadSetting as error:
        print(f"podring-broker: {error}", file=sys.stderr)
        return 2
    except TimeoutError as error:
        log.error("broker.refused", why=str(error))
        return 1
    except OSError as error:
        log.error("broker.failed", why=str(error))
        return 1
    return 0


def _run(settings: Settings) -> None:
    owner = owner_of(settings.node, settings.catalogue)
    log.info(
        "broker.start",
        node=settings.node,
        owner=owner,
        catalogue=identity(settings.catalogue),
        budget=settings.budget,
    )
    try:
        catalogue = WatchedCatalogue(open_catalogue(settings.catalogue, settings.node))
    except (ValueError, CatalogueUnreachable) as error:
        raise BadSetting("--catalogue", str(error)) from None
    with segment.owner_lock(owner, timeout_s=PATIENCE_S), _listening(settings) as listeners:
        service = Service(catalogue, owner, Budget(settings.budget))
        with contextlib.suppress(CatalogueUnreachable):  # logged, and the janitor's from now on
            service.upkeep.reconcile()
        _serve(service, catalogue, listeners)
        log.info("broker.stop")


def _serve(service: Service, catalogue: WatchedCatalogue, listeners: list[socket.socket]) -> None:
    config = uvicorn.Config(
        build(service, catalogue),
        loop="asyncio",
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,  # type: ignore[arg-type]  # asyncio takes fractions
    )
    log.info("broker.listening", addresses=[_address(each) for each in listeners])
    try:
        uvicorn.Server(config).run(sockets=listeners)
    except SystemExit as leaving:  # from _leave once everything is shut down, or uvicorn's own
        if leaving.code:
            raise


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """Every socket that is to be served; the one on the file system is removed again."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(listen.tcp(settings.host, settings.port))]
        if settings.socket is not None:
            try:
                listeners.append(stack.enter_context(listen.unix(settings.socket)))
                stack.callback(_forget, settings.socket)
            except BadSetting as error:
                if settings.socket_chosen:
                    raise
                log.info("socket.skipped", why=str(error))
        yield listeners


def _forget(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


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

"""The sockets that the broker listens on: one on TCP, one on the file system of the node.

Both listen before the first line of the application runs, so whoever connects early waits instead
of being turned away.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import stat
from collections.abc import Iterator

import structlog

from podring_broker.settings import BadSetting, Settings

BACKLOG = 2048
"""Connections that may wait for us: on the Unix socket one more would be refused, not delayed."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@contextlib.contextmanager
def sockets(settings: Settings) -> Iterator[list[socket.socket]]:
    """Every socket that is to be served; the one on the file system is removed again.

    raises  BadSetting
    """
    nobody_said = settings.authenticate is None
    with contextlib.ExitStack() as stack:
        on_tcp = tcp(settings.host, settings.port, loopback_only=nobody_said)
        listeners = [stack.enter_context(on_tcp)]
        if settings.socket is not None:
            try:
                on_file = unix(settings.socket, settings.socket_mode)
                listeners.append(stack.enter_context(on_file))
                stack.callback(_forget, settings.socket)
            except BadSetting as error:
                if settings.socket_chosen:
                    raise
                log.info("socket.skipped", why=str(error))
        yield listeners


def tcp(host: str, port: int, *, loopback_only: bool) -> socket.socket:
    """Listen on TCP; port 0 takes a free one.

    loopback_only  because nobody has said who may call from elsewhere
    raises         BadSetting for --host, --port or --authenticate
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise BadSetting("--host", f"{host!r} is no address: {error}") from None
    if loopback_only and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        raise BadSetting(
            "--authenticate",
            f"on {host} others than this machine could create and delete topics: say tokens or "
            "tokenreview, or none where the network keeps strangers out (PODRING_AUTHENTICATE)",
        )
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = os.strerror(error.errno or 0)
        raise BadSetting("--port", f"cannot listen on {host}:{port}: {reason}") from None
    return listener


def unix(path: str, mode: int) -> socket.socket:
    """Listen on the Unix socket `path`, in place of one that a dead broker left there.

    mode    who may connect
    raises  BadSetting for --socket when it cannot be made, or somebody is listening there
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _make_folder(os.path.dirname(os.path.abspath(path)))
        _make_way(path)
        listener.bind(path)
        os.chmod(path, mode)  # nobody connects before the next line
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise BadSetting("--socket", f"cannot listen on {path}: {reason}") from None
    except BaseException:
        listener.close()
        raise
    return listener


def _make_folder(folder: str) -> None:
    """Make a folder that every user may pass, whatever our umask: the socket has a mode."""
    before = os.umask(0o022)
    try:
        os.makedirs(folder, exist_ok=True)
    finally:
        os.umask(before)


def _make_way(path: str) -> None:
    """Remove a socket that nobody listens on. Leave anything else alone, for bind to stumble on."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)  # a stopped broker's may be full, and would hold us up
            try:
                with contextlib.suppress(BlockingIOError):
                    probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)
            else:
                raise BadSetting("--socket", f"another broker is listening on {path}: end it first")


def _forget(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)

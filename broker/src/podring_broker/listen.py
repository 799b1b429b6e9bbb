"""The sockets that the broker listens on: one on TCP, one on the file system of the node.

Both listen before the first line of the application runs, so whoever connects early waits instead
of being turned away.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat

from podring_broker.settings import BadSetting

_BACKLOG = 128
_SOCKET_MODE = 0o666
"""Every user of the node may ask the broker, as every user may on TCP."""


def tcp(host: str, port: int) -> socket.socket:
    """Listen on TCP; port 0 takes a free one.

    raises  BadSetting for --host or --port
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise BadSetting("--host", f"{host!r} is no address: {error}") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = os.strerror(error.errno or 0)
        raise BadSetting("--port", f"cannot listen on {host}:{port}: {reason}") from None
    return listener


def unix(path: str) -> socket.socket:
    """Listen on the Unix socket `path`, in place of one that a dead broker left there.

    raises  BadSetting for --socket when it cannot be made, or somebody is listening there
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o755, exist_ok=True)
        _make_way(path)
        listener.bind(path)
        os.chmod(path, _SOCKET_MODE)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise BadSetting("--socket", f"cannot listen on {path}: {reason}") from None
    except BaseException:
        listener.close()
        raise
    return listener


def _make_way(path: str) -> None:
    """Remove a socket that nobody listens on. Leave anything else alone, for bind to stumble on."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)
            else:
                raise BadSetting("--socket", f"another broker is listening on {path}: end it first")

"""What probes ask: whether the controller's loop turns, and whether it knows the cluster.

    GET /healthz   200; 503 when the loop has not come round for `HUNG_S`: restart it
    GET /readyz    200 once it has looked at the whole cluster and hears of changes; else 503

kopf has an endpoint of its own, which is well for as long as kopf is: it knows nothing of the loop.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HUNG_S = 300.0
"""A turn is four lists and a few hundred writes at most, each of which gives up after seconds."""


class Health:
    """What is known about the process. Written by the loop and the watcher, read by probes.

    on_look   called in the loop's thread when it has looked at the whole cluster, once
    """

    def __init__(self, on_look: Callable[[], object] = lambda: None) -> None:
        self.looked = False
        self.watching = False
        self._on_look = on_look
        self._turned_at = time.monotonic()

    def turned(self) -> None:
        """The loop came round."""
        self._turned_at = time.monotonic()

    def complete(self) -> None:
        """The loop has looked at the whole cluster."""
        if not self.looked:
            self.looked = True
            self._on_look()

    def trouble(self, path: str) -> str:
        """What a probe is told: empty when all is well."""
        silent_s = time.monotonic() - self._turned_at
        if silent_s > HUNG_S:
            return f"the loop has not come round for {silent_s:.0f} s"
        if path == "/readyz" and not self.looked:
            return "the cluster was not looked at in full yet"
        if path == "/readyz" and not self.watching:
            return "changes are not heard of: the watch streams are not running"
        return ""


def serve(health: Health, address: tuple[str, int]) -> None:
    """Answer probes from a thread of its own until the process ends.

    raises  OSError, which names the address
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0

        def do_GET(self) -> None:
            if self.path not in ("/healthz", "/readyz"):
                return self._answer(404, "there are /healthz and /readyz")
            trouble = health.trouble(self.path)
            return self._answer(503 if trouble else 200, trouble or "ok")

        def _answer(self, status: int, text: str) -> None:
            body = f"{text}\n".encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Probes come every few seconds and are not worth a line."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET

    try:
        server = Server(address, Handler)
    except OSError as error:
        where = f"{address[0]}:{address[1]}"
        raise OSError(f"--health: cannot listen on {where}: {error.strerror or error}") from error
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()

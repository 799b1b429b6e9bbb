"""A place between a controller and its API server, where it can be killed at a chosen write.

It speaks http to the controller and https to the API server, and passes everything on but watches,
which would outlive the test: a loop that looks often enough does without.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from tests.kubernetes.support import kubeconfig
from tests.kubernetes.support.access import Access
from tests.kubernetes.support.controller import Controller

_PASSED_ON = ("Authorization", "Content-Type", "Accept")
_READS = "GET"


class Parting:
    """Use as a context manager; `controller` makes the one that is killed.

    at     the number of the write at which to part them, from 1
    after  whether the API server shall still do that write; nobody hears of it then
    """

    def __init__(self, access: Access, at: int, *, after: bool) -> None:
        self._access, self._at, self._after = access, at, after
        self._victim: Controller | None = None
        self._upstream = urlsplit(access.url).netloc
        self._trust = ssl.create_default_context(cafile=str(access.trusted))
        self._lock = threading.Lock()
        self._writes = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="parting", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def controller(self, **environment: str) -> Controller:
        """A controller whose API server is here. Start it."""
        self._victim = Controller(self, self._access.folder, **environment)
        return self._victim

    def kubeconfig_for_account(self, namespace: str, account: str) -> Path:
        """As `Access` makes one, but it leads here."""
        path = self._access.folder / "parted.kubeconfig"
        token = kubeconfig.token(self._access.token(namespace, account))
        url = f"http://127.0.0.1:{self._server.server_port}"
        return kubeconfig.write(path, url, self._access.trusted, token, namespace)

    def _is_the_one(self, method: str) -> bool:
        with self._lock:
            self._writes += method != _READS
            return method != _READS and self._writes == self._at

    def _pass_on(self, asked: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection(self._upstream, context=self._trust, timeout=15)
        try:
            headers = {name: asked.headers[name] for name in _PASSED_ON if name in asked.headers}
            connection.request(asked.command, asked.path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        parting = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if "watch=true" in self.path:
                    return self._answer(503, json.dumps({"message": "no watches here"}).encode())
                here = parting._is_the_one(self.command)
                if not here or parting._after:
                    answer = parting._pass_on(self, body)
                if here and parting._victim is not None:
                    return parting._victim.kill()
                return self._answer(*answer)

            do_POST = do_PATCH = do_GET  # noqa: N815  # http.server's names

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """What is asked is the controller's business."""

        return Handler

"""Calls to the Kubernetes API server, as the pod's service account.

With the standard library alone: for one kind of call, a few a minute, a Kubernetes client would be
larger than the rest of the broker.
The account's token and the cluster's CA are files that change while we run, so both are read for
each call.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from podring_broker.access.protocol import AccessUnknown
from podring_broker.settings import BadSetting

TIMEOUT_S = 3.0
_ANSWER_MAX = 1 << 20


class ApiServer:
    """The API server at `url`, called with the `token` and `ca.crt` in a folder."""

    def __init__(self, url: str | None, folder: str) -> None:
        """Note where it is. Raises BadSetting; nothing is contacted yet."""
        if url is None:
            raise BadSetting(
                "--api-server",
                "this process is in no Kubernetes pod, which would tell the API server's address "
                "(KUBERNETES_SERVICE_HOST): give it, or use --authenticate tokens",
            )
        self.url = url
        self._host, self._port = _place(url)
        self._token, self._ca = Path(folder) / "token", Path(folder) / "ca.crt"
        for file in (self._token, self._ca):
            if not file.is_file():
                raise BadSetting("--service-account", f"there is no file {file}")

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object, and give back what became of it. Raises AccessUnknown."""
        try:
            status, payload = self._exchange(path, json.dumps(body).encode())
        except (OSError, ValueError, http.client.HTTPException) as error:
            # Not every sentence of the standard library is free of what it was given.
            why = error.strerror or str(error) if isinstance(error, OSError) else "not HTTP"
            raise AccessUnknown(f"the API server at {self.url} does not answer: {why}") from None
        if status not in (200, 201):
            raise AccessUnknown(_refusal(self.url, status))
        try:
            answer = json.loads(payload)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise AccessUnknown(f"{self.url} answers, but not as an API server does")
        return answer

    def _exchange(self, path: str, body: bytes) -> tuple[int, bytes]:
        context = ssl.create_default_context(cafile=str(self._ca))
        # From Python 3.13 on it wants extensions that many a cluster's certificates lack.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        connection = http.client.HTTPSConnection(
            self._host, self._port, timeout=TIMEOUT_S, context=context
        )
        headers = {
            "Authorization": f"Bearer {self._token.read_text().strip()}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(_ANSWER_MAX)
        finally:
            connection.close()


def _place(url: str) -> tuple[str, int]:
    """Host and port of an API server's URL. Raises BadSetting."""
    with contextlib.suppress(ValueError):  # a port or an IPv6 address that is none
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            return parts.hostname, parts.port or 443
    raise BadSetting("--api-server", f"{url!r} is not https://HOST[:PORT]")


def _refusal(url: str, status: int) -> str:
    remedy = {
        401: "it does not know the broker's own service account: see the token in its folder",
        403: "the broker's service account needs the verb create on tokenreviews "
        "(authentication.k8s.io): see its ClusterRole",
    }.get(status, "see its log")
    return f"the API server at {url} refused a TokenReview with status {status}: {remedy}"

"""Kubernetes says whom a token belongs to: a service account's, made for our audience.

A caller is known by its user name, `system:serviceaccount:NAMESPACE:NAME`. Every one of them may
publish and subscribe; those that are named managers, the controller above all, may create and
delete as well. What is deleted in the cluster is refused here after `CACHE_S` at the latest.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable
from typing import Any

import structlog

from podring_broker.access.apiserver import ApiServer
from podring_broker.access.cache import Cache
from podring_broker.access.protocol import AccessUnknown
from podring_broker.access.rights import RIGHTS, Caller, Grant

CACHE_S = 10.0
"""How long an answer holds. A token is sent with each call, and the API server is not ours."""
CACHED_MAX = 1024
AWAY_S = 1.0
"""For so long after a failure nobody else waits for the API server."""
_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
_EVERYTHING = (Grant(frozenset(RIGHTS), "*"),)
_USE = (Grant(frozenset({"publish", "subscribe"}), "*"),)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class TokenReviews:
    """Asks an API server about tokens for `audience`; users in `managers` may do everything."""

    def __init__(self, server: ApiServer, audience: str, managers: Iterable[str]) -> None:
        self._server, self._audience = server, audience
        self._managers = frozenset(managers)
        self._known: Cache[Caller] = Cache(CACHE_S, CACHED_MAX)
        self._lock = threading.Lock()
        self._problem: str | None = None
        self._away_until = 0.0

    def recall(self, token: str) -> Caller | None:
        return self._known.get(_key(token))

    def authenticate(self, token: str) -> Caller | None:
        if (problem := self._problem) is not None and time.monotonic() < self._away_until:
            raise AccessUnknown(problem)
        caller = self._caller(self._review(token))
        if caller is not None:
            self._known.put(_key(token), caller)
        return caller

    def _review(self, token: str) -> dict[str, Any]:
        """What the API server says of a token; one line in the log when it begins or ends to."""
        spec = {"token": token, "audiences": [self._audience]}
        kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
        try:
            answer = self._server.post(_PATH, {**kind, "spec": spec})
        except AccessUnknown as error:
            with self._lock:
                if self._problem is None:
                    log.error("tokenreview.lost", why=str(error))
                self._problem, self._away_until = str(error), time.monotonic() + AWAY_S
            raise
        with self._lock:
            if self._problem is not None:
                log.info("tokenreview.back")
            self._problem = None
        status = answer.get("status")
        return status if isinstance(status, dict) else {}

    def _caller(self, status: dict[str, Any]) -> Caller | None:
        # Without our audience in the answer it is the API server's own that was judged by.
        if status.get("authenticated") is not True:
            return None
        if self._audience not in (status.get("audiences") or ()):
            return None
        user = status.get("user")
        name = user.get("username") if isinstance(user, dict) else None
        if not isinstance(name, str) or not name:
            return None
        return Caller(name, _EVERYTHING if name in self._managers else _USE)


def _key(token: str) -> bytes:
    """What is kept instead of a token."""
    return hashlib.sha256(token.encode()).digest()

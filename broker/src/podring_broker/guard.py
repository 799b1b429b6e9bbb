"""Stands before every call, and asks who it is and whether they call too often.

Whatever is not open to everybody passes here, so a call that is added later is guarded by itself.
What a caller may do to which topic is asked by the calls. Before anything of a body is read, a
stranger is turned away.

A Unix socket that not everybody may connect to says by that who its callers are: no token is asked
there. On one that is open to all users of the node, and on TCP, a token is.
"""

from __future__ import annotations

import math
from typing import Any

import structlog
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from podring_broker.access import ANYONE, AccessUnknown, Authenticator, Caller
from podring_broker.problems import place, problem
from podring_broker.rates import Rates

OPEN = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")
_OPEN_BELOW = "/docs/files/"
TOKEN_MAX = 16 << 10
FAILURES_PER_S = 1.0
"""Tokens that are none, by address: each costs the authenticator as much as one that is."""
ASKING_MAX = 8
"""Calls that wait for the authenticator at once, so that the others' threads stay free."""
_UNKNOWN = "the token belongs to nobody, or is no longer valid: get a new one"
_MISSING = (
    "this broker asks who calls: send Authorization: Bearer and a token, which podring's programs "
    "take from PODRING_TOKEN_FILE or PODRING_TOKEN"
)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Guard:
    """Wraps an application; `scope["caller"]` is who calls it."""

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator | None,
        *,
        rate: float,
        trust_socket: bool,
    ) -> None:
        self._app, self._authenticator = app, authenticator
        self._trust_socket = trust_socket
        self._rates, self._failures = Rates(rate), Rates(FAILURES_PER_S)
        self._asking = CapacityLimiter(ASKING_MAX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["caller"] = ANYONE
        if _is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        found = await self._caller(request)
        if isinstance(found, Caller):
            refusal = self._too_often(request, found.name or _address(request))
        else:
            refusal = found
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        scope["caller"] = found
        with structlog.contextvars.bound_contextvars(**_named(scope["caller"])):
            await self._app(scope, receive, send)

    async def _caller(self, request: Request) -> Caller | Response:
        """Who calls, or the answer that turns them away."""
        if self._authenticator is None or (self._trust_socket and _on_socket(request)):
            return ANYONE
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return _stranger(request, _MISSING)
        try:
            return await self._owner(request, self._authenticator, token.strip())
        except AccessUnknown as error:
            answer = problem(request, 503, "access-unknown", f"{error}; try again when it is back")
            answer.headers["Retry-After"] = "2"
            return answer

    async def _owner(
        self, request: Request, authenticator: Authenticator, token: str
    ) -> Caller | Response:
        """Whom a token belongs to. An address from which many came that were none has to wait."""
        address = _address(request)
        caller = authenticator.recall(token) if len(token) <= TOKEN_MAX else None
        if caller is not None:
            return caller
        if wait_s := self._failures.wait_s(address):
            return _wait(request, f"too many tokens from {address} belonged to nobody", wait_s)
        if len(token) <= TOKEN_MAX:
            ask = authenticator.authenticate
            caller = await to_thread.run_sync(ask, token, limiter=self._asking)
        if caller is None:
            self._failures.count(address)
            log.warning("caller.refused", address=address, path=place(request))
            return _stranger(request, _UNKNOWN, error="invalid_token")
        return caller

    def _too_often(self, request: Request, caller: str) -> Response | None:
        wait_s = self._rates.wait_s(caller)
        if wait_s:
            rate = f"{self._rates.rate:g} calls a second (--max-rate) were made by {caller!r}"
            return _wait(request, f"more than {rate}", wait_s)
        self._rates.count(caller)
        return None


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(_OPEN_BELOW)


def _on_socket(request: Request) -> bool:
    """Whether a call came over the Unix socket, where a server has no port."""
    server = request.scope.get("server")
    return server is None or server[1] is None


def _named(caller: Caller) -> dict[str, str]:
    """What lines of the log say of whoever calls."""
    return {"caller": caller.name} if caller.name else {}


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else "the Unix socket"


def _stranger(request: Request, detail: str, **parts: Any) -> Response:
    answer = problem(request, 401, "who-are-you", detail)
    extra = "".join(f', {name}="{value}"' for name, value in parts.items())
    answer.headers["WWW-Authenticate"] = f'Bearer realm="podring"{extra}'
    return answer


def _wait(request: Request, detail: str, wait_s: float) -> Response:
    seconds = math.ceil(wait_s)
    answer = problem(request, 429, "too-many-requests", f"{detail}: wait {seconds} s")
    answer.headers["Retry-After"] = str(seconds)
    return answer

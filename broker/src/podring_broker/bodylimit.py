"""Refuses bodies that no call needs before they fill the broker's memory.

Frameworks have such a limit by now, but answer with plain text where we promise problem details.
"""

from __future__ import annotations

from fastapi import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from podring_broker.problems import problem

BODY_MAX = 64 << 10
"""Bytes of a request's body. The longest sensible one has about 300."""
_DETAIL = f"the body is longer than the {BODY_MAX} bytes that the broker takes"


class BodyLimit:
    """Wraps an application so that it never sees more than BODY_MAX bytes of a body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        announced = request.headers.get("content-length", "0")
        if not announced.isdigit() or int(announced) > BODY_MAX:
            await problem(request, 413, "", _DETAIL)(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > BODY_MAX:
                # FastAPI's own exception is the one that it lets through while it reads a body.
                raise HTTPException(413, _DETAIL)
            return message

        await self._app(scope, counted, send)

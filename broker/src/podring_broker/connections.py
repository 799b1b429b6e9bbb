"""A caller's connection: how long it may take, how many there may be, and what is no HTTP.

Left alone, uvicorn waits for ever for a request that somebody began and for an answer to be taken,
and accepts connections until there are no file descriptors; then nobody is let in any more. Here
a peer has REQUEST_S and ANSWER_S for that, and where there are too many connections, the one that
has kept us waiting for longest gives way to the newest. What is no HTTP is answered as a problem.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from http import HTTPStatus
from typing import Any, ClassVar

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

from podring_broker.problems import MEDIA_TYPE, render

REQUEST_S = 10.0
"""For a whole request, from its first byte or from the connection's beginning."""
ANSWER_S = 60.0
"""For taking what of an answer the kernel has no room for."""
HEAD_MAX = 32 << 10
"""Bytes of a request line and its headers, the longest token included."""
MOST = 512
"""Connections at a time, or half of the file descriptors where we may have fewer than 1024."""
_FILES = 8192
"""For all of the queue at both doors, which is accepted at once before anybody gives way."""
_TELL_S = 60.0

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def raise_limit() -> None:
    """Have file descriptors for a burst of callers, where we may."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if most == resource.RLIM_INFINITY else min(most, _FILES)
    if files != resource.RLIM_INFINITY and files < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _most() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if files == resource.RLIM_INFINITY else min(MOST, files // 2)


class Connection(H11Protocol):
    """uvicorn's, with bounds. `since` is when its peer began to keep us waiting, None if not."""

    _told: ClassVar[float] = -_TELL_S

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(REQUEST_S)
        if len(self.connections) > _most():
            self._make_place()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._wait(REQUEST_S)
        else:
            self._stop_waiting()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait(ANSWER_S)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE:
            self.since = self.loop.time()  # uvicorn has a timer for that

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_waiting()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; called while h11's error is being handled."""
        error = sys.exception()
        status = getattr(error, "error_status_hint", 400)
        if status == 431:
            detail = f"request line and headers are longer than {HEAD_MAX} bytes"
        else:
            # h11 repeats what it could not read, and that may hold a token.
            why = str(error or msg).partition(": bytearray")[0]
            detail = f"this is no HTTP request that the broker can read: {why}"
        log.debug("request.malformed", status=status, why=detail)
        self._end_with(status, detail)

    def shutdown(self) -> None:
        """End, and do not wait for the rest of a request that only began."""
        if self.conn.their_state is h11.SEND_BODY:
            self.transport.abort()
        else:
            super().shutdown()

    def _wait(self, seconds: float) -> None:
        """The peer has to do something now, and has so long for all of it."""
        if self._timer is None and not self.transport.is_closing():
            self.since = self.loop.time()
            self._timer = self.loop.call_later(seconds, self._lose_patience)

    def _stop_waiting(self) -> None:
        self.since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _lose_patience(self) -> None:
        self._timer = None
        begun = self.conn.their_state is h11.SEND_BODY or self.conn.trailing_data[0]
        if begun and self._may_answer():
            self._end_with(408, f"the request was not complete after {REQUEST_S:g} s")
        else:
            self.transport.abort()

    def _may_answer(self) -> bool:
        return self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE)

    def _end_with(self, status: int, detail: str) -> None:
        if self.cycle is not None:
            self.cycle.disconnected = True  # it shall not answer as well
            self.cycle.message_event.set()
        if self._may_answer():
            body = render(status, "", detail, "")
            headers = [
                ("content-type", MEDIA_TYPE),
                ("content-length", str(len(body))),
                ("connection", "close"),
            ]
            reason = HTTPStatus(status).phrase
            answer = h11.Response(status_code=status, headers=headers, reason=reason.encode())
            for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _make_place(self) -> None:
        waiting = [
            (each.since, each)
            for each in self.connections
            if isinstance(each, Connection) and each.since is not None
        ]
        _, slowest = min(waiting, key=lambda pair: pair[0])
        self.connections.discard(slowest)
        slowest.transport.abort()
        if time.monotonic() - Connection._told >= _TELL_S:
            Connection._told = time.monotonic()
            log.warning("connections.full", most=_most())

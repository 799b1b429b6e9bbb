"""One HTTP call to a broker, over TCP or a Unix socket, with the standard library alone.

One connection a call, because calls are rare: a program opens its topics once and then works in
shared memory. Calls that can be repeated without harm are tried three times when the connection
fails, so that a broker that is just being restarted is not noticed. A broker that was reached and
then stays silent is not asked twice. One that finds us calling too often is asked again when it
says so, if that is soon.

What the answers mean is `httpbroker`'s business.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from dataclasses import dataclass
from typing import Any

from podring.credentials import token
from podring.errors import OUT_OF_FILES, BrokerRefused, BrokerUnreachable, out_of_files

CONNECT_TIMEOUT_S = 2.0
PAUSES_S = (0.2, 0.6)
"""Between the attempts, one more than there are pauses."""
PATIENCE_S = 5.0
"""How long to wait at most when the broker says that we call too often."""
_TOO_OFTEN = 429
_ANSWER_MAX, _PIECE = 64 << 20, 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `kind` is the content type without parameters.

    wait_s  when the broker wants to be asked again
    """

    status: int
    kind: str
    payload: bytes
    wait_s: float = 0.0


class Line:
    """The way to the broker at `host` and `port`, or at the Unix socket `path`."""

    def __init__(self, address: str, *, host: str = "", port: int = 0, path: str = "") -> None:
        self.address = address
        self._host, self._port, self._path = host, port, path

    def ask(
        self, method: str, target: str, body: dict[str, Any] | None, patience_s: float
    ) -> Answer:
        """Send a request, again when that is in order, and give back the answer.

        raises  BrokerUnreachable; BrokerRefused when what answers speaks no HTTP; NotAllowed
        """
        for _ in PAUSES_S:
            answer = self._ask(method, target, body, patience_s)
            if answer.status != _TOO_OFTEN or not 0 < answer.wait_s <= PATIENCE_S:
                return answer
            time.sleep(answer.wait_s)
        return self._ask(method, target, body, patience_s)

    def _ask(
        self, method: str, target: str, body: dict[str, Any] | None, patience_s: float
    ) -> Answer:
        """The same, again only when the connection fails."""
        started = time.monotonic()
        attempts = 0
        failure: OSError | None = None
        for pause_s in (0.0, *PAUSES_S):
            time.sleep(pause_s)
            attempts += 1
            try:
                connection = self._connect(patience_s)
            except OSError as error:
                if error.errno in OUT_OF_FILES:
                    raise out_of_files(f"ask {self.address}") from None
                failure = error
                continue
            try:
                return _exchange(connection, method, target, body, patience_s)
            except TimeoutError:  # it works on something: asking again would only add to that
                raise BrokerUnreachable(
                    f"{self.address} took the call and gave no answer for {patience_s:.1f} s: "
                    "see its log, and try again"
                ) from None
            except ConnectionError as error:
                failure = error
                if method == "DELETE":
                    break  # it may have happened, and must not be reported as "not found"
            except http.client.HTTPException as error:
                raise self.nonsense(0, f"{type(error).__name__} instead of HTTP") from None
            finally:
                connection.close()
        raise self._unreachable(failure, time.monotonic() - started, attempts)

    def nonsense(self, status: int, what: str) -> BrokerRefused:
        """The error for an answer that no podring broker would give."""
        return BrokerRefused(
            status,
            f"{self.address} answers, but not as a podring broker does ({what}; status {status}): "
            "check the address, and that broker and client are of one release",
        )

    def _connect(self, patience_s: float) -> http.client.HTTPConnection:
        """A connection that was accepted, whose reads wait for at most `patience_s`."""
        if self._path:
            connection: http.client.HTTPConnection = _UnixConnection(self._path)
        else:
            connection = http.client.HTTPConnection(
                self._host, self._port, timeout=CONNECT_TIMEOUT_S
            )
        connection.connect()
        connection.sock.settimeout(patience_s)
        return connection

    def _unreachable(
        self, failure: OSError | None, elapsed_s: float, attempts: int
    ) -> BrokerUnreachable:
        why = (failure and (failure.strerror or str(failure))) or "the connection broke"
        tries = f"{attempts} attempt{'s' if attempts > 1 else ''}"
        return BrokerUnreachable(
            f"no answer from {self.address} for {elapsed_s:.1f} s ({tries}): {why.lower()}; start "
            "podring-broker, set PODRING_BROKER to its address, or to 'local' to do without"
        )


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=CONNECT_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CONNECT_TIMEOUT_S)
        try:
            self.sock.connect(self._path)
        except BaseException:
            self.close()
            raise


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body: dict[str, Any] | None,
    patience_s: float,
) -> Answer:
    """One request and its answer.

    raises  TimeoutError when nothing comes for `patience_s`, or the rest takes longer than that
    """
    headers = {"Accept": "application/json", "Connection": "close"}
    if (ours := token()) is not None:
        headers["Authorization"] = f"Bearer {ours}"
    payload = None
    if body is not None:
        payload = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    connection.request(method, target, payload, headers)
    answer = connection.getresponse()
    kind = (answer.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    after = answer.getheader("Retry-After") or ""
    wait_s = float(after) if after.isascii() and after.isdigit() else 0.0
    return Answer(answer.status, kind, _payload(answer, time.monotonic() + patience_s), wait_s)


def _payload(answer: http.client.HTTPResponse, until: float) -> bytes:
    """What follows the headers: a server may send it in drops, each in good time."""
    payload = bytearray()
    while len(payload) < _ANSWER_MAX and (piece := answer.read1(_PIECE)):
        payload += piece
        if time.monotonic() > until:
            raise TimeoutError
    return bytes(payload)

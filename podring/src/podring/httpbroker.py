"""The node's broker, spoken to in HTTP over TCP or a Unix socket, with the standard library alone.

One connection a call, because calls are rare: a program opens its topics once and then works in
shared memory. Calls that can be repeated without harm are tried three times when the connection
fails, so that a broker that is just being restarted is not noticed. A broker that was reached and
then stays silent is not asked twice.

What the broker refuses comes as problem details (RFC 9457) and leaves here as one of podring's own
errors, with the broker's words. An answer that no podring broker would give is never passed on as
if it were one.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from dataclasses import fields
from typing import Any

from podring.errors import (
    BrokerRefused,
    BrokerUnreachable,
    CorruptRing,
    InvalidTopic,
    NoRoom,
    PodringError,
    TopicExists,
    TopicNotFound,
)
from podring.local import not_found
from podring.status import Participant, TopicStatus
from podring.topic import TopicRecord, TopicSpec, check_name

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 10.0
PAUSES_S = (0.2, 0.6)
"""Between the attempts, one more than there are pauses."""
ZEROING_BYTES_PER_S = 100e6
"""A creation may take `size` divided by this on top: memory is zeroed, on a slow machine too."""
_ANSWER_MAX = 64 << 20


class HttpBroker:
    """A broker that answers HTTP, at `host` and `port` or at the Unix socket `path`."""

    def __init__(self, address: str, *, host: str = "", port: int = 0, path: str = "") -> None:
        self.address = address
        self._host, self._port, self._path = host, port, path

    def create(self, name: str, spec: TopicSpec) -> TopicRecord:
        """Make a topic, or find the same one. Waits for as long as zeroing its memory may take."""
        wanted = {
            "topicname": check_name(name),
            "shmsize": spec.size_bytes,
            "msgsize": spec.max_message_bytes,
            "overflow": spec.overflow,
        }
        patience_s = READ_TIMEOUT_S + spec.size_bytes / ZEROING_BYTES_PER_S
        return self._record(self._call("POST", "/createTopic", wanted, patience_s=patience_s))

    def get(self, name: str) -> TopicRecord:
        """Find a topic. Raises TopicNotFound, which names the topics that there are."""
        return self._record(self._call("GET", f"/getTopic?topicname={check_name(name)}", name=name))

    def delete(self, name: str) -> None:
        """Remove a topic."""
        self._call("DELETE", f"/topics/{check_name(name)}", name=name)

    def topics(self) -> list[TopicRecord]:
        """Every topic, by name."""
        answer = self._call("GET", "/topics")
        listed = answer.get("topics") if isinstance(answer, dict) else answer
        if not isinstance(listed, list):
            raise self._nonsense(200, "a list of topics was expected")
        return sorted(map(self._record, listed), key=lambda record: record.name)

    def status(self, name: str) -> TopicStatus:
        """A topic's live figures. Raises CorruptRing when the broker cannot read them."""
        answer = self._call("GET", f"/topics/{check_name(name)}", name=name)
        if isinstance(answer, dict) and answer.get("problem"):
            raise CorruptRing(f"{self.address} has no figures of {name!r}: {answer['problem']}")
        try:
            return TopicStatus(
                earliest=int(answer["earliest"]),
                latest=int(answer["latest"]),
                participants=tuple(map(_participant, answer["participants"])),
            )
        except (KeyError, TypeError, ValueError):
            raise self._nonsense(200, "live figures were expected") from None

    def _record(self, answer: Any) -> TopicRecord:
        try:
            return TopicRecord.from_json(answer)
        except (InvalidTopic, TypeError, ValueError) as error:
            raise self._nonsense(200, str(error)) from None

    def _call(
        self,
        method: str,
        target: str,
        body: dict[str, Any] | None = None,
        *,
        name: str = "",
        patience_s: float | None = None,
    ) -> Any:
        """One call with its retries: the answer's JSON, None when it has none, or an error."""
        status, kind, payload = self._ask(method, target, body, patience_s or READ_TIMEOUT_S)
        if status == 204:
            return None
        try:
            answer = json.loads(payload)
        except ValueError:
            raise self._nonsense(status, f"{kind or 'nothing'} came instead of JSON") from None
        if 200 <= status < 300:
            return answer
        if kind != "application/problem+json" or not isinstance(answer, dict):
            raise self._nonsense(status, "no problem details came with it")
        raise self._problem(status, answer, name)

    def _ask(
        self, method: str, target: str, body: dict[str, Any] | None, patience_s: float
    ) -> tuple[int, str, bytes]:
        """Send a request, again when the connection fails: status, content type and bytes."""
        started = time.monotonic()
        attempts = 0
        failure: OSError | None = None
        for pause_s in (0.0, *PAUSES_S):
            time.sleep(pause_s)
            attempts += 1
            try:
                connection = self._connect(patience_s)
            except OSError as error:
                failure = error
                continue
            try:
                return _exchange(connection, method, target, body)
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
                raise self._nonsense(0, f"{type(error).__name__} instead of HTTP") from None
            finally:
                connection.close()
        raise self._unreachable(failure, time.monotonic() - started, attempts)

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

    def _problem(self, status: int, answer: dict[str, Any], name: str) -> PodringError:
        """The broker's refusal as an error of ours, in its words."""
        detail = str(answer.get("detail") or answer.get("title") or f"status {status}")
        if status == 404 and name:
            return TopicNotFound(self._missing(name, detail))
        if status == 422:
            return InvalidTopic(str(answer.get("field") or "topicname"), detail)
        if status == 409:
            return TopicExists(detail)
        if status == 507:
            return NoRoom(detail)
        return BrokerRefused(status, f"{self.address} refused with status {status}: {detail}")

    def _missing(self, name: str, detail: str) -> str:
        try:
            return not_found(name, f"on {self.address}", (r.name for r in self.topics()))
        except PodringError:
            return detail  # the list is a courtesy: without it, the broker's own words do

    def _nonsense(self, status: int, what: str) -> BrokerRefused:
        return BrokerRefused(
            status,
            f"{self.address} answers, but not as a podring broker does ({what}; status {status}): "
            "check the address, and that broker and client are of one release",
        )

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
) -> tuple[int, str, bytes]:
    """One request and its answer: status, content type without parameters, and bytes."""
    headers = {"Accept": "application/json", "Connection": "close"}
    payload = None
    if body is not None:
        payload = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    connection.request(method, target, payload, headers)
    answer = connection.getresponse()
    kind = (answer.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    return answer.status, kind, answer.read(_ANSWER_MAX)


_PARTICIPANT_FIELDS = tuple(field.name for field in fields(Participant))


def _participant(data: dict[str, Any]) -> Participant:
    """Read what `TopicStatus.to_json` wrote about one participant; unknown keys are ignored."""
    return Participant(**{name: data[name] for name in _PARTICIPANT_FIELDS})
